/* A question's source made of a list "name=value&name=value", already decoded: what the tests of query/ ask with. */
#ifndef WEIR_TESTS_UNIT_QUERY_QUESTION_FIXTURE_H
#define WEIR_TESTS_UNIT_QUERY_QUESTION_FIXTURE_H

#include "query/question.h"
#include <string.h>

static inline bool fixture_get(const void *arg, const char *name, struct text *ret_value)
{
    size_t name_len = strlen(name);
    for (const char *at = arg; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "&");
        if (len > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            *ret_value = (struct text){at + name_len + 1, len - name_len - 1};
            return true;
        }
        at += len + (at[len] == '&');
    }
    return false;
}

static inline struct question_source fixture_source(const char *query)
{
    return (struct question_source){.get = fixture_get, .arg = query};
}

static inline struct text fixture_text(const char *text)
{
    return (struct text){text, strlen(text)};
}

#endif
