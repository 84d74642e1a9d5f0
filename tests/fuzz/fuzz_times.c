/* Times, days and table names. The input is a text.
 *
 * Must hold: a day that is read is written as the same text; the two readers of RFC 3339 (a coupon's window: cut to a
 * millisecond; a query's range: rounded up to one) agree within that millisecond on every text that both take, and
 * what the first takes with a fraction of at most 12 digits, the second takes; an offset is at most 14 hours; a table
 * name that a layout knows as its own is the name that it gives to that slot. */
#include "ingest/admin_request.h"
#include "query/time_text.h"
#include "schemas/grabs.h"
#include "schemas/layout.h"
#include "schemas/readings.h"
#include "tests/fuzz/fuzz.h"

enum { OFFSET_MIN_MAX = 14 * 60, FRACTION_AT = 20, FRACTION_DIGITS_MAX = 12 };

static void check_day(const char *text)
{
    int32_t day;
    char again[11];
    for (const char *separator = "-_"; *separator != '\0'; separator++) {
        if (!day_parse(text, *separator, &day))
            continue;
        day_format(day, *separator, again);
        assert(strcmp(again, text) == 0);
        assert(day_of_ms((int64_t)day * 86400000, 0) == day && day_of_ms((int64_t)day * 86400000 - 1, 0) == day - 1);
    }
}

static void check_times(const char *text, size_t len)
{
    int64_t cut_ms = -1, up_ms = -1;
    bool cut = admin_time_parse(text, &cut_ms), up = time_text_parse(text, len, &up_ms);
    size_t digits = len > FRACTION_AT ? strspn(text + FRACTION_AT, "0123456789") : 0;
    if (cut && (text[FRACTION_AT - 1] != '.' || digits <= FRACTION_DIGITS_MAX))
        assert(up);
    if (cut)
        assert(cut_ms >= 0);
    if (cut && up)
        assert(up_ms == cut_ms || up_ms == cut_ms + 1);
}

static void check_tables(const char *text)
{
    static const struct layout *const layouts[] = {&layout_hash, &layout_daily};
    static const struct stream *const streams[] = {&stream_grabs, &stream_readings};
    for (int i = 0; i < 4; i++) {
        int64_t slot;
        char name[TABLE_NAME_MAX];
        if (!layouts[i % 2]->parse(streams[i / 2], text, &slot))
            continue;
        layouts[i % 2]->table(streams[i / 2], slot, name);
        assert(strcmp(name, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    size_t len;
    int offset_min;
    char *text = fuzz_text(&input, &len);
    check_day(text);
    check_times(text, len);
    check_tables(text);
    if (offset_parse(text, &offset_min))
        assert(offset_min >= -OFFSET_MIN_MAX && offset_min <= OFFSET_MIN_MAX);
    free(text);
    return 0;
}
