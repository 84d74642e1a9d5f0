/* weir coupon: the admin API through the front door, for people. The catalog has the change when it returns; 202 means
 * that the keeper has not carried it to the stock yet. */
#include "ops/cli/cli.h"
#include "ops/cli/coupon_request.h"
#include "ops/cli/http_call.h"
#include "schemas/catalog.h"

#include <stdio.h>
#include <string.h>

#define AT(field_) offsetof(struct coupon_options, field_)

static const struct cli_option option_rows[] = {
    {.name = "room",
     .type = CLI_NUMBER,
     .offset = AT(room),
     .max = UINT32_MAX,
     .argument = "N",
     .help = "create: the room"},
    {.name = "title", .type = CLI_TEXT, .offset = AT(title), .argument = "TEXT", .help = "create: what people see"},
    {.name = "total",
     .type = CLI_NUMBER,
     .offset = AT(total),
     .min = 1,
     .max = INT64_C(1000000000000),
     .argument = "N",
     .help = "create: units"},
    {.name = "id",
     .type = CLI_NUMBER,
     .offset = AT(id),
     .min = 1,
     .max = COUPON_ID_CHOSEN_MAX,
     .argument = "N",
     .help = "create: its id (the next one)"},
    {.name = "limit",
     .type = CLI_NUMBER,
     .offset = AT(limit),
     .min = 1,
     .max = 1000,
     .argument = "N",
     .help = "create: units a user (1)"},
    {.name = "opens-at",
     .type = CLI_TEXT,
     .offset = AT(opens_at),
     .argument = "TIME",
     .help = "create: RFC 3339, as 2026-11-20T12:00:00+08:00 (at once)"},
    {.name = "ends-at",
     .type = CLI_TEXT,
     .offset = AT(ends_at),
     .argument = "TIME",
     .help = "create: the same (never)"},
    {.name = "gate", .type = CLI_TEXT, .offset = AT(gate), .argument = "WORD", .help = "create: open or closed (open)"},
    {.name = "hold-ms",
     .type = CLI_NUMBER,
     .offset = AT(hold_ms),
     .min = 1000,
     .max = 600000,
     .argument = "N",
     .help = "create: the hold, ms (10000)"},
    {.name = "description",
     .type = CLI_TEXT,
     .offset = AT(description),
     .argument = "TEXT",
     .help = "create: large text, kept apart"},
    {.name = "terms",
     .type = CLI_TEXT,
     .offset = AT(terms),
     .argument = "TEXT",
     .help = "create: large text, kept apart"},
    {.name = "add",
     .type = CLI_NUMBER,
     .offset = AT(add),
     .min = 1,
     .max = INT64_C(1000000000000),
     .argument = "N",
     .help = "restock: units to add"},
    {.name = "json", .type = CLI_FLAG, .offset = AT(json), .help = "print the server's answer as it is"},
};

static bool ask(const struct cli_config *config, const struct coupon_request *request, int *ret_status,
                struct buf *ret_body, struct err *err)
{
    struct buf url = {0};
    size_t len = strlen(config->front_url);
    if (request->admin && !*config->admin_token)
        return err_set(
            err, ERR_USAGE,
            "admin.token is not set; give it in the settings file, as WEIR_ADMIN_TOKEN or WEIR_ADMIN_TOKEN_FILE");
    buf_append(&url, config->front_url, len > 0 && config->front_url[len - 1] == '/' ? len - 1 : len);
    buf_append(&url, request->path.data, request->path.len);
    struct http_call call = {.method = request->method,
                             .url = url.data,
                             .json = request->body.len > 0 ? request->body.data
                                     : request->admin      ? ""
                                                           : NULL,
                             .token = request->admin ? config->admin_token : NULL,
                             .if_sent = request->admin ? COUPON_MAY_BE_DONE : NULL,
                             .timeout_ms = config->timeout_ms};
    bool done = http_call(&call, ret_status, ret_body, err) &&
                coupon_answer_check(request->admin, *ret_status, ret_body->data, err);
    buf_free(&url);
    return done;
}

static void show(const struct coupon_options *options, const char *verb, int status, const struct buf *body)
{
    struct buf text = {0};
    if (options->json) {
        printf("%s\n", body->data ? body->data : "");
        return;
    }
    coupon_answer_render(body->data ? body->data : "", &text);
    if (status == 202)
        printf("%s: written to the catalog, not carried to the stock yet; the keeper does it as soon as it runs\n",
               verb);
    else if (status == 201)
        printf("%s: made, and on sale by its gate and window\n", verb);
    else if (strcmp(verb, "show") != 0)
        printf("%s: done, and carried to the stock\n", verb);
    fputs(text.data ? text.data : "", stdout);
    buf_free(&text);
}

/* The stock is another answer of the same coupon; without Redis there is none, and the row is still worth showing. */
static void show_stock(const struct cli_config *config, const struct coupon_options *options, const char *id)
{
    struct coupon_request request = {.method = "GET"};
    struct buf body = {0};
    struct err err = {0};
    int status = 0;
    buf_printf(&request.path, "/api/coupon/%s/stock", id);
    if (ask(config, &request, &status, &body, &err))
        show(options, "show", status, &body);
    else if (!options->json)
        printf("  %-16s %s\n", "stock", err.text);
    coupon_request_free(&request);
    buf_free(&body);
}

static bool carry_out(const struct cli_config *config, const struct coupon_options *options, char **words, size_t count,
                      struct err *err)
{
    struct coupon_request request;
    struct buf body = {0};
    int status = 0;
    bool done = coupon_request_make(options, words, count, &request, err) && ask(config, &request, &status, &body, err);
    if (done)
        show(options, words[0], status, &body);
    if (done && strcmp(words[0], "show") == 0)
        show_stock(config, options, words[1]);
    coupon_request_free(&request);
    buf_free(&body);
    return done;
}

static int run(const struct cli_config *config, const struct cli_command *command, int argc, char **argv)
{
    struct coupon_options options = {.room = -1};
    struct err err = {0};
    char **words;
    size_t count;
    enum cli_outcome outcome = cli_options_parse(command, argc, argv, &options, &words, &count, &err);
    if (outcome == CLI_DONE)
        return 0;
    bool done = outcome == CLI_RUN && carry_out(config, &options, words, count, &err);
    return done ? 0 : cli_fail(command, &err);
}

const struct cli_command cmd_coupon = {
    .name = "coupon",
    .usage = " create | restock ID | open ID | close ID | show ID",
    .summary = "Makes, restocks, opens, closes or shows a coupon, through the admin API at front.url.",
    .options = option_rows,
    .option_count = sizeof option_rows / sizeof *option_rows,
    .words_min = 1,
    .words_max = 2,
    .run = run,
};
