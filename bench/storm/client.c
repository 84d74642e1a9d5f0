/* The loop and its three lists. A connection is in exactly one of closed, idle and busy; idle is a stack, so that the
 * ones that were used last are used next and the others may be closed by the server in peace; busy is in the order of
 * sending, so that the first of it is the first to time out. */
#include "bench/storm/client.h"

#include "core/buf.h"
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define TICK_US           1000000
#define WAIT_US_MAX       100000
#define EVENTS_MAX        256
#define DISPATCH_TURN_MAX 256 /* sends between two looks at the answers */

/* first is the top of the stack and the oldest of the queue. */
struct connection_list {
    struct connection *first, *last;
};

struct client {
    const struct client_plan *plan;
    struct connection *connections;
    struct connection_list closed, idle, busy;
    int epoll_fd;
    int64_t start_us;
    int64_t next_tick_us;
    int64_t last_sent_us;
    uint64_t next; /* index of the next request to send */
    uint64_t in_flight;
};

static void list_push_first(struct connection_list *list, struct connection *c)
{
    c->previous = NULL;
    c->next = list->first;
    *(list->first != NULL ? &list->first->previous : &list->last) = c;
    list->first = c;
}

static void list_push_last(struct connection_list *list, struct connection *c)
{
    c->next = NULL;
    c->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = c;
    list->last = c;
}

static void list_remove(struct connection_list *list, struct connection *c)
{
    *(c->previous != NULL ? &c->previous->next : &list->first) = c->next;
    *(c->next != NULL ? &c->next->previous : &list->last) = c->previous;
}

static int64_t elapsed_us(const struct client *client)
{
    return clock_boottime_us() - client->start_us;
}

/* Tells the caller, and puts the connection where its state belongs. */
static void finish(struct client *client, struct connection *c, enum connection_step step)
{
    struct client_result result = {.failure = FAILURE_NONE, .has_sent = connection_has_sent(c), .location = ""};
    if (step == CONNECTION_ANSWERED) {
        result.status = c->response.status;
        result.body = c->response.body;
        result.body_len = c->response.body_len;
        result.location = c->response.location;
    } else {
        assert(c->failure != FAILURE_NONE);
        result.failure = c->failure;
    }
    c->request.answered_us = elapsed_us(client);
    client->plan->on_done(client->plan->context, &c->request, &result);
    client->in_flight--;
    list_remove(&client->busy, c);
    list_push_first(c->state == CONNECTION_IDLE ? &client->idle : &client->closed, c);
}

static void dispatch_one(struct client *client, uint64_t index)
{
    struct connection_list *from = client->idle.first != NULL ? &client->idle : &client->closed;
    struct connection *c = from->first;
    list_remove(from, c);
    list_push_last(&client->busy, c);
    client->in_flight++;
    scenario_make(&client->plan->scenario, index, &c->request);
    c->request.due_us = (int64_t)schedule_due_us(&client->plan->schedule, index);
    c->request.sent_us = elapsed_us(client);
    client->last_sent_us = c->request.sent_us;
    enum connection_step step = connection_send(c, &client->plan->target, client->epoll_fd);
    if (step != CONNECTION_WAITS) {
        finish(client, c, step);
    }
}

static bool has_free(const struct client *client)
{
    return client->idle.first != NULL || client->closed.first != NULL;
}

static void dispatch_due(struct client *client)
{
    uint64_t due = schedule_due_count(&client->plan->schedule, (uint64_t)elapsed_us(client));
    for (int turn = 0; turn < DISPATCH_TURN_MAX && client->next < due && has_free(client); turn++) {
        dispatch_one(client, client->next++);
    }
}

/* busy is ordered by sent_us and the timeout is the same for all, so only its head can be due. */
static void expire(struct client *client)
{
    int64_t oldest_us = elapsed_us(client) - client->plan->timeout_ms * 1000;
    for (struct connection *c = client->busy.first; c != NULL && c->request.sent_us <= oldest_us;) {
        struct connection *after = c->next;
        c->failure = c->state == CONNECTION_CONNECTING ? FAILURE_CONNECT : FAILURE_TIMEOUT;
        connection_close(c);
        finish(client, c, CONNECTION_FAILED);
        c = after;
    }
}

