/* Log lines: made in a buffer of the caller's own, written by one write(2), so that lines of several threads never mix.
 *
 *     log_info -> log_write -> site_admit (rate) -> line_make: line_kv | line_json -> stderr_write
 *
 * A line that cannot be written at once (full pipe, full disk, closed stderr) is lost, never waited for: the next one
 * that can be says how many, and so does weir_log_lines_lost_total. A line is at most as long as a pipe takes whole; in
 * a longer one each text is cut shorter, until it fits. */
#include "core/log.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/stderr.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *log_service = "weir";
static bool log_json;
static atomic_int log_threshold = LOG_LEVEL_INFO;
static struct metric *lines_lost; /* NULL before log_open */
static atomic_uint lost_untold;   /* lines lost that no line has told yet */

static void metrics_declare(void)
{
    lines_lost = metric_counter("weir_log_lines_lost_total", "Log lines that stderr did not take at once.", NULL);
}

bool log_open(const char *service, const char *level, const char *format, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int found = -1;
    for (int at = LOG_LEVEL_DEBUG; at <= LOG_LEVEL_ERROR; at++)
        if (strcmp(level, level_names[at]) == 0)
            found = at;
    if (found < 0)
        return err_set(err, ERR_USAGE, "log.level must be debug, info, warn or error");
    if (strcmp(format, "kv") != 0 && strcmp(format, "json") != 0)
        return err_set(err, ERR_USAGE, "log.format must be kv or json");
    pthread_once(&once, metrics_declare);
    log_service = service;
    log_json = strcmp(format, "json") == 0;
    atomic_store_explicit(&log_threshold, found, memory_order_relaxed);
    return true;
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

/* Whether this line may go out; if so, `ret_left_out` is how many before it did not. */
static bool site_admit(struct log_site *site, uint32_t *ret_left_out)
{
    int64_t now = clock_boottime_us() / 1000000 + 1; /* never 0, which is a fresh site */
    int64_t seen = __atomic_load_n(&site->second, __ATOMIC_RELAXED);
    if (seen != now &&
        __atomic_compare_exchange_n(&site->second, &seen, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        __atomic_store_n(&site->lines, 0, __ATOMIC_RELAXED);
    if (__atomic_fetch_add(&site->lines, 1, __ATOMIC_RELAXED) >= LOG_SITE_LINES_MAX) {
        __atomic_fetch_add(&site->left_out, 1, __ATOMIC_RELAXED);
        return false;
    }
    *ret_left_out = seen == now ? 0 : __atomic_exchange_n(&site->left_out, 0, __ATOMIC_RELAXED);
    return true;
}

/* `text` as far as it is shown: whole, or cut between two characters. */
static size_t shown_len(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len <= max)
        return len;
    len = max;
    while (len > max - 3 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static void append_quoted(struct buf *line, const char *text, size_t max)
{
    size_t len = shown_len(text, max);
    buf_append_json(line, text, len);
    if (text[len] == '\0')
        return;
    line->len--; /* the closing quote comes after the dots */
    buf_append_str(line, "...\"");
}

/* logfmt: a value stands bare when nothing in it could end it or be taken for syntax. */
static bool text_is_bare(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    for (size_t at = 0; at < len; at++)
        if (text[at] <= ' ' || text[at] == 0x7F || strchr("\"=\\", text[at]))
            return false;
    return len > 0 && len <= max;
}

static void append_kv_text(struct buf *line, const char *key, const char *text, size_t max)
{
    buf_append_char(line, ' ');
    buf_append_str(line, key);
    buf_append_char(line, '=');
    if (text_is_bare(text, max))
        buf_append_str(line, text);
    else
        append_quoted(line, text, max);
}

static void append_kv_number(struct buf *line, const char *key, int64_t number)
{
    buf_append_char(line, ' ');
    buf_append_str(line, key);
    buf_append_char(line, '=');
    buf_append_i64(line, number);
}

static void append_json_text(struct buf *line, const char *key, const char *text, size_t max)
{
    buf_append_char(line, ',');
    append_quoted(line, key, max);
    buf_append_char(line, ':');
    append_quoted(line, text, max);
}

static void append_json_number(struct buf *line, const char *key, int64_t number)
{
    buf_append_char(line, ',');
    append_quoted(line, key, LOG_TEXT_BYTES_MAX);
    buf_append_char(line, ':');
    buf_append_i64(line, number);
}

static void append_fields(struct buf *line, const struct log_field *fields, size_t count, size_t max)
{
    void (*text)(struct buf *, const char *, const char *, size_t) = log_json ? append_json_text : append_kv_text;
    void (*number)(struct buf *, const char *, int64_t) = log_json ? append_json_number : append_kv_number;
    for (size_t at = 0; at < count; at++) {
        if (fields[at].text)
            text(line, fields[at].key, fields[at].text, max);
        else
            number(line, fields[at].key, fields[at].number);
    }
}

static void append_head(struct buf *line, enum log_level level, const char *message, size_t max)
{
    char now[CLOCK_TEXT_MAX];
    clock_format(clock_realtime_ms(), 0, now);
    void (*text)(struct buf *, const char *, const char *, size_t) = log_json ? append_json_text : append_kv_text;
    buf_append_str(line, log_json ? "{\"time\":\"" : "time=");
    buf_append_str(line, now);
    if (log_json)
        buf_append_char(line, '"');
    text(line, "level", level_names[level], max);
    text(line, "service", log_service, max);
    text(line, "message", message, max);
}

struct line_parts {
    enum log_level level;
    const char *message;
    const struct log_field *fields;
    size_t count;
    uint32_t left_out, lost;
};

static void line_make(struct buf *line, const struct line_parts *parts)
{
    size_t max = 2 * LOG_TEXT_BYTES_MAX;
    do {
        max /= 2;
        buf_reset(line);
        append_head(line, parts->level, parts->message, max);
        append_fields(line, parts->fields, parts->count, max);
        if (parts->left_out)
            append_fields(line, &LOG_INT("left_out", parts->left_out), 1, max);
        if (parts->lost)
            append_fields(line, &LOG_INT("lines_lost", parts->lost), 1, max);
        buf_append_str(line, log_json ? "}\n" : "\n");
    } while (line->len > STDERR_LINE_BYTES_MAX && max > LOG_TEXT_BYTES_MIN);
}

/* With the lines lost before it; if it is lost too, another one tells of them. */
static void line_write(const struct buf *line, uint32_t lost)
{
    if (line->len <= STDERR_LINE_BYTES_MAX && stderr_write(line->data, line->len))
        return;
    atomic_fetch_add_explicit(&lost_untold, lost + 1, memory_order_relaxed);
    if (lines_lost)
        metric_add(lines_lost, 1);
}

void log_write(struct log_site *site, enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    assert(level >= LOG_LEVEL_DEBUG && level <= LOG_LEVEL_ERROR);
    uint32_t left_out = 0;
    if (!site_admit(site, &left_out))
        return;
    int saved = errno; /* a log line between a call and the look at its errno must not change it */
    struct buf line = {0};
    struct line_parts parts = {
        .level = level, .message = message, .fields = fields, .count = count, .left_out = left_out};
    parts.lost = atomic_exchange_explicit(&lost_untold, 0, memory_order_relaxed);
    line_make(&line, &parts);
    line_write(&line, parts.lost);
    buf_free(&line);
    errno = saved;
}
