/* See control.h. A command is one row of a table. */
#include "tests/support/proxy/control.h"
#include "tests/support/proxy/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

const char control_help[] =
    "  link NAME LISTEN_PORT IPV4:PORT   one more link\n"
    "  fault WHERE NAME=VALUE...         see below; added to what holds there\n"
    "  heal WHERE                        back to health\n"
    "  reset WHERE                       RST on the connections that are open\n"
    "  end WHERE up|down                 half close: the end of stream to the server or to the client\n"
    "  status WHERE                      settings and counters\n"
    "  connections LINK                  those that are open\n"
    "WHERE is a link's name, NAME#ID for one of its connections (not for status), or all.\n";

/* ---- where a command goes ---- */

struct where {
    struct link **links; /* those that are meant */
    size_t count;
    struct conn *conn; /* the one that is meant, or NULL */
};

static bool where_parse(struct proxy *proxy, char *text, struct where *ret_where, struct err *err)
{
    char *sign = text ? strchr(text, '#') : NULL;
    if (!text)
        return err_set(err, ERR_USAGE, "say where: a link, link#connection or all");
    *ret_where = (struct where){.links = proxy->links, .count = proxy->link_count};
    if (strcmp(text, "all") == 0)
        return true;
    if (sign)
        *sign = '\0';
    ret_where->count = 1;
    while (ret_where->links < proxy->links + proxy->link_count && strcmp((*ret_where->links)->name, text) != 0)
        ret_where->links++;
    if (ret_where->links == proxy->links + proxy->link_count)
        return err_set(err, ERR_MISSING, "there is no link \"%.60s\"", text);
    if (sign && !(ret_where->conn = conn_find(*ret_where->links, strtoull(sign + 1, NULL, 10))))
        return err_set(err, ERR_MISSING, "link %s has no connection %.20s", text, sign + 1);
    return true;
}

/* Calls `fn` for each open connection that is meant; answers how many. */
static size_t where_each(const struct where *where, void (*fn)(struct conn *conn, const void *arg), const void *arg)
{
    size_t count = 0;
    if (where->conn) {
        fn(where->conn, arg);
        return 1;
    }
    for (size_t i = 0; i < where->count; i++)
        for (struct conn *conn = where->links[i]->conns, *next; conn; conn = next, count++) {
            next = conn->next;
            fn(conn, arg);
        }
    return count;
}

/* ---- rendering ---- */

static void render_counters(const struct counters *counters, struct buf *out)
{
    buf_printf(out,
               ",\"connections_total\":%llu,\"bytes\":{\"up\":%llu,\"down\":%llu},\"dropped\":{\"up\":%llu,\"down\":%"
               "llu},\"hit\":{",
               (unsigned long long)counters->connections, (unsigned long long)counters->bytes[UP],
               (unsigned long long)counters->bytes[DOWN], (unsigned long long)counters->dropped[UP],
               (unsigned long long)counters->dropped[DOWN]);
    for (int i = 0; i < FAULT_KINDS; i++)
        buf_printf(out, "%s\"%s\":%llu", i > 0 ? "," : "", fault_kind_names[i], (unsigned long long)counters->hit[i]);
    buf_append_char(out, '}');
}

static void render_link(const struct link *link, struct buf *out)
{
    size_t open = 0, held[DIRECTIONS] = {0};
    for (const struct conn *conn = link->conns; conn; conn = conn->next, open++)
        for (int i = 0; i < DIRECTIONS; i++)
            held[i] += conn->flow[i].queue.len;
    buf_printf(out,
               "{\"name\":\"%s\",\"port\":%d,\"target_port\":%d,\"listening\":%s,\"connections\":%zu,\"held\":{\"up\":%"
               "zu,\"down\":%zu}",
               link->name, link->port, ntohs(link->target.sin_port), link->listener.fd >= 0 ? "true" : "false", open,
               held[UP], held[DOWN]);
    render_counters(&link->counters, out);
    buf_append_str(out, ",\"fault\":");
    fault_render(&link->fault, out);
    buf_append_char(out, '}');
}

