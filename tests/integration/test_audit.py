"""`weir audit`: clean at rest, under load and after a rebuild; and each damage, made by hand, is found, named and placed, and nothing else is.

A damage is undone at its end. What was written into the log cannot be: then its coupon is taken out of the catalog, and the records are notes.
"""
import contextlib
import json
import os
import re
import threading
import time

import pytest

from support import audit, records, stack, users
from support.storm import Storm

HOLD_MS = 1000
BUYERS = 12
LOAD_USERS = 3000
# What an audit holds beside its grabs: code and libraries, one answer of a server, and what is read ahead of the log, 50,000 records at most in a log as short
# as this one. A million grabs of 80 bytes were seen in 100 MB, so that this is 20 MB and room for other versions of the libraries.
BASE_MB = 64
SANITIZED = bool({"ASAN_OPTIONS", "TSAN_OPTIONS"} & os.environ.keys())  # these hold memory of their own (ops/stack/watched.sh)


def shard_of(partition):
    return partition % stack.SHARDS


class Grab:
    """One OK grab of the small sale, and where its rows are."""

    def __init__(self, row):
        self.id, self.user, self.coupon, _ = row
        self.partition = records.partition_of(self.user)
        self.shard = shard_of(self.partition)
        self.tables = {"hash": f"grabs_p{self.partition:02d}", "daily": stack.day_table(records.time_ms(self.id))}

    def sql(self, text, *values):
        return stack.shard(self.shard, text, *values)


class SmallSale:
    """A coupon with a few grabs, and one partition's log with a VOID row, a duplicate and a dead letter beside them."""

    def __init__(self):
        self.coupon = stack.new_coupon(100, hold_ms=HOLD_MS)
        first = users.take(BUYERS)
        for user in range(first, first + BUYERS):
            assert stack.grab(user, self.coupon).json["success"]
        self.foreign_user = users.take(1)
        self.partition = records.partition_of(self.foreign_user)
        void = records.grab_record(self.foreign_user, records.made_up_coupon(), "cancel")
        self.nonsense_offset = stack.watermarks()[self.partition] + 2
        records.send([(self.foreign_user, void), (self.foreign_user, void), (self.foreign_user, "nonsense")], self.partition)
        stack.wait_quiet(self.coupon)
        self.grabs = [Grab(row) for row in sorted(stack.ok_rows("hash", self.coupon))]
        self.grab = self.grabs[0]


@pytest.fixture(scope="module", name="sale")
def fixture_sale():
    return SmallSale()


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", "keeper", check=False)
    stack.ready_again()


def kinds_of(found):
    return {(one["invariant"], one["kind"]) for one in found["kept"]}


def take_away(coupon):
    """The catalog forgets a coupon: the way back from records that its log should not have."""
    stack.catalog("DELETE FROM coupons WHERE coupon_id = %s", coupon)
    stack.stock_redis().delete(*(f"weir:{{{coupon}}}:{part}" for part in ("mark", "stock", "claims", "pending")))


# ---- clean ----

def test_clean_at_rest(sale):
    found = audit.audit()
    assert found["records"] >= BUYERS + 3 and found["rows"] >= 2 * (BUYERS + 1) and found["claims"] >= BUYERS
    for part in found["cut"]:
        assert part["progress"] == dict.fromkeys(stack.LAYOUTS, part["end"]), part
    assert found["by_invariant"] == {f"I{number}": 0 for number in range(1, 9)}
    text = audit.run("--rest")
    assert text.returncode == 0 and "at rest; all agrees" in text.stdout and text.stderr == "", text
    assert sale.grabs


def test_clean_under_load_and_by_its_history():
    """Limits of one and of three, a sale that sells out and one that does not; nothing that moves is taken for a disagreement."""
    coupons = [stack.new_coupon(1500), stack.new_coupon(30_000, limit=3)]
    storms = [Storm(coupon, users.take(LOAD_USERS), LOAD_USERS, rate=400) for coupon in coupons]
    moving = 0
    while all(storm.runs() for storm in storms):
        found = audit.findings()
        assert found["disagreements"] == 0, found["kept"]
        moving += not found["at_rest"]
    assert moving >= 1
    for storm in storms:
        storm.finish()
    for coupon in coupons:
        stack.wait_quiet(coupon)
    whole = audit.audit(history=[line for storm in storms for line in storm.history])
    accepted = sum(len(storm.accepted()) for storm in storms)
    assert whole["history"] == 2 * LOAD_USERS and min(whole["records"], whole["claims"]) >= accepted > 0


def stored_in_both(coupon):
    return sorted(set(stack.ok_rows("hash", coupon)) & set(stack.ok_rows("daily", coupon)))


