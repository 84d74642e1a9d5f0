"""Kafka stopped under load: 503 or 202, never a success that is not stored; every 202 gets its end, both OK and VOID (I1-I4, I14)."""
import subprocess

import pytest

from support import history, stack, users
from support.storm import Storm


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", "kafka", check=False)
    stack.ctl("start", "kafka", "redis-stock")
    stack.ready_again()


def under_load(coupon, total, storm, stop, start):
    """Stops Kafka in the middle of the load, waits until unknowns are answered, starts it again; answers the storm's summary."""
    stack.wait_for(lambda: len(stack.ok_rows("hash", coupon)) > 200, 30, "the sale is under way")
    stop()
    unknown = stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown")
    stack.wait_for(lambda: stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown") > unknown, 60, "grabs are answered 202")
    start()
    return storm.finish()


def end_of(coupon, total, storm, hold_ms):
    stack.ready_again()
    states = history.resolve(storm.unknown(), 2 * hold_ms / 1000 + 30)
    stack.wait_quiet(coupon, seconds=90)
    stack.check_coupon(coupon, total)
    history.check(coupon, storm.history, states)
    return states


def sell_what_is_left(coupon, total):
    free = stack.left(coupon)
    if free > 0:
        storm = Storm(coupon, users.take(free + 50), free + 50, connections=64)
        summary = storm.finish()
        assert summary["accepted_new"] == free, (free, summary)
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, total)) == total


def test_stopped_and_killed_under_load():
    total, hold_ms = 20_000, 4000
    coupon = stack.new_coupon(total, hold_ms=hold_ms)
    seen = set()

    # Stopped, then continued: what lay in its sockets is stored late -> the unknowns become OK.
    storm = Storm(coupon, users.take(6000), 6000, rate=600)
    summary = under_load(coupon, total, storm, lambda: stack.ctl("pause", "kafka"), lambda: stack.ctl("resume", "kafka"))
    assert summary["unknown"] > 0
    seen |= set(end_of(coupon, total, storm, hold_ms).values())

    # Stopped, then killed: what lay in its sockets is gone -> the sweep's CANCEL comes first, VOID.
    storm = Storm(coupon, users.take(6000), 6000, rate=600)
    already = len(stack.ok_rows("hash", coupon))
    stack.wait_for(lambda: len(stack.ok_rows("hash", coupon)) > already + 200, 30, "the sale is under way again")

    def kill_and_start():
        stack.ctl("kill", "kafka")
        stack.ctl("start", "kafka")

    summary = under_load(coupon, total, storm, lambda: stack.ctl("pause", "kafka"), kill_and_start)
    assert summary["unknown"] > 0 and len(storm.unavailable()) > 0, summary
    seen |= set(end_of(coupon, total, storm, hold_ms).values())
    assert seen == {"ok", "void"}, seen
    sell_what_is_left(coupon, total)


def test_stopped_answers_503_and_comes_back():
    coupon = stack.new_coupon(50)
    stack.ctl("stop", "kafka")
    stack.wait_for(lambda: not stack.is_ready(stack.ENV["WEIR_INGEST"]), 30, "ingest is not ready")
    answer = stack.grab(users.take(1), coupon)
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0, answer
    assert answer.json["success"] is False and answer.headers["content-type"].startswith("application/problem+json")
    assert stack.get("/livez", base=stack.ENV["WEIR_INGEST"]).status == 200
    stack.ctl("start", "kafka")
    stack.wait_for(lambda: stack.grab(users.take(1), coupon).status == 200, 60, "grabs are taken again")
    stack.wait_quiet(coupon)
    stack.check_coupon(coupon, 50)


def test_an_ingest_that_starts_while_all_is_away():
    coupon = stack.new_coupon(50)
    base = f"http://127.0.0.1:{int(stack.ENV['WEIR_PORT_BASE']) + 41}"
    stack.ctl("stop", "kafka", "redis-stock")
    with open(f"{stack.ENV['WEIR_VAR']}/log/second-ingest.log", "wb") as log:
        ingest = subprocess.Popen([f"{stack.ENV['WEIR_BIN']}/weir-ingest", "--config", f"{stack.ENV['WEIR_VAR']}/etc/ingest.yaml",
                                   f"--http.port={base.rsplit(':', 1)[1]}"], stdout=log, stderr=log)
    try:
        stack.wait_for(lambda: lives(base), 20, "it is alive")
        answer = stack.grab(users.take(1), coupon, base=base)
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0 and not stack.is_ready(base), answer
        stack.ctl("start", "kafka", "redis-stock")
        stack.wait_for(lambda: stack.is_ready(base), 60, "it is ready by itself")
        stack.wait_for(lambda: stack.grab(users.take(1), coupon, base=base).status == 200, 60, "grabs are taken")
        ingest.terminate()
        assert ingest.wait(timeout=12) == 0
    finally:
        ingest.kill()
        ingest.wait()
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, 50)) >= 1


def lives(base):
    try:
        return stack.get("/livez", base=base, timeout=3).status == 200
    except OSError:
        return False
