"""The machine at fault under load: clocks that jump by an hour, full disks. What was promised is kept, and each part goes on by itself, or once it is started
again where it had to end (I1-I8, I14). File descriptors and memory: test_machine_limits.py."""
import calendar
import contextlib
import os
import re
import subprocess
import time

import pytest

from support import kafka_admin, lost, records, spans, stack, users
from support.clock import HOUR_S, Clock
from support.disk import SmallDisk
from support.sale import LARGEST_HOLD_S, REBUILT_S, Sale

more = pytest.mark.more
SERVICES = ("ingest", "keeper", "query", "worker-hash", "worker-daily")


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    for name in ("kafka", "redis-stock", *SERVICES):
        stack.ctl("resume", name, check=False)
    stack.ctl("start", "kafka", "redis-stock", *SERVICES)
    stack.ready_again()


def new_sale(**options):
    return Sale(**{"users_count": 3000, "rate": 500, "rows": 50, **options})


# ---- clocks ----

def newest_id_s(coupon):
    """The time in the newest grab of the sale, against this machine's clock, s."""
    ids = [row[0] for row in stack.ok_rows("hash", coupon)]
    return records.time_ms(max(ids)) / 1000 - time.time()


def sold(coupon, layout="hash"):
    return len(stack.ok_rows(layout, coupon))


def told_sold(sale):
    """By query."""
    answer = stack.get(f"/api/coupon/{sale.coupon}/stock")
    assert answer.status == 200 and answer.json["complete"], answer
    return answer.json["sold"]


def wait_sold_on(sale, what, layout="hash"):
    before = sold(sale.coupon, layout)
    stack.wait_for(lambda: sold(sale.coupon, layout) > before + 50, 60, what)


def test_clock_of_ingest_jumps():
    """An hour ahead, an hour behind, and back: ids stay unique and inside their leases; holds and deadlines go by another clock."""
    with spans.told() as told, Clock("ingest", arguments=spans.TELL) as clock:
        sale = new_sale(users_count=4000)
        clock.move(HOUR_S)
        stack.wait_for(lambda: newest_id_s(sale.coupon) > HOUR_S - 300, 30, "ids are made an hour ahead")
        clock.move(-HOUR_S)
        wait_sold_on(sale, "grabs are taken an hour behind")
        clock.move(0)
        wait_sold_on(sale, "grabs are taken with the clock back")
        sale.end()
        told.check(sale.coupon)


LOG_TIME = re.compile(r"\btime=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")


def stop_under(name, offset_s):
    """It drains in time, though waits were under way when its clock was stepped back; and its log tells what it took for now."""
    since = stack.log_size(name)
    stack.ctl("stop", name)
    text = stack.log_since(name, since)
    assert "exit_code=0" in text, text
    stamp = LOG_TIME.findall(text)[-1]
    away = calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) - time.time()
    assert abs(away - offset_s) < 60, f"{name} logs {stamp}, which is {away:.0f} s away"


@more
@pytest.mark.parametrize("offset_s", [HOUR_S, -HOUR_S])
def test_an_ingest_that_starts_with_another_clock(offset_s):
    """Three ingests sell one coupon, one after the other; the clock of the second is an hour off, and so are its ids."""
    with spans.told() as told:
        sale = new_sale(users_count=30_000)
        with Clock("ingest", offset_s=offset_s, arguments=spans.TELL):
            wait_sold_on(sale, "grabs are taken by the other clock")
            away = [records.time_ms(row[0]) / 1000 - time.time() for row in stack.ok_rows("hash", sale.coupon)]
            assert any(abs(s - offset_s) < 300 for s in away), (min(away), max(away))
        wait_sold_on(sale, "grabs are taken by the right clock again")
        sale.end()
        told.check(sale.coupon)


def redis_away_s():
    return stack.stock_redis().time()[0] - time.time()


@more
def test_clock_of_redis_jumps_while_grabs_are_pending():
    """The hints by which a sweep begins all pass at once, or are all too far away; what keeps a sweep from a grab under way is the keeper's own clock."""
    with Clock("redis-stock") as clock:
        for offset_s in (HOUR_S, -HOUR_S):
            clock.move(0)
            sale = new_sale()
            stack.ctl("pause", "kafka")
            stack.wait_for(lambda: stack.pending(sale.coupon) > 0, 30, "grabs are pending", every=0.02)
            clock.move(offset_s)
            assert abs(redis_away_s() - offset_s) < 60
            unknown = unknowns()
            stack.wait_for(lambda: cancelling(sale.coupon), 60, "the keeper sweeps them", every=0.02)
            stack.wait_for(lambda: unknowns() > unknown, 60, "grabs are answered 202")
            stack.ctl("resume", "kafka")
            assert sale.end(), "no grab was left unknown"


def unknowns():
    return stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown")