def test_damage_is_found_under_load_and_nothing_else(sale):
    """A row and a claim are gone in the middle of a load that moves around them: both are found, named, and nothing else is; put back, nothing is. Of a limit of
    one, so that claims are counted while they move."""
    coupon = stack.new_coupon(30_000)
    storm = Storm(coupon, users.take(LOAD_USERS), LOAD_USERS, rate=LOAD_USERS // 60)
    stack.wait_for(lambda: len(stored_in_both(coupon)) > 50, 30, "the sale is under way")
    damaged, claimed = (Grab(row) for row in stored_in_both(coupon)[:2])
    expected = {("row_missing", str(damaged.id), coupon), ("grab_without_claim", str(claimed.id), coupon), ("stock_differs", None, coupon)}
    with row_deleted(damaged, "daily"), hash_changed(coupon, "claims", claimed.user, None):
        found = audit.findings()
        assert storm.runs(), "the load was over before the audit was"
        assert {(one["kind"], one["grab_id"], one["coupon_id"]) for one in found["kept"]} == expected and found["disagreements"] == 3 and not found["at_rest"], found["kept"]
    after = audit.findings()
    assert storm.runs() and (after["disagreements"], after["at_rest"]) == (0, False), after
    storm.stop()
    storm.finish()
    stack.wait_quiet(coupon)
    audit.audit(history=storm.history)
    assert storm.accepted() and sale.grabs


def test_memory_is_bounded_by_passes(sale):
    """More grabs, each with the longest try key, than a MiB holds: several passes see the same rows and claims, and the same damage, as one."""
    coupon, partition = records.made_up_coupon(), 7
    records.send([(user, records.grab_record(user, coupon, try_key=f"{user:064}")) for user in records.users_of(partition, 14_000)], partition)
    whole, sliced = audit.audit(), audit.findings("--memory-mb", "1")
    assert whole["passes"] == 1 and sliced["passes"] > 1 and sliced["disagreements"] == 0, sliced["kept"]
    assert (sliced["rows"], sliced["claims"]) == (whole["rows"], whole["claims"])
    if not SANITIZED:
        assert 0 < sliced["memory_peak_kb"] < (1 + BASE_MB) * 1024, sliced["memory_peak_kb"]
    with contextlib.ExitStack() as all_of_them:
        for grab in sale.grabs:
            all_of_them.enter_context(row_deleted(grab, "daily"))
        assert audit.findings("--memory-mb", "1")["by_invariant"]["I7"] == BUYERS


def test_clean_after_a_rebuild(sale):
    epoch = stack.epoch()
    stack.stock_redis().flushall()
    stack.wait_for(lambda: stack.epoch() > epoch, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(sale.coupon), 90, "the coupon is open again")
    found = audit.audit()
    assert found["epoch"] > epoch


# ---- damages of tables ----

@contextlib.contextmanager
def row_deleted(grab, layout):
    table = grab.tables[layout]
    row = grab.sql(f"SELECT * FROM `{table}` WHERE grab_id = %s", grab.id)[0]
    grab.sql(f"DELETE FROM `{table}` WHERE grab_id = %s", grab.id)
    yield
    grab.sql(f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(row))})", *row)


@contextlib.contextmanager
def row_changed(grab, layout, change, back):
    grab.sql(f"UPDATE `{grab.tables[layout]}` SET {change} WHERE grab_id = %s", grab.id)
    yield
    grab.sql(f"UPDATE `{grab.tables[layout]}` SET {back} WHERE grab_id = %s", grab.id)


@contextlib.contextmanager
def row_added(grab, layout, table, grab_id, user):
    """A copy of the grab's row, under another id or user, or in another table."""
    grab.sql(f"INSERT INTO `{table}` SELECT %s, coupon_id, room_id, %s, grab_status, fail_reason, grab_time, use_status, try_key FROM `{grab.tables[layout]}`"
             " WHERE grab_id = %s", user, grab_id, grab.id)
    yield
    grab.sql(f"DELETE FROM `{table}` WHERE grab_id = %s AND user_id = %s", grab_id, user)


def check_row(found, invariant, kind, grab, layout, table=None):
    assert kinds_of(found) == {(invariant, kind)} and found["disagreements"] == 1, found["kept"]
    one = found["kept"][0]
    assert (one["layout"], one["shard"], one["table"], one["partition"]) == (layout, grab.shard, table or grab.tables[layout], grab.partition), one
    return one


@pytest.mark.parametrize("layout", stack.LAYOUTS)
def test_a_row_is_missing(sale, layout):
    with row_deleted(sale.grab, layout):
        one = check_row(audit.findings(), "I7", "row_missing", sale.grab, layout)
        assert (one["grab_id"], one["user_id"], one["coupon_id"]) == (str(sale.grab.id), sale.grab.user, sale.coupon)
        text = audit.run()
        assert text.returncode == 1 and f"I7 row_missing: layout {layout}, shard {sale.grab.shard}" in text.stdout and "1 disagreement\n" in text.stdout, text
    audit.audit()


