"""Several keepers, one that sleeps in the middle of its work, stock that somebody spoilt, and a rebuild that can not be done yet (I1, I5, I13, I14)."""
import contextlib
import os
import signal
import threading

import pytest

from support import links, mariadb, processes, records, stack, tool, users
from support.processes import tells
from support.sale import REBUILT_S, Sale

KEEPER = stack.ENV["WEIR_KEEPER"]
LEASE_MS = 1000
LEASE = f"--keeper.lease_ms={LEASE_MS}"
LEADS_S = 6  # until it is settled who leads under such a lease, on a busy machine
DOWN = 2  # a shard
DRAIN_S = 10  # service.drain_ms


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", "keeper", check=False)
    stack.ctl("resume", "kafka", check=False)
    stack.ctl("start", "keeper", "ingest", "kafka", "redis-stock", f"shard{DOWN}")
    stack.ready_again()


def leads(base):
    try:
        return stack.metric(base, "weir_keeper_leads") == 1
    except OSError:
        return False


def second_keeper(*arguments, env=None):
    return processes.Second("keeper", 42, arguments=arguments or (LEASE,), env=env)


def expire_lease():
    """By hand: for as long as the leader has not looked again, two lead."""
    stack.catalog("UPDATE leaders SET ends_at = '2000-01-01' WHERE role = 'keeper'")


@contextlib.contextmanager
def broken_lease():
    """Expired again and again: whoever asks for it gets it, so that every keeper leads."""
    over = threading.Event()
    connection = stack.connect_sql(stack.ENV["WEIR_MYSQL_CATALOG"])

    def expire():
        while not over.wait(0.02):
            with connection.cursor() as cursor:
                cursor.execute("UPDATE leaders SET ends_at = '2000-01-01' WHERE role = 'keeper'")

    thread = threading.Thread(target=expire)
    thread.start()
    try:
        yield thread
    finally:
        over.set()
        thread.join()
        connection.close()


def wait_rebuilt(coupon, above):
    stack.wait_for(lambda: stack.epoch() > above, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "the coupon is open again")


# ---- who leads ----

def test_another_keeper_leads_while_the_first_sleeps_and_after_it_stopped():
    stack.ctl("restart", "keeper", "--", LEASE)
    stack.wait_for(lambda: leads(KEEPER), LEADS_S, "the stack's keeper leads")
    with second_keeper() as second:
        second.wait_ready()
        place = KEEPER.removeprefix("http://")
        stack.wait_for(lambda: f"stands by: {place} leads" in tells(second.base), LEADS_S, "the second stands by, and says for whom")
        sale = Sale(users_count=4000, rate=300)
        stack.ctl("pause", "keeper")
        stack.wait_for(lambda: leads(second.base), LEADS_S, "the second leads when the first one's lease has run out")
        before = stack.epoch()
        stack.stock_redis().flushall()
        wait_rebuilt(sale.coupon, before)
        assert stack.new_coupon(10)  # first opens are done, too
        stack.ctl("resume", "keeper")
        stack.wait_for(lambda: "stands by" in tells(KEEPER), LEADS_S, "the first knows that it leads no more")
        assert not leads(KEEPER)
        second.process.terminate()
        assert second.process.wait(timeout=15) == 0
        stack.wait_for(lambda: leads(KEEPER), LEADS_S, "the first leads again")
    sale.end()
    stack.ctl("restart", "keeper")  # with its own lease


