/* Parsing in three steps: getopt_long over the rows, a setter a row, then the rules between options and what follows
 * from them. A setter answers NULL or the end of a sentence; the caller puts the option's name before it. */
#include "bench/storm/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_type { OPTION_NUMBER, OPTION_TEXT, OPTION_FLAG, OPTION_SCENARIO };

struct option_row {
    const char *name;
    enum option_type type;
    size_t offset;
    uint64_t min, max; /* of a number */
    const char *argument;
    const char *help;
};

#define AT(field) offsetof(struct options, field)

static const struct option_row option_rows[] = {
    {.name = "url",
     .type = OPTION_TEXT,
     .offset = AT(url),
     .argument = "URL",
     .help = "http://127.0.0.1:PORT, localhost or [::1]; no other host (http://127.0.0.1:8080)"},
    {.name = "scenario",
     .type = OPTION_SCENARIO,
     .offset = AT(scenario),
     .argument = "NAME",
     .help = "mix (5 normal, 3 hotroom, 1 crossshard, 1 admin), one of these, or grab: --coupon by each user in one "
             "turn (mix)"},
    {.name = "rate",
     .type = OPTION_NUMBER,
     .offset = AT(rate),
     .min = 1,
     .max = SCHEDULE_RATE_MAX,
     .argument = "N",
     .help = "requests a second, sent on time whatever the answers do (1000)"},
    {.name = "seconds",
     .type = OPTION_NUMBER,
     .offset = AT(seconds),
     .min = 1,
     .max = SCHEDULE_SECONDS_MAX,
     .argument = "N",
     .help = "length of the run (10; scenario grab: until each user has had a turn)"},
    {.name = "count",
     .type = OPTION_NUMBER,
     .offset = AT(count),
     .min = 1,
     .max = SCHEDULE_COUNT_MAX,
     .argument = "N",
     .help = "number of requests, in place of --seconds"},
    {.name = "connections",
     .type = OPTION_NUMBER,
     .offset = AT(connections),
     .min = 1,
     .max = OPTIONS_CONNECTIONS_MAX,
     .argument = "N",
     .help = "open at most; a request that finds none free waits, and its latency counts on (64)"},
    {.name = "users",
     .type = OPTION_NUMBER,
     .offset = AT(users),
     .min = 1,
     .max = 1000000000,
     .argument = "N",
     .help = "how many users there are (100000)"},
    {.name = "user-first",
     .type = OPTION_NUMBER,
     .offset = AT(user_first),
     .min = 1,
     .max = 1000000000000000,
     .argument = "ID",
     .help = "the first of them (1)"},
    {.name = "clicks",
     .type = OPTION_NUMBER,
     .offset = AT(clicks),
     .min = 1,
     .max = 10,
     .argument = "N",
     .help = "scenario grab: each user sends the same try N times, one after the other (1)"},
    {.name = "coupon",
     .type = OPTION_NUMBER,
     .offset = AT(coupon),
     .min = 1,
     .max = 1000000000000000,
     .argument = "ID",
     .help = "every grab is for this coupon (drawn from the seed data's 500)"},
    {.name = "room",
     .type = OPTION_NUMBER,
     .offset = AT(room),
     .min = 1,
     .max = 1000000000000000,
     .argument = "ID",
     .help = "every request names this room; grabs draw from its five coupons (drawn from 100)"},
    {.name = "seed",
     .type = OPTION_NUMBER,
     .offset = AT(seed),
     .min = 1,
     .max = UINT64_MAX,
     .argument = "N",
     .help = "repeats the draws of an earlier run (a fresh one, printed at the end)"},
    {.name = "burst",
     .type = OPTION_FLAG,
     .offset = AT(burst),
     .help = "all requests are due at once; in place of --rate"},
    {.name = "try-keys",
     .type = OPTION_FLAG,
     .offset = AT(try_keys),
     .help = "send an Idempotency-Key of its own with each try"},
    {.name = "timeout-ms",
     .type = OPTION_NUMBER,
     .offset = AT(timeout_ms),
     .min = 1,
     .max = 60000,
     .argument = "N",
     .help = "a sent request without an answer by then is lost (5000)"},
    {.name = "drain-ms",
     .type = OPTION_NUMBER,
     .offset = AT(drain_ms),
     .min = 1,
     .max = 600000,
     .argument = "N",
     .help = "after the last due time, how long waiting requests are still sent (30000)"},
    {.name = "json",
     .type = OPTION_TEXT,
     .offset = AT(json_path),
     .argument = "FILE",
     .help = "write the result as one object"},
    {.name = "history",
     .type = OPTION_TEXT,
     .offset = AT(history_path),
     .argument = "FILE",
     .help = "write one JSON line a grab"},
    {.name = "quiet", .type = OPTION_FLAG, .offset = AT(quiet), .help = "no progress line; the summary stays"},
    {.name = "help", .type = OPTION_FLAG, .offset = AT(help), .help = "this text"},
    {.name = "version", .type = OPTION_FLAG, .offset = AT(version), .help = "the version"},
};

enum { OPTION_ROWS = sizeof option_rows / sizeof option_rows[0] };

static const char *set_number(const char *text, const struct option_row *row, uint64_t *ret_value, struct buf *sentence)
{
    char *end = NULL;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < row->min || value > row->max) {
        buf_printf(sentence, "must be a whole number from %" PRIu64 " to %" PRIu64, row->min, row->max);
        return sentence->data;
    }
    *ret_value = value;
    return NULL;
}

