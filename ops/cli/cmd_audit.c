/* weir audit: I1 to I8 from outside; see audit.h for what is compared and why it may be while load goes on. */
#include "core/clock.h"
#include "ops/cli/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { EXIT_DISAGREES = 1, REST_WAIT_S = 60, REST_STEP_MS = 300, MEMORY_MB_MAX = 1 << 20, LIMIT_MAX = 1000000 };

#define FIELD(field_) offsetof(struct audit_options, field_)

static const struct cli_option option_rows[] = {
    {.name = "rest",
     .type = CLI_FLAG,
     .offset = FIELD(rest),
     .help = "wait until nothing moves any more, and check what must hold then"},
    {.name = "wait-s",
     .type = CLI_NUMBER,
     .offset = FIELD(wait_s),
     .min = 0,
     .max = 86400,
     .argument = "N",
     .help = "how long --rest waits, s (60)"},
    {.name = "history",
     .type = CLI_TEXT,
     .offset = FIELD(history),
     .argument = "FILE",
     .help = "what clients were told, as weir-storm --history writes it: whole, and all that its users asked"},
    {.name = "limit",
     .type = CLI_NUMBER,
     .offset = FIELD(limit),
     .min = 0,
     .max = LIMIT_MAX,
     .argument = "N",
     .help = "disagreements to print; all are counted (100)"},
    {.name = "memory-mb",
     .type = CLI_NUMBER,
     .offset = FIELD(memory_mb),
     .min = 1,
     .max = MEMORY_MB_MAX,
     .argument = "N",
     .help = "of the grabs that are held at once, MiB; more passes when they are more (256)"},
    {.name = "json", .type = CLI_FLAG, .offset = FIELD(json), .help = "print one JSON object"},
};

static uint64_t memory_peak_kb(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss;
}

static void cut_json(const struct audit *audit, int32_t partition, struct buf *json)
{
    const struct audit_part *part = &audit->part[partition];
    buf_printf(json, "%s{\"partition\":%d,\"begin\":%" PRId64 ",\"end\":%" PRId64 ",\"progress\":{",
               partition > 0 ? "," : "", (int)partition, part->low, part->cut);
    for (size_t i = 0; i < audit->layout_count; i++)
        buf_printf(json, "%s\"%s\":%" PRId64, i > 0 ? "," : "", audit->layouts[i].keys->layout->name,
                   audit->layouts[i].progress[partition].next_offset);
    buf_append_str(json, "}}");
}

static uint64_t rows_of(const struct audit *audit)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < audit->layout_count; i++)
        rows += audit->layouts[i].rows;
    return rows;
}

static void show_json(const struct audit *audit, int64_t took_ms)
{
    struct buf json = {0};
    buf_printf(&json, "{\"at_rest\":%s,\"not_at_rest\":", audit->at_rest ? "true" : "false");
    buf_append_json(&json, audit->why_not, strlen(audit->why_not));
    buf_printf(&json,
               ",\"records\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"claims\":%" PRIu64
               ",\"coupons\":%zu,\"history\":%zu,\"passes\":%u,\"took_ms\":%" PRId64 ",\"memory_peak_kb\":%" PRIu64
               ",\"epoch\":%" PRIu64 ",",
               audit->records, rows_of(audit), audit->claims, audit->coupon_count, audit->line_count, audit->slices,
               took_ms, memory_peak_kb(), audit->meta.epoch);
    audit_report_json(&audit->report, &json);
    buf_append_str(&json, ",\"cut\":[");
    for (int32_t p = 0; p < audit->partitions; p++)
        cut_json(audit, p, &json);
    buf_append_str(&json, "]}\n");
    fputs(json.data, stdout);
    buf_free(&json);
}

static void show_text(const struct audit *audit, int64_t took_ms)
{
    struct buf text = {0};
    audit_report_text(&audit->report, &text);
    buf_printf(&text,
               "%" PRIu64 " records, %" PRIu64 " rows, %" PRIu64 " claims of %zu coupons in %.1f s, %u pass%s, %" PRIu64
               " MB: ",
               audit->records, rows_of(audit), audit->claims, audit->coupon_count, (double)took_ms / 1000,
               audit->slices, audit->slices == 1 ? "" : "es", memory_peak_kb() / 1024);
    if (audit->at_rest)
        buf_append_str(&text, "at rest; ");
    else
        buf_printf(&text, "not at rest (%s); ", audit->why_not);
    audit_report_verdict(&audit->report, &text);
    buf_append_char(&text, '\n');
    fputs(text.data, stdout);
    buf_free(&text);
}

static int show(const struct audit *audit, int64_t took_ms)
{
    if (audit->options->json)
        show_json(audit, took_ms);
    else
        show_text(audit, took_ms);
    fflush(stdout);
    return audit_report_agrees(&audit->report) ? 0 : EXIT_DISAGREES;
}

/* Once; with --rest again until it was at rest. What disagrees without rest may be gone with it, for parts that come
 * back late have their time (I4); so it is shown only when there is no rest in time. */
static bool run_until(struct audit *audit, const struct cli_config *config, const struct audit_options *options,
                      struct err *err)
{
    const int64_t deadline_ms = clock_boottime_ms() + options->wait_s * 1000;
    for (;;) {
        const bool last = !options->rest || clock_boottime_ms() >= deadline_ms;
        *audit = (struct audit){.config = config, .options = options, .again = !last};
        if (!audit_run(audit, err))
            return false;
        if (!options->rest || audit->at_rest)
            return true;
        if (last)
            return audit_report_total(&audit->report) > 0 ||
                   err_set(err, ERR_CONFLICT, "not at rest within %" PRId64 " s: %s", options->wait_s, audit->why_not);
        audit_free(audit);
        clock_sleep_ms(REST_STEP_MS);
    }
}

/* An option that would be passed over is refused: whoever gave it means something else than what would be done. */
static bool options_fit(struct audit_options *options, struct err *err)
{
    if (options->wait_s >= 0 && !options->rest)
        return err_set(err, ERR_USAGE, "--wait-s is how long --rest waits; without --rest nothing waits so long");
    options->wait_s = options->wait_s < 0 ? REST_WAIT_S : options->wait_s;
    return true;
}

static int run(const struct cli_config *config, const struct cli_command *command, int argc, char **argv)
{
    struct audit_options options = {.memory_mb = 256, .limit = 100, .wait_s = -1};
    struct err err = {0};
    char **words;
    size_t count;
    enum cli_outcome outcome = cli_options_parse(command, argc, argv, &options, &words, &count, &err);
    if (outcome != CLI_RUN)
        return outcome == CLI_DONE ? 0 : cli_fail(command, &err);
    if (!options_fit(&options, &err))
        return cli_fail(command, &err);
    const int64_t begun_ms = clock_boottime_ms();
    struct audit *audit = mem_alloc(sizeof *audit);
    int code = run_until(audit, config, &options, &err) ? show(audit, clock_boottime_ms() - begun_ms)
                                                        : cli_fail(command, &err);
    audit_free(audit);
    free(audit);
    return code;
}

const struct cli_command cmd_audit = {
    .name = "audit",
    .usage = "",
    .summary = "Holds log, tables and Redis against one another (I1 to I8), at rest or under load; exit code 1 when "
               "something disagrees or could not be judged.",
    .options = option_rows,
    .option_count = sizeof option_rows / sizeof *option_rows,
    .run = run,
};
