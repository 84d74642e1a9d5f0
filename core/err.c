/* Errors as sentences: formatting, prefixes and exit codes. Nothing here allocates, so an error can be told when memory
 * is gone. */
#include "core/err.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The text is one line and never ends inside a UTF-8 character, so that logs and JSON can carry it as it is. */
static void text_tidy(struct err *err, bool cut)
{
    size_t len = strlen(err->text);
    if (cut) {
        len -= 3;
        while (len > 0 && ((unsigned char)err->text[len] & 0xC0) == 0x80)
            len--;
        memcpy(err->text + len, "...", 4);
    }
    for (char *c = err->text; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}

static void text_format(struct err *err, const char *format, va_list args)
{
    int need = vsnprintf(err->text, sizeof err->text, format, args);
    if (need < 0)
        (void)snprintf(err->text, sizeof err->text, "an error whose text could not be formatted");
    text_tidy(err, need >= (int)sizeof err->text);
}

bool err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    if (!err)
        return false;
    struct err made = {.kind = kind};
    va_list args;
    va_start(args, format);
    text_format(&made, format, args); /* `args` may point into *err */
    va_end(args);
    *err = made;
    return false;
}

bool err_set_code(struct err *err, enum err_kind kind, int code, const char *format, ...)
{
    if (!err)
        return false;
    struct err made = {.kind = kind, .code = code};
    va_list args;
    va_start(args, format);
    text_format(&made, format, args);
    va_end(args);
    *err = made;
    return false;
}

bool err_prefix(struct err *err, const char *format, ...)
{
    if (!err)
        return false;
    struct err made = {.kind = err->kind, .code = err->code};
    va_list args;
    va_start(args, format);
    text_format(&made, format, args);
    va_end(args);
    size_t used = strlen(made.text);
    int need = snprintf(made.text + used, sizeof made.text - used, ": %s", err->text);
    text_tidy(&made, need < 0 || (size_t)need >= sizeof made.text - used);
    *err = made;
    return false;
}

const char *err_kind_name(enum err_kind kind)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",           [ERR_USAGE] = "usage", [ERR_OUTAGE] = "outage",   [ERR_CONFLICT] = "conflict",
        [ERR_DUPLICATE] = "duplicate", [ERR_DATA] = "data",   [ERR_MISSING] = "missing", [ERR_INTERNAL] = "internal",
    };
    size_t at = (size_t)kind;
    return at < sizeof names / sizeof *names ? names[at] : "unknown";
}

int err_exit_code(const struct err *err)
{
    assert(err);
    switch (err->kind) {
    case ERR_NONE:
        return 0;
    case ERR_USAGE:
        return 2;
    case ERR_OUTAGE:
        return 3;
    default:
        return 1;
    }
}
