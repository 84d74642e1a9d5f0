/* A layout: one way to lay a stream's rows in tables. One file each: layout_hash.c, layout_daily.c. To add one: README,
 * "Add a layout".
 *
 * A layout maps a row to a slot (a number), and a slot to a table; which shard holds the table is the route's matter
 * (all rows of a partition are on one shard).
 *
 *     hash   slot = partition               grabs_p07
 *     daily  slot = day since 1970          grabs_2026_11_20
 */
#ifndef WEIR_SCHEMAS_LAYOUT_H
#define WEIR_SCHEMAS_LAYOUT_H

#include "schemas/stream.h"

enum { TABLE_NAME_MAX = 64, LAYOUT_NAME_MAX = 16 };

struct layout {
    const char *name;
    const char *summary;
    bool by_day; /* slots are days: tables are made ahead of the day and dropped past the retention */
    int64_t (*slot)(const struct stream *stream, int32_t partition, const void *event, int offset_min);
    void (*table)(const struct stream *stream, int64_t slot, char ret_name[TABLE_NAME_MAX]);
    /* false: not a table of this layout and stream */
    bool (*parse)(const struct stream *stream, const char *table, int64_t *ret_slot);
};

/* All names, as choices of a setting and for whoever named another. A unit test holds them to the list in layout.c. */
#define LAYOUT_CHOICES "hash|daily"

extern const struct layout layout_hash, layout_daily;
const struct layout *layout_find(const char *name); /* NULL: none */
const struct layout *layout_nth(size_t at);         /* in the order of LAYOUT_CHOICES; NULL: past the last */

/* Days since 1970 <-> "2026_11_20" / "2026-11-20" (proleptic Gregorian, years 0 to 9999; H. Hinnant, chrono-compatible
 * date algorithms). */
int32_t day_of_ms(int64_t realtime_ms, int offset_min);
void day_format(int32_t day, char separator, char ret_text[11]);
WEIR_MUST_USE bool day_parse(const char *text, char separator, int32_t *ret_day);
/* "+08:00" <-> minutes east of UTC. */
WEIR_MUST_USE bool offset_parse(const char *text, int *ret_offset_min);

#endif
