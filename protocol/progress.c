#include "protocol/progress.h"

#include "core/planted.h"

#include <assert.h>

enum log_fit progress_fits_log(int64_t next, int64_t low, int64_t high)
{
    if (high < next)
        return LOG_TOO_SHORT;
    return low > next ? LOG_CUT : LOG_FITS;
}

bool progress_has_last(int64_t next, uint64_t checksum, int64_t low)
{
    return checksum != 0 && next > low;
}

bool progress_is_last(int64_t next, uint64_t checksum, int64_t offset, uint64_t record_checksum)
{
    return offset == next - 1 && record_checksum == checksum;
}

bool progress_may_move(bool same_owner, int64_t found, int64_t before)
{
    return (same_owner || PLANTED("progress_without_owner")) && found == before;
}

enum progress_found progress_settle(bool same_owner, int64_t found, int64_t before, int64_t after)
{
    assert(before < after);
    if (!same_owner)
        return PROGRESS_OTHERS;
    if (found == after)
        return PROGRESS_AFTER;
    return found == before ? PROGRESS_BEFORE : PROGRESS_ELSEWHERE;
}

static size_t first_of(const enum progress_found *parts, size_t count, enum progress_found what)
{
    size_t i = 0;
    while (i < count && parts[i] != what)
        i++;
    return i;
}

enum progress_found progress_settle_batch(const enum progress_found *parts, size_t count, size_t *ret_part)
{
    assert(count > 0);
    const size_t after = first_of(parts, count, PROGRESS_AFTER), before = first_of(parts, count, PROGRESS_BEFORE);
    for (size_t i = 0; i < count; i++) {
        if (parts[i] == PROGRESS_ELSEWHERE || parts[i] == PROGRESS_OTHERS) {
            *ret_part = i;
            return parts[i];
        }
    }
    if (after == count || before == count || PLANTED("batch_settled_by_one_part"))
        return parts[0];
    *ret_part = after;
    return PROGRESS_ELSEWHERE;
}

enum store_error store_error_of(enum err_kind kind)
{
    if (kind == ERR_DUPLICATE || kind == ERR_DATA || (kind == ERR_OUTAGE && PLANTED("dead_letter_on_outage")))
        return STORE_ROW_REFUSED;
    return kind == ERR_MISSING ? STORE_NO_TABLE : STORE_OUTAGE;
}
