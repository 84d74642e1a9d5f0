#include "sim/sim_check.h"

#include "protocol/ids.h"
#include "sim/sim_database.h"
#include "sim/sim_redis.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct sim_check {
    struct grab_truth grab[GRABS_MAX];
    int grab_count;
    int16_t slot[GRAB_SLOTS]; /* open addressing over ids: index + 1 */
    uint64_t barrier[SIM_PARTITIONS];
    uint64_t ok[SIM_COUPONS_MAX]; /* OK rows */
};

struct sim_check *check_new(void)
{
    struct sim_check *check = calloc(1, sizeof *check);
    if (check == NULL)
        abort();
    return check;
}

void check_reset(struct world *world)
{
    struct sim_check *check = world->check;
    check->grab_count = 0;
    memset(check->slot, 0, sizeof check->slot);
    memset(check->barrier, 0, sizeof check->barrier);
    memset(check->ok, 0, sizeof check->ok);
}

static int16_t *slot_of(struct sim_check *check, uint64_t grab_id)
{
    size_t at = (size_t)(grab_id * UINT64_C(0x9e3779b97f4a7c15) >> 54);
    while (check->slot[at] != 0 && check->grab[check->slot[at] - 1].id != grab_id)
        at = (at + 1) % GRAB_SLOTS;
    return &check->slot[at];
}

struct grab_truth *check_grab(struct world *world, uint64_t grab_id)
{
    int16_t at = *slot_of(world->check, grab_id);
    return at == 0 ? NULL : &world->check->grab[at - 1];
}

struct grab_truth *check_grab_nth(struct world *world, int nth)
{
    return nth < world->check->grab_count ? &world->check->grab[nth] : NULL;
}

void check_made(struct world *world, uint64_t grab_id, uint64_t user, uint64_t coupon, const char *try_key)
{
    struct sim_check *check = world->check;
    int16_t *slot = slot_of(check, grab_id);
    if (*slot != 0) {
        world_violated(world, "ids", "grab_id %" PRIu64 " was made twice", grab_id);
        return;
    }
    assert(check->grab_count < GRABS_MAX);
    struct grab_truth *grab = &check->grab[check->grab_count++];
    *slot = (int16_t)check->grab_count;
    *grab = (struct grab_truth){.id = grab_id, .user = user, .coupon = coupon, .partition = log_partition(user)};
    memcpy(grab->try_key, try_key, TRY_BYTES);
}

/* ---- the log ---- */

bool check_is_final(const struct world *world, const struct grab_truth *grab)
{
    return grab->row != ROW_NONE || grab->epoch < world->check->barrier[grab->partition];
}

uint64_t check_units_sold(const struct world *world, uint64_t coupon)
{
    return world->check->ok[coupon - 1];
}

static bool same_try(const struct grab_truth *a, uint64_t user, uint64_t coupon, const char *try_key, uint32_t limit)
{
    if (a->user != user || a->coupon != coupon)
        return false;
    return limit == 1 || (try_key[0] != '\0' && strcmp(a->try_key, try_key) == 0);
}

static void check_sold(struct world *world, const struct grab_truth *sold)
{
    const struct sim_check *check = world->check;
    const struct coupon_row *coupon = &database_catalog(world)->coupon[sold->coupon - 1];
    uint32_t of_user = 0, of_try = 0;
    for (int i = 0; i < check->grab_count; i++) {
        const struct grab_truth *other = &check->grab[i];
        if (other->row != ROW_OK)
            continue;
        of_user += other->user == sold->user && other->coupon == sold->coupon;
        of_try += same_try(other, sold->user, sold->coupon, sold->try_key, coupon->limit);
    }
    if (check->ok[sold->coupon - 1] > coupon->total)
        world_violated(world, "I1", "coupon %" PRIu64 " has %" PRIu64 " OK rows of %" PRIu64, sold->coupon,
                       check->ok[sold->coupon - 1], coupon->total);
    if (sold->refused)
        world_violated(world, "I3", "grab %" PRIu64 " was refused, and has an OK row", sold->id);
    if (of_user > coupon->limit)
        world_violated(world, "I6", "user %" PRIu64 " has %u of coupon %" PRIu64 ", the limit is %u", sold->user,
                       of_user, sold->coupon, coupon->limit);
    if (of_try > 1)
        world_violated(world, "I6", "one try of user %" PRIu64 " has %u OK rows", sold->user, of_try);
    if (sold->told_void)
        world_violated(world, "I4", "grab %" PRIu64 " was called void, and has an OK row", sold->id);
}

