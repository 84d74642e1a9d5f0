/* Rendering of history lines. */
#include "bench/storm/history.h"

#include <errno.h>
#include <string.h>

#define HISTORY_BUFFER_BYTES (256u * 1024u) /* few writes, so that a slow disk seldom delays the schedule */

bool history_open(const char *path, struct history *ret_history, struct err *err)
{
    struct history history = {.file = NULL, .path = path};
    if (path != NULL) {
        history.file = fopen(path, "we");
        if (history.file == NULL) {
            return err_set_code(err, ERR_USAGE, errno, "--history: '%s' cannot be written (%s)", path, strerror(errno));
        }
        (void)setvbuf(history.file, NULL, _IOFBF, HISTORY_BUFFER_BYTES);
    }
    *ret_history = history;
    return true;
}

static void add_number(struct buf *line, const char *name, int64_t value)
{
    buf_append_char(line, line->len == 0 ? '{' : ',');
    buf_append_char(line, '"');
    buf_append_str(line, name);
    buf_append_str(line, "\":");
    buf_append_i64(line, value);
}

/* "" becomes null. */
static void add_text(struct buf *line, const char *name, const char *text)
{
    buf_append_str(line, ",\"");
    buf_append_str(line, name);
    buf_append_str(line, "\":");
    if (text[0] == '\0') {
        buf_append_str(line, "null");
    } else {
        buf_append_json(line, text, strlen(text));
    }
}

static void render(struct buf *line, const struct request *request, const struct client_result *result,
                   const struct outcome *outcome)
{
    add_number(line, "index", (int64_t)request->index);
    add_number(line, "due_us", request->due_us);
    add_number(line, "sent_us", request->sent_us);
    if (result->failure == FAILURE_NONE) {
        add_number(line, "answered_us", request->answered_us);
    } else {
        add_text(line, "answered_us", "");
    }
    add_number(line, "user", (int64_t)request->user);
    add_number(line, "coupon", (int64_t)request->coupon);
    add_text(line, "try_key", request->try_key);
    add_text(line, "outcome", outcome_name(outcome->kind));
    add_number(line, "status", result->status);
    if (outcome->grab_status >= 0) {
        add_number(line, "grab_status", outcome->grab_status);
    } else {
        add_text(line, "grab_status", "");
    }
    add_text(line, "reason", outcome->reason);
    add_text(line, "grab_id", outcome->grab_id);
    add_text(line, "location", result->location);
    buf_append_str(line, "}\n");
}

void history_add(struct history *history, const struct request *request, const struct client_result *result,
                 const struct outcome *outcome)
{
    if (history->file == NULL || request->kind != REQUEST_GRAB) {
        return;
    }
    buf_reset(&history->line);
    render(&history->line, request, result, outcome);
    (void)fwrite(history->line.data, 1, history->line.len, history->file);
}

bool history_close(struct history *history, struct err *err)
{
    buf_free(&history->line);
    if (history->file == NULL) {
        return true;
    }
    bool has_failed = ferror(history->file) != 0;
    has_failed |= fclose(history->file) != 0;
    history->file = NULL;
    if (has_failed) {
        return err_set(err, ERR_INTERNAL, "--history: '%s' is not whole: is the disk full?", history->path);
    }
    return true;
}
