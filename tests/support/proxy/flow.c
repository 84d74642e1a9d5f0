/* See flow.h. */
#include "tests/support/proxy/flow.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { THROTTLE_SLICES_PER_S = 250, THROTTLE_CATCH_UP_US = 100000 };

static void drop(struct conn *conn, enum direction direction, enum fault_kind kind)
{
    struct flow *flow = &conn->flow[direction];
    conn->link->counters.dropped[direction] += flow->queue.len;
    flow->holed = true;
    queue_clear(&flow->queue);
    conn_hit(conn, kind);
}

/* The answer to a request that was to be swallowed has come; or, without a byte of it, the end of the stream. */
static void swallow(struct conn *conn)
{
    conn->flow[DOWN].holed = true;
    if (conn->flow[DOWN].queue.len > 0)
        drop(conn, DOWN, FAULT_SWALLOW);
    if (conn->swallow_cut)
        conn_reset(conn);
}

/* Whatever would pass here vanishes; true when that is so. */
static bool vanish(struct conn *conn, enum direction direction)
{
    const struct flow *flow = &conn->flow[direction];
    const bool swallowed = direction == DOWN && conn->swallowing;
    if (!swallowed && !conn->fault->black_hole[direction])
        return false;
    if (flow->queue.len == 0 && !flow->ended)
        return true;
    if (swallowed)
        swallow(conn);
    else
        drop(conn, direction, FAULT_BLACK_HOLE);
    return true;
}

static void look_at_request(struct conn *conn, const char *data, size_t len)
{
    struct fault *fault = conn->fault;
    if (fault->swallow == 0 || conn->swallowing || !fault_matches(fault, &conn->scan, data, len))
        return;
    if (fault->swallow != FAULT_SWALLOW_ALL)
        fault->swallow--;
    conn->swallowing = true;
    conn->swallow_cut = fault->swallow_cut;
}

/* Up to the end of what a request that is to be cut off is known by; 0: it is not among these bytes. */
static size_t cut_at(const struct conn *conn, enum direction direction, const char *data, size_t len)
{
    const struct fault *fault = conn->fault;
    const char *match = NULL;
    if (direction == UP && fault->cut_request > 0)
        match = memmem(data, len, fault->match, fault->match_len);
    return match ? (size_t)(match - data) + fault->match_len : 0;
}

/* How many of `len` bytes may pass now. */
static size_t flow_allows(struct conn *conn, enum direction direction, size_t len, int64_t now_us)
{
    const struct flow *flow = &conn->flow[direction];
    const uint64_t rate = conn->fault->bytes_per_s[direction], cut_after = conn->fault->cut_after[direction];
    if (rate > 0) {
        const size_t slice = rate < THROTTLE_SLICES_PER_S ? 1 : rate / THROTTLE_SLICES_PER_S;
        if (now_us < flow->allowed_us) {
            conn_hit(conn, FAULT_THROTTLE);
            return 0;
        }
        len = len < slice ? len : slice;
    }
    if (cut_after > 0 && len > flow->cut_from + cut_after - flow->passed)
        len = flow->cut_from + cut_after - flow->passed;
    return len;
}

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A line is busy from when its bytes came or it was free, not from when this process got a processor: whatever is late
 * is caught up, so that the pace holds on a busy machine too. */
static int64_t throttle_free_us(const struct flow *flow, size_t len, uint64_t rate, int64_t now_us)
{
    const int64_t begun_us = latest(flow->allowed_us, queue_next_us(&flow->queue));
    return latest(begun_us, now_us - THROTTLE_CATCH_UP_US) + (int64_t)(len * 1000000 / rate);
}

static void flow_passed(struct conn *conn, enum direction direction, const char *data, size_t len, int64_t now_us)
{
    struct flow *flow = &conn->flow[direction];
    const uint64_t rate = conn->fault->bytes_per_s[direction], cut_after = conn->fault->cut_after[direction];
    flow->passed += len;
    conn->link->counters.bytes[direction] += len;
    if (rate > 0)
        flow->allowed_us = throttle_free_us(flow, len, rate, now_us);
    if (direction == UP)
        look_at_request(conn, data, len);
    queue_take(&flow->queue, len);
    if (cut_after > 0 && flow->passed >= flow->cut_from + cut_after) {
        conn_hit(conn, FAULT_CUT);
        conn_reset(conn);
    }
}

