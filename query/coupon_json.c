#include "query/coupon_json.h"

#include "core/clock.h"
#include <inttypes.h>
#include <string.h>

static void append_time(const char *name, int64_t ms, struct buf *json)
{
    char text[CLOCK_TEXT_MAX];
    buf_printf(json, ",\"%s\":", name);
    if (ms == 0) {
        buf_append_str(json, "null");
        return;
    }
    clock_format(ms, 0, text);
    buf_printf(json, "\"%s\"", text);
}

void coupon_append_json(const struct coupon *coupon, struct buf *ret_json)
{
    buf_printf(ret_json, "\"coupon_id\":%" PRIu64 ",\"room_id\":%" PRIu32 ",\"title\":", coupon->coupon_id,
               coupon->room_id);
    buf_append_json(ret_json, coupon->title, strlen(coupon->title));
    buf_printf(ret_json, ",\"total\":%" PRIu64 ",\"per_user_limit\":%" PRIu32, coupon->total, coupon->per_user_limit);
    append_time("opens_at", coupon->opens_at_ms, ret_json);
    append_time("ends_at", coupon->ends_at_ms, ret_json);
    buf_printf(ret_json, ",\"gate\":\"%s\",\"hold_ms\":%" PRId64 ",\"opened\":%" PRIu64 ",\"version\":%" PRIu64,
               coupon->gate_open ? "open" : "closed", coupon->hold_ms, coupon->opened, coupon->version);
}
