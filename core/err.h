/* What went wrong, as one clear sentence: what, where, what to do.
 *
 * A function that can fail answers bool (or NULL) and fills the `struct err` that it is handed, last of its arguments.
 * The kind says what a caller may do about it; the text is for people. Fixed size: nothing to free, copies freely.
 */
#ifndef WEIR_CORE_ERR_H
#define WEIR_CORE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#define WEIR_MUST_USE     __attribute__((warn_unused_result))
#define WEIR_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum err_kind {
    ERR_NONE = 0,
    ERR_USAGE,     /* a wrong flag, setting or request: exit code 2 */
    ERR_OUTAGE,    /* a part is away or overloaded: the same call may succeed later; exit code 3 */
    ERR_CONFLICT,  /* a compare-and-set lost, another owner, another epoch */
    ERR_DUPLICATE, /* a key exists already (MySQL 1062) */
    ERR_DATA,      /* this input can never be stored or decoded */
    ERR_MISSING,   /* the named thing does not exist (table, topic, row) */
    ERR_INTERNAL,  /* broken code or a broken promise of a library */
};

struct err {
    enum err_kind kind;
    int code;       /* the library's own number where there is one (MySQL errno, librdkafka code), else 0 */
    char text[500]; /* a whole sentence, no newline */
};

/* Fills `err` and returns false, so that `return err_set(err, ...)` reads well. `err` may be NULL. */
bool err_set(struct err *err, enum err_kind kind, const char *format, ...) WEIR_PRINTF(3, 4);
bool err_set_code(struct err *err, enum err_kind kind, int code, const char *format, ...) WEIR_PRINTF(4, 5);
/* Puts "what: " before the text that is there; returns false. */
bool err_prefix(struct err *err, const char *format, ...) WEIR_PRINTF(2, 3);
const char *err_kind_name(enum err_kind kind);
/* 0, 1, 2 or 3: see the table in README, "Exit codes". */
int err_exit_code(const struct err *err);

#endif