void check_landed(struct world *world, int partition, const struct log_record *record)
{
    struct sim_check *check = world->check;
    if (record->kind == RECORD_BARRIER) {
        if (record->epoch > check->barrier[partition])
            check->barrier[partition] = record->epoch;
        return;
    }
    struct grab_truth *grab = check_grab(world, record->grab_id);
    assert(grab != NULL && grab->partition == partition);
    if (grab->row != ROW_NONE)
        return;
    bool ok = record->kind == RECORD_DATA && record->epoch >= check->barrier[partition];
    grab->row = ok ? ROW_OK : ROW_VOID;
    grab->offset = log_end(world, partition) - 1;
    grab->epoch = record->epoch;
    check->ok[grab->coupon - 1] += ok;
    if (ok)
        check_sold(world, grab);
    else if (grab->success)
        world_violated(world, "I2", "grab %" PRIu64 " was answered success, and has a VOID row", grab->id);
}

/* ---- Redis ---- */

/* The next grab of a user's claims; NULL when the text has no more. */
static const char *next_claim(const char *text, uint64_t *ret_id, const char **ret_try)
{
    char *end;
    if (*text == '\0')
        return NULL;
    *ret_id = strtoull(text, &end, 10);
    *ret_try = end + (*end == ':');
    const char *space = strchr(end, ' ');
    return space == NULL ? end + strlen(end) : space + 1;
}

void check_each_claim(struct world *world, uint64_t coupon, check_claim_fn fn, void *arg)
{
    const struct redis_hash *claims = redis_key(world, coupon, STOCK_CLAIMS);
    for (int i = 0; i < claims->count; i++) {
        uint64_t id;
        const char *try_key, *text = claims->field[i].value;
        if (strcmp(claims->field[i].name, STOCK_SENTINEL) == 0)
            continue;
        while ((text = next_claim(text, &id, &try_key)) != NULL)
            fn(world, id, try_key, arg);
    }
}

static void check_claim(struct world *world, uint64_t grab_id, const char *try_key, void *pending)
{
    char field[21];
    (void)try_key;
    snprintf(field, sizeof field, "%" PRIu64, grab_id);
    const struct grab_truth *grab = check_grab(world, grab_id);
    if ((grab == NULL || grab->row != ROW_OK) && hash_get(pending, field) == NULL)
        world_violated(world, "settled", "grab %" PRIu64 " is settled in Redis, and has no OK row", grab_id);
}

void check_redis(struct world *world, uint64_t coupon)
{
    if (redis_mark_is_valid(world, coupon))
        check_each_claim(world, coupon, check_claim, (void *)redis_key(world, coupon, STOCK_PENDING));
}

/* ---- the tables ---- */

void check_owner(struct world *world, uint64_t writer, uint64_t owner)
{
    if (writer != owner)
        world_violated(world, "I11", "owner %" PRIu64 " commits into a partition of owner %" PRIu64, writer, owner);
}

void check_settled(struct world *world, const struct process *worker, int partition, bool taken, bool stored)
{
    static const char *const words[] = {"not stored", "stored"};
    if (taken != stored)
        world_violated(world, "settle", "%s takes its batch for %s, and in partition %d it is %s", worker->name,
                       words[taken], partition, words[stored]);
}

