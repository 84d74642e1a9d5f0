"""From the log to the tables: what can not be stored does no harm to its neighbours, the first record of a grab wins, and a second stream needs no new code."""
import json
import pathlib
import random
import subprocess
import time

import pytest

from support import records, stack, users

MANY = 10_000


def test_our_partitions_are_kafkas():
    """The table that Kafka's Java client made, held against the helper that these tests use."""
    lines = (stack.ROOT / "tests/unit/schemas/murmur2_vectors.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert len(rows) >= 250
    for key, number, of_16, of_7 in rows:
        data = b"" if key == "-" else bytes.fromhex(key)
        assert records.murmur2(data) == int(number), key
        assert [(records.murmur2(data) & 0x7FFFFFFF) % n for n in (16, 7)] == [int(of_16), int(of_7)], key


def counts(partition, topic="grabs"):
    """layout -> the counters of one partition's progress row."""
    found = {}
    for number in range(stack.SHARDS):
        for layout, *row in stack.shard(number, "SELECT layout, next_offset, records, ok_rows, void_rows, duplicates, dead_letters, barriers FROM progress"
                                        " WHERE topic = %s AND `partition` = %s", topic, partition):
            assert row[1] == sum(row[2:]), f"I8 is broken in layout {layout}, partition {partition}: {row}"
            found[layout] = dict(zip(("next_offset", "records", "ok", "void", "duplicates", "dead", "barriers"), row))
    assert set(found) == set(stack.LAYOUTS)
    return found


def growth(before, after):
    return {layout: {name: after[layout][name] - before[layout][name] for name in after[layout]} for layout in after}


def dead_letters(partition, offset, topic="grabs"):
    """layout -> (offset, key, value, reason) of those from `offset` on."""
    query = "SELECT layout, `offset`, `key`, value, reason FROM dead_letters WHERE topic = %s AND `partition` = %s AND `offset` >= %s ORDER BY `offset`"
    found = {layout: [] for layout in stack.LAYOUTS}
    for number in range(stack.SHARDS):
        for layout, *row in stack.shard(number, query, topic, partition, offset):
            found[layout].append(row)
    return found


def broken(kind, user, coupon):
    """(key, value, words of the reason) of a record that no table can take."""
    good = records.grab_record(user, coupon)
    return {
        "not_json": (user, '{"v":1,"type":"grab",', ["JSON"]),
        "not_an_object": (user, "[1,2,3]", ["object"]),
        "empty": (user, "", ["JSON", "empty", "value", "record"]),
        "wrong_version": (user, {**good, "v": 2}, ["v "]),
        "unknown_type": (user, {**good, "type": "gift"}, ["type"]),
        "room_out_of_range": (user, {**good, "room_id": 1 << 32}, ["room_id"]),
        "coupon_is_text": (user, {**good, "coupon_id": "x"}, ["coupon_id"]),
        "no_user": (user, {name: value for name, value in good.items() if name != "user_id"}, ["user_id"]),
        "try_key_too_long": (user, {**good, "try_key": "k" * 65}, ["try_key"]),
        "key_disagrees": (user + 1, good, ["key"]),
        "barrier_without_end": (user, {**good, "type": "barrier", "epoch": (1 << 63) - 1}, ["epoch of the barrier"]),
    }[kind]


def send_with_one_broken(kind, partition, count):
    """Answers (coupon, offset before, key and value of the broken one, words of its reason)."""
    coupon = records.made_up_coupon()
    chosen = records.users_of(partition, count)
    pairs = [(user, records.grab_record(user, coupon)) for user in chosen]
    key, value, words = broken(kind, chosen[count // 2], coupon)
    pairs[count // 2] = (key, value)
    offset = stack.watermarks()[partition]
    records.send(pairs, partition)
    return coupon, offset, (str(key), value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))), words


def check_one_broken(partition, count, sent, before):
    coupon, offset, (key, value), words = sent
    stack.wait_lag_zero(60)
    for layout in stack.LAYOUTS:
        ok = stack.ok_rows(layout, coupon)
        assert len(ok) == count - 1 == len({row[0] for row in ok}), f"{layout}: {len(ok)} rows"
        letters = dead_letters(partition, offset)[layout]
        assert len(letters) == 1, f"{layout}: {letters}"
        assert letters[0][0] == offset + count // 2 and letters[0][1].decode() == key and (letters[0][2] or b"").decode() == value, letters
        assert any(word.lower() in letters[0][3].lower() for word in words), letters[0][3]
        grown = growth(before, counts(partition))[layout]
        assert (grown["records"], grown["ok"], grown["dead"], grown["duplicates"], grown["void"]) == (count, count - 1, 1, 0, 0), grown


def test_one_broken_record_among_ten_thousand():
    before = counts(3)
    check_one_broken(3, MANY, send_with_one_broken("not_json", 3, MANY), before)


@pytest.mark.parametrize("kind", ["not_an_object", "empty", "wrong_version", "unknown_type", "room_out_of_range", "coupon_is_text", "no_user",
                                  "try_key_too_long", "key_disagrees", "barrier_without_end"])
def test_each_kind_of_broken_record(kind):
    partition = 4
    stack.wait_lag_zero()
    before = counts(partition)
    check_one_broken(partition, 100, send_with_one_broken(kind, partition, 100), before)


def test_all_records_broken():
    """A batch of nothing but broken ones moves on."""
    stack.wait_lag_zero()
    before, offset = counts(5), stack.watermarks()[5]
    records.send([(user, "nonsense") for user in records.users_of(5, 50)], 5)
    stack.wait_lag_zero()
    for layout, grown in growth(before, counts(5)).items():
        assert (grown["records"], grown["dead"], grown["ok"]) == (50, 50, 0), grown
        assert len(dead_letters(5, offset)[layout]) == 50


def test_any_form_of_json_is_read():
    """Fields in another order, blanks, unknown fields: what other writers make."""
    coupon = records.made_up_coupon()
    user = users.take(1)
    fields = list(records.grab_record(user, coupon, try_key="a-b").items())
    random.Random(5).shuffle(fields)
    text = "{ " + " , ".join(f"{json.dumps(name)} : {json.dumps(value)}" for name, value in [("note", {"a": [1]}), *fields]) + " }"
    records.send([(user, text)], records.partition_of(user))
    stack.wait_lag_zero()
    for layout in stack.LAYOUTS:
        assert stack.rows_of(layout, f"coupon_id = {coupon}", "user_id, grab_status, try_key") == [(user, 1, "a-b")]


# ---- what the database refuses ----

class Refusing:
    """Triggers that refuse the rows of one coupon with an error of the server, in both layouts' tables on the shard that holds `partition`."""

    def __init__(self, partition, coupon, code, grab_ids=None):
        self.shard = next(n for n in range(stack.SHARDS) if partition in partitions_of(n))
        today = stack.day_table(records.time_ms(records.new_id()))
        self.names = []
        which = f" AND NEW.grab_id IN ({','.join(map(str, grab_ids))})" if grab_ids else ""
        for table in (f"grabs_p{partition:02d}", today):
            name = f"refuse_{table}"
            stack.shard(self.shard, f"CREATE OR REPLACE TRIGGER `{name}` BEFORE INSERT ON `{table}` FOR EACH ROW IF NEW.coupon_id = {coupon}{which} THEN"
                        f" SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'refused by a test'; END IF")
            self.names.append(name)

    def end(self):
        for name in self.names:
            stack.shard(self.shard, f"DROP TRIGGER IF EXISTS `{name}`")
        self.names = []


@pytest.mark.parametrize("bad_at", [(0,), (MANY - 1,), (17, 18, 5000)], ids=str)
def test_rows_that_the_database_refuses(bad_at):
    """Found by bisection: each becomes a dead letter with the server's reason, its neighbours are stored."""
    stack.wait_lag_zero()
    partition, coupon = 9, records.made_up_coupon()
    pairs = [(user, records.grab_record(user, coupon)) for user in records.users_of(partition, MANY)]
    bad_ids = [int(pairs[at][1]["grab_id"]) for at in bad_at]
    before, offset = counts(partition), stack.watermarks()[partition]
    refusing = Refusing(partition, coupon, 1264, bad_ids)
    try:
        records.send(pairs, partition)
        stack.wait_lag_zero(120)
    finally:
        refusing.end()
    for layout in stack.LAYOUTS:
        stored = {row[0] for row in stack.ok_rows(layout, coupon)}
        assert stored == {int(record["grab_id"]) for _, record in pairs} - set(bad_ids), f"{layout}: {len(stored)} rows"
        letters = dead_letters(partition, offset)[layout]
        assert [letter[0] for letter in letters] == [offset + at for at in bad_at], (layout, letters)
        assert all("refused by a test" in letter[3] for letter in letters), letters
        assert growth(before, counts(partition))[layout]["dead"] == len(bad_at)


@pytest.mark.parametrize("code", [1205, 1213, 1114, 1290, 1836])
def test_an_outage_is_never_a_dead_letter(code):
    """Lock timeout, deadlock, disk full, read only: tried again until it works; the other shards go on meanwhile."""
    stack.wait_lag_zero()
    partition, coupon = 10, records.made_up_coupon()
    before, offset = counts(partition), stack.watermarks()[partition]
    pairs = [(user, records.grab_record(user, coupon)) for user in records.users_of(partition, 50)]
    other = users_on_other_shards(partition, coupon)
    workers = {layout: stack.base_of(f"worker-{layout}") for layout in stack.LAYOUTS}
    tries = {layout: stack.metric(base, "weir_worker_retries_total") for layout, base in workers.items()}
    refusing = Refusing(partition, coupon, code)
    try:
        records.send(pairs, partition)
        for key, record in other:
            records.send([(key, record)], records.partition_of(key))
        for layout in stack.LAYOUTS:
            stack.wait_for(lambda: len(stack.ok_rows(layout, coupon)) == len(other), 20, f"the other shards go on in layout {layout}")
        for layout, base in workers.items():
            stack.wait_for(lambda: stack.metric(base, "weir_worker_retries_total") >= tries[layout] + 3 or dead_letters(partition, offset)[layout], 30,
                           f"layout {layout} has tried again and again")
        assert all(dead_letters(partition, offset)[layout] == [] for layout in stack.LAYOUTS), "an outage has made dead letters"
        assert all(len(stack.ok_rows(layout, coupon)) == len(other) for layout in stack.LAYOUTS)
        assert all(stack.lag(layout) >= len(pairs) for layout in stack.LAYOUTS), "the outage is not shown as lag"
    finally:
        refusing.end()
    stack.wait_lag_zero(60)
    for layout in stack.LAYOUTS:
        assert len(stack.ok_rows(layout, coupon)) == len(pairs) + len(other), layout
        assert growth(before, counts(partition))[layout]["dead"] == 0 and dead_letters(partition, offset)[layout] == []


def partitions_of(number):
    return [row[0] for row in stack.shard(number, "SELECT `partition` FROM progress WHERE topic = 'grabs' AND layout = 'hash'")]


def users_on_other_shards(partition, coupon):
    """A record for each partition of the other shards."""
    others = [p for n in range(stack.SHARDS) for p in partitions_of(n) if partition not in partitions_of(n)]
    assert len(others) == records.PARTITIONS // stack.SHARDS * (stack.SHARDS - 1)
    return [(user, records.grab_record(user, coupon)) for user in (records.users_of(p, 1)[0] for p in others)]


# ---- the first record of a grab wins ----

ORDERS = {  # what is sent -> (grab_status, fail_reason) of the one row
    ("grab", "cancel"): (1, None), ("cancel", "grab"): (0, "cancelled"), ("grab", "grab"): (1, None), ("cancel", "cancel"): (0, "cancelled"),
    ("cancel", "grab", "grab"): (0, "cancelled"), ("grab", "cancel", "grab"): (1, None), ("cancel", "cancel", "grab"): (0, "cancelled"),
}


def first_wins(batches_of):
    """One grab for each order; `batches_of` cuts an order into what is sent at once."""
    stack.wait_lag_zero()
    partition, coupon = 6, records.made_up_coupon()
    before = counts(partition)
    chosen = records.users_of(partition, len(ORDERS))
    parts = [[] for _ in range(3)]
    for user, kinds in zip(chosen, ORDERS):
        grab_id = records.new_id()
        for number, kind in enumerate(kinds):
            parts[batches_of(number)].append((user, records.grab_record(user, coupon, kind, grab_id)))
    for pairs in parts:
        if pairs:
            records.send(pairs, partition)
            stack.wait_lag_zero()
    for layout in stack.LAYOUTS:
        rows = {row[0]: row[1:] for row in stack.rows_of(layout, f"coupon_id = {coupon}", "user_id, grab_status, fail_reason")}
        assert rows == dict(zip(chosen, ORDERS.values())), layout
        assert len(stack.rows_of(layout, f"coupon_id = {coupon}")) == len(ORDERS)
    sent = sum(len(kinds) for kinds in ORDERS)
    for grown in growth(before, counts(partition)).values():
        assert (grown["records"], grown["ok"], grown["void"], grown["duplicates"], grown["dead"]) == (sent, 3, 4, sent - len(ORDERS), 0), grown


def test_first_wins_within_a_batch():
    first_wins(lambda number: 0)


def test_first_wins_across_batches():
    first_wins(lambda number: number)


def test_first_wins_among_many():
    """Both at once: a batch in which some grabs are new and some have rows."""
    stack.wait_lag_zero()
    partition, coupon, count = 7, records.made_up_coupon(), 2000
    chosen = records.users_of(partition, count)
    ids = {user: records.new_id() for user in chosen}
    records.send([(user, records.grab_record(user, coupon, "grab", ids[user])) for user in chosen[: count // 2]], partition)
    stack.wait_lag_zero()
    before = counts(partition)
    pairs = [(user, records.grab_record(user, coupon, kind, ids[user])) for user in chosen for kind in ("cancel", "grab")]
    records.send(pairs, partition)
    stack.wait_lag_zero()
    for layout in stack.LAYOUTS:
        rows = {row[0]: row[1] for row in stack.rows_of(layout, f"coupon_id = {coupon}", "user_id, grab_status")}
        assert rows == {user: int(at < count // 2) for at, user in enumerate(chosen)}, layout
    for grown in growth(before, counts(partition)).values():
        assert (grown["ok"], grown["void"], grown["duplicates"]) == (0, count // 2, count + count // 2), grown


def test_totals_are_the_rows():
    """grab_totals moves with the rows: by day of the id, layout and partition."""
    partition, coupon = 8, records.made_up_coupon()
    now_ms = int(time.time() * 1000)
    chosen = records.users_of(partition, 90)
    pairs = []
    for at, user in enumerate(chosen):
        grab_id = records.new_id(now_ms - (at % 3) * 86_400_000)  # today and the two days before, which have no tables yet
        pairs.append((user, records.grab_record(user, coupon, "cancel" if at % 9 == 0 else "grab", grab_id)))
    records.send(pairs, partition)
    stack.wait_lag_zero(90)
    for layout in stack.LAYOUTS:
        assert len(stack.rows_of(layout, f"coupon_id = {coupon}")) == 90
        totals = []
        for number in range(stack.SHARDS):
            totals += stack.shard(number, "SELECT `partition`, ok_rows, void_rows FROM grab_totals WHERE layout = %s AND coupon_id = %s ORDER BY day", layout,
                                  coupon)
        assert sorted(totals) == sorted([(partition, 30, 0), (partition, 30, 0), (partition, 20, 10)]), (layout, totals)


# ---- a second stream by the same programs ----

class Worker:
    """A worker of stream `readings`, beside the stack's own."""

    def __init__(self, layout, port):
        log = pathlib.Path(stack.ENV["WEIR_VAR"]) / "log" / f"readings-{layout}.log"
        self.log = open(log, "wb")
        self.process = subprocess.Popen(
            [f"{stack.ENV['WEIR_BIN']}/weir-worker", "--config", f"{stack.ENV['WEIR_VAR']}/etc/worker-{layout}.yaml", "--worker.stream=readings",
             f"--http.port={port}"],
            stdout=self.log, stderr=self.log)
        self.base = f"http://127.0.0.1:{port}"

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(timeout=15)
        finally:
            self.process.kill()
            self.log.close()


@pytest.fixture
def reading_workers():
    base = int(stack.ENV["WEIR_PORT_BASE"])
    workers = [Worker(layout, base + 41 + number) for number, layout in enumerate(stack.LAYOUTS)]
    yield workers
    assert [worker.stop() for worker in workers] == [0, 0]


def init_readings():
    return subprocess.run([f"{stack.ENV['WEIR_BIN']}/weir", "--config", f"{stack.ENV['WEIR_VAR']}/etc/weir.yaml", "init", "--stream", "readings"],
                          capture_output=True, text=True, timeout=60, check=False)


def reading_rows(layout):
    rows = []
    for number in range(stack.SHARDS):
        names = [row[0] for row in stack.shard(number, "SHOW TABLES LIKE 'readings\\_%%'")]
        for name in names:
            if name.startswith("readings_p") == (layout == "hash"):
                rows += stack.shard(number,
                                    f"SELECT sensor_id, reading_id, metric, value, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', taken_at) DIV 1000 FROM `{name}`")
    return rows


def make_readings(count):
    chance = random.Random(7)
    now_ms = int(time.time() * 1000)
    readings = []
    for number in range(count):
        sensor = f"hall-{number % 97}/{chance.choice('abcdef')}"
        readings.append({"v": 1, "type": "reading", "reading_id": str(records.new_id()), "sensor_id": sensor,
                         "metric": chance.choice(("temperature", "Feuchte %")),
                         "value": chance.choice((chance.uniform(-50, 50), -0.0, 1e300, 5, -17)), "taken_at": now_ms - number})
    return readings


def test_a_second_stream(reading_workers):
    done = init_readings()
    assert done.returncode == 0, done.stderr
    again = init_readings()
    assert again.returncode == 0, again.stderr
    for worker in reading_workers:
        stack.wait_for(lambda: stack.is_ready(worker.base), 60, "the workers of readings are ready")
    stored = {layout: len(reading_rows(layout)) for layout in stack.LAYOUTS}
    before = {partition: counts(partition, "readings") for partition in range(records.PARTITIONS)}
    readings = make_readings(3000)
    by_partition = {}
    for reading in readings:
        by_partition.setdefault(records.partition_of(reading["sensor_id"]), []).append(reading)
    assert len(by_partition) > 12
    for partition, some in by_partition.items():
        records.send([(r["sensor_id"], r) for r in some + some[:3]], partition, topic="readings")  # the first three come twice
    for layout in stack.LAYOUTS:
        stack.wait_for(lambda: stack.lag(layout, "readings") == 0, 60, f"readings are stored in layout {layout}", every=0.3)
    wanted = sorted((r["sensor_id"], int(r["reading_id"]), r["metric"], float(r["value"]), r["taken_at"]) for r in readings)
    mine = {int(r["reading_id"]) for r in readings}
    for layout in stack.LAYOUTS:
        rows = [row for row in reading_rows(layout) if row[1] in mine]
        assert sorted((*row[:3], float(row[3]), int(row[4])) for row in rows) == wanted, layout
        assert len(reading_rows(layout)) == stored[layout] + len(readings)
    for partition, some in by_partition.items():
        for layout, grown in growth(before[partition], counts(partition, "readings")).items():
            assert (grown["ok"], grown["duplicates"], grown["dead"]) == (len(some), min(3, len(some)), 0), (layout, partition, grown)


def test_a_broken_reading(reading_workers):
    """No stock, no cancels: a grab is nothing to this stream, and an infinite value has no JSON."""
    assert init_readings().returncode == 0
    sensor = f"cellar-{users.take(1)}"
    partition = records.partition_of(sensor)
    before, offset = counts(partition, "readings"), stack.watermarks("readings")[partition]
    good = {"v": 1, "type": "reading", "reading_id": str(records.new_id()), "sensor_id": sensor, "metric": "pressure", "value": 1.5,
            "taken_at": 1_700_000_000_000}
    bad = [{**good, "type": "cancel"}, {**good, "value": "1.5"}, {**good, "metric": "m" * 32}, {**good, "sensor_id": ""}, {**good, "value": float("inf")}]
    records.send([(sensor, value) for value in [*bad, good]], partition, topic="readings")
    for layout in stack.LAYOUTS:
        stack.wait_for(lambda: stack.lag(layout, "readings") == 0, 60, f"readings are stored in layout {layout}", every=0.3)
        letters = dead_letters(partition, offset, "readings")[layout]
        assert len(letters) == len(bad) and all(letter[3] for letter in letters), letters
        assert growth(before, counts(partition, "readings"))[layout]["ok"] == 1