def test_the_oldest_table_is_lost(sale):
    """Of one shard, though others have its day: nobody dropped it. Of all shards, that is what `weir tables drop` does, and a note."""
    long_ago, coupon = int(time.time() * 1000) - 100 * 86_400_000, records.made_up_coupon()
    for partition in range(stack.SHARDS):
        user = records.users_of(partition, 1)[0]
        records.send([(user, records.grab_record(user, coupon, grab_id=records.new_id(long_ago)))], partition)
    stack.wait_lag_zero()
    table, lost = stack.day_table(long_ago), sale.grab.shard
    ids = {shard: {str(row[0]) for row in stack.shard(shard, f"SELECT grab_id FROM `{table}`")} for shard in range(stack.SHARDS)}
    assert all(ids.values()) and all(stack.tables_of(shard, "daily")[0] == table for shard in ids), ids
    with stack.table_away(lost, table):
        found = audit.findings()
        assert {(one["kind"], one["shard"], one["table"]) for one in found["kept"]} == {("row_missing", lost, table)}, found
        assert {one["grab_id"] for one in found["kept"]} == ids[lost] and not any("dropped" in note for note in found["notes"]), found
    with contextlib.ExitStack() as all_of_them:
        for shard in ids:
            all_of_them.enter_context(stack.table_away(shard, table))
        assert f"layout daily: {sum(map(len, ids.values()))} rows of days whose tables were dropped" in audit.audit()["notes"]
    audit.audit()


CHANGES = {  # column -> (change, back)
    "grab_status": ("grab_status = 0", "grab_status = 1"), "coupon_id": ("coupon_id = coupon_id + 1", "coupon_id = coupon_id - 1"),
    "room_id": ("room_id = room_id + 1", "room_id = room_id - 1"), "fail_reason": ("fail_reason = 'cancelled'", "fail_reason = NULL"),
    "grab_time": ("grab_time = grab_time + INTERVAL 1 SECOND", "grab_time = grab_time - INTERVAL 1 SECOND"),
    "use_status": ("use_status = 1", "use_status = 0"), "try_key": ("try_key = 'other'", "try_key = NULL"),
}


@pytest.mark.parametrize("layout", stack.LAYOUTS)
@pytest.mark.parametrize("column", CHANGES)
def test_a_row_is_changed(sale, column, layout):
    with row_changed(sale.grab, layout, *CHANGES[column]):
        one = check_row(audit.findings(), "I7", "row_differs", sale.grab, layout)
        assert one["found"].startswith(f"{column} ") and one["expected"].startswith(f"{column} ") and one["grab_id"] == str(sale.grab.id), one


@pytest.mark.parametrize("layout", stack.LAYOUTS)
def test_a_row_too_many(sale, layout):
    made_up = records.new_id()
    with row_added(sale.grab, layout, sale.grab.tables[layout], made_up, sale.grab.user):
        assert check_row(audit.findings(), "I7", "row_extra", sale.grab, layout)["grab_id"] == str(made_up)


def test_a_row_twice(sale):
    """Under another user in its own table, and in another day's."""
    other = records.users_of(sale.grab.partition, 1)[0]
    with row_added(sale.grab, "hash", sale.grab.tables["hash"], sale.grab.id, other):
        check_row(audit.findings(), "I7", "row_twice", sale.grab, "hash")
    tomorrow = stack.day_table(records.time_ms(sale.grab.id) + 86_400_000)
    with row_added(sale.grab, "daily", tomorrow, sale.grab.id, sale.grab.user):
        check_row(audit.findings(), "I7", "row_misplaced", sale.grab, "daily", tomorrow)
    audit.audit()


@contextlib.contextmanager
def column_signed(grab, layout, column):
    alter = f"ALTER TABLE `{grab.tables[layout]}` MODIFY {column} BIGINT %s NOT NULL"
    grab.sql(alter % "")
    yield
    grab.sql(alter % "UNSIGNED")


@pytest.mark.parametrize("column", ["user_id", "grab_id", "coupon_id"])
@pytest.mark.parametrize("layout", stack.LAYOUTS)
def test_a_column_of_another_type(sale, layout, column):
    with column_signed(sale.grab, layout, column):
        done = audit.run("--rest")
        words = f"shard {sale.grab.shard}: The table {sale.grab.tables[layout]} has been changed: its column {column} "
        assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1 and done.stdout == "", done
    audit.audit()


@contextlib.contextmanager
def updated(shard, table, change, back, where):
    assert stack.shard(shard, f"SELECT COUNT(*) FROM `{table}` WHERE {where}")[0][0] == 1
    stack.shard(shard, f"UPDATE `{table}` SET {change} WHERE {where}")
    yield
    stack.shard(shard, f"UPDATE `{table}` SET {back} WHERE {where}")


PROGRESS = {  # name -> (change, back, all that is found)
    "ok_rows": ("ok_rows = ok_rows + 1", "ok_rows = ok_rows - 1", {("I8", "counts_do_not_add"), ("I8", "counts_differ")}),
    "swapped": ("ok_rows = ok_rows - 1, duplicates = duplicates + 1", "ok_rows = ok_rows + 1, duplicates = duplicates - 1", {("I8", "counts_differ")}),
    "epoch": ("epoch = epoch + 5", "epoch = epoch - 5", {("I7", "epoch_differs")}),
    "checksum": ("checksum = checksum ^ 1", "checksum = checksum ^ 1", {("I7", "checksum_differs")}),
    "ahead": ("next_offset = next_offset + 1000", "next_offset = next_offset - 1000", {("I7", "progress_past_log")}),
}


