/* A history of weir-storm (JSON lines) against the fold: what was told to clients. It must hold all that its users ever
 * asked of its coupons; a success and a 202 name their grab, a refusal is one of user and coupon, and a request without
 * an answer may have become anything, but one grab at most. */
#include "ops/cli/audit.h"
#include "protocol/ids.h"
#include "schemas/partition.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines ---- */

static uint64_t number_of(const json_t *line, const char *name)
{
    json_int_t number = json_integer_value(json_object_get(line, name));
    return number > 0 ? (uint64_t)number : 0;
}

static const char *text_of(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text ? text : "";
}

static enum audit_told told_of(const json_t *line)
{
    json_int_t status = json_integer_value(json_object_get(line, "status"));
    if (status == 200)
        return number_of(line, "grab_status") == 1 ? AUDIT_TOLD_SUCCESS : AUDIT_TOLD_REFUSED;
    if (status == 202)
        return AUDIT_TOLD_UNKNOWN;
    if (status == 408) /* the front door's word for a request that did not arrive, or not whole */
        return AUDIT_TOLD_NOTHING;
    return status == 503 || (status >= 400 && status < 500) ? AUDIT_TOLD_REFUSED : AUDIT_TOLD_NOTHING;
}

static bool fill_line(const json_t *json, struct audit_line *line, struct err *err)
{
    const char *grab = text_of(json, "grab_id"), *epoch = strstr(text_of(json, "location"), "epoch=");
    line->coupon_id = number_of(json, "coupon");
    line->user_id = number_of(json, "user");
    line->epoch = epoch ? strtoull(epoch + strlen("epoch="), NULL, 10) : 0;
    line->told = told_of(json);
    if (grab[0] != '\0' && !id_parse(grab, strlen(grab), &line->grab_id))
        return err_set(err, ERR_USAGE, "grab_id \"%.40s\" is no id", grab);
    if (line->coupon_id == 0 || line->user_id == 0 || !json_is_integer(json_object_get(json, "status")))
        return err_set(err, ERR_USAGE, "it has no coupon, user or status");
    if (line->grab_id == 0 && (line->told == AUDIT_TOLD_SUCCESS || line->told == AUDIT_TOLD_UNKNOWN))
        return err_set(err, ERR_USAGE, "it names no grab");
    return true;
}

bool audit_history_line(const char *text, size_t len, struct audit_line *ret_line, struct err *err)
{
    struct audit_line line = {0};
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(json) ? fill_line(json, &line, err) : err_set(err, ERR_USAGE, "it is no JSON object");
    json_decref(json);
    if (good)
        *ret_line = line;
    return good;
}

int audit_line_compare(const void *a, const void *b)
{
    const struct audit_line *one = a, *two = b;
    if (one->coupon_id != two->coupon_id)
        return one->coupon_id < two->coupon_id ? -1 : 1;
    return (one->user_id > two->user_id) - (one->user_id < two->user_id);
}

/* Whoever writes a history writes it in blocks: its end is cut, and answers are missing, until that is done. */
static bool read_line(const char *text, size_t len, struct audit_line *ret_line, struct err *err)
{
    if (text[len - 1] != '\n')
        return err_set(err, ERR_USAGE,
                       "it is the last one, and cut: it has no newline. A history must be whole; wait until weir-storm "
                       "has ended");
    return audit_history_line(text, len, ret_line, err);
}

static bool read_lines(struct audit *audit, FILE *file, const char *path, struct err *err)
{
    char *text = NULL;
    size_t room = 0, lines_room = 0;
    bool good = true;
    for (ssize_t len; good && (len = getline(&text, &room, file)) > 0;) {
        if (audit->line_count == lines_room) {
            lines_room = lines_room ? lines_room * 2 : 1024;
            audit->lines = mem_grow(audit->lines, lines_room * sizeof *audit->lines);
        }
        good = read_line(text, (size_t)len, &audit->lines[audit->line_count], err) ||
               err_prefix(err, "--history: line %zu of %s", audit->line_count + 1, path);
        audit->line_count += good;
    }
    free(text);
    if (good && ferror(file))
        return err_set(err, ERR_USAGE, "--history: %s cannot be read", path);
    return good && (audit->line_count > 0 ||
                    err_set(err, ERR_USAGE,
                            "--history: %s is empty. A history must be whole; wait until weir-storm has ended", path));
}

bool audit_history_read(struct audit *audit, const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_USAGE, "--history: %s cannot be read (%s)", path, strerror(errno));
    bool good = read_lines(audit, file, path, err);
    fclose(file);
    if (good)
        qsort(audit->lines, audit->line_count, sizeof *audit->lines, audit_line_compare);
    return good;
}

/* ---- against the fold ---- */

