"""Kafka stopped under load, a producer that goes fatal, and a log that is not the one of progress (I1-I4, I7, I14).

503 or 202, never a success that is not stored; every 202 gets its end, both OK and VOID. Partitions whose log was cut or made anew stop with an alarm, and store
nothing until somebody has said where to go on. Their tests use the stream `readings`, whose log nobody holds against the sale.
"""
import pathlib
import subprocess
import time

import pytest

from support import history, kafka_admin, processes, records, stack, users
from support.sale import Sale, resolve
from support.storm import Storm


@pytest.fixture(autouse=True)
def everything_runs_again():
    stack.ready_again()
    yield
    stack.ctl("resume", "kafka", check=False)
    stack.ctl("start", "kafka", "redis-stock")
    stack.ready_again()


def under_load(coupon, total, storm, stop, start):
    """Stops Kafka in the middle of the load, waits until unknowns are answered, starts it again, ends the load when all is ready; answers the storm's summary."""
    stack.wait_for(lambda: len(stack.ok_rows("hash", coupon)) > 200, 30, "the sale is under way")
    stop()
    unknown = stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown")
    stack.wait_for(lambda: stack.metric(stack.ENV["WEIR_INGEST"], "weir_grabs_total", outcome="unknown") > unknown, 60, "grabs are answered 202")
    start()
    stack.ready_again()
    storm.stop()
    return storm.finish()


def end_of(coupon, total, storm, hold_ms):
    states = resolve(storm.unknown(), hold_ms)
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
    storm = Storm(coupon, users.take(3000), 3000, rate=600, clicks=2)
    summary = under_load(coupon, total, storm, lambda: stack.ctl("pause", "kafka"), lambda: stack.ctl("resume", "kafka"))
    assert summary["unknown"] > 0
    seen |= set(end_of(coupon, total, storm, hold_ms).values())

    # Stopped, then killed: what lay in its sockets is gone -> the sweep's CANCEL comes first, VOID.
    storm = Storm(coupon, users.take(3000), 3000, rate=600, clicks=2)
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


def on_their_way(sale):
    """Units that were taken, and of which no worker has a row: a second after the broker went to sleep none of these waits for a worker."""
    return sale.total - stack.left(sale.coupon) - len(stack.ok_rows("hash", sale.coupon))


@pytest.mark.more
def test_killed_with_grabs_on_their_way():
    """Reserved and handed over, and the broker dies before it has taken them: none of them was called a success."""
    sale = Sale(users_count=6000, rate=400, hold_ms=2000)
    stack.ctl("pause", "kafka")
    stack.wait_for(lambda: on_their_way(sale) > 10 and not time.sleep(1) and on_their_way(sale) > 10, 30, "grabs are on their way")
    stack.ctl("kill", "kafka")
    for worker in ("WEIR_WORKER_HASH", "WEIR_WORKER_DAILY"):
        stack.wait_for(lambda: "[-] partitions: no partitions are assigned yet, for " in processes.tells(stack.ENV[worker]), 60,
                       f"{worker} has lost the group for longer than its session, and says that it stores nothing")
    stack.ctl("start", "kafka")
    sale.end()
    assert sale.storm.unavailable() or sale.storm.unknown(), "nobody has met the dead broker"


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


# ---- a producer that has gone fatal ----

def test_a_fatal_producer_is_swapped():
    """An idempotent client that has lost its place in the log never produces again. The grab that meets it is told 503; a new client takes the next ones."""
    stack.ctl("restart", "ingest", env={"WEIR_FAIL_AT": "ingest.producer_fatal:800"})
    offset = stack.log_size("ingest")
    try:
        sale = Sale(total=6000, users_count=3000, rate=400, hold_ms=2000)
        stack.wait_for(lambda: "crash point ingest.producer_fatal" in stack.log_since("ingest", offset), 60, "the producer goes fatal")
        stored = len(stack.ok_rows("hash", sale.coupon))
        sale.finish_load()
        assert len(sale.storm.unavailable()) > 0, "nobody has met the fatal producer"
        stack.wait_for(lambda: len(stack.ok_rows("hash", sale.coupon)) > stored + 500, 60, "grabs are taken again")
        sale.end()
    finally:
        stack.ctl("restart", "ingest")


# ---- a log that is not the one of progress ----

TOPIC = "readings"