@pytest.mark.parametrize("layout", stack.LAYOUTS)
@pytest.mark.parametrize("name", PROGRESS)
def test_progress_is_changed(sale, name, layout):
    change, back, expected = PROGRESS[name]
    with updated(sale.grab.shard, "progress", change, back, f"layout = '{layout}' AND topic = 'grabs' AND `partition` = {sale.grab.partition}"):
        found = audit.findings()
    assert kinds_of(found) == expected, found["kept"]
    assert {(one["layout"], one["partition"], one["table"] or "progress") for one in found["kept"]} == {(layout, sale.grab.partition, "progress")}


def test_progress_is_behind_its_rows(sale):
    """Set back by one record, whose row is there."""
    grab = max((g for g in sale.grabs if g.partition != sale.partition), key=lambda g: g.id)
    records.send([(grab.user, records.grab_record(grab.user, records.made_up_coupon()))], grab.partition)
    stack.wait_lag_zero()
    end = stack.watermarks()[grab.partition]
    where = f"layout = 'hash' AND topic = 'grabs' AND `partition` = {grab.partition}"
    with updated(grab.shard, "progress", f"next_offset = {end - 1}", f"next_offset = {end}", where):
        found = audit.findings()
    assert kinds_of(found) == {("I7", "row_ahead"), ("I7", "checksum_differs"), ("I7", "totals_differ"), ("I8", "counts_differ")}, found["kept"]
    assert {(one["layout"], one["partition"]) for one in found["kept"]} == {("hash", grab.partition)} and not found["at_rest"]
    audit.audit()


@pytest.mark.parametrize("layout", stack.LAYOUTS)
def test_totals_are_changed(sale, layout):
    where = f"layout = '{layout}' AND `partition` = {sale.grab.partition} AND coupon_id = {sale.coupon}"
    with updated(sale.grab.shard, "grab_totals", "ok_rows = ok_rows + 1, void_rows = void_rows + 2", "ok_rows = ok_rows - 1, void_rows = void_rows - 2", where):
        found = audit.findings()
    assert kinds_of(found) == {("I7", "totals_differ")} and found["disagreements"] == 1
    assert (found["kept"][0]["coupon_id"], found["kept"][0]["partition"]) == (sale.coupon, sale.grab.partition)


def test_totals_of_nothing(sale):
    """A row of totals that no record made."""
    stack.shard(sale.grab.shard, "INSERT INTO grab_totals (layout, `partition`, day, coupon_id, ok_rows, void_rows) VALUES ('hash', %s, '2024-02-29', %s, 3, 0)",
                sale.grab.partition, sale.coupon)
    found = audit.findings()
    stack.shard(sale.grab.shard, "DELETE FROM grab_totals WHERE day = '2024-02-29'")
    assert kinds_of(found) == {("I7", "totals_differ")} and "2024-02-29" in found["kept"][0]["found"], found["kept"]


# ---- on another shard than the route's ----

@contextlib.contextmanager
def strays(grab, shard, next_offset, row):
    """What a worker with another map would have left there, of the grab's partition: a table, with the grab's row or empty, and progress."""
    table = grab.tables["hash"]
    created = grab.sql(f"SHOW CREATE TABLE `{table}`")[0][1]
    cells = grab.sql(f"SELECT * FROM `{table}` WHERE grab_id = %s", grab.id)[0]
    assert shard != grab.shard and table not in stack.tables_of(shard, "hash")
    stack.shard(shard, created)
    if row:
        stack.shard(shard, f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(cells))})", *cells)
    stack.shard(shard, "INSERT INTO progress (layout, topic, `partition`, next_offset, owner) SELECT layout, topic, %s, %s, owner FROM progress"
                " WHERE layout = 'hash' AND topic = 'grabs' LIMIT 1", grab.partition, next_offset)
    yield
    stack.shard(shard, f"DROP TABLE `{table}`")
    stack.shard(shard, "DELETE FROM progress WHERE layout = 'hash' AND topic = 'grabs' AND `partition` = %s", grab.partition)


def test_on_a_shard_that_the_route_does_not_name(sale):
    grab = sale.grab
    shard = (grab.shard + 1) % stack.SHARDS
    with strays(grab, shard, 0, row=False):
        audit.audit()
    with strays(grab, shard, 7, row=True):
        stack.shard(shard, "INSERT INTO grab_totals (layout, `partition`, day, coupon_id, ok_rows, void_rows) VALUES ('daily', %s, '2024-02-29', %s, 1, 2)",
                    grab.partition, sale.coupon)
        stack.shard(shard, "INSERT INTO dead_letters (layout, topic, `partition`, `offset`, `key`, value, reason) VALUES ('hash', 'grabs', %s, 5, '1', 'x', 'by hand')",
                    grab.partition)
        found = audit.findings()
        stack.shard(shard, "DELETE FROM grab_totals WHERE day = '2024-02-29'")
        stack.shard(shard, "DELETE FROM dead_letters WHERE topic = 'grabs' AND `partition` = %s", grab.partition)
    told = {(one["kind"], one["invariant"], one["layout"], one["shard"], one["partition"], one["table"], one["found"]) for one in found["kept"]}
    expected = {("hash", grab.tables["hash"], "1 rows"), ("hash", "progress", "7 records passed"), ("daily", "grab_totals", "3 rows counted"),
                ("hash", "dead_letters", "1 dead letter")}
    assert told == {("stray", "I7", layout, shard, grab.partition, table, what) for layout, table, what in expected} and found["disagreements"] == 4, found["kept"]
    assert all(one["expected"] == f"none: the route puts partition {grab.partition} on shard {grab.shard}" for one in found["kept"]), found["kept"]
    audit.audit()


