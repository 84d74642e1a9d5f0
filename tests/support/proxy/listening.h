/* Which TCP ports of this machine somebody listens on, asked of the kernel without touching them: a probing connection
 * would be one more client of a server under test. */
#ifndef WEIR_PROXY_LISTENING_H
#define WEIR_PROXY_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

struct listening {
    uint8_t ports[65536 / 8];
};

void listening_read(struct listening *ret_listening); /* IPv4 and IPv6, any address; proc(5), /proc/net/tcp */
bool listening_has(const struct listening *listening, uint16_t port);

#endif
