"""One shard stopped: its partitions lag, the others go on; reads that need it say so, reads that do not are answered (I9, I14)."""
import concurrent.futures
import contextlib
import datetime
import time

import pytest

from support import records, stack, tool, users
from support.storm import Storm

DOWN = 2


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", f"shard{DOWN}", check=False)
    stack.ctl("start", f"shard{DOWN}")
    stack.ready_again()


def shard_of_user(user):
    """By the partition that the row is in, found by asking the tables."""
    for number in range(stack.SHARDS):
        if number == DOWN:
            continue
        for table in stack.tables_of(number, "hash"):
            if stack.shard(number, f"SELECT 1 FROM `{table}` WHERE user_id = %s LIMIT 1", user):
                return number
    return DOWN


def test_one_shard_stopped_and_started():
    total = 8000
    coupon = stack.new_coupon(total)
    first = users.take(total + 40)
    known = {}
    for user in range(first + total, first + total + 40):  # buyers whose rows are stored before the stop
        assert stack.grab(user, coupon).status == 200
    stack.wait_quiet(coupon)
    for user in range(first + total, first + total + 40):
        known.setdefault(shard_of_user(user), user)
    assert DOWN in known and len(known) == stack.SHARDS, known

    at_stop = stack.progress_on(DOWN, "hash")
    stack.ctl("stop", f"shard{DOWN}")
    storm = Storm(coupon, first, total - 40, rate=2000)
    summary = storm.finish()
    assert summary["accepted_new"] == total - 40, summary
    marks = stack.watermarks()
    assert all(marks[p] > at_stop[p] for p in at_stop), "nothing was sold that the stopped shard must catch up with"

    def others_caught_up(layout):
        offsets = {}
        for number in range(stack.SHARDS):
            if number != DOWN:
                offsets.update(stack.progress_on(number, layout))
        return all(offsets[p] == marks[p] for p in marks if p not in at_stop)

    for layout in stack.LAYOUTS:
        stack.wait_for(lambda: others_caught_up(layout), 60, f"the other shards' partitions have no lag in layout {layout}")

    for number, user in known.items():
        answer = stack.get(f"/api/user/{user}/coupons")
        if number == DOWN:
            assert answer.status == 503 and f"shard {DOWN}" in answer.json["detail"], answer
            assert "retry-after" in answer.headers
        else:
            assert answer.status == 200 and answer.json["complete"] is True and answer.json["count"] >= 1, answer
    whole = stack.get("/api/orders/recent?hours=1&limit=5")
    assert whole.status == 503 and f"shard {DOWN}" in whole.json["detail"], whole
    partial = stack.get("/api/orders/recent?hours=1&limit=5&partial=allow")
    assert partial.status == 200 and partial.json["complete"] is False and partial.json["failed_shards"] == [DOWN], partial
    status = stack.get("/admin/shards/status").json
    assert [s["alive"] for s in status["shards"]] == [n != DOWN for n in range(stack.SHARDS)], status

    stack.ctl("start", f"shard{DOWN}")
    stack.wait_quiet(coupon, seconds=90)
    assert len(stack.check_coupon(coupon, total)) == total
    stack.wait_for(lambda: stack.get(f"/api/user/{known[DOWN]}/coupons").status == 200, 20, "the shard is read again")


def test_one_shard_hung_slows_no_other():
    """It takes connections and says nothing (SIGSTOP): the deadline answers for it, and nobody else waits."""
    coupon = stack.new_coupon(200)
    first = users.take(100)
    for user in range(first, first + 100):
        assert stack.grab(user, coupon).status == 200
    stack.wait_quiet(coupon)
    known = {}
    for user in range(first, first + 100):
        known.setdefault(shard_of_user(user), user)
    assert len(known) == stack.SHARDS
    stack.ctl("pause", f"shard{DOWN}")
    try:
        hung = stack.get(f"/api/user/{known[DOWN]}/coupons")
        assert hung.status == 503 and f"shard {DOWN}" in hung.json["detail"], hung
        for number, user in known.items():
            if number != DOWN:
                answer = stack.get(f"/api/user/{user}/coupons", timeout=1.5)  # below the deadline of a question, 2 s
                assert answer.status == 200 and answer.json["count"] == 1, answer
    finally:
        stack.ctl("resume", f"shard{DOWN}")
    stack.wait_for(lambda: stack.get(f"/api/user/{known[DOWN]}/coupons").status == 200, 30, "the shard is read again")
    stack.wait_lag_zero(90)


