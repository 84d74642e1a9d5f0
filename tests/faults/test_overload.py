"""Ten times the capacity is offered: those that are let in are as many as before and are answered soon, the rest gets 429 at once, before anything was
reserved for it; afterwards all is as before, and nothing is lost."""
import pytest

from support import history, process, stack, users
from support.overload import INGEST, Load, Watch, bottleneck, counters, measure_capacity, quantile, times_ms
from support.sale import resolve

OVERLOAD, PLANNED = 10, 12  # times the capacity: what must have been offered, and what is asked of the generator
SHARE_KEPT = 0.8  # of the capacity
TARGET_MS = 100  # so that the own delays of a busy machine do not look like a queue
SOON_MS = 1000  # more than without the overload; a queue of all 1000 that are connected takes 2.5 s. What a quiet machine does: bench/overload
ONSET_S = 3  # what is let in before the bound is found waits longer
BACK_S = 5


@pytest.fixture(autouse=True)
def as_before():
    yield
    stack.ctl("restart", "ingest")
    stack.ready_again()


def look_at_ingest():
    """Anything but a grab is answered under overload too."""
    alive = stack.get("/livez", base=INGEST, timeout=5)
    assert alive.status == 200
    return stack.metric(INGEST, "weir_admission_limit"), process.memory_kib(stack.pid_of("ingest"))


def assert_refused_with_retry_after(coupon):
    """A refusal as a client sees it, of a grab and of a batch."""
    def refused(path, body):
        answer = stack.call("POST", path, body, base=INGEST)
        if answer.status != 429:
            return None
        assert int(answer.headers["retry-after"]) > 0 and answer.json["code"] == "overloaded" and answer.json["success"] is False, answer
        return answer

    one = {"user_id": users.take(1), "coupon_id": coupon}
    stack.wait_for(lambda: refused("/api/coupon/grab", {**one, "user_id": users.take(1)}), 5, "a grab is refused", every=0.02)
    stack.wait_for(lambda: refused("/api/coupon/grab/batch", {"grabs": [{**one, "user_id": users.take(1)}]}), 5, "a batch is refused", every=0.02)


def others_of(summary):
    """Kafka or Redis itself stood still."""
    return summary["rejected"]["503"] + summary["unknown"]


def assert_kept(load, calm, capacity, soon_ms, before, after):
    """`before` and `after`: the counters around both loads."""
    summary, accepted = load.summary, load.storm.accepted()
    assert summary["rate_sent"] >= OVERLOAD * capacity, f"only {summary['rate_sent']:.0f}/s were offered, with a capacity of {capacity:.0f}/s"
    assert load.rate_of_accepted() >= SHARE_KEPT * capacity, f"{load.rate_of_accepted():.0f}/s accepted of a capacity of {capacity:.0f}/s"
    refused, others = summary["rejected"]["429"], others_of(summary)
    assert len(accepted) + refused + others == load.storm.users and others < 0.1 * refused, summary
    assert quantile(times_ms(h for h in accepted if h["due_us"] >= ONSET_S * 1e6), 0.99) < soon_ms
    assert after["refused"] - before["refused"] >= refused
    reserved = after["reserved"] - before["reserved"] - (after["accepted"] - before["accepted"])
    assert 0 <= reserved <= others + others_of(calm.summary), "something was reserved for a grab that was refused as too many"


def assert_calm_again(load, calm, soon_ms):
    """From BACK_S after the last grab of the overload was sent, it is as if there had been none."""
    last_us = max(h["answered_us"] or 0 for h in load.storm.history)
    assert last_us <= load.sending_us() + BACK_S * 1e6, f"the overload was still being answered {(last_us - load.sending_us()) / 1e6:.1f} s after its end"
    judged = calm.due_after(load, BACK_S)
    assert len(judged) > 20, "the load after the overload was over too soon"
    assert not [h for h in judged if h["status"] != 200], "half the capacity is refused after the overload"
    assert quantile(times_ms(judged), 0.99) < soon_ms


def assert_flat(looks):
    """The limit was found, and memory stayed, once the first seconds were over."""
    memory = [what[1] for _, _, what in looks]
    settled = memory[len(memory) // 4]
    assert max(memory[len(memory) // 4:]) <= settled * 1.05 + 2048, memory
    assert min(what[0] for _, _, what in looks) < 256
    assert max(took for _, took, _ in looks) < 5


@pytest.mark.measures
@pytest.mark.parametrize("link,bytes_per_s,seconds", [
    pytest.param("ingest-kafka", 100_000, 10, id="kafka"), pytest.param("ingest-kafka", 100_000, 60, id="kafka-long", marks=pytest.mark.more),
    pytest.param("ingest-redis", 250_000, 60, id="redis-long", marks=pytest.mark.more)])
def test_ten_times_the_capacity(link, bytes_per_s, seconds):
    total = 1_000_000
    coupon = stack.new_coupon(total)
    with bottleneck(link, bytes_per_s):
        capacity, usual_ms = measure_capacity(coupon, 1000)
        stack.ctl("restart", "ingest", "--", "--ingest.grabs_min=16", f"--ingest.target_ms={TARGET_MS}")
        stack.ready_again()
        before = counters()
        load = Load(coupon, PLANNED * capacity, seconds)
        with Watch(look_at_ingest) as watch:
            assert_refused_with_retry_after(coupon)
            load.wait()
        calm = Load(coupon, capacity / 2, BACK_S + 2, connections=64)
        calm.finish()
        stack.wait_for(lambda: stack.metric(INGEST, "weir_grabs_in_flight") == 0, 30, "all are answered")
        after = counters()
    load.finish()
    assert_kept(load, calm, capacity, SOON_MS + usual_ms, before, after)
    assert_flat(watch.seen)
    assert_calm_again(load, calm, SOON_MS + usual_ms)
    stack.wait_quiet(coupon, 90)
    stack.check_coupon(coupon, total)
    for one in (load, calm):
        history.check(coupon, one.storm.history, resolve(one.storm.unknown()))
