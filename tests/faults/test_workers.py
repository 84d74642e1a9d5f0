"""Workers killed, stopped and doubled under load: every accepted grab exactly once in each layout (I2, I7, I8, I11)."""
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from support import history, stack, users
from support.storm import Storm

NAMES = ("worker-hash", "worker-daily")
CRASH_POINTS = ("worker.after_take", "worker.after_begin", "worker.after_progress", "worker.after_rows", "worker.after_totals", "worker.before_commit",
                "worker.after_commit", "worker.after_tell_offset")


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    for name in NAMES:
        stack.ctl("start", name)
    stack.ready_again()


def finish_and_check(coupon, total, storm):
    summary = storm.finish()
    assert summary["accepted_new"] == total, summary
    stack.wait_quiet(coupon, seconds=90)
    assert len(stack.check_coupon(coupon, total)) == total
    history.check(coupon, storm.history, {})


def test_killed_twenty_times_at_random():
    total = 30_000
    coupon = stack.new_coupon(total, hold_ms=10000)
    storm = Storm(coupon, users.take(total), total, rate=1000)
    chance = random.Random(11)
    kills = 0
    while kills < 20:
        name = chance.choice(NAMES)
        time.sleep(chance.uniform(0.1, 1.0))  # the random moment of the kill, not a wait for something
        before = sum(stack.progress(name.split("-")[1]).values())
        stack.wait_for(lambda: sum(stack.progress(name.split("-")[1]).values()) > before or not storm.runs(), 30, f"{name} is at work")
        stack.ctl("kill", name)
        kills += 1
        stack.ctl("start", name)
    assert kills == 20
    finish_and_check(coupon, total, storm)


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_killed_at_each_crash_point(point):
    total = 3000
    coupon = stack.new_coupon(total, hold_ms=10000)
    for name in NAMES:
        stack.ctl("stop", name)
    storm = Storm(coupon, users.take(total), total, rate=3000)
    for name in NAMES:
        # It may die before it is ready, which ctl calls a failure: what counts is that it died.
        stack.ctl("start", name, env={"WEIR_CRASH_AT": f"{point}:2"}, check=False)
        stack.wait_for(lambda: not stack.runs(name), 60, f"{name} dies at {point}")
    for name in NAMES:
        stack.ctl("start", name)
    finish_and_check(coupon, total, storm)


class SecondWorker:
    """One more worker of a layout, beside the stack's own, with a listener of its own."""

    def __init__(self, layout, port):
        self.port = port
        log = pathlib.Path(stack.ENV["WEIR_VAR"]) / "log" / f"second-{layout}.log"
        self.log = open(log, "wb")
        self.process = subprocess.Popen(
            [f"{stack.ENV['WEIR_BIN']}/weir-worker", "--config", f"{stack.ENV['WEIR_VAR']}/etc/worker-{layout}.yaml", f"--http.port={port}"],
            stderr=self.log, stdout=self.log)
        self.base = f"http://127.0.0.1:{port}"
        stack.wait_for(lambda: stack.is_ready(self.base), 60, "the second worker is ready")

    def kill(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self.log.close()


def owners(layout):
    pairs = {}
    for number in range(stack.SHARDS):
        for partition, owner in stack.shard(number, "SELECT `partition`, owner FROM progress WHERE layout = %s AND topic = 'grabs'", layout):
            pairs[partition] = owner
    return pairs


def is_stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.parametrize("point, words", [("worker.after_take", "another owner has the partition"), ("worker.after_rows", "batch waits for its shard")])
def test_a_zombie_can_not_commit(point, words):
    """It stops with a batch in hand (before its transaction, or inside it), sleeps over its session, and goes on when another owns its partitions."""
    total = 12_000
    coupon = stack.new_coupon(total, hold_ms=10000)
    stack.ctl("stop", "worker-hash")
    offset = stack.log_size("worker-hash")
    before = owners("hash")
    stack.ctl("start", "worker-hash", env={"WEIR_STOP_AT": f"{point}:5"})
    pid = stack.pid_of("worker-hash")
    storm = Storm(coupon, users.take(total), total, rate=500)
    stack.wait_for(lambda: is_stopped(pid), 60, "the worker stops with a batch in hand")
    mine = owners("hash")
    assert all(mine[p] != before[p] for p in before), "it owned every partition before it stopped"
    second = SecondWorker("hash", int(stack.ENV["WEIR_PORT_BASE"]) + 40)
    try:
        # Inside a transaction it holds the lock of its progress rows, until the server ends the idle transaction.
        stack.wait_for(lambda: all(owners("hash")[p] != mine[p] for p in mine), 90, "the second worker owns every partition")
        moved = sum(stack.progress("hash").values())
        stack.wait_for(lambda: sum(stack.progress("hash").values()) > moved or stack.lag("hash") == 0, 30, "the second worker is at work")
        os.kill(pid, signal.SIGCONT)
        stack.wait_for(lambda: words in stack.log_since("worker-hash", offset), 90, "the zombie's commit fails")
        summary = storm.finish()
        assert summary["accepted_new"] == total
    finally:
        os.kill(pid, signal.SIGCONT)
        second.kill()
    stack.wait_quiet(coupon, seconds=120)
    assert len(stack.check_coupon(coupon, total)) == total
    history.check(coupon, storm.history, {})
