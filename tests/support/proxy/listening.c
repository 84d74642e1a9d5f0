/* See listening.h. The kernel names the listening sockets first: the reading stops at the first other one. */
#include "tests/support/proxy/listening.h"

#include <stdio.h>
#include <string.h>

enum { STATE_LISTEN = 0x0a, LINE_BYTES_MAX = 300 };

static void read_table(const char *path, struct listening *listening)
{
    char line[LINE_BYTES_MAX];
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    for (bool head = true; fgets(line, sizeof line, file); head = false) {
        unsigned port, state;
        if (head)
            continue;
        if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &port, &state) != 2 || state != STATE_LISTEN)
            break;
        listening->ports[(port & 0xffff) / 8] |= (uint8_t)(1u << port % 8);
    }
    fclose(file);
}

void listening_read(struct listening *ret_listening)
{
    memset(ret_listening, 0, sizeof *ret_listening);
    read_table("/proc/net/tcp", ret_listening);
    read_table("/proc/net/tcp6", ret_listening);
}

bool listening_has(const struct listening *listening, uint16_t port)
{
    return listening->ports[port / 8] & 1u << port % 8;
}