class ReadingsWorker:
    """A worker of the hash layout of `readings`, beside the stack's own workers."""

    def __init__(self):
        self.port = int(stack.ENV["WEIR_PORT_BASE"]) + 42
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = pathlib.Path(stack.ENV["WEIR_VAR"]) / "log" / "readings-worker.log"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([f"{stack.ENV['WEIR_BIN']}/weir-worker", "--config", f"{stack.ENV['WEIR_VAR']}/etc/worker-hash.yaml",
                                             f"--worker.stream={TOPIC}", f"--http.port={self.port}"], stdout=log, stderr=log)
        stack.wait_for(lambda: lives(self.base), 30, "the worker of readings lives")

    def stop(self):
        self.process.terminate()
        try:
            assert self.process.wait(timeout=20) == 0
        finally:
            self.process.kill()

    def readiness(self):
        return stack.get("/readyz?verbose", base=self.base)

    def alarms(self):
        return stack.metric(self.base, "weir_worker_alarms")

    def wait_stored(self, partitions):
        stack.wait_for(lambda: all(behind(partition) == 0 for partition in partitions), 60, f"partitions {partitions} of readings are stored")

    def wait_alarms(self, count, words):
        stack.wait_for(lambda: self.alarms() == count, 60, f"{count} partitions are stopped")
        readiness = self.readiness()
        assert readiness.status == 503 and words in readiness.body.decode(), readiness
        assert words in self.log.read_text(encoding="utf-8", errors="replace")

    def wait_no_alarm(self):
        stack.wait_for(lambda: self.alarms() == 0 and stack.is_ready(self.base), 60, "no partition of readings is stopped")


@pytest.fixture
def worker():
    kafka_admin.make_topic(TOPIC)
    running = ReadingsWorker()
    running.start()
    running.wait_no_alarm()
    yield running
    running.stop()


def progress():
    """partition -> (next_offset, records, ok_rows) of the layout hash."""
    found = {}
    for number in range(stack.SHARDS):
        for partition, *rest in stack.shard(number, "SELECT `partition`, next_offset, records, ok_rows FROM progress WHERE layout = 'hash' AND topic = %s", TOPIC):
            found[partition] = tuple(rest)
    return found


def behind(partition):
    return stack.watermarks(TOPIC)[partition] - progress()[partition][0]


def go_on_at(partition, offset):
    """What the README tells people on call to do, in both layouts."""
    for number in range(stack.SHARDS):
        stack.shard(number, "UPDATE progress SET next_offset = %s, checksum = 0 WHERE topic = %s AND `partition` = %s", offset, TOPIC, partition)


def send(partition, count):
    sensor = next(name for name in (f"lab-{number}" for number in range(10_000)) if records.partition_of(name) == partition)
    records.send([(sensor, {"v": 1, "type": "reading", "reading_id": str(records.new_id()), "sensor_id": sensor, "metric": "pressure", "value": 1.5,
                            "taken_at": int(time.time() * 1000)}) for _ in range(count)], partition, topic=TOPIC)


def test_a_log_that_was_cut_behind_progress(worker):
    """Retention. Before progress it takes what is stored, and nothing happens; behind progress it took what nobody has stored."""
    cut, other = 3, 4
    send(cut, 20)
    worker.wait_stored([cut])
    stored = progress()[cut]
    kafka_admin.delete_records(TOPIC, cut, stored[0] - 5)
    send(cut, 1)
    worker.wait_stored([cut])
    assert worker.alarms() == 0

    worker.stop()
    send(cut, 10)
    stored = progress()[cut]
    kafka_admin.delete_records(TOPIC, cut, stored[0] + 6)
    worker.start()
    worker.wait_alarms(1, f"The log of {TOPIC}[{cut}] begins at offset {stored[0] + 6}, behind progress ({stored[0]})")
    send(other, 5)
    worker.wait_stored([other])  # the others go on
    assert progress()[cut] == stored, "something was stored behind a gap"

    go_on_at(cut, stored[0] + 6)
    worker.wait_no_alarm()
    worker.wait_stored([cut])
    assert progress()[cut] == (stored[0] + 10, stored[1] + 4, stored[2] + 4)


@pytest.mark.parametrize("running", [False, pytest.param(True, marks=pytest.mark.more)])
def test_a_topic_that_was_made_anew(worker, running):
    """Shorter than progress, or longer: then only the record before progress tells it. A worker that runs finds out as one that starts does."""
    empty, shorter, longer = 5, 6, 7
    for partition in (empty, shorter, longer):
        send(partition, 20)
    worker.wait_stored(range(records.PARTITIONS))
    stored = progress()
    if not running:
        worker.stop()
    kafka_admin.delete_topic(TOPIC)
    kafka_admin.make_topic_anew(TOPIC)
    if running:
        worker.wait_alarms(sum(offset > 0 for offset, *_ in stored.values()), "made anew")
    send(shorter, 5)
    send(longer, stored[longer][0] + 5)
    if not running:
        worker.start()
    worker.wait_alarms(sum(offset > 0 for offset, *_ in stored.values()), "made anew")
    words = worker.log.read_text(encoding="utf-8")
    if not running:
        assert f"The record at offset {stored[longer][0] - 1} of {TOPIC}[{longer}] is not the one that was stored last" in words
    assert f"The log of {TOPIC}[{empty}] ends at offset 0, before progress ({stored[empty][0]})" in words
    assert progress() == stored, "something of the new log was stored"

    for partition in range(records.PARTITIONS):
        go_on_at(partition, 0)
    worker.wait_no_alarm()
    worker.wait_stored(range(records.PARTITIONS))
    assert progress()[longer] == (stored[longer][0] + 5, stored[longer][1] + stored[longer][0] + 5, stored[longer][2] + stored[longer][0] + 5)