@pytest.mark.parametrize("begun", [False, True])
def test_a_leader_without_kafka_gives_another_its_turn(begun):
    """Its own link is broken, and the catalog hears of it all the same. It closes nothing for a rebuild that it cannot end; where it has closed already, another one
    opens again."""
    coupon, lost = stack.new_coupon(100, hold_ms=2000), stack.new_coupon(100, hold_ms=2000)
    stack.ctl("restart", "keeper", "--", LEASE, "--keeper.stuck_ms=1000")
    stack.wait_for(lambda: leads(KEEPER), 20, "the stack's keeper leads")
    with second_keeper(LEASE, f"--kafka.brokers={stack.ENV['WEIR_KAFKA']}") as second:
        stack.wait_for(lambda: "stands by" in tells(second.base), 20, "the second stands by")
        offset, before = stack.log_size("keeper"), stack.epoch()
        if begun:
            assert stack.stock_redis().delete(f"weir:{{{lost}}}:claims") == 1
            stack.wait_for(lambda: "rebuild begins" in stack.log_since("keeper", offset), 30, "the first rebuilds", every=0.02)
        with links.fault("keeper-kafka", black_hole=1):
            if not begun:
                assert stack.stock_redis().delete(f"weir:{{{lost}}}:claims") == 1
                stack.wait_for(lambda: "a rebuild of the stock is owed" in tells(KEEPER), 30, "the first says that it cannot")
                assert "rebuild begins" not in stack.log_since("keeper", offset), "it closed all coupons for a rebuild that it cannot end"
            stack.wait_for(lambda: leads(second.base), 60, "the second leads")
            wait_rebuilt(lost, before + (1 if begun else 0))
            stack.wait_for(lambda: "comes no further" in stack.log_since("keeper", offset) and "stands by" in tells(KEEPER), 60, "the first stands by")
        assert stack.is_open(coupon) and stack.epoch() == before + (2 if begun else 1)
    stack.ctl("restart", "keeper")


def test_a_leader_that_can_append_no_cancel_gives_another_its_turn():
    """Its own link is broken and no rebuild is owed, only the end of a grab that stayed pending."""
    coupon = stack.new_coupon(100, hold_ms=2000)
    stack.ctl("restart", "keeper", "--", LEASE, "--keeper.stuck_ms=1000")
    stack.wait_for(lambda: leads(KEEPER), 20, "the stack's keeper leads")
    with second_keeper(LEASE, f"--kafka.brokers={stack.ENV['WEIR_KAFKA']}") as second:
        stack.wait_for(lambda: "stands by" in tells(second.base), 20, "the second stands by")
        offset, epoch = stack.log_size("keeper"), stack.epoch()
        with links.fault("keeper-kafka", black_hole=1):
            stay_pending(coupon)
            stack.wait_for(lambda: "no CANCEL can be appended" in tells(KEEPER), 60, "the first says that it can append nothing", every=0.02)
            stack.wait_for(lambda: leads(second.base), 60, "the second leads")
            stack.wait_for(lambda: stack.pending(coupon) == 0, 30, "the second has given the grab its end")
        assert "comes no further" in stack.log_since("keeper", offset)
        assert stack.epoch() == epoch and stack.left(coupon) == 100, "a rebuild gave the unit back, or nothing did"
    stack.ctl("restart", "keeper")


def stay_pending(coupon, user=None):
    """A grab that nobody ends but a sweep: ingest dies behind its RESERVE."""
    stack.ctl("restart", "ingest", env={"WEIR_CRASH_AT": "ingest.after_reserve"})
    with pytest.raises(OSError):
        stack.grab(user or users.take(1), coupon, base=stack.ENV["WEIR_INGEST"])
    assert stack.pending(coupon) == 1
    stack.wait_for(lambda: not stack.runs("ingest"), 10, "ingest has died")
    stack.ctl("start", "ingest")


def test_a_stopped_leader_gives_its_lease_back_at_once():
    long_lease = "--keeper.lease_ms=600000"
    stack.ctl("restart", "keeper", "--", long_lease)
    stack.wait_for(lambda: leads(KEEPER), 20, "the stack's keeper leads")
    with second_keeper(long_lease) as second:
        stack.wait_for(lambda: "stands by" in tells(second.base), 20, "the second stands by")
        stack.ctl("stop", "keeper")
        stack.wait_for(lambda: leads(second.base), 30, "the second leads long before the lease would have ended")
        second.process.terminate()
        assert second.process.wait(timeout=15) == 0
    stack.ctl("start", "keeper")
    stack.wait_for(lambda: leads(KEEPER), 20, "the stack's keeper leads")


