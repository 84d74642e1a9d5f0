/* Where the load goes, and the refusal to send it anywhere but to this machine.
 *
 * Why: a load generator that can be pointed at a stranger's host is a weapon; this one has no resolver, so that no name
 * can lead it away. */
#ifndef WEIR_BENCH_STORM_TARGET_H
#define WEIR_BENCH_STORM_TARGET_H

#include "core/err.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define TARGET_HOST_BYTES_MAX 32

struct target {
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } address;
    socklen_t address_len;
    char host[TARGET_HOST_BYTES_MAX]; /* as the Host header says it, with the port */
};

/* Reads "http://HOST[:PORT][/]", HOST being 127.0.0.1, localhost or [::1], PORT 1 to 65535 (80 when left out).
 * ERR_USAGE else. */
bool target_parse(const char *url, struct target *ret_target, struct err *err) WEIR_MUST_USE;

/* Starts a TCP connection without waiting for it. Returns a non-blocking socket, or -1 with errno set. */
int target_connect(const struct target *target) WEIR_MUST_USE;

/* Connects once and closes, waiting up to timeout_ms. ERR_OUTAGE when nobody listens. Blocks. */
bool target_probe(const struct target *target, int timeout_ms, struct err *err) WEIR_MUST_USE;

#endif
