"""Redis flushed, restarted (empty or old), hung, short of memory under load: closed, rebuilt, open again; nothing oversold, nothing lost (I1-I5, I13, I14)."""
import pathlib
import subprocess
import threading

import pytest

from support import history, processes, records, stack, users
from support.sale import REBUILT_S, Sale, resolve
from support.storm import Storm

SHORT_HOLD_MS = 2000


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", "kafka", "redis-stock", check=False)
    stack.ctl("start", "redis-stock", "kafka")
    stack.ready_again()


def make_pending(coupon):
    """Kafka is stopped for a moment, so that grabs are reserved and not yet settled; answers how many."""
    stack.ctl("pause", "kafka")
    stack.wait_for(lambda: stack.pending(coupon) > 0, 20, "grabs are pending", every=0.02)
    return stack.pending(coupon)


def owes_a_rebuild():
    return "a rebuild of the stock is owed" in keeper_tells()


def keeper_tells():
    return processes.tells(stack.ENV["WEIR_KEEPER"])


def run(lose_redis):
    total, hold_ms = 30_000, 4000
    coupon = stack.new_coupon(total, hold_ms=hold_ms)
    epoch = stack.epoch()
    first, count = users.take(4500), 4500
    storm = Storm(coupon, first, count, rate=600, clicks=2)
    stack.wait_for(lambda: len(stack.ok_rows("hash", coupon)) > 200, 30, "the sale is under way")
    assert make_pending(coupon) > 0
    lose_redis()
    stack.wait_for(owes_a_rebuild, 60, "the keeper says that a rebuild is owed, and waits for Kafka")
    assert stack.epoch() == epoch, "an epoch was raised for a rebuild that can append nothing"
    stack.ctl("resume", "kafka")
    stack.wait_for(lambda: stack.epoch() > epoch, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "the coupon is open again")
    storm.stop()
    storm.finish()
    assert any(h["reason"] == "coupon_not_ready" for h in storm.unavailable()), "it was never closed"
    again = Storm(coupon, first, count // 4, rate=600)  # who has one gets it again, who was refused gets one
    again.finish()
    assert again.summary["replayed"] > 0 and again.summary["accepted_new"] > 0, again.summary
    states = resolve(storm.unknown() + again.unknown(), hold_ms)
    stack.wait_quiet(coupon, seconds=90)
    sold = stack.check_coupon(coupon, total)
    history.check(coupon, storm.history + again.history, states)
    claims = {user: value.split(":")[0] for user, value in stack.stock_redis().hgetall(f"weir:{{{coupon}}}:claims").items() if user != "epoch"}
    assert {int(g) for g in claims.values()} == sold, "claims and OK rows differ"
    assert stack.grab(users.take(1), coupon).json["success"], "nothing can be grabbed after the rebuild"
    nobody = f"/api/grab/1?user={users.take(1)}&epoch="  # no row: what its place says is decided by the barrier alone
    now = stack.epoch()
    stack.wait_for(lambda: stack.get(f"{nobody}{epoch}").json["state"] == "void", 20, "a grab of a lower epoch without a row is void")
    assert stack.get(f"{nobody}{now}").json["state"] == "open"
    actions = [row[0] for row in stack.catalog("SELECT action FROM stock_logs WHERE coupon_id = %s ORDER BY id", coupon)]
    assert "first_open" in actions and "rebuild" in actions, actions
    stack.wait_quiet(coupon)
    stack.check_coupon(coupon, total)


def test_flushed_under_load():
    run(lambda: stack.stock_redis().flushall())


def test_restarted_under_load():
    def restart():
        stack.ctl("kill", "redis-stock")
        stack.ctl("start", "redis-stock")
    run(restart)


@pytest.mark.parametrize("key", ["claims", "pending", pytest.param("mark", marks=pytest.mark.more), pytest.param("stock", marks=pytest.mark.more)])
def test_one_key_lost(key):
    """A lost key is never taken for an empty one: nothing is sold without it until all of the coupon was rebuilt."""
    sale, epoch = Sale(total=6000, users_count=4000, rate=400, hold_ms=SHORT_HOLD_MS), stack.epoch()
    assert stack.stock_redis().delete(f"weir:{{{sale.coupon}}}:{key}") == 1
    stack.wait_for(lambda: stack.epoch() > epoch, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(sale.coupon), REBUILT_S, "the coupon is open again")
    sale.end()
    assert any(h["reason"] == "coupon_not_ready" for h in sale.storm.unavailable()), "it was never closed"


class SoldUnit:
    """A coupon of one unit, sold, whose row of layout hash somebody takes away: as a dropped table does to all of its rows."""

    def __init__(self):
        self.coupon, self.user = stack.new_coupon(1, hold_ms=2000), users.take(1)
        assert stack.grab(self.user, self.coupon).json["success"]
        stack.wait_quiet(self.coupon)
        self.shard, self.table = next((n, t) for n in range(stack.SHARDS) for t in stack.tables_of(n, "hash") if self.rows(n, t) == 1)

    def rows(self, shard, table):
        return stack.shard(shard, f"SELECT COUNT(*) FROM `{table}` WHERE user_id = %s", self.user)[0][0]

    def take_row_away(self):
        stack.shard(self.shard, f"CREATE TABLE kept AS SELECT * FROM `{self.table}` WHERE user_id = %s", self.user)
        stack.shard(self.shard, f"DELETE FROM `{self.table}` WHERE user_id = %s", self.user)
        assert self.rows(self.shard, "kept") == 1 and self.rows(self.shard, self.table) == 0

    def put_row_back(self):
        stack.shard(self.shard, f"INSERT IGNORE INTO `{self.table}` SELECT * FROM kept")
        stack.shard(self.shard, "DROP TABLE kept")

    def set_total(self, count):
        stack.shard(self.shard, "UPDATE grab_totals SET ok_rows = %s WHERE layout = 'hash' AND coupon_id = %s", count, self.coupon)
        assert stack.shard(self.shard, "SELECT ok_rows FROM grab_totals WHERE layout = 'hash' AND coupon_id = %s", self.coupon) == ((count,),)

    def check(self):
        stack.wait_for(lambda: stack.is_open(self.coupon), 90, "the coupon is open again")
        assert stack.left(self.coupon) == 0 and len(stack.check_coupon(self.coupon, 1)) == 1


LOOKED = "looked whether rows that were missing are back"


def test_rows_that_are_gone_are_not_sold_again():
    """A row is gone, and Redis is lost: without that row a rebuild would give its unit back. Its coupon alone stays closed, and opens when the row is back."""
    sold, other = SoldUnit(), stack.new_coupon(2, hold_ms=2000)
    assert stack.grab(users.take(1), other).json["success"]
    stack.wait_quiet(other)
    sold.take_row_away()
    try:
        for _ in ("learnt", "and again"):
            offset = stack.log_size("keeper")
            stack.stock_redis().flushall()
            words = f"coupon {sold.coupon} stays closed: table {sold.table} of shard {sold.shard} has 0 rows of it, and the totals count 1"
            stack.wait_for(lambda: words in stack.log_since("keeper", offset), 60, "the keeper says whose rows are missing")
            stack.wait_for(lambda: stack.is_open(other), 60, "the other coupon is open")
        epoch = stack.epoch()
        assert stack.grab(users.take(1), other).json["success"] and stack.left(other) == 0
        stack.wait_for(lambda: stack.log_since("keeper", offset).count(LOOKED) >= 2, 60, "the keeper has looked twice")
        assert stack.epoch() == epoch, "everything was closed and rebuilt again for a coupon that stays closed"
        assert not stack.is_open(sold.coupon) and stack.grab(users.take(1), sold.coupon).status == 503
        assert f"rows of 1 coupons are missing: coupon {sold.coupon}" in keeper_tells()
    finally:
        sold.put_row_back()
    sold.check()
    stack.wait_for(lambda: stack.is_open(other), 60, "the other coupon is open")
    stack.check_coupon(other, 2)


def test_rows_that_are_gone_and_counted_nowhere_open_nothing():
    """The row is gone, and so is it from the totals: only progress still counts it, and nobody knows whose it was."""
    sold, other = SoldUnit(), stack.new_coupon(1, hold_ms=2000)
    sold.take_row_away()
    sold.set_total(0)
    try:
        offset = stack.log_size("keeper")
        stack.stock_redis().flushall()
        stack.wait_for(lambda: "no stock is rebuilt without them" in stack.log_since("keeper", offset), 60, "the keeper says that rows are missing")
        assert not stack.is_open(sold.coupon) and not stack.is_open(other)
        assert all(stack.grab(users.take(1), coupon).status == 503 for coupon in (sold.coupon, other))
    finally:
        sold.set_total(1)
        sold.put_row_back()
    sold.check()
    stack.wait_for(lambda: stack.is_open(other), 60, "the other coupon is open")


def test_a_mark_of_a_far_higher_epoch_is_passed_at_once():
    """As of another catalog. One epoch at a time, the keeper would close every sale again and again until it is there."""
    coupon = stack.new_coupon(100, hold_ms=2000)
    assert stack.grab(users.take(1), coupon).json["success"]
    stack.wait_quiet(coupon)
    far = stack.epoch() + 1000
    stack.stock_redis().hset(f"weir:{{{coupon}}}:mark", "epoch", far)
    stack.wait_for(lambda: stack.epoch() > far, 30, "the epoch is raised above it")
    stack.wait_for(lambda: stack.is_open(coupon), 60, "the coupon is open again")
    assert len(stack.check_coupon(coupon, 100)) == 1


def test_a_mark_of_an_epoch_that_no_rebuild_can_pass():
    """Once seen, it would be raised to 2^63, which nobody reads back: it is no epoch, and its coupon is rebuilt as any."""
    coupon = stack.new_coupon(100, hold_ms=2000)
    assert stack.grab(users.take(1), coupon).json["success"]
    stack.wait_quiet(coupon)
    before = stack.epoch()
    stack.stock_redis().hset(f"weir:{{{coupon}}}:mark", "epoch", 2**63 - 1)
    stack.wait_for(lambda: before < stack.epoch() < before + 10, 30, "the epoch is raised by one")
    stack.wait_for(lambda: stack.is_open(coupon), 60, "the coupon is open again")
    assert len(stack.check_coupon(coupon, 100)) == 1


def test_first_open_closes_no_other():
    coupon = stack.new_coupon(1_000_000)
    epoch = stack.epoch()
    answers, stop = [], threading.Event()

    def buy():
        while not stop.is_set():
            try:
                answers.append(stack.grab(users.take(1), coupon).status)
            except Exception as error:
                answers.append(repr(error))

    thread = threading.Thread(target=buy)
    thread.start()
    try:
        others = [stack.new_coupon(10) for _ in range(10)]
        seen = len(answers)
        stack.wait_for(lambda: len(answers) > seen + 20, 20, "grabs go on after the last open")
    finally:
        stop.set()
        thread.join()
    assert len(others) == 10 and len(answers) > 20 and set(answers) == {200}, set(answers)
    assert stack.epoch() == epoch


def test_away_answers_503_and_comes_back():
    coupon = stack.new_coupon(50)
    stack.ctl("stop", "redis-stock")
    answer = stack.grab(users.take(1), coupon)
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0, answer
    stack.ctl("start", "redis-stock")
    stack.wait_for(lambda: stack.grab(users.take(1), coupon).status == 200, 60, "grabs are taken again")
    stack.wait_quiet(coupon)
    stack.check_coupon(coupon, 50)


def test_stopped_under_load():
    """It hangs for longer than any deadline and goes on with all that it was sent: nothing of that was answered as success, and the sweep gives it back."""
    sale, epoch = Sale(users_count=4000, rate=400, hold_ms=SHORT_HOLD_MS), stack.epoch()
    refused = stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="stock_away")
    stack.ctl("pause", "redis-stock")
    try:
        stack.wait_for(lambda: stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="stock_away") > refused + 10, 60, "grabs are refused")
    finally:
        stack.ctl("resume", "redis-stock")
    sale.end()
    assert stack.epoch() == epoch, "the same Redis, with all that it held, was rebuilt"


