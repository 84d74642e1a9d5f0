/* The server: sockets, threads, drain.
 *
 *     http_start: bind all -> a thread each: on_loop_start -> accept -> loop_run
 *     http_drain: message to each loop -> close the listener -> answer what is open -> idle connections are cut
 *                 -> told back
 *     http_free:  stop each loop -> on_loop_end on its thread -> join
 */
#include "core/clock.h"
#include "core/http_internal.h"
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { HTTP_BACKLOG = 4096, H2O_READ_TIMEOUT_MS = 24 * 3600 * 1000 /* the sweep's limits rule */ };

/* ---- metrics ---- */

struct http_metrics http_metrics;
static pthread_mutex_t servers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_server *servers;

static void gauges_update(void *arg)
{
    (void)arg;
    int in_flight = 0;
    int connections = 0;
    pthread_mutex_lock(&servers_lock);
    for (const struct http_server *server = servers; server != NULL; server = server->next) {
        for (int i = 0; i < server->options.threads; i++) { /* loop_count still grows while the first thread answers */
            in_flight += atomic_load_explicit(&server->loops[i].in_flight, memory_order_relaxed);
            connections += atomic_load_explicit(&server->loops[i].conn_count, memory_order_relaxed);
        }
    }
    pthread_mutex_unlock(&servers_lock);
    metric_set(http_metrics.in_flight, in_flight);
    metric_set(http_metrics.connections, connections);
}

static void metrics_declare(void)
{
    static const char *const labels[CLASS_COUNT] = {"code=\"2xx\"", "code=\"3xx\"", "code=\"4xx\"", "code=\"5xx\""};
    for (int i = 0; i < CLASS_COUNT; i++)
        http_metrics.requests[i] =
            metric_counter("weir_http_requests_total", "Requests answered, by class of status code.", labels[i]);
    http_metrics.seconds = metric_histogram("weir_http_request_seconds", "From the whole request to its answer.", NULL);
    http_metrics.in_flight = metric_gauge("weir_http_in_flight", "Requests that wait for their answer.", NULL);
    http_metrics.connections = metric_gauge("weir_http_connections", "Open client connections.", NULL);
    metrics_on_render(gauges_update, NULL);
}

static void server_list(struct http_server *server, bool add)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, metrics_declare);
    pthread_mutex_lock(&servers_lock);
    struct http_server **at = &servers;
    while (!add && *at != server)
        at = &(*at)->next;
    if (add) {
        server->next = servers;
        servers = server;
    } else {
        *at = server->next;
    }
    pthread_mutex_unlock(&servers_lock);
}

/* ---- sockets ---- */

static bool port_error(const struct http_options *options, int code, struct err *err)
{
    if (code == EADDRINUSE)
        return err_set_code(err, ERR_USAGE, code,
                            "port %d of %s is taken by another process: stop it, or choose another http.port",
                            options->port, options->host);
    return err_set_code(err, ERR_USAGE, code, "cannot listen on %s:%d: %s", options->host, options->port,
                        strerror(code));
}

static int bind_fd(const struct addrinfo *address, bool shared)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static void address_set_port(struct addrinfo *address, int port)
{
    if (address->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)address->ai_addr)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)address->ai_addr)->sin_port = htons((uint16_t)port);
}

static int bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* One socket a thread. The first bind is without SO_REUSEPORT and only looks: with it, a second process on the same
 * port would be let in and share. */
static bool bind_all(struct http_server *server, struct addrinfo *address, struct err *err)
{
    const struct http_options *options = &server->options;
    int look = bind_fd(address, false);
    if (look < 0)
        return port_error(options, errno, err);
    server->port = bound_port(look);
    close(look);
    address_set_port(address, server->port);
    for (int i = 0; i < options->threads; i++) {
        int fd = bind_fd(address, true);
        server->loops[i].listen_fd = fd;
        if (fd < 0 || listen(fd, HTTP_BACKLOG) != 0)
            return port_error(options, errno, err);
    }
    return true;
}

static bool server_bind(struct http_server *server, struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char port[16];
    snprintf(port, sizeof port, "%d", server->options.port);
    struct addrinfo *address = NULL;
    int code = getaddrinfo(server->options.host, port, &hints, &address);
    if (code != 0)
        return err_set(err, ERR_USAGE, "http.host %s is not an address of this machine: %s", server->options.host,
                       gai_strerror(code));
    bool ok = bind_all(server, address, err);
    freeaddrinfo(address);
    return ok;
}