def rfc3339(at_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


@more
def test_the_window_goes_by_the_clock_of_redis():
    with Clock("redis-stock") as clock:
        in_half_an_hour = rfc3339(time.time() + HOUR_S / 2)
        begins = stack.new_coupon(10, opens_at=in_half_an_hour)
        ends = stack.new_coupon(10, ends_at=in_half_an_hour)
        for offset_s, answers in ((0, ("not_started", True)), (HOUR_S, (True, "ended")), (-HOUR_S, ("not_started", True))):
            clock.move(offset_s)
            told = [stack.grab(users.take(1), coupon).json for coupon in (begins, ends)]
            assert [t["success"] or t["reason"] for t in told] == list(answers), (offset_s, told)
        clock.move(0)
        for coupon in (begins, ends):
            stack.wait_quiet(coupon)
            stack.check_coupon(coupon, 10)


def waited_s(begins, step, ends):
    """Real time, at least, that passes from `begins` to `ends`: from after the first look that sees the one until before the last that does not see the other.
    The clock steps between the two."""
    stack.wait_for(begins, 60, "the wait has begun", every=0.02)
    begun = last = time.monotonic()
    step()

    def has_ended():
        nonlocal last
        now = time.monotonic()
        if ends():
            return True
        last = now
        return False
    stack.wait_for(has_ended, 60, "the wait is over", every=0.02)
    return last - begun


def cancelling(coupon):
    """The pending grabs that a sweep has begun with."""
    return {name for name, value in stack.stock_redis().hgetall(f"weir:{{{coupon}}}:pending").items() if name != "epoch" and value.startswith("C")}


@more
def test_clock_of_the_keeper_jumps_while_it_waits():
    """The half hold and the margin behind which a sweep cancels, and a rebuild folds, are real time, neither shorter nor an hour longer, whatever its clock does."""
    with Clock("keeper") as clock:
        sale = new_sale(total=100_000, users_count=60_000)
        for offset_s in (HOUR_S, -HOUR_S):
            clock.move(0)
            lost.reserves(sale.coupon, 20)
            swept = set()

            def sweeps():
                swept.update(cancelling(sale.coupon))
                return swept
            least_s = waited_s(sweeps, lambda: clock.move(offset_s), lambda: not swept & set(stack.stock_redis().hkeys(f"weir:{{{sale.coupon}}}:pending")))
            assert least_s >= sale.hold_ms / 2000, f"a sweep has waited {least_s:.2f} s"
            since = stack.log_size("keeper")
            stack.stock_redis().flushall()
            least_s = waited_s(lambda: stack.mark(sale.coupon).get("state") == "building", lambda: clock.move(-offset_s),
                               lambda: "rebuild has folded a shard" in stack.log_since("keeper", since))
            assert least_s >= LARGEST_HOLD_S / 2, f"a rebuild has waited {least_s:.2f} s"
            stack.wait_for(lambda: stack.is_open(sale.coupon), REBUILT_S, "the coupon is open again")
            wait_sold_on(sale, "grabs are taken again")
        assert sale.storm.runs(), "the load was over before the fault"
        clock.move(-HOUR_S)
        stop_under("keeper", -HOUR_S)
        clock.move(0)
        stack.ctl("start", "keeper")
        sale.end()


@more
@pytest.mark.parametrize("name", ["query", "worker-hash", "worker-daily"])
def test_clock_of_a_service_jumps(name):
    """A worker stores on; query answers on, whole, and of what was sold meanwhile."""
    with Clock(name) as clock:
        sale = new_sale()
        for offset_s in (HOUR_S, -HOUR_S):
            clock.move(offset_s)
            if name == "query":
                before = told_sold(sale)
                stack.wait_for(lambda: told_sold(sale) > before + 50, 60, "query tells what is sold")
            else:
                wait_sold_on(sale, "grabs are stored", name.removeprefix("worker-"))
        stop_under(name, -HOUR_S)
        clock.move(0)
        stack.ctl("start", name)
        sale.end()


@more
def test_the_clock_of_query_says_how_old_an_answer_is():
    with Clock("query") as clock:
        for offset_s in (HOUR_S, -HOUR_S, 0):
            clock.move(offset_s)
            answer = stack.get("/api/orders/recent?hours=3&limit=5", base=stack.ENV["WEIR_QUERY"])
            assert answer.status == 200 and answer.json["complete"] is True, answer
            away = calendar.timegm(time.strptime(answer.json["as_of"][:19], "%Y-%m-%dT%H:%M:%S")) - time.time()
            assert abs(away - offset_s) < 60, answer


DAY_S = 24 * HOUR_S


@more
@pytest.mark.parametrize("days", [-5, 5])
def test_clock_of_a_worker_that_makes_tables_of_days(days):
    """Tables are made for the days that it takes for today and after; the day of a row is in its grab, so all rows find their tables."""
    expected = stack.day_table((time.time() + days * DAY_S) * 1000)
    with Clock("worker-daily", offset_s=days * DAY_S):
        sale = new_sale()
        for number in range(stack.SHARDS):
            stack.wait_for(lambda: expected in stack.tables_of(number, "daily"), 30, f"shard {number} has the table {expected}")
        sale.end()
    for number in range(stack.SHARDS):
        assert stack.shard(number, f"SELECT COUNT(*) FROM `{expected}`") == ((0,),), "a row went to a day that is not its own"


LOG_DATE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),", re.MULTILINE)  # in the machine's own zone
CONTROL = "test-retention"
HALF_AN_HOUR_MS = HOUR_S * 1000 // 2