static void render_conn(const struct conn *conn, struct buf *out)
{
    buf_printf(out, "{\"id\":%llu,\"bytes\":{\"up\":%llu,\"down\":%llu},\"fault\":", (unsigned long long)conn->id,
               (unsigned long long)conn->flow[UP].passed, (unsigned long long)conn->flow[DOWN].passed);
    fault_render(conn->fault, out);
    buf_append_char(out, '}');
}

/* ---- the commands: each appends `,"name":value` of its own to the answer ---- */

static bool do_link(struct proxy *proxy, char *rest, struct buf *out, struct err *err)
{
    (void)out;
    return proxy_link(proxy, rest ? rest : "", err);
}

static bool do_fault(struct proxy *proxy, char *rest, struct buf *out, struct err *err)
{
    struct where where;
    struct fault fault;
    (void)out;
    if (!where_parse(proxy, strsep(&rest, " "), &where, err))
        return false;
    if (!rest)
        return err_set(err, ERR_USAGE, "no fault was named");
    if (where.conn)
        return conn_fault(where.conn, rest, err);
    for (size_t i = 0; i < where.count; i++) {
        char words[CONTROL_LINE_BYTES_MAX + 1];
        memcpy(words, rest, strlen(rest) + 1);
        fault = where.links[i]->fault;
        if (!fault_parse(words, &fault, err))
            return false;
        where.links[i]->fault = fault;
        link_fault_changed(where.links[i]);
    }
    return true;
}

static bool do_heal(struct proxy *proxy, char *rest, struct buf *out, struct err *err)
{
    struct where where;
    (void)out;
    if (!where_parse(proxy, strsep(&rest, " "), &where, err))
        return false;
    if (where.conn)
        conn_heal(where.conn);
    for (size_t i = 0; !where.conn && i < where.count; i++)
        link_heal(where.links[i]);
    return true;
}

static void reset_one(struct conn *conn, const void *arg)
{
    (void)arg;
    conn_hit(conn, FAULT_RESET);
    conn_reset(conn);
}

static bool do_reset(struct proxy *proxy, char *rest, struct buf *out, struct err *err)
{
    struct where where;
    if (!where_parse(proxy, strsep(&rest, " "), &where, err))
        return false;
    buf_printf(out, ",\"count\":%zu", where_each(&where, reset_one, NULL));
    return true;
}

static void end_one(struct conn *conn, const void *arg)
{
    conn_end(conn, *(const enum direction *)arg);
}

static bool do_end(struct proxy *proxy, char *rest, struct buf *out, struct err *err)
{
    struct where where;
    enum direction direction;
    if (!where_parse(proxy, strsep(&rest, " "), &where, err))
        return false;
    if (!rest || !direction_parse(rest, &direction))
        return err_set(err, ERR_USAGE, "say which end: up or down");
    buf_printf(out, ",\"count\":%zu", where_each(&where, end_one, &direction));
    return true;
}

static bool do_status(struct proxy *proxy, char *rest, struct buf *out, struct err *err)
{
    struct where where;
    if (!where_parse(proxy, strsep(&rest, " "), &where, err))
        return false;
    buf_append_str(out, ",\"links\":[");
    for (size_t i = 0; i < where.count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        render_link(where.links[i], out);
    }
    buf_append_char(out, ']');
    return true;
}

static bool do_connections(struct proxy *proxy, char *rest, struct buf *out, struct err *err)
{
    struct link *link = rest ? proxy_find(proxy, rest) : NULL;
    if (!link)
        return err_set(err, ERR_MISSING, "there is no link \"%.60s\"", rest ? rest : "");
    buf_append_str(out, ",\"connections\":[");
    for (const struct conn *conn = link->conns; conn; conn = conn->next) {
        if (conn != link->conns)
            buf_append_char(out, ',');
        render_conn(conn, out);
    }
    buf_append_char(out, ']');
    return true;
}