def test_a_layout_that_has_no_route(sale):
    stack.shard(1, "INSERT INTO progress (layout, topic, `partition`, next_offset, owner) SELECT 'third', topic, `partition`, next_offset, owner FROM progress"
                " WHERE layout = 'hash' AND topic = 'grabs' LIMIT 1")
    found = audit.findings()
    stack.shard(1, "DELETE FROM progress WHERE layout = 'third'")
    assert (found["disagreements"], found["unchecked"], found["unchecked_left_out"]) == (0, ["layout third on shard 1 (it has progress there, and no route)"], 0), found
    assert audit.audit()["rows"] and sale.grabs


# ---- dead letters ----

@pytest.mark.parametrize("layout", stack.LAYOUTS)
def test_dead_letters(sale, layout):
    shard = shard_of(sale.partition)
    where = f"layout = '{layout}' AND topic = 'grabs' AND `partition` = {sale.partition} AND `offset` = {sale.nonsense_offset}"
    with updated(shard, "dead_letters", "value = 'sense'", "value = 'nonsense'", where):
        assert kinds_of(audit.findings()) == {("I7", "dead_letter_differs")}
    with updated(shard, "dead_letters", "`offset` = `offset` + 1000000", f"`offset` = {sale.nonsense_offset}", where[:where.rindex(" AND")]
                 + f" AND `offset` IN ({sale.nonsense_offset}, {sale.nonsense_offset + 1000000})"):
        found = audit.findings()
    assert kinds_of(found) == {("I7", "dead_letter_missing"), ("I7", "dead_letter_ahead")}, found["kept"]
    assert {one["offset"] for one in found["kept"]} == {sale.nonsense_offset, sale.nonsense_offset + 1000000}
    audit.audit()


def test_a_good_record_as_a_dead_letter(sale):
    """What an outage must never become: put aside, with counts and totals that fit. Of a coupon of nobody it is a note."""
    user, coupon = users.take(1), stack.new_coupon(10, hold_ms=HOLD_MS)
    partition = records.partition_of(user)
    shard, offset = shard_of(partition), stack.watermarks()[partition]
    value = json.dumps(records.grab_record(user, coupon), separators=(",", ":"))
    records.send([(user, value)], partition)
    stack.wait_lag_zero()
    for layout in stack.LAYOUTS:
        for table in stack.tables_of(shard, layout):
            stack.shard(shard, f"DELETE FROM `{table}` WHERE coupon_id = {coupon}")
        stack.shard(shard, "DELETE FROM grab_totals WHERE coupon_id = %s", coupon)
        stack.shard(shard, "UPDATE progress SET ok_rows = ok_rows - 1, dead_letters = dead_letters + 1 WHERE layout = %s AND topic = 'grabs' AND `partition` = %s",
                    layout, partition)
        stack.shard(shard, "INSERT INTO dead_letters (layout, topic, `partition`, `offset`, `key`, value, reason) VALUES (%s, 'grabs', %s, %s, %s, %s, 'by hand')",
                    layout, partition, offset, str(user), value)
    found = audit.findings()
    assert kinds_of(found) == {("I2", "refused_record")} and found["disagreements"] == 2, found["kept"]
    take_away(coupon)
    assert any("dead letters are good records" in note for note in audit.audit()["notes"])


# ---- Redis ----

@contextlib.contextmanager
def hash_changed(coupon, part, field, value):
    """Sets a field, or removes it; puts back what was there. The keeper sleeps meanwhile: it rebuilds stock that can not be true."""
    server, key = stack.stock_redis(), f"weir:{{{coupon}}}:{part}"
    before = server.hget(key, field)
    stack.ctl("pause", "keeper")
    try:
        server.hdel(key, field) if value is None else server.hset(key, field, value)
        yield
        server.hdel(key, field) if before is None else server.hset(key, field, before)
    finally:
        stack.ctl("resume", "keeper")


BOTH = {("I5", "stock_differs"), ("I5", "sold_differs")}
STOCK = {  # name -> (part, field, value from the sale, all that is found)
    "left_more": ("stock", "left", lambda sale: stack.left(sale.coupon) + 1, BOTH),
    "left_less": ("stock", "left", lambda sale: stack.left(sale.coupon) - 1, BOTH),
    "left_below_zero": ("stock", "left", lambda sale: -1, BOTH | {("I1", "stock_below_zero")}),
    "claim_removed": ("claims", lambda sale: sale.grab.user, None, {("I5", "grab_without_claim"), ("I5", "stock_differs")}),
    "claim_of_nothing": ("claims", lambda sale: sale.foreign_user, lambda sale: f"{records.new_id()}:", {("I5", "claim_without_grab"), ("I5", "stock_differs")}),
    "claim_of_another": ("claims", lambda sale: sale.grab.user, lambda sale: f"{sale.grabs[1].id}:",
                         {("I5", "claim_without_grab"), ("I5", "grab_without_claim")}),
    "claim_of_another_try": ("claims", lambda sale: sale.grab.user, lambda sale: f"{sale.grab.id}:other", {("I5", "claim_differs")}),
    "claim_unreadable": ("claims", lambda sale: sale.grab.user, "nonsense",
                         {("I5", "claim_unreadable"), ("I5", "grab_without_claim"), ("I5", "stock_differs")}),
    "claim_of_no_number": ("claims", lambda sale: sale.grab.user, "nonsense:",
                           {("I5", "claim_unreadable"), ("I5", "grab_without_claim"), ("I5", "stock_differs")}),
    "claims_over_limit": ("claims", lambda sale: sale.grab.user, lambda sale: f"{sale.grab.id}: {records.new_id()}:",
                          {("I6", "claims_over_limit"), ("I5", "claim_without_grab"), ("I5", "stock_differs")}),
    "total": ("mark", "total", lambda sale: 101, BOTH | {("I5", "total_differs")}),
}


