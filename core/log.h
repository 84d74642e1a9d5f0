/* Log lines for people and machines: key=value or JSON, one write(2) a line to stderr, any thread.
 *
 *     log_info("server is back", LOG_STR("server", name), LOG_INT("lag_records", lag));
 *
 * Each call site writes at most LOG_SITE_LINES_MAX lines a second; the first line after a silence says how many were
 * left out. No line is waited for: what stderr does not take at once is lost, and the next line that it takes says how
 * many were ("lines_lost").
 */
#ifndef WEIR_CORE_LOG_H
#define WEIR_CORE_LOG_H

#include "core/err.h"
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum { LOG_SITE_LINES_MAX = 20, LOG_TEXT_BYTES_MAX = 2000 }; /* longer texts are cut, and end in "..." */
enum { LOG_TEXT_BYTES_MIN = 64 };                            /* in a line that is too long, each may be cut to this */

struct log_field {
    const char *key;
    const char *text; /* NULL: a number */
    int64_t number;
};

struct log_site {   /* one a call site, static; written by log_write alone, atomically */
    int64_t second; /* of CLOCK_BOOTTIME, the one that `lines` counts */
    uint32_t lines;
    uint32_t left_out;
};

static inline const char *log_text(const char *text)
{
    return text ? text : "(none)"; /* a missing text must not show as the number 0 */
}

#define LOG_STR(k, v) ((struct log_field){.key = (k), .text = log_text(v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v)})
#define LOG_ERR(e)    LOG_STR("error", (e)->text)

/* `level` and `format` are the settings' words ("info", "kv"); `service` is borrowed for the process's life. */
WEIR_MUST_USE bool log_open(const char *service, const char *level, const char *format, struct err *err);
/* Writes one line, or counts it as left out; does not look at the level (the macros below do). Keys and `message` are
 * the program's own words. */
void log_write(struct log_site *site, enum log_level level, const char *message, const struct log_field *fields,
               size_t count);
enum log_level log_level(void);

#define LOG_AT(level, ...) LOG_PICK(level, __VA_ARGS__, (struct log_field){0})
#define LOG_PICK(at, message, ...)                                                                                     \
    do {                                                                                                               \
        static struct log_site log_site_;                                                                              \
        const struct log_field log_fields_[] = {__VA_ARGS__};                                                          \
        if ((at) >= log_level())                                                                                       \
            log_write(&log_site_, (at), (message), log_fields_, sizeof log_fields_ / sizeof *log_fields_ - 1);         \
    } while (0)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
