"""Requests that were carried out and whose answers were lost, one engine and one kind of request at a time; and requests that arrive in half (I1-I5, I14).

Redis: what is not known is not taken for done, and the sweep ends it. Kafka: an unknown is answered 202 and becomes OK. MySQL: a worker reads its progress.
"""
import concurrent.futures

import pytest

from support import links, lost, stack, users
from support.sale import Sale, resolve, unknown

HOLD_MS = 2000
CUTS = 5
THEN = ("cut", "silent")


@pytest.fixture(autouse=True)
def everything_is_ready():
    stack.ready_again()
    yield
    stack.ready_again()


def at_rest(coupon, total, sold):
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, total)) == sold


def warm(coupon):
    """Everything on the way of a grab has been used once: scripts are loaded, connections are open."""
    assert stack.grab(users.take(1), coupon).json["success"]
    stack.wait_quiet(coupon)


# ---- Redis ----

@pytest.mark.parametrize("then", ["cut", pytest.param("silent", marks=pytest.mark.more)])
def test_a_reserve_without_its_answer(then):
    """It took a unit; nothing is appended for it, the client is told 503, and the sweep gives the unit back."""
    total, user = 20, users.take(1)
    coupon = stack.new_coupon(total, hold_ms=HOLD_MS)
    warm(coupon)
    with lost.answers("ingest-redis", lost.sha_of("reserve"), then):
        answer = stack.grab(user, coupon)
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0, answer
        assert (stack.left(coupon), stack.pending(coupon)) == (total - 2, 1), "it was not carried out"
    stack.wait_for(lambda: (stack.left(coupon), stack.pending(coupon)) == (total - 1, 0), 60, "the sweep gives the unit back")
    stack.wait_for(lambda: stack.grab(user, coupon).json["success"], 30, "the same user may try again")
    at_rest(coupon, total, 2)


@pytest.mark.more
@pytest.mark.parametrize("then", THEN)
def test_a_settle_without_its_answer(then):
    """The client has its success already; the mark is gone, or the sweep settles it."""
    total = 20
    coupon = stack.new_coupon(total, hold_ms=HOLD_MS)
    warm(coupon)
    with lost.answers("ingest-redis", lost.sha_of("settle"), then) as fault:
        user = users.take(1)
        assert stack.grab(user, coupon).json["success"]
        stack.wait_for(lambda: fault.hits("swallow"), 30, "the answer of SETTLE is lost")
    stack.wait_for(lambda: stack.is_ready(stack.ENV["WEIR_INGEST"]), 30, "ingest has Redis again")
    again = stack.wait_for(lambda: (lambda a: a.status == 200 and a)(stack.grab(user, coupon)), 30, "the same try is answered")
    assert again.json["replayed"] is True
    at_rest(coupon, total, 2)


@pytest.mark.more
@pytest.mark.parametrize("then", THEN)
def test_a_confirm_without_its_answer(then):
    """The record is acknowledged later than half the hold, so Redis is asked first; what it has said is lost: nobody is told success, and the grab is OK all the same."""
    total, hold_ms = 20, 4000
    coupon = stack.new_coupon(total, hold_ms=hold_ms)
    warm(coupon)
    with links.fault("ingest-kafka", delay_ms=int(0.6 * hold_ms), direction="down"), lost.answers("ingest-redis", lost.sha_of("settle"), then) as fault:
        answer = stack.grab(users.take(1), coupon, timeout=30)
        assert answer.status == 202 and fault.hits("swallow") == 1, answer
    assert resolve([unknown(answer)], hold_ms) == {int(answer.json["grab_id"]): "ok"}
    at_rest(coupon, total, 2)


def test_a_release_without_its_answer():
    """The broker is silent: what the client library had not sent yet is not persisted, and released. Each unit is given back once, by RELEASE or by the sweep."""
    sale = Sale(total=6000, users_count=3000, rate=300, hold_ms=HOLD_MS)
    with links.fault("ingest-kafka", hold=1), lost.answers("ingest-redis", lost.sha_of("release"), count=3) as fault:
        stack.wait_for(lambda: fault.hits("swallow"), 60, "the answer of RELEASE is lost")
    sale.end()


def test_building_without_its_answer():
    """First open sends it once: without an answer it stops, and a rebuild starts over with a new epoch."""
    before = stack.epoch()
    with lost.answers("keeper-redis", lost.sha_of("building")):
        coupon = stack.new_coupon(20, hold_ms=HOLD_MS, wait=False)
        stack.wait_for(lambda: stack.epoch() > before, 60, "a rebuild has begun")
    stack.wait_for(lambda: stack.is_open(coupon), 60, f"coupon {coupon} is open")
    written = "SELECT 1 FROM stock_logs WHERE coupon_id = %s AND action = 'rebuild'"
    stack.wait_for(lambda: stack.catalog(written, coupon), 60, "the rebuild is in the stock's log")
    warm(coupon)
    at_rest(coupon, 20, 1)


