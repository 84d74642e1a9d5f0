/* Parsing of the one URL, and its socket. */
#include "bench/storm/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *host;
    bool is_in6;
} target_hosts[] = {{"127.0.0.1", false}, {"localhost", false}, {"[::1]", true}};

enum { TARGET_HOSTS = sizeof target_hosts / sizeof target_hosts[0] };

/* Reads ":PORT", then an optional "/". */
static bool port_parse(const char *text, uint16_t *ret_port)
{
    unsigned long port = 80;
    if (*text == ':') {
        char *end = NULL;
        if (text[1] < '0' || text[1] > '9') {
            return false;
        }
        port = strtoul(text + 1, &end, 10);
        text = end;
    }
    if (port < 1 || port > 65535 || (strcmp(text, "") != 0 && strcmp(text, "/") != 0)) {
        return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}

static void target_fill(struct target *target, bool is_in6, const char *host, uint16_t port)
{
    *target = (struct target){.address_len = 0};
    if (is_in6) {
        target->address.in6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        target->address_len = sizeof target->address.in6;
    } else {
        target->address.in4 = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        target->address_len = sizeof target->address.in4;
    }
    snprintf(target->host, sizeof target->host, "%s:%u", host, (unsigned)port);
}

bool target_parse(const char *url, struct target *ret_target, struct err *err)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return err_set(err, ERR_USAGE, "--url: '%s' must begin with http:// (TLS belongs to the front door)", url);
    }
    const char *authority = url + sizeof scheme - 1;
    for (size_t i = 0; i < TARGET_HOSTS; i++) {
        size_t len = strlen(target_hosts[i].host);
        if (strncmp(authority, target_hosts[i].host, len) != 0 || strchr(":/", authority[len]) == NULL) {
            continue;
        }
        uint16_t port = 0;
        if (!port_parse(authority + len, &port)) {
            return err_set(err, ERR_USAGE, "--url: '%s' must end in a port from 1 to 65535 and have no path", url);
        }
        target_fill(ret_target, target_hosts[i].is_in6, target_hosts[i].host, port);
        return true;
    }
    return err_set(err, ERR_USAGE, "--url: '%s' is refused: load goes to 127.0.0.1, localhost or [::1] only", url);
}

int target_connect(const struct target *target)
{
    int fd = socket(target->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, &target->address.any, target->address_len) == 0 || errno == EINPROGRESS) {
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* 0 once the connection stands, else an errno. */
static int connect_wait(int fd, int timeout_ms)
{
    struct pollfd waited = {.fd = fd, .events = POLLOUT};
    int ready = poll(&waited, 1, timeout_ms);
    if (ready <= 0) {
        return ready == 0 ? ETIMEDOUT : errno;
    }
    int code = 0;
    socklen_t len = sizeof code;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 ? code : errno;
}

bool target_probe(const struct target *target, int timeout_ms, struct err *err)
{
    int fd = target_connect(target);
    int code = fd < 0 ? errno : connect_wait(fd, timeout_ms);
    if (fd >= 0) {
        close(fd);
    }
    if (code != 0) {
        return err_set_code(err, ERR_OUTAGE, code,
                            "http://%s cannot be reached (%s): start the stack, or name another with --url",
                            target->host, strerror(code));
    }
    return true;
}