def test_restarted_with_an_old_snapshot():
    """It holds marks, claims and stock of a while ago, under the run id of then: none of it counts."""
    sale, epoch = Sale(users_count=4000, rate=400), stack.epoch()
    dump = pathlib.Path(stack.ENV["WEIR_VAR"]) / "data" / "redis-stock" / "dump.rdb"
    kept = dump.with_suffix(".old")
    stack.stock_redis().save()
    dump.rename(kept)
    old_left = stack.left(sale.coupon)
    stack.wait_for(lambda: stack.left(sale.coupon) < old_left - 200, 30, "more is sold than the snapshot knows")
    stack.ctl("kill", "redis-stock")
    kept.rename(dump)
    offset = stack.log_size("redis-stock")
    try:
        stack.ctl("start", "redis-stock")
        assert "DB loaded from disk" in stack.log_since("redis-stock", offset), "the snapshot was not loaded"
    finally:
        dump.unlink()
    stack.wait_for(lambda: stack.epoch() > epoch, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(sale.coupon), REBUILT_S, "the coupon is open again")
    sale.end()


def test_out_of_memory_inside_the_script():
    """RESERVE checks all before its first write, and the first write is what is refused: nothing is half done."""
    sale, epoch = Sale(users_count=4000, rate=400, hold_ms=SHORT_HOLD_MS), stack.epoch()
    before = out_of_memory()
    stack.stock_redis().config_set("maxmemory", "1mb")
    try:
        someone = users.take(1)
        answer = stack.wait_for(lambda: refused_grab(someone, sale.coupon), 30, "a grab is refused")
        assert int(answer.headers["retry-after"]) > 0
        assert stack.stock_redis().hget(f"weir:{{{sale.coupon}}}:claims", someone) is None, "a claim was noted"
        assert out_of_memory() > before, "it was refused for something else"
        stack.wait_for(lambda: not stack.pending(sale.coupon), 60, "what was reserved before is settled or given back all the same")
        left, sold = stack.left(sale.coupon), stack.stock_redis().hlen(f"weir:{{{sale.coupon}}}:claims") - 1
        assert left + sold == sale.total, "a unit was taken without a claim"
    finally:
        stack.stock_redis().config_set("maxmemory", "0")
    sale.end()
    assert stack.epoch() == epoch


