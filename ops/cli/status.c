/* The pure parts of weir status. */
#include "ops/cli/status.h"

#include <stdio.h>
#include <string.h>

bool status_layout_used(const struct status *status, size_t layout)
{
    return !status->catalog.up || status->route[layout].partitions > 0;
}

bool status_healthy(const struct status *status)
{
    bool healthy = status->catalog.up && status->kafka.up && status->redis.up && status->stock.known;
    healthy = healthy && !(status->leader.known && status->leader.left_ms <= 0);
    for (size_t i = 0; i < status->service_count; i++)
        healthy = healthy && status->service[i].up;
    for (size_t i = 0; i < status->shard_count; i++)
        healthy = healthy && status->shard[i].part.up;
    for (size_t i = 0; i < status->stream->layout_count; i++)
        if (status_layout_used(status, i))
            healthy = healthy && status->layout[i].known && status->layout[i].missing == 0;
    return healthy;
}

static bool parse_service(const char *item, size_t len, struct status_part *ret_part, struct err *err)
{
    const char *equals = memchr(item, '=', len);
    size_t name_len = equals ? (size_t)(equals - item) : 0, url_len = equals ? len - name_len - 1 : 0;
    if (name_len == 0 || name_len > STATUS_NAME_MAX || url_len < 8 || url_len >= sizeof ret_part->where ||
        strncmp(equals + 1, "http", 4) != 0)
        return err_set(err, ERR_USAGE, "status.services: \"%.*s\" must read name=http://host:port",
                       (int)(len < 100 ? len : 100), item);
    *ret_part = (struct status_part){0};
    memcpy(ret_part->name, item, name_len);
    memcpy(ret_part->where, equals + 1, url_len);
    if (ret_part->where[url_len - 1] == '/')
        ret_part->where[url_len - 1] = '\0';
    return true;
}

bool status_services_parse(const char *text, struct status *status, struct err *err)
{
    status->service_count = 0;
    for (text += strspn(text, ", "); *text; text += strspn(text, ", ")) {
        size_t len = strcspn(text, ", ");
        if (status->service_count == STATUS_SERVICES_MAX)
            return err_set(err, ERR_USAGE, "status.services: at most %d services can be named", STATUS_SERVICES_MAX);
        if (!parse_service(text, len, &status->service[status->service_count++], err))
            return false;
        text += len;
    }
    return true;
}

void status_readyz_why(const char *body, char *ret_why, size_t size)
{
    const char *at = strstr(body, "[-] ");
    const char *line = at ? at + 4 : "not ready";
    snprintf(ret_why, size, "%.*s", (int)strcspn(line, "\r\n"), line);
}

static int layout_at(const struct status *status, const char *name)
{
    for (size_t i = 0; i < status->stream->layout_count; i++)
        if (strcmp(status->layout[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void add_commit(struct status_shard *shard, int64_t age_ms)
{
    age_ms = age_ms > 0 ? age_ms : 0; /* the server's clock may be a little ahead */
    if (shard->commit_age_ms < 0 || age_ms < shard->commit_age_ms)
        shard->commit_age_ms = age_ms;
}

void status_add_progress(struct status *status, size_t shard, const struct status_progress *row)
{
    int at = layout_at(status, row->layout);
    if (at < 0 || strcmp(row->topic, status->stream->name) != 0 || row->partition < 0 ||
        row->partition >= status->route[at].partitions ||
        (size_t)route_shard(&status->route[at], row->partition) != shard)
        return;
    struct status_layout *layout = &status->layout[at];
    int64_t lag = status->high[row->partition] - row->next_offset;
    layout->missing--;
    layout->lag += lag > 0 ? (uint64_t)lag : 0;
    layout->records += row->records;
    layout->ok += row->ok;
    layout->voided += row->voided;
    layout->duplicates += row->duplicates;
    layout->dead_letters += row->dead_letters;
    layout->barriers += row->barriers;
    status->shard[shard].rows += row->ok + row->voided;
    status->shard[shard].dead_letters += row->dead_letters;
    if (row->records > 0)
        add_commit(&status->shard[shard], status->at_ms - row->updated_ms);
}