/* One write; false when no more can be written now. */
static bool flow_write(struct conn *conn, enum direction direction, int64_t now_us)
{
    struct flow *flow = &conn->flow[direction];
    const char *data;
    const size_t due = queue_due(&flow->queue, now_us, &data);
    const size_t len = due > 0 ? flow_allows(conn, direction, due, now_us) : 0;
    if (len == 0)
        return false;
    const size_t cut = cut_at(conn, direction, data, len);
    const ssize_t written =
        send(conn->side[direction_other(direction)].watch.fd, data, cut > 0 ? cut : len, MSG_NOSIGNAL);
    if (written > 0) {
        flow_passed(conn, direction, data, (size_t)written, now_us);
        if (cut > 0 && (size_t)written == cut && !conn->dead) {
            conn->fault->cut_request--;
            conn_hit(conn, FAULT_CUT);
            conn_reset(conn);
        }
        return !conn->dead;
    }
    if (errno == EAGAIN || errno == EINTR)
        flow->blocked = true;
    else
        conn_reset(conn);
    return false;
}

void flow_close(struct conn *conn, enum direction direction)
{
    struct flow *flow = &conn->flow[direction];
    if (flow->closed)
        return;
    flow->closed = true;
    (void)shutdown(conn->side[direction_other(direction)].watch.fd, SHUT_WR);
}

void flow_drain(struct conn *conn, enum direction direction, int64_t now_us)
{
    struct flow *flow = &conn->flow[direction];
    if (flow->closed && flow->queue.len > 0)
        drop(conn, direction, FAULT_HALF_CLOSE);
    if (conn->fault->hold[direction]) {
        if (flow->queue.len > 0 || flow->ended)
            conn_hit(conn, FAULT_HOLD);
        return;
    }
    if (flow->broken)
        conn_reset(conn);
    if (conn->dead || vanish(conn, direction) || conn->connecting)
        return;
    while (!flow->blocked && flow_write(conn, direction, now_us))
        ;
    if (!conn->dead && flow->ended && flow->queue.len == 0 && !flow->holed)
        flow_close(conn, direction);
}

/* The peer of this side is gone. In a black hole nobody hears of it; what is held is heard later. */
static void side_broke(struct conn *conn, enum direction direction)
{
    conn->flow[direction].ended = true;
    conn->link->proxy->look_soon |= direction == DOWN;
    if (conn->fault->black_hole[direction])
        drop(conn, direction, FAULT_BLACK_HOLE);
    else if (conn->fault->hold[direction])
        conn->flow[direction].broken = true;
    else
        conn_reset(conn);
}

void flow_read(struct conn *conn, enum direction direction, int64_t now_us)
{
    struct flow *flow = &conn->flow[direction];
    const uint64_t delay_ms = conn->fault->delay_ms[direction];
    char *at;
    const size_t space = flow->ended ? 0 : queue_space(&flow->queue, &at);
    if (space == 0)
        return;
    const ssize_t got = recv(conn->side[direction].watch.fd, at, space, 0);
    if (got > 0) {
        queue_added(&flow->queue, (size_t)got, now_us + (int64_t)delay_ms * 1000);
        if (delay_ms > 0)
            conn_hit(conn, FAULT_DELAY);
        return;
    }
    if (flow->queue.len == 0)
        queue_clear(&flow->queue);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        side_broke(conn, direction);
    else if (got == 0) {
        flow->ended = true;
        conn->link->proxy->look_soon |= direction == DOWN;
    }
}

int64_t flow_wakes_us(const struct conn *conn, enum direction direction)
{
    const struct flow *flow = &conn->flow[direction];
    const int64_t due = queue_next_us(&flow->queue);
    if (due == INT64_MAX || flow->blocked || conn->connecting || conn->fault->hold[direction])
        return INT64_MAX;
    return conn->fault->bytes_per_s[direction] > 0 && flow->allowed_us > due ? flow->allowed_us : due;
}

bool flow_is_over(const struct flow *flow)
{
    return flow->closed || (flow->ended && flow->holed);
}
