#include "query/question.h"

#include "protocol/ids.h"
#include "query/time_text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FAULT_STATUS = 422, SHOWN_MAX = 40, MS_PER_HOUR = 3600000 };

WEIR_PRINTF(3, 4)
static bool fault_set(struct question_fault *fault, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
    fault->status = FAULT_STATUS;
    fault->code = code;
    return false;
}

static int shown(struct text text)
{
    return text.len > SHOWN_MAX ? SHOWN_MAX : (int)text.len;
}

static bool text_is(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool number_parse(struct text text, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0'); /* 19 digits stay below 2^64 */
    }
    *ret_number = number;
    return true;
}

bool question_read_id(struct text text, const char *name, uint64_t min, uint64_t max, uint64_t *ret_id,
                      struct question_fault *fault)
{
    uint64_t number;
    if (!number_parse(text, &number) || number < min || number > max)
        return fault_set(fault, "bad_parameter", "%s must be a whole number from %llu to %llu, not \"%.*s\".", name,
                         (unsigned long long)min, (unsigned long long)max, shown(text), text.data);
    *ret_id = number;
    return true;
}

/* `*ret_number` keeps its value when the parameter is not there. */
static bool read_number(const struct question_source *source, const char *name, uint64_t min, uint64_t max,
                        bool required, uint64_t *ret_number, struct question_fault *fault)
{
    struct text text;
    if (source->get(source->arg, name, &text))
        return question_read_id(text, name, min, max, ret_number, fault);
    return !required || fault_set(fault, "missing_parameter", "The parameter %s is missing.", name);
}

static bool read_limit(const struct question_source *source, uint32_t *ret_limit, struct question_fault *fault)
{
    uint64_t limit = QUESTION_LIMIT;
    if (!read_number(source, "limit", 1, QUESTION_LIMIT_MAX, false, &limit, fault))
        return false;
    *ret_limit = (uint32_t)limit;
    return true;
}

/* One word of two: `*ret_second` says which. The first is the default. */
static bool read_word(const struct question_source *source, const char *name, const char *first, const char *second,
                      bool *ret_second, struct question_fault *fault)
{
    struct text text;
    *ret_second = false;
    if (!source->get(source->arg, name, &text) || text_is(text, first))
        return true;
    *ret_second = text_is(text, second);
    return *ret_second || fault_set(fault, "bad_parameter", "%s must be %s or %s, not \"%.*s\".", name, first, second,
                                    shown(text), text.data);
}

static bool read_layout(const struct question_source *source, const struct layout **ret_layout,
                        struct question_fault *fault)
{
    struct text text;
    char name[LAYOUT_NAME_MAX + 1] = "";
    *ret_layout = NULL;
    if (!source->get(source->arg, "layout", &text))
        return true;
    if (text.len > 0 && text.len <= LAYOUT_NAME_MAX && memchr(text.data, '\0', text.len) == NULL) {
        memcpy(name, text.data, text.len);
        *ret_layout = layout_find(name);
    }
    return *ret_layout != NULL ||
           fault_set(fault, "bad_parameter", "layout must be one of " LAYOUT_CHOICES ", not \"%.*s\".", shown(text),
                     text.data);
}

static bool refuse_unoffered(const struct question_source *source, struct question_fault *fault)
{
    static const char *const names[] = {"cursor", "after"};
    struct text text;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (source->get(source->arg, names[i], &text))
            return fault_set(fault, "bad_parameter",
                             "The parameter %s is not offered here, and an answer without regard to it could mislead: "
                             "leave it out.",
                             names[i]);
    return true;
}

bool question_read_mode(const struct question_source *source, struct question_mode *ret_mode,
                        struct question_fault *fault)
{
    return refuse_unoffered(source, fault) && read_layout(source, &ret_mode->layout, fault) &&
           read_word(source, "partial", "deny", "allow", &ret_mode->partial, fault);
}

/* The first id of that ms; ids hold 2024-01-01 and the 69 years that follow. */
static uint64_t id_at(int64_t ms)
{
    if (ms <= ID_EPOCH_MS)
        return 0;
    return ms - ID_EPOCH_MS > ID_MS_MAX ? INT64_MAX : id_pack(ms, 0, 0);
}

