#include "protocol/rebuild.h"

#include "core/planted.h"
#include "protocol/fold.h"

#include <string.h>

enum mark_state mark_state_of(const char *word)
{
    if (strcmp(word, "open") == 0)
        return MARK_OPEN;
    if (strcmp(word, "closed") == 0)
        return MARK_CLOSED;
    return word[0] == '\0' ? MARK_MISSING : MARK_BUILDING;
}

bool mark_valid(const struct mark_view *mark, uint64_t catalog_epoch)
{
    if (mark->state != MARK_OPEN && mark->state != MARK_CLOSED)
        return false;
    return mark->same_server && mark->whole && mark->epoch == catalog_epoch;
}

enum coupon_need coupon_need(uint64_t opened, bool gate_open, const struct mark_view *mark, uint64_t catalog_epoch)
{
    if (opened == 0)
        return gate_open ? COUPON_NEEDS_FIRST_OPEN : COUPON_NEEDS_NOTHING;
    return mark_valid(mark, catalog_epoch) ? COUPON_NEEDS_NOTHING : COUPON_NEEDS_REBUILD;
}

enum open_step open_next(enum open_step at, enum step_outcome outcome)
{
    if (outcome != STEP_DONE)
        return OPEN_STOP; /* what is half done has `opened` > 0 and no valid mark: a rebuild finishes it */
    switch (at) {
    case OPEN_READ:
        return OPEN_CLAIM;
    case OPEN_CLAIM:
        return OPEN_BUILDING;
    case OPEN_BUILDING:
        return PLANTED("no_second_look") ? OPEN_WRITE : OPEN_LOOK;
    case OPEN_LOOK:
        return OPEN_WRITE;
    case OPEN_WRITE:
    case OPEN_DONE:
        return OPEN_DONE;
    case OPEN_STOP:
        break;
    }
    return OPEN_STOP;
}

/* Behind the last step that needs what was folded. */
static enum rebuild_step next_part(bool all_folded)
{
    return all_folded ? REBUILD_OPEN : REBUILD_FOLD;
}

enum rebuild_step rebuild_next(enum rebuild_step at, enum step_outcome outcome, bool all_folded)
{
    if (outcome != STEP_DONE && at != REBUILD_BARRIER && at != REBUILD_LIST)
        return REBUILD_STOP;
    if (outcome == STEP_LOST)
        return REBUILD_STOP;
    if (outcome == STEP_NO_ANSWER)
        return at; /* a list is read again; a barrier is appended until persisted, one more does no harm */
    switch (at) {
    case REBUILD_RAISE:
        return REBUILD_LIST;
    case REBUILD_LIST:
        return REBUILD_CLOSE;
    case REBUILD_CLOSE:
        return REBUILD_WAIT;
    case REBUILD_WAIT:
        return REBUILD_BARRIER;
    case REBUILD_BARRIER:
        return REBUILD_FOLD;
    case REBUILD_FOLD:
        return PLANTED("no_second_look") ? REBUILD_CLAIMS : REBUILD_LOOK;
    case REBUILD_LOOK:
        return PLANTED("claims_not_rebuilt") ? next_part(all_folded) : REBUILD_CLAIMS;
    case REBUILD_CLAIMS:
        return next_part(all_folded);
    case REBUILD_OPEN:
    case REBUILD_DONE:
        return REBUILD_DONE;
    case REBUILD_STOP:
        break;
    }
    return REBUILD_STOP;
}

bool rebuild_lists(uint64_t opened, uint64_t epoch)
{
    return opened > 0 && opened < epoch;
}

uint64_t rebuild_see_epoch(uint64_t seen_epoch, uint64_t epoch)
{
    return epoch > seen_epoch && epoch <= EPOCH_MAX ? epoch : seen_epoch;
}

uint64_t rebuild_epoch(uint64_t catalog_epoch, uint64_t seen_epoch)
{
    return (catalog_epoch > seen_epoch ? catalog_epoch : seen_epoch) + 1;
}

void rebuild_raised(struct rebuild_turn *turn, uint64_t epoch)
{
    turn->raised = epoch;
    turn->above = 0;
}

/* Only FOLD and LOOK are ended by another one's epoch; a coupon that is lost leaves the others (rebuild_next). */
void rebuild_stopped(struct rebuild_turn *turn, enum rebuild_step at, enum step_outcome outcome)
{
    const bool overtaken = outcome == STEP_LOST && (at == REBUILD_FOLD || at == REBUILD_LOOK);
    if (!overtaken)
        *turn = (struct rebuild_turn){0};
}

void rebuild_all_open(struct rebuild_turn *turn)
{
    *turn = (struct rebuild_turn){0};
}

static int64_t turn_ms(unsigned yielded, int64_t wait_ms)
{
    int64_t ms = wait_ms;
    for (unsigned i = 1; i < yielded && ms < REBUILD_TURN_MS_MAX; i++)
        ms *= 2;
    return ms < REBUILD_TURN_MS_MAX ? ms : REBUILD_TURN_MS_MAX;
}

bool rebuild_may_raise(struct rebuild_turn *turn, uint64_t catalog_epoch, int64_t wait_ms, int64_t now_ms)
{
    if (turn->raised == 0 || catalog_epoch <= turn->raised)
        return true;
    if (turn->above != catalog_epoch) {
        turn->above = catalog_epoch;
        turn->until_ms = now_ms + turn_ms(++turn->yielded, wait_ms);
    }
    return now_ms >= turn->until_ms;
}

int64_t rebuild_wait_ms(int64_t catalog_hold_ms, int64_t seen_hold_ms)
{
    if (PLANTED("rebuild_without_wait"))
        return 0;
    return step_wait_ms(catalog_hold_ms > seen_hold_ms ? catalog_hold_ms : seen_hold_ms);
}

enum fold_begin rebuild_fold_begin(int64_t next_offset, uint64_t partition_epoch, int64_t barrier_offset,
                                   uint64_t own_epoch)
{
    if (partition_epoch > own_epoch)
        return FOLD_FOREIGN;
    if (next_offset <= barrier_offset)
        return FOLD_READ_LOG;
    return partition_epoch == own_epoch ? FOLD_HAS_ALL : FOLD_OTHER_LOG;
}

bool rebuild_meets_foreign(uint64_t barrier_epoch, uint64_t own_epoch, bool own_record)
{
    return !own_record && barrier_epoch >= own_epoch;
}

bool rebuild_knows_all(int64_t next_offset, uint64_t records)
{
    return next_offset >= 0 && records == (uint64_t)next_offset;
}

bool rebuild_left(uint64_t total, uint64_t ok, uint64_t *ret_left)
{
    if (ok > total)
        return false;
    *ret_left = PLANTED("stock_from_configuration") ? total : total - ok;
    return true;
}
