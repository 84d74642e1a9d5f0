"""SIGTERM of each service under load: what was accepted is answered, exit 0 inside the deadline, nothing lost or twice."""
import os
import signal
import threading
import time

import pytest

from support import history, stack, users
from support.sale import resolve
from support.storm import Storm

DRAIN_S = 10


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("start", "ingest", "keeper", "query", "worker-hash", "worker-daily")
    stack.ready_again()


def terminate(name):
    """Sends SIGTERM and waits; answers when that was, us of CLOCK_BOOTTIME, and what the service logged from then on."""
    pid, offset = stack.pid_of(name), stack.log_size(name)
    at_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    os.kill(pid, signal.SIGTERM)
    stack.wait_for(lambda: not stack.runs(name), DRAIN_S + 2, f"{name} ends inside its deadline", every=0.05)
    return at_us, stack.log_since(name, offset)


@pytest.mark.parametrize("name", ["ingest", "keeper", "worker-hash", "worker-daily"])
def test_terminated_under_load(name):
    users_count = 5000
    coupon = stack.new_coupon(users_count, hold_ms=4000)
    storm = Storm(coupon, users.take(users_count), users_count, rate=800, base=stack.ENV["WEIR_INGEST"])
    stack.wait_for(lambda: len(stack.ok_rows("hash", coupon)) > 500, 30, "the sale is under way")
    assert storm.runs(), "the load was over before the fault"
    terminated_us, text = terminate(name)
    assert "exit_code=0" in text, text[-2000:]
    stack.ctl("start", name)
    summary = storm.finish()
    if name != "ingest":
        assert summary["accepted_new"] == users_count, summary
    sent_before = [h for h in storm.history if summary["started_boottime_us"] + h["sent_us"] < terminated_us]
    lost = [h for h in sent_before if h["outcome"] == "lost"]
    assert sent_before and not lost, f"{len(lost)} of {len(sent_before)} requests that were sent before SIGTERM have no answer, among them {lost[:1]}"
    states = resolve(storm.unknown())
    stack.wait_quiet(coupon, seconds=60)
    rows = stack.check_coupon(coupon, users_count)
    history.check(coupon, storm.history, states)
    accepted = {int(h["grab_id"]) for h in storm.accepted()}
    assert accepted <= rows
    if name == "ingest":  # every request that it took was answered: no row without an answer
        told = accepted | {int(h["grab_id"]) for h in storm.unknown()}
        assert rows == told, f"{len(rows - told)} rows of requests that were not answered"


def test_an_ingest_that_ends_gives_its_ids_back():
    """What it leased ahead and did not use is the next one's, and no id is made twice."""
    coupon = stack.new_coupon(40)
    far_ms = int((time.time() + 120) * 1000)  # further than this test lasts, and less than a span

    def nodes_ahead():
        return stack.catalog("SELECT COUNT(*) FROM leases WHERE end_ms > %s", far_ms)[0][0]

    terminate("ingest")
    before = nodes_ahead()
    for _ in range(3):
        stack.ctl("start", "ingest")
        stack.ready_again()
        first = users.take(10)
        for user in range(first, first + 10):
            assert stack.grab(user, coupon).json["success"]
        stack.wait_for(lambda: nodes_ahead() > before, 30, "spans of ids are leased")
        assert "exit_code=0" in terminate("ingest")[1]
        assert nodes_ahead() == before
    stack.ctl("start", "ingest")
    stack.ready_again()
    stack.wait_quiet(coupon)
    ids = [row[0] for row in stack.rows_of("hash", f"coupon_id = {coupon}")]
    assert len(ids) == len(set(ids)) == 30


def test_query_terminated_under_load():
    answers, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                answers.append(stack.get("/api/statistics/global", base=stack.ENV["WEIR_QUERY"]).status)
            except Exception as error:  # among them an answer that was cut, which is no OSError
                if "refused" in str(error):  # it listens no more
                    time.sleep(0.01)
                else:
                    answers.append(repr(error))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        stack.wait_for(lambda: len(answers) > 100, 20, "reads are answered")
        _, text = terminate("query")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert "exit_code=0" in text, text[-2000:]
    assert set(answers) == {200}, {a: answers.count(a) for a in set(answers)}