def test_a_lease_that_a_step_of_the_clock_put_out_of_reach_is_taken():
    """The catalog's clock went back by an hour: the end of a dead keeper's lease would be an hour away."""
    stack.catalog("UPDATE leaders SET holder = 'of a dead one', place = '', lease_ms = 5000, ends_at = NOW(3) + INTERVAL 1 HOUR WHERE role = 'keeper'")
    stack.wait_for(lambda: stack.catalog("SELECT holder FROM leaders WHERE role = 'keeper'")[0][0] != "of a dead one", 20, "the keeper takes the lease")
    assert stack.new_coupon(10)


# ---- two at work ----

def lose_redis(_sale):
    stack.stock_redis().flushall()


def leave_pending(_sale):
    """Kafka is away for a moment, so that grabs stay pending."""
    stack.ctl("pause", "kafka")
    unknown = stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown")
    stack.wait_for(lambda: stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown") > unknown, 60, "grabs are answered 202")
    stack.ctl("resume", "kafka")


def open_one(sale):
    sale.beside.append(stack.new_coupon(10, wait=False))


def asleep_in_its_work(point, stimulus, arguments=()):
    """A sale, and the stack's keeper asleep in the middle of what the stimulus gives it to do; answers (sale, its pid, the offset of its log)."""
    sale = Sale(users_count=5000, rate=400)
    stack.ctl("stop", "keeper")
    pid, offset = processes.start_to_sleep("keeper", point, arguments=arguments)
    stimulus(sale)
    processes.wait_asleep(pid, "keeper", point, offset)
    return sale, pid, offset


@pytest.mark.parametrize("point, stimulus", [
    ("keeper.rebuild_claims", lose_redis),
    pytest.param("keeper.rebuild_closed", lose_redis, marks=pytest.mark.more),
    pytest.param("keeper.rebuild_barrier", lose_redis, marks=pytest.mark.more),
    pytest.param("keeper.rebuild_folded", lose_redis, marks=pytest.mark.more),
    pytest.param("keeper.rebuild_opened", lose_redis, marks=pytest.mark.more),
    pytest.param("keeper.sweep_cancelling", leave_pending, marks=pytest.mark.more),
    pytest.param("keeper.sweep_appended", leave_pending, marks=pytest.mark.more),
    pytest.param("keeper.open_claimed", open_one, marks=pytest.mark.more),
    pytest.param("keeper.open_building", open_one, marks=pytest.mark.more),
])
def test_a_leader_that_wakes_in_the_middle_does_no_harm(point, stimulus):
    """It falls asleep inside its work; another one leads, does that work from its begin and ends it; then the first goes on where it was."""
    before = stack.epoch()
    sale, pid, _ = asleep_in_its_work(point, stimulus, arguments=(LEASE,))
    with second_keeper() as second:
        stack.wait_for(lambda: leads(second.base), LEADS_S, "the second leads")
        if stimulus is not leave_pending:
            wait_rebuilt(sale.coupon, before)
        else:
            stack.wait_for(lambda: "grabs have their end" in second.log(), 60, "the second sweeps")
        epoch = stack.epoch()
        os.kill(pid, signal.SIGCONT)
        stack.wait_for(lambda: "stands by" in tells(KEEPER), 60, "the first stands by")
        sale.end()
        assert stack.epoch() == epoch and stack.is_open(sale.coupon), "the sleeper closed what the other one had opened, which then had to be rebuilt"
    stack.ctl("restart", "keeper")


@pytest.mark.parametrize("point, stimulus", [
    ("keeper.rebuild_closed", lose_redis),
    ("keeper.sweep_cancelling", leave_pending),
    pytest.param("keeper.rebuild_barrier", lose_redis, marks=pytest.mark.more),
    pytest.param("keeper.rebuild_folded", lose_redis, marks=pytest.mark.more),
    pytest.param("keeper.rebuild_claims", lose_redis, marks=pytest.mark.more),
    pytest.param("keeper.sweep_appended", leave_pending, marks=pytest.mark.more),
    pytest.param("keeper.open_claimed", open_one, marks=pytest.mark.more),
])
def test_terminated_in_its_work(point, stimulus):
    """SIGTERM meets it in the middle: it ends inside its deadline. What it had begun it ends, where that takes no waiting, or leaves to the next one."""
    sale, pid, offset = asleep_in_its_work(point, stimulus)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    stack.wait_for(lambda: not stack.runs("keeper"), DRAIN_S + 2, "the keeper ends inside its deadline", every=0.05)
    text = stack.log_since("keeper", offset)
    assert "exit_code=0" in text, text[-2000:]
    assert point != "keeper.rebuild_closed" or "rebuild is done" not in text, "it did not wait for grabs that may still be answered"
    stack.ctl("start", "keeper")
    sale.end()


@pytest.mark.more
def test_rebuild_beside_rebuild():
    """The lease is taken from a leader that is waiting in a rebuild: the other one raises the epoch, and the first stops before it opens anything."""
    sale = Sale(users_count=5000, rate=400)
    stack.ctl("restart", "keeper", "--", LEASE)
    stack.wait_for(lambda: leads(KEEPER), LEADS_S, "the stack's keeper leads")
    offset, before = stack.log_size("keeper"), stack.epoch()
    stack.stock_redis().flushall()
    stack.wait_for(lambda: "rebuild begins" in stack.log_since("keeper", offset), 30, "the first rebuilds")
    with second_keeper() as second:
        stack.wait_for(lambda: expire_lease() is None and leads(second.base), 30, "the second leads too", every=0.02)
        stack.wait_for(lambda: "rebuild begins" in second.log(), 30, "the second rebuilds, too")
        wait_rebuilt(sale.coupon, before + 1)
        stack.wait_for(lambda: "a step did not come through" in stack.log_since("keeper", offset), 60, "the first stops when it sees the other's epoch")
        sale.end()
    stack.ctl("restart", "keeper")


def test_two_that_both_lead_come_to_an_end():
    """Each one's rebuild stops the other's, and would for ever: the one that was overtaken leaves the other its time."""
    sale = Sale(users_count=5000, rate=400)
    stack.ctl("restart", "keeper", "--", LEASE)
    with second_keeper() as second, broken_lease() as breaker:
        stack.wait_for(lambda: leads(KEEPER) and leads(second.base), 30, "both lead", every=0.05)
        offset, before = stack.log_size("keeper"), stack.epoch()
        stack.stock_redis().flushall()
        stack.wait_for(lambda: "rebuild begins" in stack.log_since("keeper", offset) and "rebuild begins" in second.log(), 60, "both rebuild")
        words = "is owed and did not come through"  # what it owes the other one may have done before it looks again; else it waits (below)
        stack.wait_for(lambda: words in stack.log_since("keeper", offset) + second.log(), 60, "one was overtaken", every=0.05)
        stack.wait_for(lambda: stack.is_open(sale.coupon) and stack.is_ready(KEEPER) and stack.is_ready(second.base), REBUILT_S, "neither owes a rebuild any more")
        tries = stack.epoch() - before
        waited = (stack.log_since("keeper", offset) + second.log()).count("it is given its time to end")
        assert tries <= 4 and (tries == 2 or waited > 0), f"it took {tries} tries, {waited} of which left the other one its time"
        assert breaker.is_alive(), "the lease was not broken to the end"
    sale.end()
    stack.ctl("restart", "keeper")


def test_a_rebuild_folds_as_many_shards_at_once_as_it_may_hold():
    """One, here: its claims are written before the next one is read. Then it dies in the middle, and is done again with two."""
    sale = Sale(users_count=3000, rate=400)
    stack.wait_for(lambda: stack.left(sale.coupon) < sale.total - 500, 60, "hundreds of users have a grab")
    stack.ctl("stop", "keeper")
    pid, offset = processes.start_to_sleep("keeper", "keeper.rebuild_folded", count=2, arguments=("--keeper.fold_shards_max=1",))
    before = stack.epoch()
    stack.stock_redis().flushall()
    processes.wait_asleep(pid, "keeper", "keeper.rebuild_folded", offset)
    claims = stack.stock_redis().hlen(f"weir:{{{sale.coupon}}}:claims") - 1
    assert claims > 0, "nothing of the first shard was written before the second was folded"
    assert stack.mark(sale.coupon)["state"] == "building"
    os.kill(pid, signal.SIGKILL)
    stack.wait_for(lambda: not stack.runs("keeper"), 20, "the keeper is dead")
    stack.ctl("start", "keeper", "--", "--keeper.fold_shards_max=2")
    wait_rebuilt(sale.coupon, before + 1)
    assert stack.stock_redis().hlen(f"weir:{{{sale.coupon}}}:claims") - 1 > claims
    sale.end()
    stack.ctl("restart", "keeper")


@pytest.mark.more
def test_a_catalog_that_cuts_its_connections_while_a_rebuild_folds():
    """Whoever looks again whether the epoch is still its own finds a dead connection, and takes a new one: another rebuild would keep all closed for one more wait."""
    sale = Sale(users_count=3000, rate=400)
    stack.ctl("stop", "keeper")
    pid, offset = processes.start_to_sleep("keeper", "keeper.rebuild_folded")
    before = stack.epoch()
    stack.stock_redis().flushall()
    processes.wait_asleep(pid, "keeper", "keeper.rebuild_folded", offset)
    with mariadb.connect("catalog") as administrator, administrator.cursor() as cursor:
        assert mariadb.cut_clients(cursor) > 1, "the keeper has a connection, and its lease has one"
    os.kill(pid, signal.SIGCONT)
    wait_rebuilt(sale.coupon, before)
    assert stack.epoch() == before + 1, "another rebuild was needed"
    sale.end()
    stack.ctl("restart", "keeper")


# ---- a rebuild that can not be done yet ----

def test_a_rebuild_waits_for_its_shards_and_closes_nothing_meanwhile():
    """One coupon has lost a key while a shard is away: it stays closed, all others sell on, no epoch is raised in vain, and the keeper says what it waits for."""
    lost, sold = stack.new_coupon(100), stack.new_coupon(10_000)
    assert stack.grab(users.take(1), lost).json["success"]
    stack.wait_quiet(lost)
    before = stack.epoch()
    stack.ctl("kill", f"shard{DOWN}")
    assert stack.stock_redis().delete(f"weir:{{{lost}}}:claims") == 1
    stack.wait_for(lambda: f"shard {DOWN}" in tells(KEEPER) and "owed" in tells(KEEPER), 30, "the keeper says what it waits for")
    tries = stack.log_since("keeper", 0).count("is owed and did not come through")
    stack.wait_for(lambda: stack.log_since("keeper", 0).count("is owed and did not come through") >= tries + 3, 60, "it tries again and again")
    assert stack.epoch() == before, "an epoch was raised that could not end"
    assert stack.grab(users.take(1), sold).json["success"], "another coupon does not sell"
    assert stack.grab(users.take(1), lost).status == 503
    stack.ctl("start", f"shard{DOWN}")
    wait_rebuilt(lost, before)
    assert stack.epoch() == before + 1
    stack.wait_quiet(sold)
    assert len(stack.check_coupon(lost, 100)) == 1


@pytest.mark.more
def test_a_grab_has_its_end_while_a_rebuild_waits_for_a_shard():
    """A sweep waits half its coupon's hold, longer than the keeper may come no further (keeper.stuck_ms): each turn lasts for it all the same."""
    stack.ctl("restart", "keeper", "--", LEASE, "--keeper.stuck_ms=1000")
    lost, held = stack.new_coupon(100, hold_ms=2000), stack.new_coupon(100, hold_ms=12_000)
    up = set(range(records.PARTITIONS)) - set(stack.progress_on(DOWN, "hash"))
    stack.ctl("kill", f"shard{DOWN}")
    assert stack.stock_redis().delete(f"weir:{{{lost}}}:claims") == 1
    stack.wait_for(lambda: f"shard {DOWN}" in tells(KEEPER) and "owed" in tells(KEEPER), 30, "the keeper says what it waits for")
    offset = stack.log_size("keeper")
    stay_pending(held, records.users_of(min(up), 1)[0])
    stack.wait_for(lambda: "comes no further" in stack.log_since("keeper", offset), 60, "its turns end, for it comes no further")
    stack.wait_for(lambda: stack.pending(held) == 0, 60, "the grab has its end")
    assert stack.left(held) == 100 and "owed" in tells(KEEPER)
    stack.ctl("start", f"shard{DOWN}")
    stack.wait_for(lambda: stack.is_open(lost), REBUILT_S, "the coupon is open again")
    stack.ctl("restart", "keeper")


def test_stock_that_somebody_spoilt_is_rebuilt_and_the_progress_is_seen():
    """A number below zero, above the total, none at all, or a word: a script that fails is not what finds it."""
    spoilt = {stack.new_coupon(50): left for left in ("-5", "51", "many", None)}
    sold = {coupon: stack.grab(users.take(1), coupon).json["success"] for coupon in spoilt}
    assert all(sold.values())
    for coupon in spoilt:
        stack.wait_quiet(coupon)
    before = stack.epoch()
    for coupon, left in spoilt.items():
        key = f"weir:{{{coupon}}}:stock"
        assert stack.stock_redis().hdel(key, "left") == 1 if left is None else stack.stock_redis().hset(key, "left", left) == 0
    stack.wait_for(lambda: stack.epoch() > before, 30, "the epoch is raised")
    stack.wait_for(lambda: f"rebuild: epoch {before + 1}, wait" in tells(KEEPER), 30, "readiness tells how far the rebuild is", every=0.05)
    assert stack.metric(KEEPER, "weir_keeper_rebuild_step", step="wait") == 1 and stack.metric(KEEPER, "weir_keeper_rebuild_epoch") == before + 1
    assert f"rebuild: epoch {before + 1}" in weir_status(), weir_status()
    for coupon in spoilt:
        stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "the coupon is open again")
        assert len(stack.check_coupon(coupon, 50)) == 1
    stack.wait_for(lambda: stack.is_ready(KEEPER), 20, "the keeper is ready")
    assert f"{KEEPER.removeprefix('http://')} leads" in weir_status()