def out_of_memory():
    """Scripts that were refused for want of memory."""
    return int(stack.stock_redis().info("errorstats").get("errorstat_OOM", "count=0").removeprefix("count="))


def refused_grab(user, coupon):
    answer = stack.grab(user, coupon)
    return answer if answer.status == 503 else None


def test_a_script_that_is_refused_is_its_coupons_alone():
    """Redis refuses the keys of all coupons but one: that one's pending grabs are swept all the same."""
    stack.new_coupon(100, hold_ms=2000)
    coupon = stack.new_coupon(100, hold_ms=2000)
    stack.ctl("stop", "ingest")
    pending, user = records.new_id(), users.take(1)
    with stack.stock_redis().pipeline() as pipe:  # as of a grab whose ingest died behind RESERVE
        pipe.hset(f"weir:{{{coupon}}}:pending", pending, f"P0 1 {user} ")
        pipe.hset(f"weir:{{{coupon}}}:claims", user, f"{pending}:")
        pipe.hincrby(f"weir:{{{coupon}}}:stock", "left", -1)
        pipe.execute_command("ACL", "SETUSER", "default", "resetkeys", f"~weir:{{{coupon}}}:*")
        pipe.execute()
    try:
        stack.wait_for(lambda: "NOPERM" in keeper_tells(), 30, "the keeper says that it is refused")
        stack.wait_for(lambda: stack.pending(coupon) == 0, 60, "what was pending is swept")
        assert stack.left(coupon) == 100
        stack.wait_for(lambda: "NOPERM" in keeper_tells(), 10, "the keeper is refused still", every=0.05)  # it says so at each look, once a second
    finally:
        stack.stock_redis().execute_command("ACL", "SETUSER", "default", "allkeys")
        stack.ctl("start", "ingest")


