/* The bytes of a request: one table of read paths, one template for the grab. */
#include "bench/storm/request.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static size_t printed(int len)
{
    assert(len > 0 && (size_t)len < REQUEST_BYTES_MAX);
    return (size_t)len;
}

static size_t render_grab(const struct request *r, const char *host, char *text)
{
    char body[128];
    char room[40] = "";
    char key[REQUEST_TRY_KEY_BYTES_MAX + 32] = "";
    if (r->room > 0) {
        snprintf(room, sizeof room, ", \"room_id\": %" PRIu64, r->room);
    }
    if (r->try_key[0] != '\0') {
        snprintf(key, sizeof key, "Idempotency-Key: %s\r\n", r->try_key);
    }
    int body_len = snprintf(body, sizeof body, "{\"user_id\": %" PRIu64 ", \"coupon_id\": %" PRIu64 "%s}", r->user,
                            r->coupon, room);
    assert(body_len > 0 && (size_t)body_len < sizeof body);
    return printed(snprintf(text, REQUEST_BYTES_MAX,
                            "POST /api/coupon/grab HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                            "%sContent-Length: %d\r\n\r\n%s",
                            host, key, body_len, body));
}

static void read_path(const struct request *r, char *text, size_t size)
{
    switch (r->kind) {
    case REQUEST_ORDERS_RECENT:
        snprintf(text, size, "/api/orders/recent?hours=1");
        break;
    case REQUEST_STATISTICS:
        snprintf(text, size, "/api/statistics/global");
        break;
    case REQUEST_ROOM_ORDERS:
        snprintf(text, size, "/api/room/%" PRIu64 "/orders", r->room);
        break;
    case REQUEST_USER_COUPONS:
        snprintf(text, size, "/api/user/%" PRIu64 "/coupons", r->user);
        break;
    case REQUEST_ADMIN_STATS:
        snprintf(text, size, "/admin/stats");
        break;
    case REQUEST_SHARDS_STATUS:
        snprintf(text, size, "/admin/shards/status");
        break;
    case REQUEST_GRAB:
        assert(!"a grab is not a read");
    }
}

size_t request_render(const struct request *request, const char *host, char ret_text[REQUEST_BYTES_MAX])
{
    if (request->kind == REQUEST_GRAB) {
        return render_grab(request, host, ret_text);
    }
    char path[96];
    read_path(request, path, sizeof path);
    return printed(snprintf(ret_text, REQUEST_BYTES_MAX, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host));
}
