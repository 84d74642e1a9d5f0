/* stderr, without ever waiting for whoever reads it: a log that nobody takes must not stop a service, nor its end. */
#ifndef WEIR_CORE_STDERR_H
#define WEIR_CORE_STDERR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { STDERR_LINE_BYTES_MAX = PIPE_BUF }; /* what a pipe takes whole or not at all (pipe(7)) */

/* One line, whole or not at all; false: it was not taken (a full pipe, a full disk). Any thread; takes no memory. */
bool stderr_write(const char *line, size_t len);

#endif
