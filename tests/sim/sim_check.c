#include "sim/sim_check.h"

#include "protocol/ids.h"
#include "sim/sim_database.h"
#include "sim/sim_ingest.h"
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

/* Calls for each grab of a user's claims; false when the text is none. */
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

void check_redis(struct world *world, uint64_t coupon)
{
    const struct redis_hash *claims = redis_key(world, coupon, STOCK_CLAIMS);
    const struct redis_hash *pending = redis_key(world, coupon, STOCK_PENDING);
    if (!redis_mark_is_valid(world, coupon))
        return;
    for (int i = 0; i < claims->count; i++) {
        uint64_t id;
        const char *try_key, *text = claims->field[i].value;
        if (strcmp(claims->field[i].name, STOCK_SENTINEL) == 0)
            continue;
        while ((text = next_claim(text, &id, &try_key)) != NULL) {
            char field[21];
            snprintf(field, sizeof field, "%" PRIu64, id);
            const struct grab_truth *grab = check_grab(world, id);
            if ((grab == NULL || grab->row != ROW_OK) && hash_get(pending, field) == NULL)
                world_violated(world, "settled", "grab %" PRIu64 " is settled in Redis, and has no OK row", id);
        }
    }
}

/* ---- the tables ---- */

void check_owner(struct world *world, uint64_t writer, uint64_t owner)
{
    if (writer != owner)
        world_violated(world, "I11", "owner %" PRIu64 " commits into a partition of owner %" PRIu64, writer, owner);
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
        rows += row != NULL;
        expected += due;
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

/* ---- at rest ---- */

bool check_lag_is_zero(const struct world *world)
{
    for (int l = 0; l < SIM_LAYOUTS; l++)
        for (int p = 0; p < SIM_PARTITIONS; p++)
            if (database_shard(world, l)->progress[p].next != log_end(world, p))
                return false;
    return true;
}

/* A grab without a row is void when a BARRIER above its epoch has passed. */
static bool is_final(const struct sim_check *check, const struct grab_truth *grab)
{
    return grab->row != ROW_NONE || grab->epoch < check->barrier[grab->partition];
}

static uint64_t number_of(const struct redis_hash *hash, const char *field)
{
    const char *text = hash_get(hash, field);
    return text == NULL ? UINT64_MAX : strtoull(text, NULL, 10);
}

static bool all_are_up(struct world *world)
{
    bool up = redis_is_up(world);
    for (int i = 0; i < SIM_INGESTS; i++)
        up = up && ingest_process(world, i)->up;
    return up;
}

static bool mark_is_of_now(struct world *world, uint64_t coupon)
{
    const struct catalog *catalog = database_catalog(world);
    const struct redis_hash *mark = redis_key(world, coupon, STOCK_MARK);
    return redis_mark_is_valid(world, coupon) && number_of(mark, "epoch") == catalog->epoch &&
           number_of(mark, "version") == catalog->coupon[coupon - 1].version;
}

bool check_is_at_rest(struct world *world, const char **ret_why)
{
    struct sim_check *check = world->check;
    *ret_why = "a server is away";
    if (!all_are_up(world))
        return false;
    *ret_why = "a layout lags behind the log";
    if (!check_lag_is_zero(world))
        return false;
    *ret_why = "a coupon is not open";
    for (int c = 0; c < world->setup.coupons; c++)
        if (!mark_is_of_now(world, (uint64_t)c + 1))
            return false;
    *ret_why = "a grab is pending in Redis";
    for (int c = 0; c < world->setup.coupons; c++)
        if (redis_key(world, (uint64_t)c + 1, STOCK_PENDING)->count > 1)
            return false;
    *ret_why = "an unknown is still open";
    for (int i = 0; i < check->grab_count; i++)
        if (check->grab[i].unknown && !is_final(check, &check->grab[i]))
            return false;
    return true;
}

/* Whether the try of a claim's text, which a space or its end follows, is this one. */
static bool is_try(const char *text, const char *try_key)
{
    size_t length = strcspn(text, " ");
    return length == strlen(try_key) && memcmp(text, try_key, length) == 0;
}

static void check_claims(struct world *world, uint64_t coupon)
{
    const struct sim_check *check = world->check;
    const struct redis_hash *claims = redis_key(world, coupon, STOCK_CLAIMS);
    uint64_t held = 0;
    for (int i = 0; i < claims->count; i++) {
        uint64_t id;
        const char *try_key, *text = claims->field[i].value;
        if (strcmp(claims->field[i].name, STOCK_SENTINEL) == 0)
            continue;
        while ((text = next_claim(text, &id, &try_key)) != NULL) {
            const struct grab_truth *grab = check_grab(world, id);
            held++;
            if (grab != NULL && !is_try(try_key, grab->try_key))
                world_violated(world, "I13", "the claim of grab %" PRIu64 " has another try key", id);
        }
    }
    if (held != check->ok[coupon - 1])
        world_violated(world, "I13", "coupon %" PRIu64 " has %" PRIu64 " claims and %" PRIu64 " OK rows", coupon, held,
                       check->ok[coupon - 1]);
}

static void check_stock(struct world *world, uint64_t coupon)
{
    uint64_t left = number_of(redis_key(world, coupon, STOCK_STOCK), "left");
    uint64_t total = database_catalog(world)->coupon[coupon - 1].total, ok = world->check->ok[coupon - 1];
    if (left + ok != total)
        world_violated(world, "I5",
                       "coupon %" PRIu64 ": %" PRIu64 " left in Redis and %" PRIu64 " OK rows, of %" PRIu64, coupon,
                       left, ok, total);
}

void check_at_rest(struct world *world)
{
    for (int l = 0; l < SIM_LAYOUTS; l++)
        for (int p = 0; p < SIM_PARTITIONS; p++)
            check_shard(world, l, p);
    for (int c = 0; c < world->setup.coupons; c++) {
        check_redis(world, (uint64_t)c + 1);
        check_stock(world, (uint64_t)c + 1);
        check_claims(world, (uint64_t)c + 1);
    }
    for (int i = 0; i < world->check->grab_count; i++)
        if (world->check->grab[i].success && world->check->grab[i].row != ROW_OK)
            world_violated(world, "I2", "grab %" PRIu64 " was answered success, and has no OK row",
                           world->check->grab[i].id);
}

void check_never_quiet(struct world *world)
{
    const char *why = "free stock is not sold";
    (void)check_is_at_rest(world, &why);
    world_violated(world, "I14", "faults ended long ago, and %s", why);
}
