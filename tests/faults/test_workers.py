"""Workers killed, stopped and doubled under load: every accepted grab exactly once in each layout (I2, I7, I8, I11)."""
import contextlib
import os
import random
import re
import signal
import time

import pymysql
import pytest

from support import history, processes, stack, users
from support.sale import resolve
from support.storm import Storm

LAYOUT_OF = {"worker-hash": "hash", "worker-daily": "daily"}
SHORT_SESSION = "--worker.session_timeout_ms=1500"  # so that a killed worker's partitions are free again soon


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    for name in LAYOUT_OF:
        stack.ctl("resume", name, check=False)
        stack.ctl("restart", name)
    stack.ready_again()


def wait_owned(layout, before, what):
    """Every partition of the layout has another owner than in `before`; answers the owners."""
    stack.wait_for(lambda: all(stack.owners(layout)[p] != before[p] for p in before), 90, what)
    return stack.owners(layout)


def wait_at_work(layout, storms):
    moved = sum(stack.progress(layout).values())
    stack.wait_for(lambda: sum(stack.progress(layout).values()) > moved, 30, f"the worker of {layout} is at work")
    assert storms[-1].runs() or stack.lag(layout) > 0, "there is nothing to do: the load is too short"


def finish_and_check(coupon, stock, storms):
    """A worker's fault touches no grab, but a busy machine may: whatever each was told must hold."""
    stack.ready_again()
    for storm in storms:
        storm.stop()
        storm.finish()
    unknown = [h for storm in storms for h in storm.unknown()]
    states = resolve(unknown)
    stack.wait_quiet(coupon, seconds=90)
    rows = stack.check_coupon(coupon, stock)
    assert len(rows) == sum(len(storm.accepted()) for storm in storms) + list(states.values()).count("ok")
    for storm in storms:
        history.check(coupon, storm.history, {int(h["grab_id"]): states[int(h["grab_id"])] for h in storm.unknown()})


def start_beside_the_session_before(name):
    """While the group waits for the one that was killed, the worker is not ready, and shows no lag: nobody stores, and a 0 would not be true."""
    since, base = stack.log_size(name), stack.base_of(name)

    def ready():
        shown = stack.is_ready(base), lag_samples(base)
        assert shown == (False, 0) or "partitions assigned" in stack.log_since(name, since), f"nothing is assigned to {name}, and it shows {shown}"
        return shown[0]
    stack.ctl("launch", name, "--", SHORT_SESSION)
    stack.wait_for(ready, 60, f"{name} is ready")


def lag_samples(base):
    try:
        return stack.get("/metrics", base=base).body.count(b"\nweir_lag_records{")
    except OSError:  # it does not listen yet
        return 0


@pytest.mark.parametrize("kills", [6, pytest.param(40, marks=pytest.mark.more)])
def test_killed_again_and_again_at_random(kills):
    """Each kill meets a worker that owns its partitions and has stored rows since it was started, while grabs keep coming."""
    each, stock = 3000, 200_000
    coupon = stack.new_coupon(stock)
    storms = []
    chance = random.Random(11)
    for name in LAYOUT_OF:
        stack.ctl("stop", name)
        stack.ctl("start", name, "--", SHORT_SESSION)
    for number in range(kills):
        name = list(LAYOUT_OF)[number % len(LAYOUT_OF)]
        layout = LAYOUT_OF[name]
        storms.append(Storm(coupon, users.take(each), each, rate=500))  # for each kill: one that is about to end would leave the worker without work
        wait_at_work(layout, storms)
        time.sleep(chance.uniform(0.0, 0.3))  # the random moment of the kill, not a wait for something
        before = stack.owners(layout)
        stack.ctl("kill", name)
        start_beside_the_session_before(name)
        wait_owned(layout, before, f"{name} owns its partitions again")
    finish_and_check(coupon, stock, storms)


POINTS = {f"worker.{at}" for at in ("after_take", "after_begin", "after_progress", "after_rows", "after_totals", "before_commit", "after_commit", "after_tell_offset")}


@pytest.mark.parametrize("point", sorted(POINTS))
def test_killed_at_each_crash_point(point):
    assert set(processes.crash_points("weir-worker")) == POINTS
    total = 60_000
    coupon = stack.new_coupon(total)
    for name in LAYOUT_OF:
        stack.ctl("stop", name)
    storm = Storm(coupon, users.take(total), total, rate=500)
    for name in LAYOUT_OF:
        processes.wait_dead(name, point, processes.start_to_die(name, point, count=2, arguments=(SHORT_SESSION,)))
        assert storm.runs(), "the load was over before the fault"
    storm.stop()
    for name in LAYOUT_OF:
        stack.ctl("start", name)
    finish_and_check(coupon, total, [storm])


