#include "protocol/ids.h"

#include "core/planted.h"

#include <assert.h>
#include <inttypes.h>

static bool span_empty(const struct id_span *span)
{
    return span->begin_ms >= span->end_ms;
}

/* Behind the last millisecond that an id can name: a span may end here. */
#define ID_TIME_MS_END (ID_EPOCH_MS + ID_MS_MAX + 1)

bool id_span_next(uint32_t node, int64_t node_end_ms, int64_t covered_ms, int64_t now_ms, int64_t span_ms,
                  struct id_span *ret_span, struct err *err)
{
    if (now_ms < ID_EPOCH_MS)
        return err_set(err, ERR_OUTAGE, "this machine's clock is before 2024; set it, ids cannot be made");
    if (now_ms > ID_TIME_MS_END)
        return err_set(err, ERR_OUTAGE,
                       "this machine's clock is past September 2093, where the time of ids ends; set it, ids cannot be "
                       "made");
    int64_t begin_ms = node_end_ms > now_ms && !PLANTED("id_spans_overlap") ? node_end_ms : now_ms;
    if (begin_ms - now_ms > ID_SPAN_AHEAD_MS_MAX)
        return err_set(err, ERR_OUTAGE,
                       "all id leases reach more than an hour ahead of this clock (node %u until %" PRId64
                       " ms); is the clock right?",
                       node, node_end_ms);
    int64_t from_ms = covered_ms > begin_ms && covered_ms - now_ms <= 2 * span_ms ? covered_ms : begin_ms;
    if (from_ms > ID_TIME_MS_END - span_ms)
        return err_set(err, ERR_OUTAGE,
                       "a span of %" PRId64 " ms from here ends past September 2093, where the time of ids ends; is "
                       "this machine's clock right?",
                       span_ms);
    *ret_span = (struct id_span){.node = node, .begin_ms = begin_ms, .end_ms = from_ms + span_ms};
    return true;
}

void id_maker_add_span(struct id_maker *maker, struct id_span span)
{
    assert(span.node < ID_NODES);
    assert(span.begin_ms >= ID_EPOCH_MS && span.begin_ms < span.end_ms);
    maker->next = span;
}

bool id_maker_wants_span(const struct id_maker *maker, int64_t realtime_ms)
{
    return span_empty(&maker->next) || realtime_ms >= maker->next.end_ms;
}

/* Goes on to the next span when the one in use can make no id at `now_ms`; answers whether one can. */
static bool maker_enter_span(struct id_maker *maker, int64_t now_ms)
{
    if (!span_empty(&maker->span) && now_ms < maker->span.end_ms && maker->last_ms < maker->span.end_ms)
        return true;
    if (span_empty(&maker->next) || now_ms >= maker->next.end_ms)
        return false;
    maker->span = maker->next;
    maker->next = (struct id_span){0};
    maker->last_ms = maker->span.begin_ms;
    maker->sequence = 0;
    return true;
}

bool id_make(struct id_maker *maker, int64_t realtime_ms, uint64_t *ret_id)
{
    if (!maker_enter_span(maker, realtime_ms))
        return false;
    if (realtime_ms > maker->last_ms) {
        maker->last_ms = realtime_ms;
        maker->sequence = 0;
    }
    assert(maker->last_ms >= maker->span.begin_ms && maker->last_ms < maker->span.end_ms);
    *ret_id = id_pack(maker->last_ms, maker->span.node, maker->sequence);
    if (maker->sequence++ ==
        ID_SEQUENCE_MAX) { /* this millisecond is used up: run ahead of the clock, inside the span */
        maker->last_ms++;
        maker->sequence = 0;
    }
    return true;
}

bool id_maker_give(struct id_maker *maker, struct id_span *ret_unused)
{
    struct id_span unused = maker->next;
    if (span_empty(&unused)) { /* of the one in use: all behind the last id's millisecond */
        unused = maker->span;
        unused.begin_ms = maker->last_ms + 1;
        maker->span = (struct id_span){0};
    }
    maker->next = (struct id_span){0};
    if (span_empty(&unused))
        return false;
    *ret_unused = unused;
    return true;
}

uint64_t id_pack(int64_t realtime_ms, uint32_t node, uint32_t sequence)
{
    int64_t ms = realtime_ms - ID_EPOCH_MS;
    assert(ms >= 0 && ms <= ID_MS_MAX);
    assert(node < ID_NODES && sequence <= ID_SEQUENCE_MAX);
    return (uint64_t)ms << (ID_NODE_BITS + ID_SEQUENCE_BITS) | (uint64_t)node << ID_SEQUENCE_BITS | sequence;
}

int64_t id_time_ms(uint64_t id)
{
    return (int64_t)(id >> (ID_NODE_BITS + ID_SEQUENCE_BITS)) + ID_EPOCH_MS;
}

uint32_t id_node(uint64_t id)
{
    return (uint32_t)(id >> ID_SEQUENCE_BITS) & (ID_NODES - 1);
}

uint32_t id_sequence(uint64_t id)
{
    return (uint32_t)id & ID_SEQUENCE_MAX;
}

int32_t id_day(uint64_t id, int offset_min)
{
    int64_t local_ms = id_time_ms(id) + (int64_t)offset_min * 60000;
    return (int32_t)(local_ms / 86400000); /* never negative: ids begin in 2024 */
}

bool id_parse(const char *text, uint64_t len, uint64_t *ret_id)
{
    if (len == 0 || len > 19)
        return false;
    uint64_t id = 0;
    for (uint64_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        id = id * 10 + (uint64_t)(text[i] - '0'); /* 19 digits stay below 2^64 */
    }
    if (id == 0 || id > INT64_MAX)
        return false;
    *ret_id = id;
    return true;
}
