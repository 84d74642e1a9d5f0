#include "schemas/catalog.h"

#include "core/buf.h"
#include "core/value.h"

#include <string.h>

#define COUPON_COLUMNS                                                                                                 \
    "`coupon_id`, `room_id`, `title`, `total`, `per_user_limit`, `opens_at_ms`, `ends_at_ms`, `gate`, `hold_ms`, "     \
    "`opened`, `version`"
/* A leader's lease that counts: it has not ended, and no step of the clock has put its end out of reach. */
#define LEASE_RUNS "(`ends_at` > NOW(3) AND `ends_at` <= NOW(3) + INTERVAL `lease_ms` * 1000 MICROSECOND)"

const char sql_meta_make[] =
    "INSERT INTO `meta` (`cluster`, `partitions`, `offset_min`) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE `one` = `one`";
const char sql_meta_read[] = "SELECT `epoch`, `cluster`, `partitions`, `offset_min` FROM `meta`";
const char sql_epoch_read[] = "SELECT `epoch` FROM `meta`";
const char sql_epoch_raise[] = "UPDATE `meta` SET `epoch` = LAST_INSERT_ID(GREATEST(`epoch`, ?) + 1)";

const char sql_coupons_read[] = "SELECT " COUPON_COLUMNS " FROM `coupons` ORDER BY `coupon_id`";
const char sql_coupon_read[] = "SELECT " COUPON_COLUMNS " FROM `coupons` WHERE `coupon_id` = ?";
const char sql_coupons_newest[] = "SELECT " COUPON_COLUMNS " FROM `coupons` ORDER BY `coupon_id` DESC LIMIT ?";
const char sql_coupons_of_room[] =
    "SELECT " COUPON_COLUMNS " FROM `coupons` WHERE `room_id` = ? ORDER BY `coupon_id` DESC LIMIT ?";
const char sql_coupon_details_read[] = "SELECT `description`, `terms` FROM `coupon_details` WHERE `coupon_id` = ?";
const char sql_catalog_counts[] = "SELECT (SELECT COUNT(*) FROM `live_rooms`), (SELECT COUNT(*) FROM `coupons`),"
                                  " (SELECT COUNT(*) FROM `coupons` WHERE `opened` > 0),"
                                  " (SELECT COALESCE(SUM(`TABLE_ROWS`), 0) FROM `information_schema`.`TABLES`"
                                  " WHERE `TABLE_SCHEMA` = DATABASE() AND `TABLE_NAME` = 'users'),"
                                  " (SELECT COALESCE(MAX(`epoch`), 0) FROM `meta`)";
const char sql_coupon_claim[] = "UPDATE `coupons` SET `opened` = ? WHERE `coupon_id` = ? AND `opened` = 0";
const char sql_coupon_make[] = "INSERT INTO `coupons` (`coupon_id`, `room_id`, `title`, `total`, `per_user_limit`, "
                               "`opens_at_ms`, `ends_at_ms`, `gate`,"
                               " `hold_ms`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
const char sql_coupon_details_make[] =
    "INSERT INTO `coupon_details` (`coupon_id`, `description`, `terms`) VALUES (?, ?, ?)";
const char sql_coupon_restock[] =
    "UPDATE `coupons` SET `total` = `total` + ?, `version` = `version` + 1 WHERE `coupon_id` = ?";
const char sql_coupon_gate[] = "UPDATE `coupons` SET `gate` = ?, `version` = `version` + 1 WHERE `coupon_id` = ?";
const char sql_stock_log[] = "INSERT INTO `stock_logs` (`coupon_id`, `action`, `before_total`, `after_total`, "
                             "`before_left`, `after_left`, `epoch`, `reason`)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

const char sql_lease_make[] = "INSERT INTO `leases` (`node`) VALUES (?) ON DUPLICATE KEY UPDATE `node` = `node`";
/* The index is named, so that one row is locked and not all that a sort would read. */
const char sql_lease_pick[] = "SELECT `node`, `end_ms` FROM `leases` FORCE INDEX (`by_end`) ORDER BY `end_ms`, `node` "
                              "LIMIT 1 FOR UPDATE SKIP LOCKED";
const char sql_lease_take[] = "UPDATE `leases` SET `end_ms` = ? WHERE `node` = ?";
const char sql_lease_give[] = "UPDATE `leases` SET `end_ms` = ? WHERE `node` = ? AND `end_ms` = ?";

const char sql_route_read[] =
    "SELECT `version`, `partition`, `shard` FROM `routes` WHERE `stream` = ? AND `layout` = ? AND `active` = 1"
    " ORDER BY `version`, `partition`";
