/* See conn.h. */
#include "tests/support/proxy/conn.h"
#include "core/clock.h"
#include "tests/support/proxy/flow.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void conn_hit(struct conn *conn, enum fault_kind kind)
{
    if (conn->hits & 1u << kind)
        return;
    conn->hits |= 1u << kind;
    conn->link->counters.hit[kind]++;
}

/* ---- the end of a connection ---- */

static void conn_unlist(struct conn *conn)
{
    if (conn->next)
        conn->next->previous = conn->previous;
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        conn->link->conns = conn->next;
}

static void conn_close(struct conn *conn, bool reset)
{
    if (conn->dead)
        return;
    for (int i = 0; i < DIRECTIONS; i++) {
        watch_close(&conn->side[i].watch, reset);
        queue_clear(&conn->flow[i].queue);
    }
    conn->dead = true;
    conn_unlist(conn);
    conn->next_dead = conn->link->proxy->dead;
    conn->link->proxy->dead = conn;
}

void conn_reset(struct conn *conn)
{
    conn_close(conn, true);
}

static void timed_remove(struct conn *conn)
{
    for (struct conn **at = &conn->link->proxy->timed; *at; at = &(*at)->next_timed)
        if (*at == conn) {
            *at = conn->next_timed;
            break;
        }
    conn->timed = false;
}

void conns_bury(struct proxy *proxy)
{
    while (proxy->dead) {
        struct conn *conn = proxy->dead;
        proxy->dead = conn->next_dead;
        if (conn->timed)
            timed_remove(conn);
        if (conn->fault != &conn->link->fault)
            free(conn->fault);
        free(conn);
    }
}

/* ---- what it waits for ---- */

static void conn_wait_for_time(struct conn *conn)
{
    const int64_t up = flow_wakes_us(conn, UP), down = flow_wakes_us(conn, DOWN);
    struct proxy *proxy = conn->link->proxy;
    conn->wake_us = up < down ? up : down;
    if (conn->wake_us == INT64_MAX || conn->timed)
        return;
    conn->timed = true;
    conn->next_timed = proxy->timed;
    proxy->timed = conn;
}

static uint32_t side_events(struct conn *conn, enum direction direction)
{
    const struct flow *in = &conn->flow[direction], *out = &conn->flow[direction_other(direction)];
    const bool room = in->queue.len < QUEUE_BYTES_MAX && in->queue.piece_count < QUEUE_PIECES_MAX;
    const bool connecting = conn->connecting && direction == DOWN;
    const bool reads = !in->ended && room && !connecting;
    return (reads ? EPOLLIN : 0u) | (out->blocked || connecting ? EPOLLOUT : 0u);
}

/* Passes on what can be passed on, and sets what is waited for. */
static void conn_go_on(struct conn *conn)
{
    const int64_t now_us = clock_boottime_us();
    for (int i = 0; i < DIRECTIONS && !conn->dead; i++)
        flow_drain(conn, (enum direction)i, now_us);
    if (!conn->dead && flow_is_over(&conn->flow[UP]) && flow_is_over(&conn->flow[DOWN]))
        conn_close(conn, false);
    if (conn->dead)
        return;
    for (int i = 0; i < DIRECTIONS; i++)
        poller_set(conn->link->proxy->poller, &conn->side[i].watch, side_events(conn, (enum direction)i));
    conn_wait_for_time(conn);
}

/* A wake-up may set the connection on the list again: each is visited once, from a list taken whole. */
int64_t conns_wake(struct proxy *proxy, int64_t now_us)
{
    int64_t next_us = INT64_MAX;
    struct conn *list = proxy->timed;
    proxy->timed = NULL;
    while (list) {
        struct conn *conn = list;
        list = conn->next_timed;
        conn->timed = false;
        if (conn->dead)
            continue;
        if (conn->wake_us <= now_us)
            conn_go_on(conn);
        else
            conn_wait_for_time(conn);
    }
    for (const struct conn *conn = proxy->timed; conn; conn = conn->next_timed)
        next_us = conn->wake_us < next_us ? conn->wake_us : next_us;
    return next_us;
}