static const char *set_one(const struct option_row *row, const char *text, struct options *o, struct buf *sentence)
{
    void *field = (char *)o + row->offset;
    switch (row->type) {
    case OPTION_NUMBER:
        return set_number(text, row, field, sentence);
    case OPTION_FLAG:
        *(bool *)field = true;
        return NULL;
    case OPTION_TEXT:
        *(const char **)field = text;
        return text[0] != '\0' ? NULL : "must not be empty";
    case OPTION_SCENARIO:
        return scenario_find(text, field) ? NULL : "must be mix, normal, hotroom, crossshard, admin or grab";
    }
    return "is not settable";
}

static bool set_row(const struct option_row *row, const char *text, struct options *o, struct err *err)
{
    struct buf sentence = {0};
    const char *wrong = set_one(row, text, o, &sentence);
    if (wrong != NULL) {
        err_set(err, ERR_USAGE, "--%s: %s (it is '%s')", row->name, wrong, text);
    }
    buf_free(&sentence);
    return wrong == NULL;
}

static void fill_getopt(struct option ret_long[OPTION_ROWS + 1])
{
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        int has_argument = option_rows[i].type == OPTION_FLAG ? no_argument : required_argument;
        ret_long[i] = (struct option){.name = option_rows[i].name, .has_arg = has_argument, .val = (int)(256 + i)};
    }
    ret_long[OPTION_ROWS] = (struct option){.name = NULL};
}

/* Steps 1 and 2: the words of the command line. */
static bool take_words(int argc, char **argv, struct options *o, struct err *err)
{
    struct option long_options[OPTION_ROWS + 1];
    fill_getopt(long_options);
    opterr = 0;
    optind = 0; /* glibc: start over, so that a test may call this twice */
    int found;
    while ((found = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
        if (found == ':') {
            return err_set(err, ERR_USAGE, "%s needs a value; see --help", argv[optind - 1]);
        }
        if (found < 256) {
            return err_set(err, ERR_USAGE, "%s is not an option, or is one without a value; see --help",
                           argv[optind - 1]);
        }
        if (!set_row(&option_rows[found - 256], optarg, o, err)) {
            return false;
        }
    }
    if (optind < argc) {
        return err_set(err, ERR_USAGE, "'%s' is not understood: everything is said by options; see --help",
                       argv[optind]);
    }
    return true;
}

static bool check_pairs(const struct options *o, struct err *err)
{
    if (o->seconds > 0 && o->count > 0) {
        return err_set(err, ERR_USAGE, "--seconds and --count exclude each other: give one");
    }
    if (o->burst && (o->rate > 0 || o->seconds > 0)) {
        return err_set(err, ERR_USAGE, "--burst has neither --rate nor --seconds: say how many with --count");
    }
    bool is_grab = o->scenario == SCENARIO_GRAB;
    if (is_grab && o->coupon == 0) {
        return err_set(err, ERR_USAGE, "--scenario grab needs --coupon");
    }
    if (is_grab && o->count > o->users * o->clicks) {
        return err_set(err, ERR_USAGE,
                       "--count is above --users times --clicks: in scenario grab each user has one turn");
    }
    if (!is_grab && o->clicks > 1) {
        return err_set(err, ERR_USAGE, "--clicks is for --scenario grab");
    }
    if (o->burst && o->count == 0 && !is_grab) {
        return err_set(err, ERR_USAGE, "--burst needs --count");
    }
    return true;
}

/* Step 3: the count follows from the rest. */
static bool settle_count(struct options *o, struct err *err)
{
    bool is_grab = o->scenario == SCENARIO_GRAB;
    uint64_t turns = o->users * o->clicks;
    if (!o->burst && o->rate == 0) {
        o->rate = 1000;
    }
    if (o->count == 0 && is_grab && o->seconds == 0) {
        o->count = turns;
    } else if (o->count == 0) {
        o->count = o->rate * (o->seconds > 0 ? o->seconds : 10);
        o->count = is_grab && o->count > turns ? turns : o->count;
    }
    if (o->count > SCHEDULE_COUNT_MAX) {
        return err_set(err, ERR_USAGE,
                       "%" PRIu64
                       " requests are too many for one run: at most %llu (--rate times --seconds, or --users)",
                       o->count, SCHEDULE_COUNT_MAX);
    }
    if (o->rate > 0 && o->count / o->rate > SCHEDULE_SECONDS_MAX) {
        return err_set(err, ERR_USAGE, "the run would last %" PRIu64 " s: at most %llu (--count by --rate)",
                       o->count / o->rate, SCHEDULE_SECONDS_MAX);
    }
    return true;
}

bool options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
    struct options o = {.url = "http://127.0.0.1:8080",
                        .scenario = SCENARIO_MIX,
                        .connections = 64,
                        .users = 100000,
                        .user_first = 1,
                        .clicks = 1,
                        .timeout_ms = 5000,
                        .drain_ms = 30000};
    if (!take_words(argc, argv, &o, err)) {
        return false;
    }
    bool is_question = o.help || o.version;
    if (!is_question && !(target_parse(o.url, &o.target, err) && check_pairs(&o, err) && settle_count(&o, err))) {
        return false;
    }
    *ret_options = o;
    return true;
}

void options_help(struct buf *out)
{
    buf_append_str(out,
                   "Usage: weir-storm [OPTION…]\n"
                   "Sends requests to a Weir on this machine on a schedule that does not wait for answers, and says\n"
                   "what became of them. Latency counts from the time at which a request was meant to be sent.\n\n");
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        const struct option_row *row = &option_rows[i];
        char name[40];
        snprintf(name, sizeof name, "--%s%s%s", row->name, row->argument != NULL ? " " : "",
                 row->argument != NULL ? row->argument : "");
        buf_printf(out, "  %-18s %s\n", name, row->help);
    }
    buf_append_str(out,
                   "\nExit: 0 done; 1 interrupted, a file not written, or more than half of the requests without an\n"
                   "answer; 2 wrong usage; 3 the target cannot be reached.\n");
}
