/* See link.h. */
#include "tests/support/proxy/link.h"
#include "core/clock.h"
#include "tests/support/proxy/conn.h"
#include "tests/support/proxy/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LOOK_MIN_US = 2000,     /* between two looks at the targets, when one may have gone */
    LOOK_AWAY_US = 20000,   /* while one is away */
    LOOK_CALM_US = 1000000, /* when all are there */
    BACKLOG = 511,
    NUMBER_BYTES_MAX = 5,
};

/* ---- the listener ---- */

static void on_client(struct watch *watch, uint32_t events)
{
    (void)events;
    conn_accept((struct link *)watch);
}

static bool link_listen(struct link *link, struct err *err)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(link->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, ERR_OUTAGE, "link %s: no socket: %s", link->name, strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0) {
        const int error = errno;
        close(fd);
        return err_set(err, ERR_OUTAGE, "link %s: cannot listen on port %d: %s", link->name, link->port,
                       strerror(error));
    }
    link->listener = (struct watch){.fd = fd, .fn = on_client};
    poller_set(link->proxy->poller, &link->listener, EPOLLIN);
    return true;
}

/* Opens or closes the listener, as it should be now. */
static void link_follow(struct link *link)
{
    struct err err;
    const bool wanted = link->target_listens && !link->fault.refuse;
    if (!wanted)
        watch_close(&link->listener, false);
    else if (link->listener.fd < 0 && !link_listen(link, &err))
        fprintf(stderr, "%s; it is tried again\n", err.text);
}

/* ---- times ---- */

/* Clients that were accepted while the target died find out by their connection; all later ones are refused. */
static void look(struct proxy *proxy, int64_t now_us)
{
    struct listening listening;
    listening_read(&listening);
    for (size_t i = 0; i < proxy->link_count; i++) {
        struct link *link = proxy->links[i];
        link->target_listens = listening_has(&listening, ntohs(link->target.sin_port));
        link_follow(link);
    }
    proxy->looked_us = now_us;
    proxy->look_soon = false;
}

static int64_t next_look_us(const struct proxy *proxy)
{
    if (proxy->look_soon)
        return proxy->looked_us + LOOK_MIN_US;
    for (size_t i = 0; i < proxy->link_count; i++)
        if (!proxy->links[i]->target_listens)
            return proxy->looked_us + LOOK_AWAY_US;
    return proxy->looked_us + LOOK_CALM_US;
}

void proxy_turn(struct proxy *proxy)
{
    int64_t now_us = clock_boottime_us();
    if (next_look_us(proxy) <= now_us)
        look(proxy, now_us);
    const int64_t timed_us = conns_wake(proxy, now_us), look_us = next_look_us(proxy);
    const int64_t wake_us = timed_us < look_us ? timed_us : look_us;
    now_us = clock_boottime_us();
    poller_wait(proxy->poller, wake_us <= now_us ? 0 : (int)((wake_us - now_us + 999) / 1000));
    conns_bury(proxy);
}

/* ---- making and finding ---- */

static bool port_parse(const char *text, uint16_t *ret_port)
{
    char *end;
    const unsigned long number = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (number == 0 || number > UINT16_MAX || *end)
        return false;
    *ret_port = (uint16_t)number;
    return true;
}

static bool target_parse(char *text, struct sockaddr_in *ret_target)
{
    uint16_t port;
    char *colon = text ? strchr(text, ':') : NULL;
    if (!colon)
        return false;
    *colon = '\0';
    *ret_target = (struct sockaddr_in){.sin_family = AF_INET};
    if (!port_parse(colon + 1, &port) || inet_pton(AF_INET, text, &ret_target->sin_addr) != 1)
        return false;
    ret_target->sin_port = htons(port);
    return true;
}

bool proxy_link(struct proxy *proxy, char *text, struct err *err)
{
    char *rest = text, *name = strsep(&rest, " "), *port = strsep(&rest, " "), *target = strsep(&rest, " ");
    struct link made = {.listener.fd = -1, .proxy = proxy};
    if (rest || !port_parse(port, &made.port) || !target_parse(target, &made.target))
        return err_set(err, ERR_USAGE, "a link is NAME LISTEN_PORT IPV4:PORT");
    if (!*name || strlen(name) > LINK_NAME_BYTES_MAX || strpbrk(name, "#\"\\") || strcmp(name, "all") == 0)
        return err_set(err, ERR_USAGE, "\"%.60s\" cannot be a link's name", name);
    if (proxy_find(proxy, name) || proxy->link_count == LINKS_MAX)
        return err_set(err, ERR_USAGE, "there is a link %s already, or there are %d of them", name, LINKS_MAX);
    memcpy(made.name, name, strlen(name) + 1);
    struct link *link = mem_alloc(sizeof *link);
    *link = made;
    if (!link_listen(link, err)) { /* a port that is taken is found out now, not when the target comes */
        free(link);
        return false;
    }
    proxy->links[proxy->link_count++] = link;
    proxy->look_soon = true;
    return true;
}

struct link *proxy_find(const struct proxy *proxy, const char *name)
{
    for (size_t i = 0; i < proxy->link_count; i++)
        if (strcmp(proxy->links[i]->name, name) == 0)
            return proxy->links[i];
    return NULL;
}

void proxy_free(struct proxy *proxy)
{
    for (size_t i = 0; i < proxy->link_count; i++) {
        while (proxy->links[i]->conns)
            conn_reset(proxy->links[i]->conns);
        watch_close(&proxy->links[i]->listener, false);
    }
    conns_bury(proxy);
    for (size_t i = 0; i < proxy->link_count; i++)
        free(proxy->links[i]);
    close(proxy->poller);
}

/* ---- faults ---- */

void link_fault_changed(struct link *link)
{
    link_follow(link);
    for (struct conn *conn = link->conns, *next; conn; conn = next) {
        next = conn->next;
        if (conn->fault == &link->fault)
            conn_fault_changed(conn);
    }
}

void link_heal(struct link *link)
{
    link->fault = (struct fault){0};
    link_follow(link);
    for (struct conn *conn = link->conns, *next; conn; conn = next) {
        next = conn->next;
        conn_heal(conn);
    }
}