@pytest.mark.more
@pytest.mark.parametrize("script", ["building", "claims", "open", "carry", "look", "cancel", "finish"])
def test_each_step_of_the_keeper_without_its_answer(script):
    """In the midst of a sale: it is flushed, or grabs are left pending and the total grows. One of the scripts that the keeper then runs has its answer lost."""
    sale = Sale(total=6000, users_count=4000, rate=300, hold_ms=HOLD_MS)
    lost.reserves(sale.coupon, 20)
    with lost.answers("keeper-redis", lost.sha_of(script)) as fault:
        if script in ("building", "claims", "open"):
            stack.stock_redis().flushall()
        assert stack.admin(f"/admin/coupons/{sale.coupon}/restock", {"add": 100}).status in (200, 202)
        stack.wait_for(lambda: fault.hits("swallow"), 90, f"the answer of {script} is lost")
    sale.total += 100
    sale.end()


# ---- Kafka ----

@pytest.mark.parametrize("then,statuses", [pytest.param("cut", {200, 202}, marks=pytest.mark.more), ("silent", {202})])
def test_a_record_whose_acknowledgement_is_lost(then, statuses):
    """It is in the log. Cut: the client library asks again, and the broker knows it. Silent: not known, so 202, and then OK."""
    total = 20
    coupon = stack.new_coupon(total, hold_ms=4000)
    warm(coupon)
    with lost.answers("ingest-kafka", '"type":"grab"', then):
        answer = stack.grab(users.take(1), coupon, timeout=30)
        assert answer.status in statuses, answer
    if answer.status == 202:
        assert resolve([unknown(answer)]) == {int(answer.json["grab_id"]): "ok"}
    at_rest(coupon, total, 2)


@pytest.mark.parametrize("link", ["ingest-kafka", pytest.param("ingest-redis", marks=pytest.mark.more), pytest.param("worker-hash-shard3", marks=pytest.mark.more)])
def test_a_request_cut_in_the_middle(link):
    """Of records, of a script's arguments, of rows: the server has them up to within a try's key, and then a reset. Nothing of it is done, and nobody takes it for done."""
    sale = Sale(total=6000, users_count=2500, rate=300, hold_ms=HOLD_MS, limit=2)
    key = stack.rows_of("hash", f"coupon_id = {sale.coupon}", "try_key")[0][0]
    with links.fault(link, cut_request=CUTS, match=key.split("-")[0]) as fault:
        stack.wait_for(lambda: fault.hits("cut") == CUTS, 60, "requests are cut")
    sale.end()


@pytest.mark.parametrize("after", [pytest.param(after, marks=() if after == 700 else pytest.mark.more) for after in (1, 700, 20_000)])
@pytest.mark.parametrize("link,direction", [("ingest-kafka", "up"), pytest.param("worker-hash-kafka", "down", marks=pytest.mark.more),
                                            pytest.param("worker-daily-shard3", "up", marks=pytest.mark.more),
                                            pytest.param("ingest-redis", "up", marks=pytest.mark.more)])
def test_a_connection_cut_in_the_middle_of_a_message(link, direction, after):
    """Every connection, again and again, after so many bytes: sometimes inside a message."""
    sale = Sale(total=6000, users_count=2500, rate=300, hold_ms=HOLD_MS)
    with links.fault(link, cut_after=after, direction=direction) as fault:
        stack.wait_for(lambda: fault.hits("cut") >= 3, 60, "connections are cut")
    sale.end()


def test_more_grabs_than_may_be_in_flight():
    """The broker is silent and the bound is 16: what is beyond is refused before anything is reserved; what is inside is answered, and has its end."""
    bound, asked_count, total = 16, 64, 500
    coupon = stack.new_coupon(total, hold_ms=HOLD_MS)
    stack.ctl("restart", "ingest", "--", f"--ingest.grabs_max={bound}")
    try:
        warm(coupon)
        first = users.take(asked_count)
        with links.fault("ingest-kafka", hold=1), concurrent.futures.ThreadPoolExecutor(asked_count) as pool:
            asked = [pool.submit(stack.grab, user, coupon, base=stack.ENV["WEIR_INGEST"]) for user in range(first, first + asked_count)]
            stack.wait_for(lambda: sum(a.done() and a.result().status == 429 for a in asked) >= asked_count - bound, 30, "the others are refused")
            assert total - 1 - stack.left(coupon) <= bound, "units were taken for refused grabs"
        answers = [a.result() for a in asked]
        refused = [a for a in answers if a.status == 429]
        assert len(refused) == asked_count - bound and all(int(a.headers["retry-after"]) > 0 for a in refused), answers
        states = resolve([unknown(a) for a in answers if a.status == 202], HOLD_MS)
        told = sum(a.status == 200 for a in answers) + sum(state == "ok" for state in states.values())
        at_rest(coupon, total, 1 + told)
    finally:
        stack.ctl("restart", "ingest")