@pytest.mark.more
def test_scripts_flushed_under_load():
    """NOSCRIPT says that nothing ran, so the script is sent whole: no grab is refused for it."""
    sale = Sale(users_count=4000, rate=400)
    flushes = 0
    while sale.storm.runs():
        stack.stock_redis().script_flush()
        flushes += 1
        stack.wait_for(lambda: stack.stock_redis().info("memory")["number_of_cached_scripts"] > 0, 30, "scripts are sent again", every=0.02)
        if flushes >= 30:
            break
    assert flushes >= 5, "the load was over too soon"
    assert sale.finish_load()["accepted_new"] == 4000
    sale.end()


@pytest.mark.more
def test_clients_paused_under_load():
    sale, epoch = Sale(users_count=4000, rate=400, hold_ms=SHORT_HOLD_MS), stack.epoch()
    pause_ms = 3000
    stack.stock_redis().client_pause(pause_ms, all=True)
    refused = stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="stock_away")
    stack.wait_for(lambda: stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="stock_away") > refused, 30, "grabs are refused", every=0.05)
    sale.end()
    assert stack.epoch() == epoch


@pytest.mark.more
def test_first_replica_attached(tmp_path):
    """master_replid moves on a healthy primary: to the protocol it is another server, and all is rebuilt."""
    sale, epoch = Sale(users_count=4000, rate=400), stack.epoch()
    port = int(stack.ENV["WEIR_PORT_BASE"]) + 45
    primary = stack.stock_redis()
    replid = primary.info("replication")["master_replid"]
    place = primary.connection_pool.connection_kwargs
    with open(tmp_path / "log", "wb") as log:
        replica = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", "", "--replicaof", place["host"],
                                    str(place["port"])], stdout=log, stderr=log)
    try:
        stack.wait_for(lambda: primary.info("replication")["connected_slaves"] == 1, 60, "the replica is attached")
        assert primary.info("replication")["master_replid"] != replid, "the id did not move"
        stack.wait_for(lambda: stack.epoch() > epoch, 30, "the epoch is raised")
        stack.wait_for(lambda: stack.is_open(sale.coupon), REBUILT_S, "the coupon is open again")
        sale.end()
    finally:
        replica.kill()
        replica.wait()