@pytest.mark.parametrize("name", STOCK)
def test_stock_is_changed(sale, name):
    part, field, value, expected = STOCK[name]
    with hash_changed(sale.coupon, part, field(sale) if callable(field) else field, value(sale) if callable(value) else value):
        found = audit.findings()
    assert kinds_of(found) == expected, found["kept"]
    assert {one["coupon_id"] for one in found["kept"]} == {sale.coupon}


def test_pending_for_ever(sale):
    """While the keeper sleeps; with it, such a mark is swept."""
    seconds, micros = stack.stock_redis().time()
    old = seconds * 1000 + micros // 1000 - 10 * HOLD_MS
    grab_id = records.new_id()
    with hash_changed(sale.coupon, "pending", grab_id, f"P0 {old} {sale.foreign_user} "):
        found = audit.findings()
    assert kinds_of(found) == {("I4", "pending_too_long")} and found["kept"][0]["grab_id"] == str(grab_id), found["kept"]
    assert not found["at_rest"]
    audit.audit()


def test_pending_while_its_workers_sleep():
    """Its sweep waits for the row of its CANCEL, which nobody stores: not judged, and no disagreement."""
    coupon = stack.new_coupon(10, hold_ms=HOLD_MS)
    stack.ctl("pause", "worker-hash")
    try:
        grab_id = reserved(coupon, users.take(1))["grab_id"]
        found = audit.findings()
    finally:
        stack.ctl("resume", "worker-hash")
    assert found["disagreements"] == 0, found["kept"]
    assert len(found["unchecked"]) == 1 and f"grab {grab_id} of coupon {coupon}" in found["unchecked"][0] and "are behind" in found["unchecked"][0], found
    audit.audit()
    assert stack.left(coupon) == 10


@pytest.mark.parametrize("value", ["nonsense", "", "P0", "P2 1 1 ", "P0 x 1 ", "P0 1 0 "])
def test_pending_unreadable(sale, value):
    grab_id = records.new_id()
    with hash_changed(sale.coupon, "pending", grab_id, value):
        found = audit.findings()
    assert kinds_of(found) == {("I5", "pending_unreadable")} and found["disagreements"] == 1, found["kept"]
    assert (found["kept"][0]["grab_id"], found["kept"][0]["coupon_id"], found["at_rest"]) == (str(grab_id), sale.coupon, False), found
    audit.audit()


@contextlib.contextmanager
def key_of_another_type(coupon):
    server, key = stack.stock_redis(), f"weir:{{{coupon}}}:stock"
    stack.ctl("pause", "keeper")
    server.rename(key, f"{key}:away")
    server.set(key, "text")
    try:
        yield ()
    finally:
        server.rename(f"{key}:away", key)
        stack.ctl("resume", "keeper")


@contextlib.contextmanager
def user_without_scripts(_):
    server, place = stack.stock_redis(), stack.ENV["WEIR_REDIS_STOCK"].rsplit("@", 1)[-1].removeprefix("redis://")
    server.execute_command("ACL", "SETUSER", "reader", "on", ">pass4711", "~*", "+@read", "+info", "+time", "+select")
    try:
        yield (f"--redis.stock=redis://reader:pass4711@{place}",)
    finally:
        server.execute_command("ACL", "DELUSER", "reader")


@pytest.mark.parametrize("broken, words", [(key_of_another_type, "WRONGTYPE"), (user_without_scripts, "NOPERM")])
def test_a_coupon_that_cannot_be_looked_at(sale, broken, words):
    """Redis's own words say why."""
    with broken(sale.coupon) as settings:
        done = audit.run("--json", settings=settings)
    found = json.loads(done.stdout)
    assert (done.returncode, found["disagreements"]) == (1, 0), found
    assert found["unchecked"] and all(re.match(rf"coupon \d+ in Redis \(Redis says: {words} ", one) for one in found["unchecked"]), found
    audit.audit()


# ---- records past ingest ----

