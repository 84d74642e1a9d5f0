#include "sim/sim_planted.h"

#include "core/planted.h"
#include "sim/sim_replay.h"

#include <inttypes.h>
#include <string.h>

static const char *const names[] = {
    "success_before_report",    "release_on_possibly_persisted",
    "offset_before_rows",       "progress_without_owner",
    "rebuild_without_wait",     "no_barrier",
    "newest_barrier",           "stock_from_configuration",
    "claims_not_rebuilt",       "pending_kept_by_rebuild",
    "late_success_unconfirmed", "confirm_looks_at_grab_alone",
    "cancel_at_once",           "pending_answered_success",
    "release_of_shown",         "reserve_sent_again",
    "restock_by_incrby",        "no_second_look",
    "id_spans_overlap",         "limit_after_decrement",
    "last_record_wins",         "batch_settled_by_one_part",
};
enum { NAMES = sizeof names / sizeof *names };

bool sim_knows_planted(const char *name)
{
    for (int i = 0; i < NAMES; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

void sim_choose_planted(const char *name)
{
    planted_choose(name);
}

static void print_json(const char *name, const struct jobs_result *result, bool same, const char *comma)
{
    printf("%s{\"planted\":\"%s\",\"found_by\":", comma, name);
    if (result->failed)
        printf("\"%s\",\"seed\":%" PRIu64 ",\"same_alone\":%s", result->violation.what, result->seed,
               same ? "true" : "false");
    else
        fputs("null,\"seed\":null", stdout);
    printf(",\"schedules\":%" PRIu64 ",\"seconds\":%.1f}", result->seeds, result->seconds);
}

/* By a check: a simulation that died of the mistake has checked nothing. */
static bool is_found(const struct jobs_result *result)
{
    return result->failed && strcmp(result->violation.what, JOBS_CRASHED) != 0;
}

static void print_line(const char *name, const struct jobs_result *result)
{
    printf("%-30s  ", name);
    if (result->failed)
        printf("%-8s  seed %-7" PRIu64, result->violation.what, result->seed);
    else
        printf("%-8s  %-12s", "NOT FOUND", "");
    printf("  %6" PRIu64 " schedules  %5.1f s  %s\n", result->seeds, result->seconds, result->violation.text);
    fflush(stdout);
}

int sim_planted_all(const struct jobs_options *options, bool json)
{
    static struct jobs_result result;
    int missing = 0, others = 0;
    if (json)
        putchar('[');
    for (int i = 0; i < NAMES; i++) {
        struct jobs_options one = *options;
        one.planted = one.name = names[i];
        jobs_run(&one, &result);
        bool same = result.failed && replay_failed(&one, &result);
        missing += !is_found(&result);
        others += result.failed && !same;
        if (json)
            print_json(names[i], &result, same, i > 0 ? "," : "");
        else
            print_line(names[i], &result);
    }
    if (json)
        puts("]");
    else
        printf("%d planted bugs, %d not found; %d of the seeds that found one ran alone as before\n", NAMES, missing,
               NAMES - missing - others);
    return missing == 0 && others == 0 ? 0 : 1;
}