/* ---- a thread ---- */

static void told(struct http_server *server, int *counter)
{
    pthread_mutex_lock(&server->lock);
    ++*counter;
    pthread_cond_broadcast(&server->moved);
    pthread_mutex_unlock(&server->lock);
}

void http_tell_drained(struct http_loop *self)
{
    if (!self->draining || self->drained || self->conns != NULL ||
        atomic_load_explicit(&self->in_flight, memory_order_relaxed) > 0)
        return;
    self->drained = true;
    told(self->server, &self->server->drained);
}

static void on_drain(struct loop_msg *msg)
{
    struct http_loop *self = H2O_STRUCT_FROM_MEMBER(struct http_loop, drain_msg, msg);
    self->draining = true;
    h2o_context_request_shutdown(&self->ctx);
    http_listen_end(self);
    if (self->server->options.on_loop_drain != NULL)
        self->server->options.on_loop_drain(self->state);
    loop_timer_set(self->sweep, 0);
}

static void thread_begin(struct http_loop *self)
{
    const struct http_options *options = &self->server->options;
    h2o_context_init(&self->ctx, loop_h2o(self->loop), &self->server->config);
    self->accept = (h2o_accept_ctx_t){.ctx = &self->ctx, .hosts = self->server->config.hosts};
    self->sweep = loop_timer_new(self->loop, http_sweep, self);
    if (options->on_loop_start != NULL)
        self->state = options->on_loop_start(self->loop, self->index, options->arg);
    http_listen_begin(self);
    loop_timer_set(self->sweep, HTTP_SWEEP_MS);
}

static void thread_end(struct http_loop *self)
{
    if (self->server->options.on_loop_end != NULL)
        self->server->options.on_loop_end(self->state);
    if (self->listener != NULL)
        h2o_socket_close(self->listener);
    loop_timer_free(self->sweep);
    http_reqs_free(self);
    buf_free(&self->scratch);
    if (self->conns != NULL)
        return; /* a drain that missed its deadline: h2o cannot take its connections back */
    h2o_context_dispose(&self->ctx);
    pthread_mutex_lock(&self->server->lock); /* http_free() may still be inside loop_stop() */
    pthread_mutex_unlock(&self->server->lock);
    loop_free(self->loop);
}

static void *thread_main(void *http_loop)
{
    struct http_loop *self = http_loop;
    thread_begin(self);
    told(self->server, &self->server->started);
    loop_run(self->loop);
    thread_end(self);
    return NULL;
}

/* ---- life ---- */