def test_oversold():
    """Sold out, and then two records more, as a broken ingest would write them."""
    coupon = stack.new_coupon(2, hold_ms=HOLD_MS)
    first = users.take(4)
    assert all(stack.grab(user, coupon).json["success"] for user in (first, first + 1))
    for user in (first + 2, first + 3):
        records.send([(user, records.grab_record(user, coupon))], records.partition_of(user))
    stack.wait_quiet(coupon)
    found = audit.findings()
    take_away(coupon)
    assert kinds_of(found) == {("I1", "oversold"), ("I5", "grab_without_claim"), ("I5", "sold_differs")}, found["kept"]
    assert found["by_invariant"]["I5"] == 3 and {one["coupon_id"] for one in found["kept"]} == {coupon}
    audit.audit()


def test_a_record_in_another_partition():
    """Of a writer that does not go by the key: its user's reads do not see it."""
    coupon, user = stack.new_coupon(10, hold_ms=HOLD_MS), users.take(1)
    home = records.partition_of(user)
    elsewhere = (home + 1) % records.PARTITIONS
    record = records.grab_record(user, coupon)
    records.send([(user, record)], elsewhere)
    stack.wait_lag_zero()
    found = audit.findings()
    take_away(coupon)
    assert kinds_of(found) == {("I2", "record_misplaced"), ("I5", "grab_without_claim"), ("I5", "sold_differs")}, found["kept"]
    one = next(one for one in found["kept"] if one["kind"] == "record_misplaced")
    assert (one["partition"], one["grab_id"], one["user_id"]) == (elsewhere, record["grab_id"], user) and f"partition {home}" in one["expected"], one
    assert any("not in their user's partition" in note for note in audit.audit()["notes"])


def test_sold_before_it_was_opened():
    coupon = stack.new_coupon(10, hold_ms=HOLD_MS, gate="closed", wait=False)
    user = users.take(1)
    records.send([(user, records.grab_record(user, coupon))], records.partition_of(user))
    stack.wait_lag_zero()
    found = audit.findings()
    take_away(coupon)
    assert kinds_of(found) == {("I1", "sold_unopened")}, found["kept"]


def test_one_user_over_the_limit():
    coupon, user = stack.new_coupon(10, limit=2, hold_ms=HOLD_MS), users.take(1)
    tries = [records.grab_record(user, coupon, try_key=key) for key in ("a", "b", "b")]
    records.send([(user, record) for record in tries], records.partition_of(user))
    stack.wait_lag_zero()
    found = audit.findings()
    take_away(coupon)
    assert {("I6", "over_limit"), ("I6", "try_twice")} <= kinds_of(found), found["kept"]
    assert found["by_invariant"]["I6"] == 2
    audit.audit()


# ---- histories ----

def line(grab, **other):
    return {"index": 0, "user": grab.user, "coupon": grab.coupon, "status": 200, "grab_status": 1, "grab_id": str(grab.id), "location": None, **other}


def test_histories(sale):
    lost = records.new_id(int(time.time() * 1000) - 3600 * 1000)
    place = f"/api/grab/{lost}?user={sale.foreign_user}&epoch={stack.epoch()}"
    void_place = f"/api/grab/{lost}?user={sale.foreign_user}&epoch=0"
    cases = [
        ([line(sale.grab)], set()),
        ([line(sale.grab, grab_id=str(lost))], {("I2", "success_without_row"), ("I2", "grab_untold")}),
        ([line(sale.grab, user=sale.foreign_user)], {("I2", "success_without_row")}),
        ([line(sale.grab, grab_status=0, grab_id=None)], {("I3", "refusal_with_row")}),
        ([line(sale.grab, grab_status=None, status=503, grab_id=None)], {("I3", "refusal_with_row")}),
        ([line(sale.grab, grab_status=0, grab_id=None), line(sale.grab)], set()),
        ([line(sale.grab, status=202, grab_status=None)], set()),
        ([line(sale.grab, status=0, grab_status=None, grab_id=None)], set()),
        ([line(sale.grab, user=sale.foreign_user, status=202, grab_status=None, grab_id=str(lost), location=place)], {("I4", "unknown_open")}),
        ([line(sale.grab, status=202, grab_status=None, grab_id=str(lost), location=place)], {("I4", "unknown_open"), ("I2", "grab_untold")}),
        ([line(sale.grab, status=408, grab_status=None, grab_id=None)], set()),
    ]
    if stack.epoch() > 1:  # a barrier has been written: a lower epoch without a row is void
        cases.append(([line(sale.grab, user=sale.foreign_user, status=202, grab_status=None, grab_id=str(lost), location=void_place)], set()))
    for history, expected in cases:
        found = audit.findings(history=history)
        assert kinds_of(found) == expected, (history, found["kept"])


def reserved(coupon, user):
    """A grab whose ingest was killed before its APPEND, long ago, and its line in a history."""
    key, server, grab_id = f"weir:{{{coupon}}}", stack.stock_redis(), records.new_id(int(time.time() * 1000) - 10 * HOLD_MS)
    server.hincrby(f"{key}:stock", "left", -1)
    server.hset(f"{key}:claims", user, f"{grab_id}:")
    server.hset(f"{key}:pending", grab_id, f"P0 {records.time_ms(grab_id) + HOLD_MS} {user} ")
    return {"user": user, "coupon": coupon, "status": 202, "grab_status": 2, "grab_id": str(grab_id), "location": f"/api/grab/{grab_id}?user={user}&epoch={stack.epoch()}"}


