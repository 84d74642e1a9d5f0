"""Redis flushed, restarted (empty or old), hung, short of memory under load: closed, rebuilt, open again; nothing oversold, nothing lost (I1-I5, I13, I14)."""
import pathlib
import subprocess
import threading

import pytest

from support import history, stack, users
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


def run(lose_redis):
    total, hold_ms = 30_000, 4000
    coupon = stack.new_coupon(total, hold_ms=hold_ms)
    epoch = stack.epoch()
    storm = Storm(coupon, users.take(9000), 9000, rate=600)
    stack.wait_for(lambda: len(stack.ok_rows("hash", coupon)) > 200, 30, "the sale is under way")
    assert make_pending(coupon) > 0
    lose_redis()
    stack.wait_for(lambda: stack.mark(coupon).get("state") == "building", 30, "the coupon is closed for the rebuild", every=0.02)
    stack.ctl("resume", "kafka")
    stack.wait_for(lambda: stack.epoch() > epoch, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "the coupon is open again")
    storm.stop()
    summary = storm.finish()
    assert summary["rejected"]["503"] > 0, "it was never closed"
    states = resolve(storm.unknown(), hold_ms)
    stack.wait_quiet(coupon, seconds=90)
    sold = stack.check_coupon(coupon, total)
    history.check(coupon, storm.history, states)
    claims = {user: value.split(":")[0] for user, value in stack.stock_redis().hgetall(f"weir:{{{coupon}}}:claims").items() if user != "epoch"}
    assert {int(g) for g in claims.values()} == sold, "claims and OK rows differ"
    again = stack.grab(int(next(iter(claims))), coupon)
    assert again.status == 200 and again.json["replayed"] is True
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


def test_rows_that_are_gone_are_not_sold_again():
    """Somebody deleted a row (as a dropped table does to all of its rows), and Redis is lost: without that row a rebuild would give its unit back."""
    coupon, user = stack.new_coupon(1, hold_ms=2000), users.take(1)
    assert stack.grab(user, coupon).json["success"]
    stack.wait_quiet(coupon)
    number, table = next((n, t) for n in range(stack.SHARDS) for t in stack.tables_of(n, "hash")
                         if stack.shard(n, f"SELECT 1 FROM `{t}` WHERE user_id = %s AND coupon_id = %s", user, coupon))
    stack.shard(number, f"CREATE TABLE kept AS SELECT * FROM `{table}` WHERE user_id = %s", user)
    try:
        assert stack.shard(number, "SELECT COUNT(*) FROM kept") == ((1,),)
        stack.shard(number, f"DELETE FROM `{table}` WHERE user_id = %s", user)
        offset = stack.log_size("keeper")
        stack.stock_redis().flushall()
        stack.wait_for(lambda: "no stock is rebuilt without them" in stack.log_since("keeper", offset), 60, "the keeper says that rows are missing")
        assert not stack.is_open(coupon) and stack.grab(users.take(1), coupon).status == 503
    finally:
        stack.shard(number, f"INSERT IGNORE INTO `{table}` SELECT * FROM kept")
        stack.shard(number, "DROP TABLE kept")
    stack.wait_for(lambda: stack.is_open(coupon), 90, "the coupon is open again")
    assert stack.left(coupon) == 0 and len(stack.check_coupon(coupon, 1)) == 1


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


def test_first_open_closes_no_other():
    coupon = stack.new_coupon(1_000_000)
    epoch = stack.epoch()
    answers, stop = [], threading.Event()

    def buy():
        while not stop.is_set():
            answers.append(stack.grab(users.take(1), coupon).status)

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