static void add_finding(struct audit *audit, int invariant, const char *kind, const struct audit_line *line,
                        uint64_t grab_id, const char *found, const char *expected)
{
    struct audit_place place = AUDIT_NOWHERE;
    place.partition = partition_of_user(line->user_id, audit->partitions);
    place.grab_id = grab_id;
    place.user_id = line->user_id;
    place.coupon_id = line->coupon_id;
    audit_report_add(&audit->report, invariant, kind, &place, found, expected);
}

static bool is_of(const struct audit_grab *grab, const struct audit_line *line)
{
    return grab && grab->user_id == line->user_id && grab->coupon_id == line->coupon_id;
}

static void check_success(struct audit *audit, const struct audit_line *line)
{
    const struct audit_grab *ok = audit_grabs_ok(&audit->grabs, line->grab_id);
    if (!is_of(ok, line))
        add_finding(audit, 2, "success_without_row", line, line->grab_id,
                    ok ? "an OK grab of another user or coupon" : "no OK grab", "one: success was answered");
}

/* OK or VOID by a row, VOID by the partition's epoch, or open still. */
static void check_unknown(struct audit *audit, const struct audit_line *line)
{
    const struct audit_grab *grab = audit_grabs_next(&audit->grabs, line->grab_id, NULL);
    uint64_t epoch = audit->part[partition_of_user(line->user_id, audit->partitions)].fold.epoch;
    if (fold_status(grab != NULL, false, line->epoch, epoch) == GRAB_STATUS_OPEN)
        audit_unknown_note(audit, line);
}

/* By an answer that names the grab, else by one that did not come: that is done then. */
static bool explained(struct audit_line *lines, size_t count, uint64_t grab_id)
{
    struct audit_line *lost = NULL;
    for (size_t i = 0; i < count; i++) {
        if (lines[i].told == AUDIT_TOLD_NOTHING)
            lost = lines[i].done ? lost : &lines[i];
        else if (lines[i].told != AUDIT_TOLD_REFUSED && lines[i].grab_id == grab_id)
            return true;
    }
    if (lost)
        lost->done = true;
    return lost != NULL;
}

static bool any_refused(const struct audit_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (lines[i].told == AUDIT_TOLD_REFUSED)
            return true;
    return false;
}

/* The lines of one user and coupon. */
static struct audit_line *lines_of(const struct audit *audit, const struct audit_grab *grab, size_t *ret_count)
{
    const struct audit_line key = {.coupon_id = grab->coupon_id, .user_id = grab->user_id};
    struct audit_line *end = audit->lines + audit->line_count,
                      *first = bsearch(&key, audit->lines, audit->line_count, sizeof key, audit_line_compare);
    if (!first)
        return NULL;
    struct audit_line *last = first;
    while (first > audit->lines && audit_line_compare(first - 1, &key) == 0)
        first--;
    while (last < end && audit_line_compare(last, &key) == 0)
        last++;
    *ret_count = (size_t)(last - first);
    return first;
}

/* A grab is there once for each partition and part of the layouts. */
static bool met_before(const struct audit *audit, const struct audit_grab *grab)
{
    const struct audit_grab *one = audit_grabs_next(&audit->grabs, grab->grab_id, NULL);
    while (one && one != grab &&
           (one->verdict != FOLD_OK || one->user_id != grab->user_id || one->coupon_id != grab->coupon_id))
        one = audit_grabs_next(&audit->grabs, grab->grab_id, one);
    return one != grab;
}

static void check_told(struct audit *audit, const struct audit_grab *grab)
{
    size_t count = 0;
    struct audit_line *lines = lines_of(audit, grab, &count);
    if (!lines || met_before(audit, grab) || explained(lines, count, grab->grab_id))
        return;
    if (any_refused(lines, count))
        add_finding(audit, 3, "refusal_with_row", lines, grab->grab_id, "an OK grab",
                    "none: no answer to this user tells of it, and a refusal was answered");
    else
        add_finding(audit, 2, "grab_untold", lines, grab->grab_id, "an OK grab",
                    "none: no answer to this user tells of it");
}

void audit_check_history(struct audit *audit)
{
    for (size_t i = 0; i < audit->line_count; i++) {
        const struct audit_line *line = &audit->lines[i];
        if (!audit_in_slice(audit, line->user_id) ||
            !audit->part[partition_of_user(line->user_id, audit->partitions)].whole)
            continue;
        if (line->told == AUDIT_TOLD_SUCCESS)
            check_success(audit, line);
        else if (line->told == AUDIT_TOLD_UNKNOWN)
            check_unknown(audit, line);
    }
    for (size_t i = 0; audit->line_count > 0 && i < audit->grabs.count; i++)
        if (audit->grabs.grabs[i].verdict == FOLD_OK)
            check_told(audit, &audit->grabs.grabs[i]);
}
