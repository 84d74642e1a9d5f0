"""Ingest, keeper and query killed at each of their crash points, services that sleep for long, and a worker with another shard map: what was promised is kept (I1-I6, I9, I11, I14)."""
import contextlib
import os
import signal
import time

import pytest

from support import processes, spans, stack
from support.reads import Reads
from support.sale import Sale

SERVICES = ("ingest", "keeper", "query", "worker-hash", "worker-daily")
HOLD_MS = 2000
LEASE = "--keeper.lease_ms=1000"  # so that a killed keeper's lease is free again soon


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    for name in ("kafka", *SERVICES):
        stack.ctl("resume", name, check=False)
    stack.ctl("start", "kafka", *SERVICES)
    stack.ready_again()


class LongSale(Sale):
    """A sale whose load goes on for as long as faults come: the same users come back with new tries, which all click twice, and may have two."""

    def __init__(self):
        super().__init__(total=100_000, users_count=1500, rate=400, hold_ms=HOLD_MS, limit=2, clicks=2)

    def load(self):
        """There is load from now on, for some seconds at least."""
        if not self.storm.runs():
            self.more_load()


def wait_dead_under(sale, name, point, offset):
    def dead():
        sale.load()
        return not stack.runs(name)
    stack.wait_for(dead, 60, f"{name} dies at {point}")
    processes.wait_dead(name, point, offset)


# ---- ingest ----

def kafka_away():
    """What it has not handed over is not persisted: it is released."""
    stack.ctl("pause", "kafka")