@contextlib.contextmanager
def topic_of_half_an_hour():
    """By which is to be seen that retention has looked, by the moved clock: it holds one record of now, until an hour has passed."""
    kafka_admin.make_topic_with(CONTROL, {"retention.ms": HALF_AN_HOUR_MS})
    records.send([(1, "a record of now")], 0, topic=CONTROL)
    yield lambda: stack.watermarks(CONTROL, 1, end=False)[0] == 1
    kafka_admin.delete_topic(CONTROL)


def assert_kafka_began_at(offset_s, since):
    stamp = LOG_DATE.findall(stack.log_since("kafka", since))[-1]
    away = time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S")) - time.time()
    assert abs(away - offset_s) < 120, f"Kafka logs {stamp}, which is {away:.0f} s away"


@more
@pytest.mark.parametrize("offset_s", [HOUR_S, -HOUR_S])
def test_clock_of_kafka_jumps(offset_s):
    """Retention takes nothing of the sales' log, though an hour passes at once; grabs are taken and stored under each clock."""
    begins = stack.watermarks(end=False)
    with Clock("kafka", offset_s=offset_s) as clock, topic_of_half_an_hour() as is_cut:
        assert_kafka_began_at(offset_s, clock.log_sizes["kafka"])
        sale = new_sale()
        wait_sold_on(sale, "grabs are stored under the clock that it began with")
        sale.end()
        if offset_s > 0:
            stack.wait_for(is_cut, 120, "retention takes what it may", every=0.5)
        sale = new_sale(users_count=4000)
        for step_s in (-offset_s, 0):
            clock.move(step_s)
            wait_sold_on(sale, "grabs are stored after a step of the clock")
        sale.end()
        assert stack.watermarks(end=False) == begins, "retention took a part of the log"
        clock.move(HOUR_S)  # Kafka's controller waits by the wall clock: what a step back put off (a topic's end, its own) comes when that time has come again


# ---- full disks ----

@more
def test_disk_of_kafka_full():
    """The broker gives up its log folder and ends: grabs are refused, or unknown until it is back. Started again with room, all goes on."""
    with SmallDisk("kafka", free_mb=24, sparse="auto") as disk:
        stack.ready_again()
        sale = new_sale(users_count=12_000)
        since = stack.log_size("kafka")
        disk.fill()
        stack.wait_for(lambda: "No space left on device" in stack.log_since("kafka", since), 90, "the broker meets the full disk")
        stack.wait_for(lambda: not stack.runs("kafka") or not stack.is_ready(stack.ENV["WEIR_INGEST"]), 90, "the broker gives up")
        disk.free()
        stack.ctl("stop", "kafka", check=False)  # with its log folder gone it may not end by itself
        stack.ctl("start", "kafka")
        sale.end(seconds=150, sell_rest=False)


def test_disk_of_the_logs_full():
    """A service whose own log takes no byte goes on: what it serves does not wait for what it says."""
    port = int(stack.ENV["WEIR_PORT_BASE"]) + 42
    base = f"http://127.0.0.1:{port}"
    coupon = stack.new_coupon(500)
    with open("/dev/full", "wb") as full:
        ingest = subprocess.Popen([f"{stack.ENV['WEIR_BIN']}/weir-ingest", "--config", f"{stack.ENV['WEIR_VAR']}/etc/ingest.yaml", f"--http.port={port}",
                                   "--log.level=debug"], stdout=full, stderr=full)
    try:
        stack.wait_for(lambda: stack.is_ready(base), 60, "it is ready")
        for user in range(first := users.take(200), first + 200):
            assert stack.grab(user, coupon, base=base).json["success"]
        assert open_full(ingest.pid), "its log is not on the full disk"
        ingest.terminate()
        assert ingest.wait(timeout=15) == 0
    finally:
        ingest.kill()
        ingest.wait()
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, 500)) == 200


def open_full(pid):
    return os.readlink(f"/proc/{pid}/fd/2") == "/dev/full"


def test_redis_keeps_nothing_on_disk():
    """So that a full disk under it can take nothing: what it holds is a fold of the log."""
    assert stack.stock_redis().config_get("save")["save"] == "" and stack.stock_redis().config_get("appendonly")["appendonly"] == "no"