def give_to_another():
    """The partitions whose progress no transaction of the stopped worker holds; answers them, with where they are."""
    given = {}
    for number in range(stack.SHARDS):
        for partition, in stack.shard(number, "SELECT `partition` FROM progress WHERE layout = 'hash' AND topic = 'grabs'"):
            with contextlib.suppress(pymysql.err.OperationalError):  # 1205: it is held
                stack.shard(number, "SET STATEMENT innodb_lock_wait_timeout = 0 FOR UPDATE progress SET owner = %s WHERE layout = 'hash' AND topic = 'grabs'"
                                    " AND `partition` = %s", "0" * 32, partition)
                given[partition] = None
    offsets = stack.progress("hash")
    return {partition: offsets[partition] for partition in given}


def test_a_zombie_can_not_commit_before_the_owner_has():
    """Its partitions are another's, who has stored nothing yet: the offset is still the one that the zombie knows, and only the owner keeps it out."""
    total = 3000
    coupon = stack.new_coupon(total)
    stack.wait_lag_zero()
    stack.ctl("stop", "worker-hash")
    before, offset = stack.owners("hash"), stack.log_size("worker-hash")
    stack.ctl("start", "worker-hash", env={"WEIR_STOP_AT": "worker.after_take:5"})
    pid = stack.pid_of("worker-hash")
    wait_owned("hash", before, "it owns every partition before there is anything to do")
    storm = Storm(coupon, users.take(total), total, rate=1000)
    try:
        stack.wait_for(lambda: processes.is_stopped(pid), 60, "the worker stops with a batch in hand")
        given = give_to_another()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert given, "it holds the progress of every partition"

    def let_go():
        return set(map(int, re.findall(r'another owner has the partition, letting it go" partition=(\d+)', stack.log_since("worker-hash", offset))))

    def committed():
        return {partition: offset for partition, offset in stack.progress("hash").items() if given.get(partition, offset) != offset}
    stack.wait_for(lambda: given.keys() <= let_go() or committed(), 60, "the zombie tries to commit, of each partition that it lost")
    assert not committed(), "a zombie has committed"
    stack.ctl("restart", "worker-hash")
    finish_and_check(coupon, total, [storm])


@pytest.mark.parametrize("point, says", [("worker.after_take", "another owner has the partition|partitions revoked"),
                                         ("worker.after_rows", r"batch waits for its shard.* failed at .*INSERT INTO `grab_totals`.* gone away")],
                         ids=["before_its_transaction", "inside_it"])
def test_a_zombie_can_not_commit(point, says):
    """It stops with a batch in hand (before its transaction, or inside it), sleeps over its session, and goes on when another owns its partitions. Before its
    transaction it is refused, or hears from the group first: whichever it is, each row is there once. (That the owner alone keeps it out is shown above.) Inside
    one it holds the lock of its progress rows until the server ends the idle transaction: its statement then fails."""
    total = 4000
    coupon = stack.new_coupon(total)
    stack.wait_lag_zero()
    stack.ctl("stop", "worker-hash")
    offset = stack.log_size("worker-hash")
    before = stack.owners("hash")
    stack.ctl("start", "worker-hash", "--", SHORT_SESSION, env={"WEIR_STOP_AT": f"{point}:5"})
    pid = stack.pid_of("worker-hash")
    mine = wait_owned("hash", before, "it owns every partition before there is anything to do")
    storm = Storm(coupon, users.take(total), total, rate=500)
    try:
        processes.wait_asleep(pid, "worker-hash", point, offset)
        stored = sum(stack.progress("hash").values())
        with processes.Second("worker-hash", 40) as second:
            second.wait_ready()
            wait_owned("hash", mine, "the second worker owns every partition")
            stack.wait_for(lambda: sum(stack.progress("hash").values()) > stored, 30, "the second worker is at work")
            os.kill(pid, signal.SIGCONT)
            stack.wait_for(lambda: re.search(says, stack.log_since("worker-hash", offset)), 60, "the zombie is told that it is none of its any more")
    finally:
        os.kill(pid, signal.SIGCONT)
    finish_and_check(coupon, total, [storm])
