/* Questions of the query service. The first byte chooses the kind, then the path's part up to a NUL, then the query
 * string as it came, still escaped.
 *
 * Must hold: a question that is taken is bounded (rows, hours, ids of 63 bits, a range that does not end before it
 * begins), and written out plainly it is the same question; what is refused has a status of a client's fault, a code
 * and a sentence. A query string whose escapes are broken never comes here (core/http.c refuses it). */
#include "core/http_text.h"
#include "query/question.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>

enum { KINDS = 5, GETS_MAX = 64 };
#define NOW_MS INT64_C(1800000000000)

struct source {
    struct text query;
    char *copy[GETS_MAX];
    size_t count;
};

/* As http_req_query() does it. */
static bool get(const void *arg, const char *name, struct text *ret_value)
{
    struct source *source = (struct source *)(uintptr_t)arg;
    struct text raw;
    if (!http_query_find(source->query, name, &raw))
        return false;
    assert(source->count < GETS_MAX);
    char *copy = source->copy[source->count++] = fuzz_bytes((const uint8_t *)raw.data, raw.len);
    *ret_value = (struct text){copy, (size_t)http_decode(copy, raw.len, true)};
    return true;
}

static bool ask_list(enum question_kind kind, struct text subject, struct text query, struct question *ret_question,
                     struct question_fault *fault)
{
    struct source source = {.query = query};
    struct question_source from = {get, &source};
    bool good = question_read_list(kind, subject, &from, NOW_MS, ret_question, fault);
    while (source.count > 0)
        free(source.copy[--source.count]);
    return good;
}

static void check_list(const struct question *question)
{
    struct buf subject = {0}, query = {0};
    struct question again = {0};
    struct question_fault fault = {0};
    assert(question->limit >= 1 && question->limit <= QUESTION_LIMIT_MAX && question->subject <= INT64_MAX);
    assert(question->begin_id <= question->end_id && question->end_id <= INT64_MAX);
    if (question->kind == QUESTION_RANGE)
        return;
    assert(question->begin_id == 0 && question->end_id == INT64_MAX);
    const struct layout *layout = question->mode.layout;
    buf_append_u64(&subject, question->subject);
    buf_printf(&query, "limit=%" PRIu32 "&status=%s&partial=%s%s%s", question->limit, question->voids ? "all" : "ok",
               question->mode.partial ? "allow" : "deny", layout ? "&layout=" : "", layout ? layout->name : "");
    assert(ask_list(question->kind, (struct text){subject.data, subject.len}, (struct text){query.data, query.len},
                    &again, &fault));
    assert(again.subject == question->subject && again.limit == question->limit && again.voids == question->voids &&
           again.mode.partial == question->mode.partial && again.mode.layout == layout);
    buf_free(&subject);
    buf_free(&query);
}

static bool ask(int kind, struct text subject, struct text query, struct question_fault *fault)
{
    struct source source = {.query = query};
    struct question_source from = {get, &source};
    struct question list;
    struct question_status status;
    struct question_coupons coupons;
    bool good = kind <= QUESTION_RANGE       ? ask_list((enum question_kind)kind, subject, query, &list, fault)
                : kind == QUESTION_RANGE + 1 ? question_read_status(subject, &from, &status, fault)
                                             : question_read_coupons(&from, &coupons, fault);
    if (good && kind <= QUESTION_RANGE)
        check_list(&list);
    else if (good && kind == QUESTION_RANGE + 1)
        assert(status.grab_id >= 1 && status.grab_id <= INT64_MAX && status.user_id >= 1 && status.epoch >= 1);
    else if (good)
        assert(coupons.limit >= 1 && coupons.limit <= QUESTION_LIMIT_MAX && (coupons.by_room || coupons.room_id == 0));
    while (source.count > 0)
        free(source.copy[--source.count]);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct question_fault fault = {0};
    int kind = fuzz_byte(&input) % KINDS;
    size_t subject_len, len;
    char *subject = fuzz_text(&input, &subject_len), *raw = fuzz_text(&input, &len);
    char *query = fuzz_bytes((const uint8_t *)raw, len);
    struct text text = {query, len};
    if (http_escapes_valid(text) && !ask(kind, (struct text){subject, subject_len}, text, &fault))
        assert((fault.status == 422 || fault.status == 404) && fault.code[0] != '\0' && fault.detail[0] != '\0');
    free(subject);
    free(raw);
    free(query);
    return 0;
}