def test_a_batch_larger_than_the_bound():
    """The bound is 16: a batch of 500 goes in whole, though the broker is silent and none of it ends; the next one is refused whole, and nothing is reserved."""
    bound, size, total = 16, 500, 1500
    coupon = stack.new_coupon(total, hold_ms=HOLD_MS)
    stack.ctl("restart", "ingest", "--", f"--ingest.grabs_max={bound}")
    try:
        warm(coupon)
        first = users.take(2 * size)
        batches = [{"grabs": [{"user_id": user, "coupon_id": coupon} for user in range(at, at + size)]} for at in (first, first + size)]
        with links.fault("ingest-kafka", hold=1), concurrent.futures.ThreadPoolExecutor(1) as pool:
            whole = pool.submit(stack.call, "POST", "/api/coupon/grab/batch", batches[0], base=stack.ENV["WEIR_INGEST"], timeout=30)
            stack.wait_for(lambda: stack.left(coupon) == total - 1 - size, 30, "each grab of the batch has taken its unit")
            refused = stack.call("POST", "/api/coupon/grab/batch", batches[1], base=stack.ENV["WEIR_INGEST"])
            assert refused.status == 429 and int(refused.headers["retry-after"]) > 0, refused
            assert stack.left(coupon) >= total - 1 - size, "units were taken for a refused batch"
        results = whole.result().json["results"]
        assert len(results) == size and not [r for r in results if r.get("code") == "overloaded"], results[:5]
        states = resolve([{"grab_id": r["grab_id"], "location": r["location"]} for r in results if r["status"] == 202], HOLD_MS)
        told = sum(r["status"] == 200 for r in results) + sum(state == "ok" for state in states.values())
        at_rest(coupon, total, 1 + told)
    finally:
        stack.ctl("restart", "ingest")


def not_appended():
    return stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="not_appended")


def test_a_record_that_the_producer_has_no_room_for():
    """The client library's queue is full: its grab was reserved and is certainly not persisted, so its unit and its claim go back, and its client is told 503."""
    stack.ctl("restart", "ingest", env={"WEIR_FAIL_AT": "ingest.queue_full:600"})
    try:
        sale = Sale(total=6000, users_count=2000, rate=400, hold_ms=HOLD_MS)
        stack.wait_for(lambda: not_appended() == 1, 60, "a grab is refused by the producer")
        sale.finish_load()
        refused = [h for h in sale.storm.history if h["reason"] == "not_appended"]
        assert [h["status"] for h in refused] == [503] == [503] * int(not_appended()), refused
        sale.end()  # its unit is back
        user = refused[0]["user"]
        assert stack.stock_redis().hget(f"weir:{{{sale.coupon}}}:claims", user) is None, "its claim is still there"
        again = stack.grab(user, sale.coupon)
        assert again.status == 200 and again.json["success"] and "replayed" not in again.json, again
    finally:
        stack.ctl("restart", "ingest")


# ---- MySQL ----

@pytest.mark.parametrize("worker,then", [("worker-hash", "cut"), pytest.param("worker-hash", "silent", marks=pytest.mark.more),
                                         pytest.param("worker-daily", "cut", marks=pytest.mark.more), pytest.param("worker-daily", "silent", marks=pytest.mark.more)])
def test_a_worker_whose_commit_has_no_answer(worker, then):
    """The rows are there. The worker settles it by reading its progress, and stores each row once."""
    sale = Sale(total=6000, users_count=3000, rate=300, hold_ms=HOLD_MS)
    shards = [f"{worker}-shard{number}" for number in range(stack.SHARDS)]
    with links.fault(*shards, swallow=2, match="COMMIT", then=then) as fault:  # two on each
        stack.wait_for(lambda: fault.hits("swallow") == 2 * len(shards), 90, "answers to COMMIT are lost")
    sale.end()


@pytest.mark.more
@pytest.mark.parametrize("then", THEN)
def test_an_admin_change_whose_commit_has_no_answer(then):
    """The admin is told that it is not known, and finds the coupon there."""
    coupon = stack.new_coupon(10)
    with lost.answers("ingest-catalog", "COMMIT", then):
        answer = stack.admin(f"/admin/coupons/{coupon}/restock", {"add": 5})
        assert answer.status == 503 and answer.json["code"] == "outcome_unknown", answer
    stack.wait_for(lambda: stack.left(coupon) == 15, 30, "the change is carried to Redis")


@pytest.mark.more
@pytest.mark.parametrize("then", THEN)
def test_the_keeper_whose_commit_has_no_answer(then):
    """Of a rebuild: what was written is found by the next look."""
    coupon = stack.new_coupon(10, hold_ms=HOLD_MS)
    warm(coupon)
    with lost.answers("keeper-catalog", "COMMIT", then) as fault:
        stack.stock_redis().flushall()
        stack.wait_for(lambda: fault.hits("swallow"), 90, "an answer to COMMIT is lost")
    stack.wait_for(lambda: stack.is_open(coupon), 90, f"coupon {coupon} is open")
    at_rest(coupon, 10, 1)
