"""Redis flushed and restarted under load, while grabs are pending: closed, rebuilt, open again; nothing oversold, nothing lost (I1-I5, I13, I14)."""
import threading

import pytest

from support import audit, history, stack, users
from support.storm import Storm

LARGEST_HOLD_S = 10  # of the catalog: what a rebuild waits by


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", "kafka", check=False)
    stack.ctl("start", "redis-stock", "kafka")
    stack.ready_again()
    audit.audit()  # I1-I8 of everything, from outside


def make_pending(coupon):
    """Kafka is stopped for a moment, so that grabs are reserved and not yet settled; answers how many."""
    stack.ctl("pause", "kafka")
    stack.wait_for(lambda: stack.pending(coupon) > 0, 20, "grabs are pending", every=0.02)
    return stack.pending(coupon)


def run(lose_redis):
    total, hold_ms = 30_000, 4000
    coupon = stack.new_coupon(total, hold_ms=hold_ms)
    epoch = int(stack.catalog("SELECT epoch FROM meta")[0][0])
    storm = Storm(coupon, users.take(9000), 9000, rate=600)
    stack.wait_for(lambda: len(stack.ok_rows("hash", coupon)) > 200, 30, "the sale is under way")
    assert make_pending(coupon) > 0
    lose_redis()
    stack.wait_for(lambda: stack.mark(coupon).get("state") == "building", 30, "the coupon is closed for the rebuild", every=0.02)
    stack.ctl("resume", "kafka")
    stack.wait_for(lambda: int(stack.catalog("SELECT epoch FROM meta")[0][0]) > epoch, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(coupon), 60 + LARGEST_HOLD_S, "the coupon is open again")
    summary = storm.finish()
    assert summary["rejected"]["503"] > 0, "it was never closed"
    states = history.resolve(storm.unknown(), 2 * LARGEST_HOLD_S + 30)
    stack.wait_quiet(coupon, seconds=90)
    sold = stack.check_coupon(coupon, total)
    history.check(coupon, storm.history, states)
    claims = {user: value.split(":")[0] for user, value in stack.stock_redis().hgetall(f"weir:{{{coupon}}}:claims").items() if user != "epoch"}
    assert {int(g) for g in claims.values()} == sold, "claims and OK rows differ"
    again = stack.grab(int(next(iter(claims))), coupon)
    assert again.status == 200 and again.json["replayed"] is True
    assert stack.grab(users.take(1), coupon).json["success"], "nothing can be grabbed after the rebuild"
    nobody = f"/api/grab/1?user={users.take(1)}&epoch="  # no row: what its place says is decided by the barrier alone
    now = int(stack.catalog("SELECT epoch FROM meta")[0][0])
    stack.wait_for(lambda: stack.get(f"{nobody}{epoch}").json["state"] == "void", 20, "a grab of a lower epoch without a row is void")
    assert stack.get(f"{nobody}{now}").json["state"] == "open"
    actions = [row[0] for row in stack.catalog("SELECT action FROM stock_logs WHERE coupon_id = %s ORDER BY id", coupon)]
    assert "first_open" in actions and "rebuild" in actions, actions
    stack.wait_quiet(coupon)
    stack.check_coupon(coupon, total)
    audit.audit(history=storm.history)


def test_flushed_under_load():
    run(lambda: stack.stock_redis().flushall())


def test_restarted_under_load():
    def restart():
        stack.ctl("kill", "redis-stock")
        stack.ctl("start", "redis-stock")
    run(restart)


def test_one_key_lost():
    """A lost key is never taken for an empty one."""
    coupon = stack.new_coupon(100, hold_ms=2000)
    assert stack.grab(users.take(1), coupon).json["success"]
    stack.wait_quiet(coupon)
    epoch = int(stack.catalog("SELECT epoch FROM meta")[0][0])
    assert stack.stock_redis().delete(f"weir:{{{coupon}}}:claims") == 1
    stack.wait_for(lambda: int(stack.catalog("SELECT epoch FROM meta")[0][0]) > epoch, 30, "the epoch is raised")
    stack.wait_for(lambda: stack.is_open(coupon), 60, "the coupon is open again")
    assert len(stack.check_coupon(coupon, 100)) == 1


def test_a_mark_of_a_far_higher_epoch_is_passed_at_once():
    """As of another catalog. One epoch at a time, the keeper would close every sale again and again until it is there."""
    coupon = stack.new_coupon(100, hold_ms=2000)
    assert stack.grab(users.take(1), coupon).json["success"]
    stack.wait_quiet(coupon)
    far = int(stack.catalog("SELECT epoch FROM meta")[0][0]) + 1000
    stack.stock_redis().hset(f"weir:{{{coupon}}}:mark", "epoch", far)
    stack.wait_for(lambda: int(stack.catalog("SELECT epoch FROM meta")[0][0]) > far, 30, "the epoch is raised above it")
    stack.wait_for(lambda: stack.is_open(coupon), 60, "the coupon is open again")
    assert len(stack.check_coupon(coupon, 100)) == 1


def test_first_open_closes_no_other():
    coupon = stack.new_coupon(1_000_000)
    epoch = stack.catalog("SELECT epoch FROM meta")
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
    assert stack.catalog("SELECT epoch FROM meta") == epoch


def test_away_answers_503_and_comes_back():
    coupon = stack.new_coupon(50)
    stack.ctl("stop", "redis-stock")
    answer = stack.grab(users.take(1), coupon)
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0, answer
    stack.ctl("start", "redis-stock")
    stack.wait_for(lambda: stack.grab(users.take(1), coupon).status == 200, 60, "grabs are taken again")
    stack.wait_quiet(coupon)
    stack.check_coupon(coupon, 50)
