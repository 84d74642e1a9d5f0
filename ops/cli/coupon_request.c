#include "ops/cli/coupon_request.h"
#include "ops/cli/cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_number(json_t *object, const char *name, int64_t number)
{
    if (number > 0)
        json_object_set_new(object, name, json_integer(number));
}

static bool set_text(json_t *object, const char *name, const char *text, struct err *err)
{
    if (!text)
        return true;
    json_t *value = json_string(text);
    return value ? json_object_set_new(object, name, value) == 0
                 : err_set(err, ERR_USAGE, "The %s is not UTF-8 text", name);
}

static bool fill_create(const struct coupon_options *options, json_t *object, struct err *err)
{
    if (!options->title || options->total == 0 || options->room < 0)
        return err_set(err, ERR_USAGE, "create needs --room N, --title TEXT and --total N");
    json_object_set_new(object, "room_id", json_integer(options->room));
    set_number(object, "coupon_id", options->id);
    set_number(object, "total", options->total);
    set_number(object, "per_user_limit", options->limit);
    set_number(object, "hold_ms", options->hold_ms);
    return set_text(object, "title", options->title, err) && set_text(object, "opens_at", options->opens_at, err) &&
           set_text(object, "ends_at", options->ends_at, err) && set_text(object, "gate", options->gate, err) &&
           set_text(object, "description", options->description, err) && set_text(object, "terms", options->terms, err);
}

static void take_body(json_t *object, struct buf *ret_body)
{
    char *text = json_dumps(object, JSON_COMPACT);
    buf_append_str(ret_body, text ? text : "");
    free(text);
}

static bool make_create(const struct coupon_options *options, struct coupon_request *request, struct err *err)
{
    json_t *object = json_object();
    bool done = fill_create(options, object, err);
    if (done)
        take_body(object, &request->body);
    json_decref(object);
    buf_append_str(&request->path, "/admin/coupons");
    return done;
}

static bool make_restock(const struct coupon_options *options, struct coupon_request *request, struct err *err)
{
    if (options->add == 0)
        return err_set(err, ERR_USAGE, "restock needs --add N, the units to add; totals only grow");
    buf_printf(&request->body, "{\"add\":%" PRId64 "}", options->add);
    return true;
}

static bool make_for_id(const struct coupon_options *options, const char *verb, uint64_t id,
                        struct coupon_request *request, struct err *err)
{
    if (strcmp(verb, "show") == 0) {
        request->method = "GET";
        request->admin = false;
        buf_printf(&request->path, "/api/coupon/%" PRIu64, id);
        return true;
    }
    buf_printf(&request->path, "/admin/coupons/%" PRIu64 "/%s", id, verb);
    return strcmp(verb, "restock") != 0 || make_restock(options, request, err);
}

/* An option that would be passed over is refused: whoever gave it means something else than what would be done. */
static bool options_fit(const struct coupon_options *options, const char *verb, struct err *err)
{
    const bool of_create = options->id > 0 || options->room >= 0 || options->total > 0 || options->limit > 0 ||
                           options->hold_ms > 0 || options->title || options->opens_at || options->ends_at ||
                           options->gate || options->description || options->terms;
    if (of_create && strcmp(verb, "create") != 0)
        return err_set(err, ERR_USAGE, "%s takes none of create's options; see weir coupon --help", verb);
    return options->add == 0 || strcmp(verb, "restock") == 0 ||
           err_set(err, ERR_USAGE, "--add is restock's; %s does not take it", verb);
}

bool coupon_request_make(const struct coupon_options *options, char *const *words, size_t count,
                         struct coupon_request *ret_request, struct err *err)
{
    static const char *const verbs[] = {"create", "restock", "open", "close", "show"};
    size_t at = 0;
    uint64_t id = 0;
    *ret_request = (struct coupon_request){.method = "POST", .admin = true};
    while (at < sizeof verbs / sizeof *verbs && strcmp(verbs[at], words[0]) != 0)
        at++;
    if (at == sizeof verbs / sizeof *verbs)
        return err_set(err, ERR_USAGE, "\"%.40s\" is none of create, restock, open, close, show", words[0]);
    if (!options_fit(options, words[0], err))
        return false;
    if (at == 0)
        return count == 1 ? make_create(options, ret_request, err)
                          : err_set(err, ERR_USAGE, "create takes no id behind it; give --id N to choose one");
    if (count != 2 || !cli_parse_u64(words[1], &id) || id == 0)
        return err_set(err, ERR_USAGE, "%s needs the coupon's id behind it, as in weir coupon %s 7", words[0],
                       words[0]);
    return make_for_id(options, words[0], id, ret_request, err);
}

void coupon_request_free(struct coupon_request *request)
{
    buf_free(&request->path);
    buf_free(&request->body);
}

/* What to do, by status; the server's own words come first. */
static const struct {
    int status;
    enum err_kind kind;
    const char *advice;
} statuses[] = {
    {400, ERR_USAGE, "mend the request"},
    {401, ERR_USAGE, "set admin.token to the token that the server has"},
    {403, ERR_USAGE, "the server has no admin.token: set one there"},
    {404, ERR_MISSING, "look at the id; weir coupon create makes a coupon"},
    {409, ERR_CONFLICT, "choose another id, or leave --id out"},
    {413, ERR_USAGE, "shorten the texts"},
    {422, ERR_USAGE, "mend the value"},
    {429, ERR_OUTAGE, "try again later"},
    {502, ERR_OUTAGE, "the service behind the front door is away: see weir status"},
    {503, ERR_OUTAGE, "a part is away: see weir status"},
    {504, ERR_OUTAGE, "no answer in time: see weir status"},
};

/* 503 is said before anything is sent on, or with words of its own; any other of these may come behind the COMMIT. */
static bool may_be_done(bool admin, int status)
{
    return admin && status >= 500 && status != 503;
}

/* "detail" of a problem, else its "title", else nothing. */
static void append_detail(const char *body, struct buf *ret_text)
{
    json_t *problem = json_loads(body, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    if (!detail)
        detail = json_string_value(json_object_get(problem, "title"));
    if (detail)
        buf_printf(ret_text, ": %.300s", detail);
    json_decref(problem);
}

bool coupon_answer_check(bool admin, int status, const char *body, struct err *err)
{
    size_t at = 0, count = sizeof statuses / sizeof *statuses;
    struct buf detail = {0};
    if (status >= 200 && status < 300)
        return true;
    while (at < count && statuses[at].status != status)
        at++;
    append_detail(body ? body : "", &detail);
    const enum err_kind kind = at < count ? statuses[at].kind : status >= 500 ? ERR_OUTAGE : ERR_INTERNAL;
    const char *advice = may_be_done(admin, status) ? COUPON_MAY_BE_DONE : at < count ? statuses[at].advice : NULL;
    err_set(err, kind, "the server answered %d%s%s%s%s", status, detail.len > 0 ? detail.data : "", advice ? " (" : "",
            advice ? advice : "", advice ? ")" : "");
    buf_free(&detail);
    return false;
}

void coupon_answer_render(const char *body, struct buf *ret_text)
{
    const char *name;
    json_t *value, *object = json_loads(body, 0, NULL);
    if (!json_is_object(object))
        buf_printf(ret_text, "%s\n", body);
    json_object_foreach(object, name, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        if (strcmp(name, "success") != 0)
            buf_printf(ret_text, "  %-16s %s\n", name,
                       json_is_string(value) ? json_string_value(value)
                       : text                ? text
                                             : "");
        free(text);
    }
    json_decref(object);
}
