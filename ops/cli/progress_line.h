/* A progress line for a person who waits: "users  [#####.....]  52 %  52000/100000  eta 2 s". Drawn over itself on a
 * terminal, silent elsewhere. One thread. */
#ifndef WEIR_OPS_CLI_PROGRESS_LINE_H
#define WEIR_OPS_CLI_PROGRESS_LINE_H

#include "core/buf.h"
#include <stdint.h>

struct progress_line {
    const char *what; /* borrowed */
    uint64_t total;
    int64_t begun_ms; /* CLOCK_BOOTTIME */
    int64_t drawn_ms;
    bool visible;
};

void progress_line_begin(struct progress_line *line, const char *what, uint64_t total);
void progress_line_move(struct progress_line *line, uint64_t done);
void progress_line_end(struct progress_line *line); /* wipes it */

/* Pure. No estimate before the first tenth of a second. */
void progress_line_format(const char *what, uint64_t done, uint64_t total, int64_t elapsed_ms, struct buf *ret_text);

#endif
