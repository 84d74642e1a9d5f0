"""MySQL at fault under load: nothing is lost or stored twice, nothing becomes a dead letter, lag shows it, and each worker goes on by itself (I1-I8, I14)."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import time

import pytest

from support import links, mariadb, processes, records, shard_faults, stack
from support.clock import HOUR_S, Clock
from support.disk import SmallDisk
from support.sale import Sale, sells
from support.shard_faults import NAME, NUMBER, WORKERS

more = pytest.mark.more
LAG_MIN = 100  # records of one shard: more than any load leaves waiting in health
DATABASES = ("catalog", *(mariadb.shard_name(number) for number in range(stack.SHARDS)))


def dead_letters():
    return sum(stack.shard(number, "SELECT COUNT(*) FROM dead_letters")[0][0] for number in range(stack.SHARDS))


@pytest.fixture(autouse=True)
def everything_runs_again():
    before, expected = dead_letters(), {"dead_letters": 0}
    catalog = stack.pid_of("catalog")
    yield expected
    for name in (*DATABASES, *WORKERS):
        stack.ctl("resume", name, check=False)
    stack.ctl("start", *DATABASES, *WORKERS)
    stack.ready_again()
    if stack.pid_of("catalog") != catalog:  # the connection that ingest has for admin writes is gone, and the first write makes it anew
        assert refusal({}) is None
    assert dead_letters() == before + expected["dead_letters"], "an outage has made dead letters"


def new_sale(**options):
    return Sale(**{"users_count": 3000, "rate": 500, "rows": 50, **options})


def sizes():
    return {worker: stack.log_size(worker) for worker in WORKERS}


def wait_said(words, since, seconds=60):
    for worker, text in words.items():
        stack.wait_for(lambda: text in stack.log_since(worker, since[worker]), seconds, f"{worker} says '{text}'")


def wait_lag_shown(workers, partitions):
    for worker in workers:
        stack.wait_for(lambda: lag_of(worker, partitions) > LAG_MIN, 60, f"{worker} shows the lag")


def parts_away(worker):
    """Those that keep it from being ready."""
    lines = stack.get("/readyz?verbose", base=stack.base_of(worker)).body.decode().splitlines()
    return {line[4:].split(":")[0] for line in lines if line.startswith("[-] ")}


def lag_of(worker, partitions):
    return sum(stack.metric(stack.base_of(worker), "weir_lag_records", partition=partition) for partition in partitions)


# ---- a shard that does not take rows ----

OUTAGES = {
    "progress_is_locked": shard_faults.progress_is_locked,
    "totals_are_locked": shard_faults.totals_are_locked,
    "deadlock": shard_faults.deadlock,
    "read_only": shard_faults.read_only,
    "no_connection_left": shard_faults.no_connection_left,
    "column_renamed_hash": lambda _: shard_faults.column_renamed("worker-hash"),
    "column_renamed_daily": lambda _: shard_faults.column_renamed("worker-daily"),
    "column_narrowed_hash": lambda _: shard_faults.column_narrowed("worker-hash"),
    "column_narrowed_daily": lambda _: shard_faults.column_narrowed("worker-daily"),
    "check_added_hash": lambda _: shard_faults.check_added("worker-hash"),
    "check_added_daily": lambda _: shard_faults.check_added("worker-daily"),
    "table_away_hash": lambda _: shard_faults.table_away("worker-hash"),
    "table_away_daily": lambda _: shard_faults.table_away("worker-daily"),
}
CORE = {"progress_is_locked", "table_away_daily"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in CORE else more) for name in OUTAGES])
def test_a_shard_that_takes_no_rows(name):
    sale, since, here = new_sale(users_count=12_000), sizes(), shard_faults.partitions()
    with OUTAGES[name](sale) as words:
        assert words, "nobody has to meet it"
        wait_said(words, since)
        wait_lag_shown(words, here)
        for worker in words:
            stack.wait_for(lambda: f"shard {NUMBER}" in parts_away(worker), 30, f"{worker} is not ready, for the shard's sake")
    sale.end()


def test_a_progress_row_locked_while_its_partition_is_taken_over():
    """A partition that was never begun has no batch that could wait, and shows all the same: not ready, for the shard's sake, and lag."""
    sale, here = new_sale(), shard_faults.partitions()
    with shard_faults.progress_is_locked(sale):
        stack.ctl("stop", *WORKERS)
        since = sizes()
        stack.ctl("launch", *WORKERS)
        for worker in WORKERS:
            stack.wait_for(lambda: re.search("cannot take the partition over yet.*error 1205", stack.log_since(worker, since[worker])), 60,
                           f"{worker} meets the lock before it owns the partition")
            stack.wait_for(lambda: parts_away(worker) >= {f"shard {NUMBER}", "partitions"}, 10, f"{worker} is not ready")
            stack.wait_for(lambda: lag_of(worker, here) > 0, 10, f"{worker} shows the lag of what it does not own yet")
    sale.end()


