#include "ops/cli/progress_line.h"
#include "core/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { BAR_CELLS = 30, DRAW_EVERY_MS = 100, ESTIMATE_AFTER_MS = 100 };

void progress_line_format(const char *what, uint64_t done, uint64_t total, int64_t elapsed_ms, struct buf *ret_text)
{
    if (done > total)
        done = total;
    double share = total > 0 ? (double)done / (double)total : 1.0;
    buf_printf(ret_text, "%-8s [", what);
    for (int cell = 0; cell < BAR_CELLS; cell++)
        buf_append_char(ret_text, cell < (int)(share * BAR_CELLS) ? '#' : '.');
    buf_printf(ret_text, "] %3d %%  %" PRIu64 "/%" PRIu64, (int)(share * 100), done, total);
    if (done > 0 && done < total && elapsed_ms >= ESTIMATE_AFTER_MS)
        buf_printf(ret_text, "  eta %.0f s", (double)elapsed_ms / 1000 * (1 - share) / share);
}

void progress_line_begin(struct progress_line *line, const char *what, uint64_t total)
{
    *line = (struct progress_line){
        .what = what, .total = total, .begun_ms = clock_boottime_ms(), .visible = isatty(STDERR_FILENO) == 1};
    progress_line_move(line, 0);
}

void progress_line_move(struct progress_line *line, uint64_t done)
{
    int64_t now_ms = clock_boottime_ms();
    if (!line->visible || (done > 0 && done < line->total && now_ms - line->drawn_ms < DRAW_EVERY_MS))
        return;
    struct buf text = {0};
    progress_line_format(line->what, done, line->total, now_ms - line->begun_ms, &text);
    fprintf(stderr, "\r%s\033[K", text.data);
    buf_free(&text);
    line->drawn_ms = now_ms;
}

void progress_line_end(struct progress_line *line)
{
    if (line->visible)
        fputs("\r\033[K", stderr);
    line->visible = false;
}