static bool may_send(const struct client *client)
{
    int64_t last_us = (int64_t)schedule_last_us(&client->plan->schedule) + client->plan->drain_ms * 1000;
    return client->next < client->plan->schedule.count && !*client->plan->stop && elapsed_us(client) <= last_us;
}

/* us until something must be done without an event. */
static int64_t wait_us(const struct client *client, bool is_sending)
{
    int64_t now_us = elapsed_us(client);
    int64_t until_us = now_us + WAIT_US_MAX;
    if (is_sending && has_free(client)) {
        int64_t due_us = (int64_t)schedule_due_us(&client->plan->schedule, client->next);
        until_us = due_us < until_us ? due_us : until_us;
    }
    if (client->busy.first != NULL) {
        int64_t expires_us = client->busy.first->request.sent_us + client->plan->timeout_ms * 1000;
        until_us = expires_us < until_us ? expires_us : until_us;
    }
    until_us = client->next_tick_us < until_us ? client->next_tick_us : until_us;
    return until_us > now_us ? until_us - now_us : 0;
}

static void on_event(struct client *client, const struct epoll_event *event)
{
    struct connection *c = event->data.ptr;
    enum connection_step step = connection_resume(c, event->events);
    if (step == CONNECTION_DROPPED) {
        list_remove(&client->idle, c);
        list_push_first(&client->closed, c);
    } else if (step != CONNECTION_WAITS) {
        finish(client, c, step);
    }
}

/* No connection is reused while a batch of events is read, so that no event can reach the wrong request. */
static bool poll_events(struct client *client, int64_t timeout_us, struct err *err)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec timeout = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * 1000};
    int n = epoll_pwait2(client->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
    if (n < 0 && errno != EINTR) {
        return err_set_code(err, ERR_INTERNAL, errno, "epoll_pwait2 failed (%s): Linux 5.11 or newer is needed",
                            strerror(errno));
    }
    for (int i = 0; i < n; i++) {
        on_event(client, &events[i]);
    }
    return true;
}

static struct client_status status_of(const struct client *client)
{
    int64_t now_us = elapsed_us(client);
    uint64_t due = schedule_due_count(&client->plan->schedule, (uint64_t)now_us);
    return (struct client_status){.start_us = client->start_us,
                                  .elapsed_us = now_us,
                                  .last_sent_us = client->last_sent_us,
                                  .sent = client->next,
                                  .in_flight = client->in_flight,
                                  .waiting = due > client->next ? due - client->next : 0};
}

static void tick(struct client *client)
{
    if (elapsed_us(client) < client->next_tick_us) {
        return;
    }
    struct client_status status = status_of(client);
    client->plan->on_tick(client->plan->context, &status);
    client->next_tick_us += TICK_US;
}

static bool loop(struct client *client, struct err *err)
{
    for (;;) {
        bool is_sending = may_send(client);
        if (!is_sending && client->busy.first == NULL) {
            return true;
        }
        if (is_sending) {
            dispatch_due(client);
        }
        if (!poll_events(client, wait_us(client, is_sending && may_send(client)), err)) {
            return false;
        }
        expire(client);
        tick(client);
    }
}

static void client_close(struct client *client)
{
    for (uint32_t i = 0; i < client->plan->connections; i++) {
        connection_close(&client->connections[i]);
    }
    free(client->connections);
    close(client->epoll_fd);
}

bool client_run(const struct client_plan *plan, struct client_status *ret_status, struct err *err)
{
    struct client client = {.plan = plan, .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .next_tick_us = TICK_US};
    if (client.epoll_fd < 0) {
        return err_set_code(err, ERR_INTERNAL, errno, "epoll_create1 failed (%s)", strerror(errno));
    }
    client.connections = mem_alloc(plan->connections * sizeof *client.connections);
    for (uint32_t i = 0; i < plan->connections; i++) {
        connection_init(&client.connections[i]);
        list_push_last(&client.closed, &client.connections[i]);
    }
    client.start_us = clock_boottime_us();
    bool ok = loop(&client, err);
    *ret_status = status_of(&client);
    client_close(&client);
    return ok;
}