def retries(worker, kind):
    return stack.metric(stack.base_of(worker), "weir_worker_retries_total", kind=kind)


@more
def test_connections_cut_again_and_again():
    before = {worker: retries(worker, "outage") for worker in WORKERS}
    sale = new_sale()
    with shard_faults.connections_cut():
        for worker in WORKERS:
            stack.wait_for(lambda: retries(worker, "outage") >= before[worker] + 10, 60, f"{worker} has lost ten batches")
    sale.end()


# ---- killed around COMMIT ----

def stopped_in_a_transaction(point):
    """A sale, and a worker that sleeps at `point` with a transaction open; answers (sale, its pid, the shards that have one)."""
    stack.ctl("stop", "worker-daily")  # so that the open transactions are all of the other
    stack.wait_lag_zero(layouts=("hash",))
    stack.ctl("stop", "worker-hash")
    stack.ctl("start", "worker-hash", env={"WEIR_STOP_AT": f"{point}:5"})
    sale = new_sale(rows=-1)
    pid = stack.pid_of("worker-hash")
    stack.wait_for(lambda: processes.is_stopped(pid), 60, f"the worker sleeps at {point}")
    names = [mariadb.shard_name(number) for number in range(stack.SHARDS)]
    held = stack.wait_for(lambda: [name for name in names if mariadb.transactions(name)], 10, "a transaction is open")
    return sale, pid, held


def unread_bytes(name):
    """What lies unread in the sockets of a server's connections."""
    port = f":{mariadb.port(name):04X}"
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(words[4].split(":")[1], 16) for words in lines if words[1].endswith(port) and words[3] == "01")


def progress_of(names):
    """As it is committed: name -> {partition: next offset} of layout hash."""
    return {name: stack.progress_on(int(name.removeprefix("shard")), "hash") for name in names}


def kill_and_start(pid, held):
    """While the worker sleeps; answers what the servers have kept, before the worker can ask or store anything again."""
    os.kill(pid, signal.SIGSTOP)
    stack.wait_for(lambda: processes.is_stopped(pid), 10, "the worker sleeps")
    stack.ctl("kill", *held)
    stack.ctl("start", *held)
    kept = progress_of(held)
    os.kill(pid, signal.SIGCONT)
    return kept


def killed_before(pid, held):
    before = progress_of(held)
    assert kill_and_start(pid, held) == before, "there was a COMMIT"


def killed_with_it_unread(pid, held):
    before = progress_of(held)
    stack.ctl("pause", *held)
    unread = {name: unread_bytes(name) for name in held}
    os.kill(pid, signal.SIGCONT)
    stack.wait_for(lambda: any(unread_bytes(name) > unread[name] for name in held), 30, "a COMMIT lies in a socket", every=0.02)
    assert kill_and_start(pid, held) == before, "a COMMIT was read"


def killed_while_it_runs(pid, held):
    """Nothing may be committed during the last stage of a backup: the server has taken the COMMIT, and nothing of it lasts yet."""
    before = progress_of(held)
    with contextlib.ExitStack() as backups:
        for name in held:
            cursor = backups.enter_context(mariadb.connect(name)).cursor()
            for stage in ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"):
                cursor.execute(f"BACKUP STAGE {stage}")
        os.kill(pid, signal.SIGCONT)
        stack.wait_for(lambda: any(mariadb.runs(name, "COMMIT") for name in held), 30, "a COMMIT runs", every=0.02)
        assert kill_and_start(pid, held) == before, "a COMMIT lasts"