/* `*ret_ms` keeps its value when the parameter is not there. */
static bool read_time(const struct question_source *source, const char *name, bool *ret_there, int64_t *ret_ms,
                      struct question_fault *fault)
{
    struct text text;
    *ret_there = source->get(source->arg, name, &text);
    return !*ret_there || time_text_parse(text.data, text.len, ret_ms) ||
           fault_set(fault, "bad_parameter",
                     "%s must be a time like 2026-11-20T12:00:00Z or 2026-11-20T20:00:00%%2B08:00, not \"%.*s\".", name,
                     shown(text), text.data);
}

static bool read_range(const struct question_source *source, int64_t now_ms, struct question *question,
                       struct question_fault *fault)
{
    uint64_t hours = 0;
    int64_t from_ms = INT64_MIN, to_ms = INT64_MAX;
    bool from, to;
    if (!read_number(source, "hours", 1, QUESTION_HOURS_MAX, false, &hours, fault) ||
        !read_time(source, "from", &from, &from_ms, fault) || !read_time(source, "to", &to, &to_ms, fault))
        return false;
    if (hours > 0 && (from || to))
        return fault_set(fault, "bad_parameter", "Give hours, or from and to, but not both.");
    if ((from || to) && from_ms >= to_ms)
        return fault_set(fault, "bad_parameter", "from must be before to.");
    if (!from && !to)
        from_ms = now_ms - (int64_t)(hours > 0 ? hours : 1) * MS_PER_HOUR;
    question->begin_id = id_at(from_ms);
    question->end_id = to ? id_at(to_ms) : INT64_MAX;
    return true;
}

static bool read_subject(enum question_kind kind, struct text subject, uint64_t *ret_subject,
                         struct question_fault *fault)
{
    if (kind == QUESTION_USER)
        return question_read_id(subject, "The user id", 1, INT64_MAX, ret_subject, fault);
    if (kind == QUESTION_ROOM)
        return question_read_id(subject, "The room id", 0, UINT32_MAX, ret_subject, fault);
    return true;
}

bool question_read_list(enum question_kind kind, struct text subject, const struct question_source *source,
                        int64_t now_ms, struct question *ret_question, struct question_fault *fault)
{
    struct question question = {.kind = kind, .end_id = INT64_MAX};
    if (!read_subject(kind, subject, &question.subject, fault) || !question_read_mode(source, &question.mode, fault) ||
        !read_limit(source, &question.limit, fault) ||
        !read_word(source, "status", "ok", "all", &question.voids, fault))
        return false;
    if (kind == QUESTION_RANGE && !read_range(source, now_ms, &question, fault))
        return false;
    *ret_question = question;
    return true;
}

bool question_read_status(struct text grab_id, const struct question_source *source,
                          struct question_status *ret_question, struct question_fault *fault)
{
    struct question_status question = {0};
    if (!id_parse(grab_id.data, grab_id.len, &question.grab_id)) {
        (void)fault_set(fault, "bad_grab_id", "\"%.*s\" is no grab_id: one is a number from 1 to 2^63 - 1.",
                        shown(grab_id), grab_id.data);
        fault->status = 404;
        return false;
    }
    if (!question_read_mode(source, &question.mode, fault) ||
        !read_number(source, "user", 1, INT64_MAX, true, &question.user_id, fault) ||
        !read_number(source, "epoch", 1, INT64_MAX, true, &question.epoch, fault))
        return false;
    *ret_question = question;
    return true;
}

bool question_read_coupons(const struct question_source *source, struct question_coupons *ret_question,
                           struct question_fault *fault)
{
    struct question_coupons question = {0};
    struct text text;
    uint64_t room = 0;
    question.by_room = source->get(source->arg, "room_id", &text);
    if (!refuse_unoffered(source, fault) || !read_number(source, "room_id", 0, UINT32_MAX, false, &room, fault) ||
        !read_limit(source, &question.limit, fault))
        return false;
    question.room_id = (uint32_t)room;
    *ret_question = question;
    return true;
}

const struct layout *question_layout(enum question_kind kind)
{
    return kind == QUESTION_USER ? &layout_hash : &layout_daily;
}