@contextlib.contextmanager
def slow_rows(number, table, condition, seconds):
    """Each row of a shard's table that fits takes so long to read, as from a disk that hardly moves. For tables that nobody writes meanwhile."""
    stack.shard(number, f"RENAME TABLE `{table}` TO test_fast")
    try:
        stack.shard(number, f"CREATE ALGORITHM = MERGE VIEW `{table}` AS SELECT * FROM test_fast WHERE NOT ({condition}) OR SLEEP({seconds}) = 0")
        yield
    finally:
        stack.shard(number, f"DROP VIEW IF EXISTS `{table}`")
        stack.shard(number, f"RENAME TABLE test_fast TO `{table}`")


def buyer(coupon, partition):
    """A user of this partition who has bought one, stored in both layouts."""
    user = records.users_of(partition, 1)[0]
    assert stack.grab(user, coupon).json["success"]
    stack.wait_quiet(coupon)
    return user


def test_a_slow_statement_is_no_outage_of_its_shard():
    """Its own question has no answer in time; all others to the shard have theirs, before and behind it."""
    coupon = stack.new_coupon(100)
    slow, other = sorted(stack.progress_on(DOWN, "hash"))[:2]
    reads = [f"/api/user/{buyer(coupon, partition)}/coupons" for partition in (slow, other)]
    assert [stack.get(read).status for read in reads] == [200, 200]
    with slow_rows(DOWN, f"grabs_p{slow:02}", f"coupon_id = {coupon}", 30), concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(stack.get, reads[0])
        while not asked.done():
            assert stack.get(reads[1]).status == 200
        assert asked.result().status == 503 and f"shard {DOWN}" in asked.result().json["detail"], asked.result()
        for _ in range(200):  # longer than a shard that failed is left alone
            answer = stack.get(reads[1])
            assert answer.status == 200, answer
    assert stack.get(reads[0]).status == 200


@pytest.mark.parametrize("path, of_totals", [("/api/user/{user}/coupons", False), ("/api/coupon/{coupon}/stock", True)])
def test_a_slow_answer_is_as_old_as_its_question(path, of_totals):
    """What was committed by as_of is in the answer: it is the moment before a shard was asked, not the one when it has answered."""
    coupon, partition = stack.new_coupon(100), min(stack.progress_on(DOWN, "hash"))
    user = buyer(coupon, partition)
    table, condition = f"grabs_p{partition:02}", f"coupon_id = {coupon}"
    with slow_rows(DOWN, *(("grab_totals", f"{condition} AND layout = 'hash'") if of_totals else (table, condition)), 1):
        asked = time.time()
        answer = stack.get(path.format(user=user, coupon=coupon))
        took = time.time() - asked
    assert answer.status == 200 and took > 1, (answer, took)
    for name in ("as_of", "sold_as_of", "left_as_of"):
        if name in answer.json:
            age = datetime.datetime.fromisoformat(answer.json[name].replace("Z", "+00:00")).timestamp() - asked
            assert age < took - 0.9, f"{name} is {age} s behind the question, the answer {took} s"


@pytest.mark.more
def test_more_days_than_one_answer_holds():
    """The question is at fault, not the shard; one about a shorter time is answered. Names of views are enough: they are listed, and nothing of them is read."""
    first = datetime.date(2030, 1, 1)
    names = [f"grabs_{first + datetime.timedelta(days=number):%Y_%m_%d}" for number in range(4096)]
    connection = stack.connect_sql(stack.ENV[f"WEIR_MYSQL_SHARD_{DOWN}"])
    with connection, connection.cursor() as cursor:
        try:
            for name in names:
                cursor.execute(f"CREATE VIEW `{name}` AS SELECT 1")
            for more in ("", "&partial=allow"):
                answer = stack.get(f"/api/room/17/orders?layout=daily{more}")
                assert answer.status == 422 and answer.json["code"] == "question_too_large" and "retry-after" not in answer.headers, answer
                assert f"shard {DOWN}" in answer.json["detail"] and "shorter" in answer.json["detail"], answer
            answer = stack.get("/api/orders/recent?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z&layout=daily")
            assert answer.status == 200 and answer.json["complete"] is True, answer
        finally:
            for name in names:
                cursor.execute(f"DROP VIEW IF EXISTS `{name}`")


