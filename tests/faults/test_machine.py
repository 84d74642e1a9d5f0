"""The machine at fault under load: clocks that jump by an hour, full disks, no file descriptors, no memory. What was promised is kept, and each part goes on
by itself, or once it is started again where it had to end (I1-I8, I14)."""
import calendar
import contextlib
import os
import pathlib
import re
import subprocess
import time

import pytest

from support import mariadb, records, stack, users
from support.clock import HOUR_S, Clock
from support.disk import SmallDisk
from support.sale import Sale

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


def leases():
    """node -> end of the time that it may use."""
    return dict(stack.catalog("SELECT node, end_ms FROM leases WHERE end_ms > 0"))


def check_ids(coupon):
    """Unique over all of the sale, and each inside what its node was leased."""
    ids = [row[0] for row in stack.rows_of("hash", f"coupon_id = {coupon}")]
    assert len(ids) == len(set(ids))
    ends = leases()
    for grab_id in ids:
        assert records.time_ms(grab_id) < ends[(grab_id >> 12) & 1023], grab_id


def sold(coupon):
    return len(stack.ok_rows("hash", coupon))


def wait_sold_on(sale, what):
    before = sold(sale.coupon)
    stack.wait_for(lambda: sold(sale.coupon) > before + 50, 60, what)


def test_clock_of_ingest_jumps():
    """An hour ahead, an hour behind, and back: ids stay unique and inside their leases; holds and deadlines go by another clock."""
    with Clock("ingest") as clock:
        sale = new_sale(users_count=4000)
        clock.move(HOUR_S)
        stack.wait_for(lambda: newest_id_s(sale.coupon) > HOUR_S - 300, 30, "ids are made an hour ahead")
        clock.move(-HOUR_S)
        wait_sold_on(sale, "grabs are taken an hour behind")
        clock.move(0)
        wait_sold_on(sale, "grabs are taken with the clock back")
        sale.end()
        check_ids(sale.coupon)


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
    """Two nodes whose clocks differ by an hour sell one coupon, one after the other."""
    sale = new_sale()
    with Clock("ingest", offset_s=offset_s):
        wait_sold_on(sale, "grabs are taken by the other clock")
        ids = [row[0] for row in stack.ok_rows("hash", sale.coupon)]
        assert offset_s < 0 or records.time_ms(max(ids)) / 1000 - time.time() > offset_s - 300
    sale.end()
    check_ids(sale.coupon)


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
            stack.wait_for(lambda: sweeping(sale.coupon), 60, "the keeper sweeps them", every=0.02)
            stack.wait_for(lambda: unknowns() > unknown, 60, "grabs are answered 202")
            stack.ctl("resume", "kafka")
            assert sale.end(), "no grab was left unknown"


def unknowns():
    return stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown")


def sweeping(coupon):
    marks = stack.stock_redis().hgetall(f"weir:{{{coupon}}}:pending")
    return any(value.startswith("C") for name, value in marks.items() if name != "epoch")


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


@more
@pytest.mark.parametrize("name", ["keeper", "query", "worker-hash", "worker-daily"])
def test_clock_of_a_service_jumps(name):
    with Clock(name) as clock:
        sale = new_sale()
        for offset_s in (HOUR_S, -HOUR_S):
            clock.move(offset_s)
            wait_sold_on(sale, "grabs are stored")
        stop_under(name, -HOUR_S)
        clock.move(0)
        stack.ctl("start", name)
        sale.end()


@more
def test_the_clock_of_query_says_how_old_an_answer_is():
    with Clock("query") as clock:
        for offset_s in (HOUR_S, -HOUR_S, 0):
            clock.move(offset_s)
            answer = stack.get("/api/orders/recent?hours=3&limit=5")
            assert answer.status == 200 and answer.json["complete"] is True, answer
            away = calendar.timegm(time.strptime(answer.json["as_of"][:19], "%Y-%m-%dT%H:%M:%S")) - time.time()
            assert abs(away - offset_s) < 60, answer


DAY_S = 24 * HOUR_S


@more
@pytest.mark.parametrize("days", [-5, 5])
def test_clock_of_a_worker_that_makes_tables_of_days(days):
    """Tables are made for the days that it takes for today and after; the day of a row is in its grab, so all rows find their tables."""
    expected = time.strftime("grabs_%Y_%m_%d", time.gmtime(time.time() + days * DAY_S))
    with Clock("worker-daily", offset_s=days * DAY_S):
        sale = new_sale()
        for number in range(stack.SHARDS):
            stack.wait_for(lambda: expected in stack.tables_of(number, "daily"), 30, f"shard {number} has the table {expected}")
        sale.end()
    for number in range(stack.SHARDS):
        assert stack.shard(number, f"SELECT COUNT(*) FROM `{expected}`") == ((0,),), "a row went to a day that is not its own"


# ---- full disks ----