/* ---- events ---- */

/* False when the target has refused: then so has the link. */
static bool conn_connected(struct conn *conn)
{
    int error = 0;
    socklen_t size = sizeof error;
    conn->connecting = false;
    if (getsockopt(conn->side[DOWN].watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
        return true;
    conn->link->proxy->look_soon = true;
    conn_reset(conn);
    return false;
}

static void on_event(struct watch *watch, uint32_t events)
{
    struct side *side = (struct side *)watch;
    struct conn *conn = side->conn;
    const enum direction direction = side == &conn->side[UP] ? UP : DOWN;
    if (conn->connecting && direction == DOWN) {
        if (!conn_connected(conn))
            return;
    } else {
        if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
            conn->flow[direction_other(direction)].blocked = false;
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            flow_read(conn, direction, clock_boottime_us());
    }
    if (!conn->dead)
        conn_go_on(conn);
}

/* ---- the begin ---- */

static void set_no_delay(int fd)
{
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int connect_to(const struct sockaddr_in *target)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)target, sizeof *target) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    if (fd >= 0)
        set_no_delay(fd);
    return fd;
}

static struct conn *conn_new(struct link *link, int client, int server)
{
    struct conn *conn = mem_alloc(sizeof *conn);
    conn->link = link;
    conn->fault = &link->fault;
    conn->id = ++link->proxy->last_conn_id;
    conn->connecting = true;
    for (int i = 0; i < DIRECTIONS; i++)
        conn->side[i] = (struct side){.watch = {.fd = i == UP ? client : server, .fn = on_event}, .conn = conn};
    conn->next = link->conns;
    if (conn->next)
        conn->next->previous = conn;
    link->conns = conn;
    return conn;
}

void conn_accept(struct link *link)
{
    struct watch client = {.fd = accept4(link->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (client.fd < 0)
        return;
    link->counters.connections++;
    link->counters.hit[FAULT_REJECT] += link->fault.reject;
    const int server = link->fault.reject ? -1 : connect_to(&link->target);
    if (server < 0) {
        link->proxy->look_soon = true;
        watch_close(&client, true);
        return;
    }
    set_no_delay(client.fd);
    conn_go_on(conn_new(link, client.fd, server));
}

/* ---- commands ---- */

struct conn *conn_find(const struct link *link, uint64_t id)
{
    struct conn *conn = link->conns;
    while (conn && conn->id != id)
        conn = conn->next;
    return conn;
}

bool conn_fault(struct conn *conn, char *words, struct err *err)
{
    struct fault fault = *conn->fault;
    if (!fault_parse(words, &fault, err))
        return false;
    if (conn->fault == &conn->link->fault)
        conn->fault = mem_alloc(sizeof fault);
    *conn->fault = fault;
    conn_fault_changed(conn);
    return true;
}

void conn_fault_changed(struct conn *conn)
{
    conn->hits = 0;
    conn->scan = (struct fault_scan){0};
    for (int i = 0; i < DIRECTIONS; i++) {
        conn->flow[i].cut_from = conn->flow[i].passed;
        conn->flow[i].allowed_us = 0;
    }
    conn_go_on(conn);
}

void conn_heal(struct conn *conn)
{
    if (conn->fault != &conn->link->fault) {
        free(conn->fault);
        conn->fault = &conn->link->fault;
    }
    if (conn->flow[UP].holed || conn->flow[DOWN].holed)
        conn_reset(conn);
    else
        conn_fault_changed(conn);
}

void conn_end(struct conn *conn, enum direction direction)
{
    conn_hit(conn, FAULT_HALF_CLOSE);
    if (!conn->connecting)
        flow_close(conn, direction);
    conn_go_on(conn);
}