def killed_behind_it(pid, held):
    """It lasts, and the server dies before its answer has come to the worker."""
    before = progress_of(held)
    with contextlib.ExitStack() as faults:
        faults_of = {name: faults.enter_context(links.fault(f"worker-hash-{name}", may_miss=True, swallow=1, match="COMMIT")) for name in held}
        os.kill(pid, signal.SIGCONT)
        struck = stack.wait_for(lambda: [name for name, fault in faults_of.items() if fault.hits("swallow") > 0], 30, "the answer to a COMMIT is held back", every=0.02)
        kept = kill_and_start(pid, held)
        assert all(kept[name] != before[name] for name in struck), "a COMMIT that was answered does not last"


def done_and_not_answered(pid, held):
    """It is done after the worker has given up waiting for its answer."""
    since = stack.log_size("worker-hash")
    stack.ctl("pause", *held)
    os.kill(pid, signal.SIGCONT)
    stack.wait_for(lambda: "the commit had no answer" in stack.log_since("worker-hash", since), 60, "the worker gives up waiting")
    stack.ctl("resume", *held)


@pytest.mark.parametrize("fault", [killed_before, pytest.param(killed_with_it_unread, marks=more), pytest.param(killed_while_it_runs, marks=more),
                                   killed_behind_it, pytest.param(done_and_not_answered, marks=more)])
def test_commit(fault):
    since = stack.log_size("worker-hash")
    sale, pid, held = stopped_in_a_transaction("worker.before_commit")
    try:
        fault(pid, held)
        stack.wait_for(lambda: "the commit had no answer, asking progress" in stack.log_since("worker-hash", since), 60, "a COMMIT has no answer")
        stack.ctl("start", "worker-daily")
        sale.end()
        assert retries("worker-hash", "unknown_commit") > 0
        assert "progress has moved" not in stack.log_since("worker-hash", since), "a batch was stored, and done again"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@more
@pytest.mark.parametrize("point", ["worker.after_progress", "worker.after_rows", "worker.after_totals"])
def test_killed_in_a_batch(point):
    """The server dies with a part of a batch in it."""
    sale, pid, held = stopped_in_a_transaction(point)
    since = stack.log_size("worker-hash")
    stack.ctl("kill", *held)
    stack.ctl("start", *held)
    os.kill(pid, signal.SIGCONT)
    stack.wait_for(lambda: "batch waits for its shard" in stack.log_since("worker-hash", since), 60, "the worker has lost its transaction")
    stack.ctl("start", "worker-daily")
    sale.end()
    assert retries("worker-hash", "outage") > 0


# ---- a primary replaced by a copy that lags ----

class Copy:
    """A shard's data of a moment, which later takes the shard's place."""

    def __init__(self):
        self.data, self.kept = mariadb.data_folder(NAME), mariadb.data_folder(f"{NAME}.copy")
        stack.ctl("stop", NAME)
        shutil.copytree(self.data, self.kept)
        stack.ctl("start", NAME)
        self.progress = self.progress_now()

    def progress_now(self):
        return {row[:2]: row[2] for row in stack.shard(NUMBER, "SELECT layout, `partition`, next_offset FROM progress WHERE topic = 'grabs'")}

    def is_behind(self, records_min):
        now = self.progress_now()
        return all(sum(now[key] - self.progress[key] for key in now if key[0] == layout) >= records_min for layout in stack.LAYOUTS)

    def promote(self):
        stack.ctl("kill", NAME)
        shutil.rmtree(self.data)
        self.kept.rename(self.data)
        stack.ctl("start", NAME)

    def drop(self):
        shutil.rmtree(self.kept, ignore_errors=True)


def restart_workers():
    stack.ctl("restart", *WORKERS)
    stack.ready_again()


@pytest.mark.parametrize("when, owner", [("idle", "same"), pytest.param("under_load", "same", marks=more), pytest.param("idle", "older", marks=more),
                                         pytest.param("under_load", "older", marks=more)])