@more
def test_disk_of_kafka_full():
    """The broker gives up its log folder and ends: grabs are refused, or unknown until it is back. Started again with room, all goes on."""
    with SmallDisk("kafka", free_mb=24, sparse="auto") as disk:
        stack.ready_again()
        sale = new_sale(users_count=12_000)
        disk.fill()
        stack.wait_for(lambda: not stack.runs("kafka") or not stack.is_ready(stack.ENV["WEIR_INGEST"]), 90, "the broker gives up")
        disk.free()
        stack.ctl("restart", "kafka")
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


# ---- file descriptors ----

def limit(name, what, value):
    """Of the running process, its soft limit only; `value` as prlimit takes it."""
    done = subprocess.run(["prlimit", f"--pid={stack.pid_of(name)}", f"--{what}={value}:"], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def no_descriptor_left(name):
    """It can open nothing more: no connection, no file."""
    pid = stack.pid_of(name)
    opened = {int(number): os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
    few = min(number for number, what in opened.items() if what.startswith("socket:"))  # those before its listener stay open for its whole life
    assert set(opened) >= set(range(few)), opened
    before = re.search(r"Max open files\s+(\d+)", pathlib.Path(f"/proc/{pid}/limits").read_text()).group(1)
    limit(name, "nofile", few)
    try:
        yield
    finally:
        limit(name, "nofile", before)


NO_DESCRIPTOR = re.compile(r"Too many open files|\(24\)|error 24\b")


def wait_no_descriptor(name, since):
    stack.wait_for(lambda: NO_DESCRIPTOR.search(stack.log_since(name, since)), 60, f"{name} says that it has no descriptor left")


@pytest.mark.parametrize("name", ["worker-hash", pytest.param("worker-daily", marks=more)])
def test_no_descriptor_left_in_a_worker(name):
    sale, since = new_sale(), stack.log_size(name)
    with no_descriptor_left(name):
        for number in range(stack.SHARDS):
            with mariadb.connect(mariadb.shard_name(number)) as administrator, administrator.cursor() as cursor:
                mariadb.cut_clients(cursor)
        wait_no_descriptor(name, since)
        stack.wait_for(lambda: stack.lag(name.removeprefix("worker-")) > 100, 60, "the lag shows it")
    sale.end()


@more
def test_no_descriptor_left_in_the_keeper():
    sale, since = new_sale(), stack.log_size("keeper")
    with no_descriptor_left("keeper"):
        stack.stock_redis().client_kill_filter(_type="normal", skipme=True)
        wait_no_descriptor("keeper", since)
    sale.end()


@more
def test_no_descriptor_left_in_ingest():
    """It has lost Redis, cannot reach it, and cannot take a connection either."""
    sale, since = new_sale(), stack.log_size("ingest")
    with no_descriptor_left("ingest"):
        stack.stock_redis().client_kill_filter(_type="normal", skipme=True)
        stack.wait_for(lambda: 'part is not ready" part=redis' in stack.log_since("ingest", since), 60, "ingest has lost Redis")
        assert not is_taken(sale.coupon)
        assert 'part is ready" part=redis' not in stack.log_since("ingest", since), "it had a descriptor left for Redis"
    sale.end()


def is_taken(coupon):
    """Of a grab by nobody in particular; no answer in time is a no, too."""
    try:
        return stack.grab(users.take(1), coupon, timeout=5).status == 200
    except TimeoutError:
        return False


@more
def test_no_descriptor_left_in_redis():
    """Its clients connect, for the kernel takes them, and hear nothing."""
    sale, since = new_sale(), stack.log_size("redis-stock")
    client = stack.stock_redis()
    client.ping()
    with no_descriptor_left("redis-stock"):
        client.client_kill_filter(_type="normal", skipme=True)
        wait_no_descriptor("redis-stock", since)
        stack.wait_for(lambda: stack.grab(users.take(1), sale.coupon).status == 503, 30, "grabs are refused")
    sale.end()


# ---- memory ----

RECORDS_MANY = 40_000  # of one partition: some ten megabytes of fetched records


def data_bytes(name):
    status = pathlib.Path(f"/proc/{stack.pid_of(name)}/status").read_text()
    return int(re.search(r"VmData:\s+(\d+) kB", status).group(1)) * 1024


def press_worker():
    chosen, coupon = records.users_of(3, 20), records.made_up_coupon()
    records.send([(chosen[i % 20], records.grab_record(chosen[i % 20], coupon)) for i in range(RECORDS_MANY)], 3)


def press_query():
    with contextlib.suppress(OSError):
        stack.get("/api/orders/recent?hours=1&limit=1000", base=stack.ENV["WEIR_QUERY"], timeout=5)


PRESS = {"worker-hash": press_worker, "worker-daily": press_worker, "query": press_query}


@more
@pytest.mark.parametrize("name", PRESS)
def test_no_memory_left(name):
    """It ends at once rather than go on with a part of its work, and is whole again when it is started."""
    stack.ctl("restart", name)  # with little at hand
    stack.ready_again()
    sale = new_sale()
    limit(name, "data", data_bytes(name))
    for _ in range(20):
        if stack.runs(name):
            PRESS[name]()
    stack.wait_for(lambda: not stack.runs(name), 60, f"{name} ends for want of memory")
    stack.ctl("start", name)
    sale.end()
