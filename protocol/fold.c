#include "protocol/fold.h"

#include "core/planted.h"

enum fold_verdict fold_record(struct fold_state *state, enum record_kind kind, uint64_t epoch, bool has_row)
{
    if (kind == RECORD_BARRIER) {
        if (state->epoch < epoch || PLANTED("newest_barrier")) /* the highest decides, not the latest */
            state->epoch = epoch;
        return FOLD_BARRIER;
    }
    if (has_row && !PLANTED("last_record_wins"))
        return FOLD_DUPLICATE;
    if (kind == RECORD_CANCEL)
        return FOLD_VOID_CANCELLED;
    return epoch < state->epoch && !PLANTED("no_barrier") ? FOLD_VOID_STALE : FOLD_OK;
}

void fold_count(struct fold_counts *counts, enum fold_verdict verdict)
{
    counts->records++;
    switch (verdict) {
    case FOLD_OK:
        counts->ok++;
        break;
    case FOLD_VOID_CANCELLED:
    case FOLD_VOID_STALE:
        counts->voided++;
        break;
    case FOLD_DUPLICATE:
        counts->duplicates++;
        break;
    case FOLD_BARRIER:
        counts->barriers++;
        break;
    }
}

void fold_count_dead_letter(struct fold_counts *counts)
{
    counts->records++;
    counts->dead_letters++;
}

bool fold_counts_hold(const struct fold_counts *c)
{
    return c->records == c->ok + c->voided + c->duplicates + c->dead_letters + c->barriers;
}

enum grab_status_word fold_status(bool has_row, bool row_ok, uint64_t grab_epoch, uint64_t partition_epoch)
{
    if (has_row)
        return row_ok ? GRAB_STATUS_OK : GRAB_STATUS_VOID;
    return grab_epoch < partition_epoch ? GRAB_STATUS_VOID : GRAB_STATUS_OPEN;
}