def test_replaced_by_a_lagging_copy(when, owner):
    """Progress goes back with the rows, and the log is carried again from there: also by a worker that has nothing to do, and by one whose ownership the
    copy does not know (the group assigns anew then)."""
    sale = new_sale(users_count=3000 if when == "idle" else 12_000)
    copy = Copy()
    try:
        if owner == "older":
            restart_workers()
        stack.wait_for(lambda: copy.is_behind(100), 60, "the copy is behind")
        if when == "idle":
            sale.finish_load()
            stack.wait_lag_zero()
        assert when == "idle" or sale.storm.runs(), "the load is too short"
        since, sold = sizes(), len(stack.ok_rows("hash", sale.coupon))
        copy.promote()
        words = "progress has moved, going on from there" if owner == "same" else "another owner has the partition"
        wait_said(dict.fromkeys(WORKERS, words), since)
        stack.wait_for(lambda: len(stack.ok_rows("hash", sale.coupon)) >= sold, 120, "what the copy did not have is stored again")
        sale.end(seconds=150)
    finally:
        copy.drop()


# ---- the disk of a database is full ----

DISK_FULL = re.compile(r"error 28\b|errno: 28\b|No space left")


def wait_disk_met(name, since):
    stack.wait_for(lambda: DISK_FULL.search(stack.log_since(name, since)), 60, f"{name} meets the full disk")


def free_disk(disk):
    """And starts the server again, as whoever frees a disk does: MariaDB ends itself when a rollback finds no room, now or in a moment."""
    disk.free()
    stack.ctl("stop", disk.name, check=False)
    stack.ctl("start", disk.name)


def send_bulk(partitions, count_each):
    """Rows enough for the shard's tables to grow, of coupons that nobody sells."""
    coupon = records.made_up_coupon()
    for partition in partitions:
        chosen = records.users_of(partition, 20)
        records.send([(chosen[i % 20], records.grab_record(chosen[i % 20], coupon, try_key="k" * 64)) for i in range(count_each)], partition)


@more
def test_disk_of_a_shard_full():
    partitions = shard_faults.partitions()  # the server may end itself at any moment of what follows
    with SmallDisk(NAME, free_mb=128) as disk:
        disk.fill()
        since, full_since, sale = sizes(), stack.log_size(NAME), new_sale(rows=-1)
        send_bulk(partitions, 10_000)
        wait_disk_met(NAME, full_since)
        stack.wait_for(lambda: any("batch waits for its shard" in stack.log_since(worker, since[worker]) for worker in WORKERS), 60, "a worker waits")
        assert sale.finish_load()["accepted_new"] == 3000, "grabs wait for a disk of MySQL"
        wait_lag_shown(["worker-hash"], partitions)
        free_disk(disk)
        sale.end()


@more
def test_disk_of_the_catalog_full():
    """Grabs and rows go on; an admin's write says 503, or is taken whole; afterwards all is as before."""
    with SmallDisk("catalog", free_mb=16) as disk:
        assert refusal({}) is None
        sale = new_sale()
        disk.fill()
        since = stack.log_size("catalog")
        large = {"description": "x" * 8000, "terms": "y" * 8000}
        refused = stack.wait_for(lambda: refusal(large), 120, "the catalog takes no more coupons")
        assert refused.status == 503 and "retry-after" in refused.headers, refused
        wait_disk_met("catalog", since)
        assert sale.finish_load()["accepted_new"] == 3000
        free_disk(disk)
        stack.wait_for(lambda: refusal(large) is None, 60, "the catalog takes coupons again")
        sale.end()


def refusal(more_fields):
    answer = stack.admin("/admin/coupons", {"room_id": 17, "title": "test", "total": 1, "per_user_limit": 1, "hold_ms": 4000, "gate": "closed", **more_fields})
    return answer if answer.status >= 400 else None


# ---- a record that no packet takes ----

PACKET_BYTES = 64 * 1024


@pytest.fixture
def small_packets():
    """Of this shard; a session keeps what it began with, so the workers begin anew."""
    mariadb.ask(NAME, f"SET GLOBAL max_allowed_packet = {PACKET_BYTES}")
    restart_workers()
    yield
    mariadb.ask(NAME, "SET GLOBAL max_allowed_packet = 16777216")
    restart_workers()


def letters_of(partition, offset):
    query = "SELECT layout, LENGTH(`key`), `value`, reason FROM dead_letters WHERE topic = 'grabs' AND `partition` = %s AND `offset` = %s"
    return {row[0]: row[1:] for row in stack.shard(NUMBER, query, partition, offset)}