const char sql_route_make[] =
    "INSERT INTO `routes` (`stream`, `layout`, `version`, `partition`, `shard`, `active`) VALUES (?, ?, ?, ?, ?, ?)"
    " ON DUPLICATE KEY UPDATE `shard` = `shard`";

const char sql_leader_make[] = "INSERT INTO `leaders` (`role`) VALUES (?) ON DUPLICATE KEY UPDATE `role` = `role`";
const char sql_leader_take[] = "UPDATE `leaders` SET `holder` = ?, `place` = ?, `lease_ms` = ?,"
                               " `ends_at` = NOW(3) + INTERVAL ? * 1000 MICROSECOND"
                               " WHERE `role` = ? AND (`holder` = ? OR NOT " LEASE_RUNS ")";
const char sql_leader_read[] =
    "SELECT `holder`, `place`, IF(" LEASE_RUNS ", TIMESTAMPDIFF(MICROSECOND, NOW(3), `ends_at`)"
    " DIV 1000, 0) FROM `leaders` WHERE `role` = ?";
const char sql_leader_give[] = "UPDATE `leaders` SET `ends_at` = NOW(3) WHERE `role` = ? AND `holder` = ?";

enum { COUPON_CELLS = 11 };

/* Numbers come signed or unsigned, as the server has them. */
static bool number_cell(const struct value *cell, uint64_t max, uint64_t *ret_number)
{
    if (cell->type != VALUE_U64 && cell->type != VALUE_I64)
        return false;
    if ((cell->type == VALUE_I64 && cell->i64 < 0) || cell->u64 > max)
        return false;
    *ret_number = cell->u64;
    return true;
}

/* A title longer than there is room for ends at the last whole character: it is for people. */
static bool title_cell(const struct value *cell, char ret_title[COUPON_TITLE_MAX + 1])
{
    if (cell->type != VALUE_TEXT)
        return false;
    size_t used = 0;
    while (used < cell->len) {
        size_t more = utf8_size(cell->text + used, cell->len - used);
        if (more == 0 || used + more > COUPON_TITLE_MAX)
            break;
        used += more;
    }
    memcpy(ret_title, cell->text, used);
    ret_title[used] = '\0';
    return true;
}

static bool gate_cell(const struct value *cell, bool *ret_open)
{
    if (cell->type != VALUE_TEXT)
        return false;
    bool open = cell->len == 4 && memcmp(cell->text, "open", 4) == 0;
    if (!open && !(cell->len == 6 && memcmp(cell->text, "closed", 6) == 0))
        return false;
    *ret_open = open;
    return true;
}

bool coupon_from_cells(const struct value *cells, size_t count, struct coupon *ret_coupon, struct err *err)
{
    struct coupon coupon = {0};
    uint64_t room = 0, limit = 0, opens = 0, ends = 0, hold = 0;
    bool good = count == COUPON_CELLS && number_cell(&cells[0], INT64_MAX, &coupon.coupon_id) &&
                number_cell(&cells[1], UINT32_MAX, &room) && title_cell(&cells[2], coupon.title) &&
                number_cell(&cells[3], INT64_MAX, &coupon.total) && number_cell(&cells[4], UINT32_MAX, &limit) &&
                number_cell(&cells[5], INT64_MAX, &opens) && number_cell(&cells[6], INT64_MAX, &ends) &&
                gate_cell(&cells[7], &coupon.gate_open) && number_cell(&cells[8], COUPON_HOLD_MS_MAX, &hold) &&
                number_cell(&cells[9], INT64_MAX, &coupon.opened) &&
                number_cell(&cells[10], INT64_MAX, &coupon.version);
    if (!good)
        return err_set(
            err, ERR_DATA,
            "a row of the catalog's table coupons is not one (coupon %llu): compare the table with `weir init`'s",
            (unsigned long long)coupon.coupon_id);
    coupon.room_id = (uint32_t)room;
    coupon.per_user_limit = (uint32_t)limit;
    coupon.opens_at_ms = (int64_t)opens;
    coupon.ends_at_ms = (int64_t)ends;
    coupon.hold_ms = (int64_t)hold;
    *ret_coupon = coupon;
    return true;
}

bool coupon_from_broken_cells(const struct value *cells, size_t count, struct coupon *ret_coupon)
{
    struct coupon coupon = {.broken = true};
    uint64_t hold = 0;
    if (count != COUPON_CELLS || !number_cell(&cells[0], INT64_MAX, &coupon.coupon_id))
        return false;
    if (number_cell(&cells[8], COUPON_HOLD_MS_MAX, &hold))
        coupon.hold_ms = (int64_t)hold;
    if (!number_cell(&cells[9], INT64_MAX, &coupon.opened))
        coupon.opened = 1;
    *ret_coupon = coupon;
    return true;
}