@pytest.mark.parametrize("arguments", [(), ("--rest",)])
def test_an_unknown_has_two_holds_from_when_the_parts_are_back(arguments):
    """However old it is: the keeper comes back while the audit runs, and ends it."""
    coupon = stack.new_coupon(10, hold_ms=HOLD_MS)
    stack.ctl("pause", "keeper")
    history = [reserved(coupon, users.take(1))]
    waker = threading.Timer(0.5, stack.ctl, ("resume", "keeper"))
    waker.start()
    found = audit.findings(*arguments, history=history)
    waker.join()
    assert (found["disagreements"], found["history"]) == (0, 1) and (found["at_rest"] or not arguments), found
    assert audit.audit(history=history)["history"] == 1 and stack.left(coupon) == 10


def test_an_unknown_that_nobody_ends():
    coupon = stack.new_coupon(10, hold_ms=HOLD_MS)
    stack.ctl("pause", "keeper")
    history = [reserved(coupon, users.take(1))]
    found = audit.findings(history=history)
    stack.ctl("resume", "keeper")
    assert kinds_of(found) == {("I4", "pending_too_long"), ("I4", "unknown_open")} and found["disagreements"] == 2, found["kept"]
    assert {one["grab_id"] for one in found["kept"]} == {history[0]["grab_id"]} and not found["at_rest"]
    audit.audit(history=history)


@pytest.mark.parametrize("cut", ["no newline", "in a word", "all"])
def test_a_history_that_is_cut(sale, cut, tmp_path):
    whole = "".join(json.dumps(line(grab)) + "\n" for grab in sale.grabs)
    end = {"no newline": len(whole) - 1, "in a word": len(whole) - 20, "all": 0}[cut]
    (tmp_path / "history.jsonl").write_text(whole[:end])
    done = audit.run("--history", str(tmp_path / "history.jsonl"))
    words = "history.jsonl is empty" if cut == "all" else f"line {BUYERS} of "
    assert done.returncode == 2 and words in done.stderr and "A history must be whole; wait until weir-storm has ended" in done.stderr, done


# ---- how it ends ----

def test_the_limit_of_lines(sale):
    with contextlib.ExitStack() as all_of_them:
        for grab in sale.grabs:
            all_of_them.enter_context(row_changed(grab, "hash", *CHANGES["use_status"]))
        found = audit.findings("--limit", "3")
        assert found["disagreements"] == BUYERS == found["by_invariant"]["I7"] and len(found["kept"]) == 3
        text = audit.run("--limit", "3").stdout
        assert text.count("row_differs") == 3 and f"and {BUYERS - 3} more" in text, text


@pytest.mark.parametrize("setting, words", [("--redis.stock=redis://127.0.0.1:1/0", "127.0.0.1:1"), ("--kafka.brokers=127.0.0.1:1", "127.0.0.1:1"),
                                            ("--mysql.catalog=mysql://weir@127.0.0.1:1/weir", "catalog")])
def test_a_part_is_away(setting, words):
    done = audit.run(settings=[setting, "--tool.timeout_ms=2000"])
    assert done.returncode == 3 and done.stdout == "" and words in done.stderr and done.stderr.count("\n") == 1, done


def test_a_shard_is_away():
    stack.ctl("stop", "shard2")
    try:
        done = audit.run()
    finally:
        stack.ctl("start", "shard2")
    assert done.returncode == 3 and "shard 2" in done.stderr and done.stderr.count("\n") == 1, done
    stack.ready_again()
    audit.audit()


@pytest.mark.parametrize("arguments, words", [(["--limit", "many"], "--limit"), (["--memory-mb", "0"], "--memory-mb"), (["now"], "too much"),
                                              (["--wait-s", "9"], "--rest"), (["--history", "/nowhere/at/all"], "--history"), (["--history", "/etc/hostname"], "line 1")])
def test_wrong_usage(arguments, words):
    done = audit.run(*arguments)
    assert done.returncode == 2 and words in done.stderr and done.stdout == "", done


def test_what_disagrees_without_rest(sale):
    """Shown when the time is over; while it is not, rest is waited for."""
    stack.ctl("pause", "keeper")
    far = int(time.time() * 1000) + 3_600_000
    with hash_changed(sale.coupon, "pending", records.new_id(), f"P0 {far} {sale.foreign_user} "), row_deleted(sale.grab, "daily"):
        begun = time.monotonic()
        done = audit.run("--rest", "--wait-s", "2")
        assert time.monotonic() - begun > 2
    stack.ctl("resume", "keeper")
    assert done.returncode == 1 and done.stderr == "" and "row_missing" in done.stdout and "not at rest" in done.stdout, done
    audit.audit()


def test_no_rest_in_time(sale):
    """A mark that is pending and young: nothing disagrees, and nothing is at rest."""
    stack.ctl("pause", "keeper")
    far = int(time.time() * 1000) + 3_600_000
    with hash_changed(sale.coupon, "pending", records.new_id(), f"P0 {far} {sale.foreign_user} "):
        done = audit.run("--rest", "--wait-s", "1")
    stack.ctl("resume", "keeper")
    assert done.returncode == 1 and "not at rest" in done.stderr and str(sale.coupon) in done.stderr, done