void check_shard(struct world *world, int layout, int partition)
{
    const struct shard_data *data = database_shard(world, layout);
    const struct shard_progress *progress = &data->progress[partition];
    const struct fold_counts *c = &progress->counts;
    uint64_t rows = 0, expected = 0;
    for (int i = 0; i < world->check->grab_count; i++) {
        const struct grab_truth *grab = &world->check->grab[i];
        if (grab->partition != partition)
            continue;
        const struct shard_row *row = shard_find(data, grab->id);
        bool due = grab->row != ROW_NONE && grab->offset < progress->next;
        bool lost = due && row == NULL && shard_has_lost(data, grab->id); /* on purpose */
        rows += row != NULL || lost;
        expected += due;
        if (lost)
            continue;
        if (due != (row != NULL) || (row != NULL && row->ok != (grab->row == ROW_OK)))
            world_violated(world, "I7", "layout %d, grab %" PRIu64 ": its row is %s, the log up to %d says %s", layout,
                           grab->id,
                           row == NULL ? "missing"
                           : row->ok   ? "OK"
                                       : "VOID",
                           (int)progress->next,
                           !due                  ? "none"
                           : grab->row == ROW_OK ? "OK"
                                                 : "VOID");
    }
    if (c->records != (uint64_t)progress->next ||
        c->records != c->ok + c->voided + c->duplicates + c->dead_letters + c->barriers)
        world_violated(world, "I8", "layout %d, partition %d: %" PRIu64 " records of %d are accounted for", layout,
                       partition, c->ok + c->voided + c->duplicates + c->dead_letters + c->barriers,
                       (int)progress->next);
    if (rows != c->ok + c->voided && rows == expected)
        world_violated(world, "I8", "layout %d, partition %d: %" PRIu64 " rows, counted as %" PRIu64, layout, partition,
                       rows, c->ok + c->voided);
}

/* ---- clients ---- */

void check_success(struct world *world, uint64_t grab_id, uint64_t user, uint64_t coupon, const char *try_key)
{
    struct sim_check *check = world->check;
    struct grab_truth *grab = check_grab(world, grab_id);
    if (grab == NULL || grab->user != user || grab->coupon != coupon) {
        world_violated(world, "I2", "success with grab %" PRIu64 ", which is none of this user's", grab_id);
        return;
    }
    grab->success = true;
    if (grab->row != ROW_OK)
        world_violated(world, "I2", "grab %" PRIu64 " is answered success, and its row is %s", grab_id,
                       grab->row == ROW_VOID ? "VOID" : "not in the log yet");
    uint32_t limit = database_catalog(world)->coupon[coupon - 1].limit;
    for (int i = 0; i < check->grab_count; i++)
        if (check->grab[i].success && check->grab[i].id != grab_id &&
            same_try(&check->grab[i], user, coupon, try_key, limit))
            world_violated(world, "I6", "one try of user %" PRIu64 " was told grab %" PRIu64 " and grab %" PRIu64, user,
                           check->grab[i].id, grab_id);
}

void check_refused(struct world *world, uint64_t grab_id)
{
    struct grab_truth *grab = check_grab(world, grab_id);
    assert(grab != NULL);
    grab->refused = true;
    if (grab->row == ROW_OK)
        world_violated(world, "I3", "grab %" PRIu64 " is refused, and has an OK row", grab_id);
}

void check_unknown(struct world *world, uint64_t grab_id, uint64_t epoch)
{
    struct grab_truth *grab = check_grab(world, grab_id);
    if (grab == NULL) {
        world_violated(world, "I4", "unknown, with the place of grab %" PRIu64 ", which was never made", grab_id);
        return;
    }
    if (!grab->unknown)
        grab->unknown_us = world->now_us;
    grab->unknown = true;
    grab->ended = false;
    grab->place_epoch = epoch > grab->place_epoch ? epoch : grab->place_epoch;
    if (grab->epoch == 0)
        grab->epoch = epoch;
}

void check_status(struct world *world, uint64_t grab_id, enum grab_status_word word)
{
    struct grab_truth *grab = check_grab(world, grab_id);
    assert(grab != NULL);
    if (word == GRAB_STATUS_OK && grab->row != ROW_OK)
        world_violated(world, "I4", "the status place says OK of grab %" PRIu64 ", and it is not", grab_id);
    if (word == GRAB_STATUS_VOID && grab->row == ROW_OK)
        world_violated(world, "I4", "the status place says void of grab %" PRIu64 ", and its row is OK", grab_id);
    grab->told_ok |= word == GRAB_STATUS_OK;
    grab->told_void |= word == GRAB_STATUS_VOID;
}
