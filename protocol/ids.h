/* grab_id: 64 bits, time-ordered: milliseconds since 2024-01-01 UTC (41) | node (10) | sequence (12); the top bit is 0.
 *
 * A node's lease is a span of id time, taken from the catalog; ids are made only with milliseconds inside it, and spans
 * of one node never overlap. So ids are unique whatever the clocks do and however long a process was stopped: a clock
 * that is behind the span is read as its begin, one that is past it makes no id. What a maker that has made its last id
 * did not use goes back to its node, unless that was leased again since. Pure: the clock is handed in. One maker
 * belongs to one thread.
 */
#ifndef WEIR_PROTOCOL_IDS_H
#define WEIR_PROTOCOL_IDS_H

#include "core/err.h"
#include <stdint.h>

#define ID_EPOCH_MS INT64_C(1704067200000) /* 2024-01-01T00:00:00Z in ms since 1970 */
enum {
    ID_NODE_BITS = 10,
    ID_SEQUENCE_BITS = 12,
    ID_NODES = 1 << ID_NODE_BITS,
    ID_SEQUENCE_MAX = (1 << ID_SEQUENCE_BITS) - 1
};
#define ID_MS_MAX ((INT64_C(1) << 41) - 1)

struct id_span {
    int64_t begin_ms; /* since 1970, inclusive */
    int64_t end_ms;   /* exclusive; begin == end: no span */
    uint32_t node;
};

struct id_maker {
    struct id_span span;
    struct id_span next; /* taken ahead, used when `span` has ended */
    int64_t last_ms;     /* of the last id; inside `span` */
    uint32_t sequence;   /* next one within last_ms */
};

enum { ID_SPAN_AHEAD_MS_MAX = 3600000 }; /* ids are dated at most this far ahead of the clock */
/* The span that a taker gets. It begins where the node's last span ended (`node_end_ms`), or now, whichever is later,
 * and reaches a whole `span_ms` past the one that this taker has (`covered_ms`: its end; 0: none). ERR_OUTAGE when the
 * node is leased too far ahead (every node is in use), and when the clock is outside of the time that ids can name
 * (2024 to 2093): whatever comes out can be given to an id_maker. */
WEIR_MUST_USE bool id_span_next(uint32_t node, int64_t node_end_ms, int64_t covered_ms, int64_t now_ms, int64_t span_ms,
                                struct id_span *ret_span, struct err *err);

void id_maker_add_span(struct id_maker *maker, struct id_span span);
/* True when no span is ready behind the one in use: time to ask the catalog for another. */
bool id_maker_wants_span(const struct id_maker *maker, int64_t realtime_ms);
/* False: no span covers this moment; nothing may be reserved. */
WEIR_MUST_USE bool id_make(struct id_maker *maker, int64_t realtime_ms, uint64_t *ret_id);

/* Takes one unused span away from the maker, to be given back: the node's end becomes `begin_ms` if it is still
 * `end_ms`. The one that was taken last comes first. False: there is none left. */
WEIR_MUST_USE bool id_maker_give(struct id_maker *maker, struct id_span *ret_unused);

uint64_t id_pack(int64_t realtime_ms, uint32_t node, uint32_t sequence);
int64_t id_time_ms(uint64_t id); /* since 1970 */
uint32_t id_node(uint64_t id);
uint32_t id_sequence(uint64_t id);
/* Days since 1970-01-01 in the sale's time zone (`offset_min` east of UTC): a function of the id alone. */
int32_t id_day(uint64_t id, int offset_min);
/* Decimal text -> id; false when it is not 1..19 digits of a positive 63-bit number. */
WEIR_MUST_USE bool id_parse(const char *text, uint64_t len, uint64_t *ret_id);

#endif