def test_a_dead_letter_larger_than_the_packet(everything_runs_again, small_packets):
    """It is cut, says so with the lengths and a checksum, and holds up nothing."""
    partition, coupon = shard_faults.partitions()[0], records.made_up_coupon()
    users_here = records.users_of(partition, 20)
    pairs = [(user, records.grab_record(user, coupon)) for user in users_here]
    value = "'\"" * 300_000  # each of its characters doubles where it is quoted
    pairs.insert(10, (users_here[0], value))
    offset = stack.watermarks()[partition] + 10
    records.send(pairs, partition)
    stack.wait_lag_zero()
    letters = letters_of(partition, offset)
    for layout in stack.LAYOUTS:
        assert len(stack.ok_rows(layout, coupon)) == 20, layout
        key_length, kept, reason = letters[layout]
        assert key_length == len(str(users_here[0])) and 1000 < len(kept) < PACKET_BYTES and value.encode().startswith(kept), (key_length, len(kept))
        assert f"value {len(value)} bytes, checksum " in reason, reason
    everything_runs_again["dead_letters"] = len(stack.LAYOUTS)


# ---- clocks ----

def stored_on(name):
    """How far each layout's progress on this shard is."""
    number = int(name.removeprefix("shard"))
    return [sum(stack.progress_on(number, layout).values()) for layout in stack.LAYOUTS]


@more
@pytest.mark.parametrize("name", [NAME, "catalog"])
def test_clock_of_a_database_jumps(name):
    """A shard is stored on, in each layout; by the catalog a coupon is made, opened by the keeper, and sold."""
    with Clock(name) as clock:
        assert refusal({}) is None
        sale = new_sale()
        for offset_s in (HOUR_S, -HOUR_S, 0):
            clock.move(offset_s)
            away = mariadb.ask(name, "SELECT UNIX_TIMESTAMP(SYSDATE()) - %s", int(time.time()))[0][0]
            assert abs(away - offset_s) < 60, (away, offset_s)
            if name == "catalog":
                opened = stack.new_coupon(5)
                assert refusal({}) is None and sells(opened)
            else:
                before = stored_on(name)
                stack.wait_for(lambda: all(now > then for now, then in zip(stored_on(name), before)), 60, "rows are stored on there")
        sale.end()


# ---- the catalog ----

GO_ON = ("WEIR_INGEST", "WEIR_QUERY", "WEIR_WORKER_HASH", "WEIR_WORKER_DAILY")


@more
@pytest.mark.parametrize("command, back", [("stop", "start"), ("kill", "start"), ("pause", "resume")])
def test_catalog_away_for_long(command, back):
    """Grabs, rows and reads of buyers go on without it; new coupons and restocks wait for it."""
    sale = new_sale(users_count=10_000)
    user = stack.ok_rows("hash", sale.coupon)[0][1]
    stack.ctl(command, "catalog")
    try:
        answer = stack.admin("/admin/coupons", {"room_id": 17, "title": "test", "total": 1, "per_user_limit": 1, "gate": "open"})
        assert answer.status == 503 and "retry-after" in answer.headers, answer
        rows = [len(stack.ok_rows(layout, sale.coupon)) for layout in stack.LAYOUTS]
        stack.wait_for(lambda: all(len(stack.ok_rows(layout, sale.coupon)) > before + 2000 for layout, before in zip(stack.LAYOUTS, rows)), 90,
                       "grabs are taken and stored without the catalog")
        assert stack.get(f"/api/user/{user}/coupons").status == 200
        stack.wait_for(lambda: all("[+] catalog ok: " in processes.tells(stack.ENV[name]) for name in GO_ON), 60, "those that go on say that it is away")
    finally:
        stack.ctl(back, "catalog")
    stack.wait_for(lambda: all("[+] catalog ok\n" in processes.tells(stack.ENV[name]) for name in GO_ON), 60, "they say no longer that it is away")
    assert sale.finish_load()["accepted_new"] == 10_000
    assert refusal({}) is None
    sale.end()


@more
def test_catalog_read_only():
    with_rows = new_sale()
    mariadb.ask("catalog", "SET GLOBAL read_only = ON")
    try:
        answer = refusal({})
        assert answer is not None and answer.status == 503 and "retry-after" in answer.headers, answer
        assert with_rows.finish_load()["accepted_new"] == 3000
    finally:
        mariadb.ask("catalog", "SET GLOBAL read_only = OFF")
    assert refusal({}) is None
    with_rows.end()