static bool route_check(const struct http_route *route, struct err *err)
{
    int parts = 0;
    for (const char *at = strchr(route->path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        parts++;
        const char *close_at = strchr(at, '}');
        if (close_at == NULL || (close_at[1] != '\0' && close_at[1] != '/'))
            return err_set(err, ERR_INTERNAL, "route %s: a brace part must end with '}' and fill its segment",
                           route->path);
    }
    if (parts > HTTP_PARAMS_MAX)
        return err_set(err, ERR_INTERNAL, "route %s has more than %d brace parts", route->path, HTTP_PARAMS_MAX);
    return true;
}

static bool routes_take(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    server->route_count = options->route_count + http_builtin_route_count;
    server->routes = mem_alloc(server->route_count * sizeof *server->routes);
    if (options->route_count > 0)
        memcpy(server->routes, options->routes, options->route_count * sizeof *server->routes);
    memcpy(server->routes + options->route_count, http_builtin_routes,
           http_builtin_route_count * sizeof *server->routes);
    for (size_t i = 0; i < server->route_count; i++)
        if (!route_check(&server->routes[i], err))
            return false;
    return true;
}

static size_t body_bytes_max(const struct http_server *server)
{
    size_t max = 0;
    for (size_t i = 0; i < server->route_count; i++)
        if (server->routes[i].body_bytes_max > max)
            max = server->routes[i].body_bytes_max;
    return max + HTTP_BODY_SLACK_BYTES;
}

static void h2o_configure(struct http_server *server)
{
    h2o_globalconf_t *config = &server->config;
    h2o_config_init(config);
    config->server_name = h2o_iovec_init(NULL, 0);
    config->max_request_entity_size = body_bytes_max(server);
    config->http1.upgrade_to_http2 = 0; /* HTTP/2 is the front door's; this version lacks the fixes for rapid reset */
    config->http2.callbacks.request_shutdown = NULL; /* would leave a timer behind in a context that is disposed of */
    config->http1.req_timeout = H2O_READ_TIMEOUT_MS;
    h2o_hostconf_t *host = h2o_config_register_host(config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_handler_t *handler = h2o_create_handler(path, sizeof *handler);
    handler->on_req = http_on_req;
    http_filter_register(path);
    http_filter_register(&host->fallback_path); /* where h2o looks before a path is known */
}

static struct http_server *server_new(const struct http_options *options)
{
    assert(options->threads >= 1 && options->threads <= HTTP_THREADS_MAX && options->connections_max >= 1);
    struct http_server *server = mem_alloc(sizeof *server);
    server->options = *options;
    server->options.host = mem_copy_str(options->host);
    server->loops = mem_alloc((size_t)options->threads * sizeof *server->loops);
    for (int i = 0; i < options->threads; i++)
        server->loops[i] =
            (struct http_loop){.server = server, .index = i, .listen_fd = -1, .drain_msg = {.fn = on_drain}};
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&server->moved, &clock);
    pthread_condattr_destroy(&clock);
    return server;
}

/* Waits until all threads have counted; false when `deadline_ms` (negative: none) passes. */
static bool server_wait(struct http_server *server, const int *counter, int64_t deadline_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += deadline_ms / 1000;
    until.tv_nsec += deadline_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&server->lock);
    int code = 0;
    while (*counter < server->loop_count && code == 0)
        code = deadline_ms < 0 ? pthread_cond_wait(&server->moved, &server->lock)
                               : pthread_cond_timedwait(&server->moved, &server->lock, &until);
    bool all = *counter >= server->loop_count;
    pthread_mutex_unlock(&server->lock);
    return all;
}

static bool threads_start(struct http_server *server, struct err *err)
{
    for (int i = 0; i < server->options.threads; i++) {
        struct http_loop *self = &server->loops[i];
        self->loop = loop_new();
        if (self->loop == NULL)
            return err_set(err, ERR_OUTAGE,
                           "no file descriptor is left for the loop of HTTP thread %d: raise the limit of open files",
                           i);
        if (getrandom(self->id_state, sizeof self->id_state, 0) != (ssize_t)sizeof self->id_state)
            self->id_state[0] = (uint64_t)clock_boottime_us();
        int code = pthread_create(&self->thread, NULL, thread_main, self);
        if (code != 0) {
            loop_free(self->loop);
            return err_set_code(err, ERR_OUTAGE, code, "cannot start HTTP thread %d: %s", i, strerror(code));
        }
        server->loop_count++;
    }
    return server_wait(server, &server->started, -1);
}

bool http_start(const struct http_options *options, struct http_server **ret_server, struct err *err)
{
    struct http_server *server = server_new(options);
    server_list(server, true);
    if (routes_take(server, err) && server_bind(server, err)) {
        h2o_configure(server);
        if (threads_start(server, err)) {
            *ret_server = server;
            return true;
        }
    }
    http_free(server);
    return false;
}

bool http_drain(struct http_server *server, int64_t deadline_ms)
{
    for (int i = 0; i < server->loop_count; i++)
        loop_post(server->loops[i].loop, &server->loops[i].drain_msg);
    return server_wait(server, &server->drained, deadline_ms);
}

int http_port(const struct http_server *server)
{
    return server->port;
}

void http_free(struct http_server *server)
{
    if (server == NULL)
        return;
    bool clean = true;
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < server->loop_count; i++)
        loop_stop(server->loops[i].loop);
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->loop_count; i++) {
        pthread_join(server->loops[i].thread, NULL);
        clean = clean && server->loops[i].conns == NULL;
    }
    server_list(server, false);
    for (int i = 0; i < server->options.threads; i++)
        if (server->loops[i].listen_fd >= 0)
            close(server->loops[i].listen_fd);
    if (!clean)
        return; /* connections that h2o still has point to it */
    if (server->config.hosts != NULL)
        h2o_config_dispose(&server->config);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->moved);
    free((char *)(uintptr_t)server->options.host);
    free(server->routes);
    free(server->loops);
    free(server);
}