def test_a_mark_that_somebody_spoilt_is_rebuilt():
    """A field that is gone or no number; a hold that is a number, but no hold: a rebuild must not wait by it."""
    damage = [("total", None), ("limit", None), ("opens_ms", None), ("ends_ms", "soon"), ("hold_ms", None), ("hold_ms", "10 s"), ("room_id", ""), ("version", "-1"),
              ("hold_ms", str(10**15))]
    spoilt = {stack.new_coupon(50, wait=False): field for field in damage}
    for coupon in spoilt:
        stack.wait_for(lambda: stack.is_open(coupon), 30, "the coupon is open")
        assert stack.grab(users.take(1), coupon).json["success"]
        stack.wait_quiet(coupon)
    before, offset = stack.epoch(), stack.log_size("keeper")
    with stack.stock_redis().pipeline() as pipe:
        for coupon, (field, value) in spoilt.items():
            key = f"weir:{{{coupon}}}:mark"
            pipe.hdel(key, field) if value is None else pipe.hset(key, field, value)
        pipe.execute()
    stack.wait_for(lambda: stack.epoch() > before, 30, "the epoch is raised")
    for coupon in spoilt:
        stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "the coupon is open again")
        assert len(stack.check_coupon(coupon, 50)) == 1
    assert "are not what Weir wrote" not in stack.log_since("keeper", offset), "a script failed on what the look should have seen"
    stack.wait_for(lambda: stack.is_ready(KEEPER), 20, "the keeper is ready")


def weir_status():
    return tool.run("status", seconds=60).stdout