def tables_with_rows(number):
    return [row[0] for row in stack.shard(number, "SHOW TABLES") if row[0] in ("progress", "grab_totals") or row[0].startswith("grabs_")]


def put_lagging_copy_in_place(number, copied):
    """As a failover does: rows, totals and progress (with its owners) go back together, in one moment."""
    connection = stack.connect_sql(stack.ENV[f"WEIR_MYSQL_SHARD_{number}"])
    try:
        connection.autocommit(False)
        with connection.cursor() as cursor:
            for table in copied:
                cursor.execute(f"DELETE FROM `{table}`")
                cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `copy_of_{table}`")
        connection.commit()
    finally:
        connection.close()


def test_rows_taken_back_at_rest_are_stored_again():
    """A shard's primary is replaced by a lagging copy when nothing is sold any more: no record comes by which a worker would find out."""
    coupon = stack.new_coupon(400)
    first = users.take(400)
    for user in range(first, first + 40):
        assert stack.grab(user, coupon).status == 200
    stack.wait_quiet(coupon)
    copied = tables_with_rows(DOWN)
    try:
        for table in copied:
            stack.shard(DOWN, f"CREATE TABLE `copy_of_{table}` AS SELECT * FROM `{table}`")
        for user in range(first + 40, first + 120):
            assert stack.grab(user, coupon).status == 200
        stack.wait_quiet(coupon)
        before = len(stack.check_coupon(coupon, 400))
        put_lagging_copy_in_place(DOWN, copied)
        assert stack.lag("hash") > 0 and stack.lag("daily") > 0, "the copy did not lag"
        assert any(len(stack.ok_rows(layout, coupon)) < before for layout in stack.LAYOUTS), "no row was taken back"
        stack.wait_lag_zero(60)
        assert len(stack.check_coupon(coupon, 400)) == before == 120
    finally:
        for table in copied:
            stack.shard(DOWN, f"DROP TABLE IF EXISTS `copy_of_{table}`")


# ---- a table that stays lost ----

LOST_PARTITION = 7


def forget(layout):
    """What the README says for a table that stays lost: what its layout has stored on its shard is forgotten. Answers the shard."""
    by_partition = f" AND `partition` = {LOST_PARTITION}" if layout == "hash" else ""
    number = next(n for n in range(stack.SHARDS) if stack.shard(n, "SELECT 1 FROM progress WHERE layout = %s AND topic = 'grabs' AND `partition` = %s",
                                                                layout, LOST_PARTITION))
    for table in stack.tables_of(number, layout):
        if layout == "daily" or table == f"grabs_p{LOST_PARTITION:02}":
            stack.shard(number, f"DROP TABLE `{table}`")
    refused = tool.run("init")
    assert refused.returncode == 1 and "grabs_" in refused.stderr, refused  # it makes no table anew that rows were stored in
    for table, of_topic in (("progress", " AND topic = 'grabs'"), ("dead_letters", " AND topic = 'grabs'"), ("grab_totals", "")):
        stack.shard(number, f"DELETE FROM {table} WHERE layout = %s{of_topic}{by_partition}", layout)
    return number


@pytest.mark.more
@pytest.mark.parametrize("layout", stack.LAYOUTS)
def test_a_table_that_stays_lost_is_filled_from_the_log(layout):
    coupon = stack.new_coupon(100)
    for user in records.users_of(LOST_PARTITION, 20):
        assert stack.grab(user, coupon).json["success"]
    stack.wait_quiet(coupon)
    every_column = "user_id, coupon_id, room_id, grab_id, grab_status, fail_reason, grab_time, use_status, try_key"
    before = sorted(stack.rows_of(layout, columns=every_column))
    stack.ctl("stop", f"worker-{layout}")
    number = forget(layout)
    assert len(stack.rows_of(layout)) < len(before), "nothing was lost"
    done = tool.run("init")
    assert done.returncode == 0, done
    stack.ctl("start", f"worker-{layout}")
    stack.ready_again()
    stack.wait_lag_zero(120)
    assert sorted(stack.rows_of(layout, columns=every_column)) == before, f"the rows of shard {number} are others than before"
    assert len(stack.check_coupon(coupon, 100)) == 20