def kafka_late():
    """Silent for longer than half the hold, and for less than a record may stay without a report: all is persisted, but too late to be called success unasked."""
    stack.ctl("pause", "kafka")
    stack.wait_for(lambda: stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_in_flight") > 20, 20, "grabs are on their way", every=0.02)
    begun = time.monotonic()
    stack.wait_for(lambda: time.monotonic() - begun > 0.6 * HOLD_MS / 1000, 10, "half the hold is over", every=0.02)
    stack.ctl("resume", "kafka")


def nothing():
    pass


INGEST_POINTS = {
    "ingest.after_reserve": nothing,
    "ingest.after_append": nothing,
    "ingest.after_report": nothing,
    "ingest.after_confirm": kafka_late,
    "ingest.before_answer": nothing,
    "ingest.after_answer": nothing,
    "ingest.after_settle": nothing,
    "ingest.after_release": kafka_away,
    "ingest.producer_fatal": nothing,
    "ingest.queue_full": nothing,
}


def test_ingest_killed_at_each_crash_point():
    assert set(processes.crash_points("weir-ingest")) == set(INGEST_POINTS)
    sale, left_pending = LongSale(), set()
    for point, stimulus in INGEST_POINTS.items():
        stack.ctl("stop", "ingest")
        sale.load()
        offset = processes.start_to_die("ingest", point, count=20 if stimulus is nothing else 1)
        stimulus()
        wait_dead_under(sale, "ingest", point, offset)
        if stack.pending(sale.coupon) > 0:
            left_pending.add(point)
        stack.ctl("resume", "kafka")
        stack.ctl("start", "ingest")
    assert "ingest.after_reserve" in left_pending, left_pending
    sale.end()


# ---- keeper ----

def flush(_sale):
    stack.stock_redis().flushall()


def open_one(sale):
    sale.beside.append(stack.new_coupon(10, hold_ms=HOLD_MS, wait=False))


def restock(sale):
    """While no keeper runs: to be carried by the next one."""
    answer = stack.admin(f"/admin/coupons/{sale.coupon}/restock", {"add": 100})
    assert answer.status == 202, answer
    sale.total += 100


def leave_pending(sale):
    """Grabs that were reserved and will never be settled: their ingest died."""
    stack.ctl("stop", "ingest")
    sale.load()
    offset = processes.start_to_die("ingest", "ingest.after_reserve", count=20)
    wait_dead_under(sale, "ingest", "ingest.after_reserve", offset)
    stack.ctl("start", "ingest")
    assert stack.pending(sale.coupon) > 0


def what_is_left(_sale):
    """The point before left it so."""


RAISE, LIST, WAIT, LOOK = 1, 2, 4, 7  # steps of a rebuild that no other point is at the end of
KEEPER_POINTS = [  # (point, its passing, what makes the keeper come by), in an order in which one fault serves several
    ("keeper.lease_taken", 1, what_is_left),
    ("keeper.sweep_cancelling", 1, leave_pending),
    ("keeper.sweep_appended", 1, what_is_left),
    ("keeper.sweep_finished", 1, what_is_left),
    ("keeper.carried", 1, restock),
    ("keeper.open_written", 1, open_one),
    ("keeper.open_building", 1, open_one),
    ("keeper.rebuild_step", RAISE, what_is_left),
    ("keeper.rebuild_step", LIST, what_is_left),
    ("keeper.rebuild_closed", 1, flush),
    ("keeper.rebuild_step", WAIT, what_is_left),
    ("keeper.rebuild_barrier", 1, what_is_left),
    ("keeper.rebuild_folded", 1, what_is_left),
    ("keeper.rebuild_step", LOOK, what_is_left),
    ("keeper.rebuild_claims", 1, what_is_left),
    ("keeper.rebuild_opened", 1, what_is_left),
    ("keeper.open_claimed", 1, open_one),
]


def test_keeper_killed_at_each_crash_point():
    assert set(processes.crash_points("weir-keeper")) == {point for point, _, _ in KEEPER_POINTS}
    sale = LongSale()
    stack.ctl("stop", "keeper")
    for point, count, stimulus in KEEPER_POINTS:
        stimulus(sale)
        sale.load()
        offset = processes.start_to_die("keeper", point, count=count, arguments=(LEASE,))
        wait_dead_under(sale, "keeper", point, offset)
    stack.ctl("start", "keeper", "--", LEASE)
    stack.wait_for(lambda: stack.is_open(sale.coupon), 60, "the coupon is open again")
    sale.load()
    sale.end()
    stack.ctl("restart", "keeper")  # with its own lease


# ---- query ----

QUERY_POINTS = {"query.after_scatter", "query.after_part", "query.before_answer"}


def read(base=stack.FRONT):
    try:
        return stack.get("/api/statistics/global", base=base, timeout=5).status
    except OSError:
        return None


def test_query_killed_at_each_crash_point():
    """A read that is cut off is an error (502 at the front door), never half an answer; the next ones are answered again, and grabs all the while."""
    assert set(processes.crash_points("weir-query")) == QUERY_POINTS
    sale = LongSale()
    for point in sorted(QUERY_POINTS):
        stack.ctl("stop", "query")
        sale.load()
        offset = processes.start_to_die("query", point, count=9)  # a question passes a point up to once a shard
        stack.wait_for(lambda: read() == 200, 20, "reads are answered before it dies")
        seen = []

        def dead():
            seen.append(read())
            return not stack.runs("query")
        stack.wait_for(dead, 30, f"query dies at {point}")
        processes.wait_dead("query", point, offset)
        assert seen[-1] == 502 and set(seen[:-1]) <= {200}, seen
        stack.ctl("start", "query")
        stack.wait_for(lambda: read() == 200, 20, "reads are answered again")
    sale.end()


# ---- sleeps ----

def settled_by_sweep(coupon):
    return stack.pending(coupon) == 0


def came_too_late():
    """Grabs that this ingest confirmed late, or settled or released without effect."""
    return sum(stack.metric(stack.ENV["WEIR_INGEST"], name) for name in ("weir_confirms_total", "weir_settle_lost_total"))


@pytest.mark.parametrize("point", [
    "ingest.after_reserve",
    pytest.param("ingest.after_append", marks=pytest.mark.more),
    pytest.param("ingest.after_report", marks=pytest.mark.more),
])
def test_ingest_asleep_for_longer_than_the_hold(point):
    """It wakes with grabs in hand that a sweep has ended meanwhile: what it does with them comes too late, and it says success of none that the sweep gave back."""
    with spans.short() as told:
        sale = LongSale()
        stack.ctl("stop", "ingest")
        pid, offset = processes.start_to_sleep("ingest", point, count=100, arguments=spans.ARGUMENTS)
        try:
            sale.load()
            processes.wait_asleep(pid, "ingest", point, offset)
            assert stack.pending(sale.coupon) > 0, "nothing was pending when it fell asleep"
            stack.wait_for(lambda: settled_by_sweep(sale.coupon), 60, "the sweep has ended what was pending")
            told.wait_over()
        finally:
            os.kill(pid, signal.SIGCONT)
        stack.wait_for(lambda: came_too_late() > 0, 30, "it wakes with grabs in hand")
        sale.end()
        told.check(sale.coupon)


LONGEST_S = 8  # the workers' session is 4 s, the keeper's lease 5 s, the hold 2 s, and ingest's spans of ids 1 s


def lease_is_over():
    return stack.catalog("SELECT ends_at < NOW(3) FROM leaders WHERE role = 'keeper'") == ((1,),)


def sleep_long(name, told):
    """Whatever it is at when it stops. The leases of keeper and ingest are seen to be over while it sleeps."""
    pid, begun = stack.pid_of(name), time.monotonic()
    stack.ctl("pause", name)
    try:
        stack.wait_for(lambda: time.monotonic() - begun > LONGEST_S, LONGEST_S + 5, "it has slept long enough")
        assert processes.is_stopped(pid)
        assert name != "keeper" or lease_is_over()
        if told:
            told.wait_over()
    finally:
        stack.ctl("resume", name)
    assert stack.pid_of(name) == pid, "it was not the sleeper that woke"


@pytest.mark.more
@pytest.mark.parametrize("name", SERVICES)
def test_asleep_for_longer_than_hold_session_and_lease(name):
    """A worker has lost its session by then: it takes its partitions anew. What is read meanwhile fails only of a query that sleeps, and then not for longer."""
    layout = name.removeprefix("worker-")
    with spans.short() if name == "ingest" else contextlib.nullcontext() as told:
        sale = Sale(total=30_000, users_count=9000, rate=400, hold_ms=HOLD_MS)
        before = stack.owners(layout)  # none for another service
        with Reads(sale) as reads:
            reads.wait_answered()
            sleep_long(name, told)
            reads.wait_answered()
        reads.check(may_fail=name == "query")
        assert bool(before) == (layout in stack.LAYOUTS)
        stack.wait_for(lambda: not before.items() & stack.owners(layout).items(), 60, f"{name} takes its partitions anew")
        sale.end()
        if told:
            told.check(sale.coupon)


# ---- a worker with another shard map ----

def shard_urls():
    return [stack.ENV[f"WEIR_MYSQL_SHARD_{number}"] for number in range(stack.SHARDS)]


class WrongWorker(processes.Second):
    """The only worker of layout hash, with these shards."""

    def __init__(self, urls):
        stack.ctl("stop", "worker-hash")
        super().__init__("worker-hash", 40, arguments=(f"--mysql.shards={','.join(urls)}",))

    def __exit__(self, *_):
        super().__exit__()
        stack.ctl("start", "worker-hash")


def test_a_worker_with_two_shards_swapped_stores_nothing_there():
    """It knows a shard by its name, not by its place in a list: their partitions wait, and it says why; the others go on; with the right map all is stored."""
    sale = Sale(total=20_000, users_count=3000, rate=600, hold_ms=HOLD_MS)
    urls = shard_urls()
    with WrongWorker([urls[1], urls[0], *urls[2:]]) as wrong:
        before = {number: stack.progress_on(number, "hash") for number in (0, 1)}
        for number in before:
            stack.wait_for(lambda: f"mysql.shards has it at position {number}" in wrong.log(), 60, "the worker says what is wrong")
        sale.finish_load()
        marks = stack.watermarks()
        others = [p for p in marks if p not in before[0] and p not in before[1]]
        stack.wait_for(lambda: all(stack.progress("hash")[p] == marks[p] for p in others), 60, "the other shards' partitions go on")
        assert not stack.is_ready(wrong.base)
        for number, offsets in before.items():
            assert stack.progress_on(number, "hash") == offsets, f"progress of shard {number} moved under the wrong map"
            assert any(marks[p] > offset for p, offset in offsets.items()), "nothing was to be stored there"
    sale.end()


@pytest.mark.more
def test_a_worker_with_a_shard_left_out_stores_nothing():
    """The route puts partitions on a shard that its list does not have: it begins with none, on no shard, and says which URL it lacks; with the right list all is stored."""
    sale = Sale(total=20_000, users_count=3000, rate=600, hold_ms=HOLD_MS)
    with WrongWorker(shard_urls()[:-1]) as wrong:
        before = stack.progress("hash")
        words = f"on shard {stack.SHARDS - 1}, but mysql.shards lists {stack.SHARDS - 1}: add the missing URLs"
        stack.wait_for(lambda: words in wrong.log() and words in processes.tells(wrong.base), 60, "the worker says what is wrong")
        sale.finish_load()
        assert not stack.is_ready(wrong.base)
        assert stack.progress("hash") == before, "progress moved under the wrong list"
        marks, last = stack.watermarks(), stack.progress_on(stack.SHARDS - 1, "hash")
        assert any(marks[p] > offset for p, offset in last.items()) and any(marks[p] > before[p] for p in marks if p not in last), "nothing was to be stored"
    sale.end()