static const struct command {
    const char *name;
    bool (*fn)(struct proxy *proxy, char *rest, struct buf *out, struct err *err);
} commands[] = {{"link", do_link},
                {"fault", do_fault},
                {"heal", do_heal},
                {"reset", do_reset},
                {"end", do_end},
                {"status", do_status},
                {"connections", do_connections}};

static bool run(struct proxy *proxy, char *line, struct buf *out, struct err *err)
{
    char *rest = line, *name = strsep(&rest, " ");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].fn(proxy, rest, out, err);
    return err_set(err, ERR_USAGE, "there is no command \"%.40s\"", name);
}

void control_answer(struct proxy *proxy, char *line, struct buf *out)
{
    struct err err = {0};
    struct buf more = {0};
    if (run(proxy, line, &more, &err)) {
        buf_append_str(out, "{\"ok\":true");
        buf_append(out, more.data, more.len);
    } else {
        buf_append_str(out, "{\"ok\":false,\"error\":");
        buf_append_json(out, err.text, strlen(err.text));
    }
    buf_append_char(out, '}');
    buf_free(&more);
}

/* ---- its connections ---- */

struct caller {
    struct watch watch; /* first */
    struct control *control;
    struct caller *next; /* in control->callers */
    size_t len;
    char line[CONTROL_LINE_BYTES_MAX + 1];
};

/* The answers are short, and the caller waits for them: a full socket means that it does not. */
static bool caller_send(struct caller *caller, const struct buf *answer)
{
    size_t sent = 0;
    while (sent < answer->len) {
        const ssize_t count = send(caller->watch.fd, answer->data + sent, answer->len - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        sent += (size_t)count;
    }
    return true;
}

static bool caller_lines(struct caller *caller)
{
    bool sent = true;
    for (char *newline; sent && (newline = memchr(caller->line, '\n', caller->len));) {
        struct buf answer = {0};
        const size_t used = (size_t)(newline - caller->line) + 1;
        *newline = '\0';
        control_answer(caller->control->proxy, caller->line, &answer);
        buf_append_char(&answer, '\n');
        sent = caller_send(caller, &answer);
        buf_free(&answer);
        caller->len -= used;
        memmove(caller->line, caller->line + used, caller->len);
    }
    return sent && caller->len < CONTROL_LINE_BYTES_MAX;
}

/* Nothing else refers to it: at most its own event is being handled. */
static void caller_free(struct caller *caller)
{
    struct caller **at = &caller->control->callers;
    while (*at != caller)
        at = &(*at)->next;
    *at = caller->next;
    watch_close(&caller->watch, false);
    free(caller);
}

static void on_caller(struct watch *watch, uint32_t events)
{
    struct caller *caller = (struct caller *)watch;
    (void)events;
    const ssize_t got = recv(watch->fd, caller->line + caller->len, CONTROL_LINE_BYTES_MAX - caller->len, 0);
    if (got > 0) {
        caller->len += (size_t)got;
        if (caller_lines(caller))
            return;
    }
    caller_free(caller);
}

static void on_call(struct watch *watch, uint32_t events)
{
    const struct timeval patience = {.tv_sec = 1};
    struct control *control = (struct control *)watch;
    const int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);
    (void)events;
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct caller *caller = mem_alloc(sizeof *caller);
    caller->watch = (struct watch){.fd = fd, .fn = on_caller};
    caller->control = control;
    caller->next = control->callers;
    control->callers = caller;
    poller_set(control->proxy->poller, &caller->watch, EPOLLIN);
}

bool control_open(struct control *control, struct proxy *proxy, uint16_t port, struct err *err)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, ERR_OUTAGE, "the control port: no socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0) {
        const int error = errno;
        close(fd);
        return err_set(err, ERR_OUTAGE, "the control port: cannot listen on port %d: %s", port, strerror(error));
    }
    *control = (struct control){.listener = {.fd = fd, .fn = on_call}, .proxy = proxy};
    poller_set(proxy->poller, &control->listener, EPOLLIN);
    return true;
}

void control_close(struct control *control)
{
    while (control->callers)
        caller_free(control->callers);
    watch_close(&control->listener, false);
}
