"""The machine gives a part no more file descriptors, or no more memory, under load. What was promised is kept, and each part goes on by itself, or once it is
started again where it had to end, as whoever supervises it does (I1-I8, I14)."""
import contextlib
import re
import socket
import struct

import pymysql
import pytest
import redis

from support import limits, links, mariadb, raw, records, shard_faults, stack, users
from support.limits import limited, no_descriptor_left, wait_no_descriptor
from support.sale import REBUILT_S, Sale

more = pytest.mark.more
SERVICES = ("ingest", "keeper", "query", "worker-hash", "worker-daily")
SHARD = shard_faults.NAME


def dead_letters():
    return sum(stack.shard(number, "SELECT COUNT(*) FROM dead_letters")[0][0] for number in range(stack.SHARDS))


@pytest.fixture(autouse=True)
def everything_runs_again():
    before, expected = dead_letters(), {"dead_letters": 0}
    yield expected
    stack.ctl("start", "kafka", "redis-stock", "catalog", SHARD, *SERVICES)
    stack.ready_again()
    assert dead_letters() == before + expected["dead_letters"], "an outage has made dead letters"


def new_sale(**options):
    return Sale(**{"users_count": 3000, "rate": 500, "rows": 50, **options})


def cut_clients_of(name):
    """All of the services' connections to this database, which must be made anew."""
    with mariadb.connect(name) as administrator, administrator.cursor() as cursor:
        mariadb.cut_clients(cursor)


def wait_lag_shown(worker):
    stack.wait_for(lambda: stack.metric(stack.base_of(worker), "weir_lag_records") > 100, 60, f"{worker} shows the lag")


def is_taken(coupon):
    """Of a grab by nobody in particular; no answer in time is a no, too."""
    try:
        return stack.grab(users.take(1), coupon, timeout=5).status == 200
    except TimeoutError:
        return False


# ---- file descriptors ----

@pytest.mark.parametrize("name", ["worker-hash", pytest.param("worker-daily", marks=more)])
def test_no_descriptor_left_in_a_worker(name):
    sale, since = new_sale(), stack.log_size(name)
    with no_descriptor_left(name):
        for number in range(stack.SHARDS):
            cut_clients_of(mariadb.shard_name(number))
        wait_no_descriptor(name, since)
        stack.wait_for(lambda: stack.lag(name.removeprefix("worker-")) > 100, 60, "the lag shows it")  # it cannot take a connection that asks
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


@more
@pytest.mark.parametrize("name", [SHARD, "catalog"])
def test_no_descriptor_left_in_a_database(name):
    """Its clients connect, for the kernel takes them, and hear nothing; grabs are taken all the while."""
    sale, since = new_sale(), stack.log_size(name)
    with mariadb.connect(name) as administrator, administrator.cursor() as cursor, no_descriptor_left(name):
        mariadb.cut_clients(cursor)
        wait_no_descriptor(name, since)
        assert sale.finish_load()["accepted_new"] == 3000, "grabs wait for a database"
        if name == SHARD:
            wait_lag_shown("worker-hash")
    sale.end()


MAY_BE_THERE = "the table may be there, but cannot be opened"


def assert_not_said_to_be_gone(grab_id, user):
    """Of a grab that has its row: no reader concludes from a table that cannot be opened."""
    answers = [stack.get(f"/api/user/{user}/coupons?layout={layout}") for layout in stack.LAYOUTS]
    answers += [stack.get(f"/api/grab/{grab_id}?user={user}&epoch=1&layout={layout}") for layout in stack.LAYOUTS]
    assert [answer.status for answer in answers] == [503] * len(answers), answers


@more
def test_no_descriptor_left_for_the_tables_of_a_shard():
    """MariaDB says then that its tables are not there: neither a worker nor a reader believes it."""
    sale, since = new_sale(), {worker: stack.log_size(worker) for worker in shard_faults.WORKERS}
    here = shard_faults.partitions()
    grab_id, user = next(row[:2] for row in stack.ok_rows("hash", sale.coupon) if records.partition_of(row[1]) in here)
    with mariadb.connect(SHARD) as administrator, administrator.cursor() as cursor:
        cursor.execute("FLUSH TABLES")
        with no_descriptor_left(SHARD):
            cursor.execute("FLUSH TABLES")
            for worker, size in since.items():
                stack.wait_for(lambda: MAY_BE_THERE in stack.log_since(worker, size), 60, f"{worker} is told so")
            assert_not_said_to_be_gone(grab_id, user)
    assert not any("partition is stopped" in stack.log_since(worker, size) for worker, size in since.items()), "an alarm for what comes back by itself"
    sale.end()


@more
def test_no_descriptor_left_in_kafka():
    """Its clients hear nothing, and it ends itself once a file of its own cannot be opened: grabs are refused, or unknown until it is back."""
    sale, since = new_sale(), stack.log_size("kafka")
    with no_descriptor_left("kafka"):
        for name in links.names("-kafka"):
            links.reset(name)
        wait_no_descriptor("kafka", since)
        stack.wait_for(lambda: not is_taken(sale.coupon), 30, "grabs are not taken")
        stack.wait_for(lambda: not stack.runs("kafka"), 60, "Kafka ends")
    stack.ctl("start", "kafka")
    sale.end()


# ---- memory: a service ----

RECORDS_MANY = 40_000  # of one partition: some ten megabytes of fetched records
CLIENTS_MANY = 400  # of which each has sent most of a body
BODY = b"POST /api/coupon/grab HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 16000\r\n\r\n" + b" " * 15_000
END = re.compile(r"^(memory is exhausted: \d+ bytes could not be had|no thread could be had for [\w' ]+: .*); .*$", re.MULTILINE)


def press_worker():
    chosen, coupon = records.users_of(3, 20), records.made_up_coupon()
    records.send([(chosen[i % 20], records.grab_record(chosen[i % 20], coupon)) for i in range(RECORDS_MANY)], 3)


def press_query():
    with contextlib.suppress(OSError):
        stack.get("/api/orders/recent?hours=1&limit=1000", base=stack.ENV["WEIR_QUERY"], timeout=5)


def press_ingest():
    """Bodies that are never whole."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as clients:
        for _ in range(CLIENTS_MANY):
            clients.callback(raw.Wire(stack.ENV["WEIR_INGEST"], BODY).close)


def press_keeper():
    """It has all claims to read, and a thread for each shard."""
    stack.stock_redis().flushall()


PRESS = {"worker-hash": press_worker, "worker-daily": press_worker, "query": press_query, "ingest": press_ingest, "keeper": press_keeper}


@more
@pytest.mark.parametrize("name", PRESS)
def test_no_memory_left(name):
    """It ends at once and says why, rather than go on with a part of its work; it is whole again when it is started."""
    stack.ctl("restart", name)  # with little at hand
    stack.ready_again()
    sale, since = new_sale(users_count=6000), stack.log_size(name)
    with limited(name, limits.DATA, limits.data_bytes(name)):
        for _ in range(20):
            if stack.runs(name):
                PRESS[name]()
        stack.wait_for(lambda: not stack.runs(name), 60, f"{name} ends for want of memory")
    assert END.search(stack.log_since(name, since)), f"{name} does not say why it ended: {stack.log_since(name, since)[-2000:]}"
    stack.ctl("start", name)
    sale.end()


@more
def test_no_memory_left_in_redis():
    """The machine's, not its own maxmemory: it ends where it stands and says why, and the stock is rebuilt when it is started."""
    sale, since, epoch = new_sale(users_count=6000), stack.log_size("redis-stock"), stack.epoch()
    client = stack.stock_redis()
    with limited("redis-stock", limits.DATA, limits.data_bytes("redis-stock")):
        with contextlib.suppress(OSError, redis.exceptions.ConnectionError):  # it dies of it
            client.set("press", b"x" * (8 << 20))
        stack.wait_for(lambda: not stack.runs("redis-stock"), 60, "Redis ends for want of memory")
    assert "Out Of Memory" in stack.log_since("redis-stock", since), stack.log_since("redis-stock", since)[-2000:]
    assert sale.storm.runs(), "the load was over before the fault"
    stack.ctl("start", "redis-stock")
    stack.wait_for(lambda: stack.epoch() > epoch and stack.is_open(sale.coupon), REBUILT_S + 20, "the stock is rebuilt")
    sale.end()


# ---- memory: MariaDB ----

NO_MEMORY = {5, 1037, 1038, 1041, 1135}
NO_MEMORY_SAID = re.compile(rf"error ({'|'.join(map(str, NO_MEMORY))})\b")


def wait_told(name, since):
    stack.wait_for(lambda: NO_MEMORY_SAID.search(stack.log_since(name, since)), 60, f"{name} is told that there is no memory")


@more
def test_no_memory_left_for_a_statement(everything_runs_again):
    """It fails, or the server ends: an outage, and no record's fault."""
    stack.ctl("restart", SHARD)  # with little at hand
    stack.ready_again()
    sale, since = new_sale(), stack.log_size(SHARD)
    with limited(SHARD, limits.DATA, limits.data_bytes(SHARD)):
        everything_runs_again["dead_letters"] = press_shard() * len(stack.LAYOUTS)
        stack.wait_for(lambda: "Out of memory" in stack.log_since(SHARD, since), 60, f"{SHARD} has no memory for a statement")
        assert sale.finish_load()["accepted_new"] == 3000, "grabs wait for a database"
        wait_lag_shown("worker-hash")
    stack.ctl("start", SHARD)
    sale.end()


def press_shard():
    """Dead letters of almost a MiB each: for a batch of them the server wants some MiB, which it has not. Answers how many."""
    partitions, count = shard_faults.partitions()[:2], 16
    for partition in partitions:
        records.send([(records.users_of(partition, 1)[0], "x" * 900_000)] * count, partition)
    return len(partitions) * count


@more
@pytest.mark.parametrize("name, who", [(SHARD, "worker-hash"), ("catalog", "keeper")])
def test_no_memory_left_for_a_connection(name, who):
    sale, since = new_sale(), stack.log_size(who)
    with contextlib.ExitStack() as taken, mariadb.connect(name) as administrator, administrator.cursor() as cursor:
        with limited(name, limits.DATA, limits.data_bytes(name)):
            stack.wait_for(lambda: take_every_connection(name, cursor, taken), 60, f"every connection that {name} has memory for is ours", every=0)
            wait_told(who, since)
            assert sale.finish_load()["accepted_new"] == 3000, "grabs wait for a database"
    sale.end()


def take_every_connection(name, cursor, taken):
    """True once the server has no memory for another one, and each that it has is ours."""
    try:
        taken.enter_context(mariadb.connect(name))  # not of the services' user
        return False
    except pymysql.err.OperationalError as error:
        assert error.args[0] in NO_MEMORY, error
    return mariadb.cut_clients(cursor) == 0


# ---- memory: Kafka ----

REQUEST_BYTES = 20_000_000  # socket.request.max.bytes allows for as much, and it is taken from the heap before it has come
REQUESTS = 40  # more than the heap


@more
def test_no_memory_left_in_kafka():
    """It ends itself: grabs are refused, or unknown until it is back."""
    sale, since = new_sale(), stack.log_size("kafka")
    host, port = stack.ENV["WEIR_KAFKA"].split(":")
    with contextlib.ExitStack() as clients, contextlib.suppress(OSError):
        for _ in range(REQUESTS):
            clients.enter_context(socket.create_connection((host, int(port)), timeout=10)).sendall(struct.pack(">i", REQUEST_BYTES))
        stack.wait_for(lambda: not stack.runs("kafka"), 60, "Kafka ends for want of memory")
    assert "java.lang.OutOfMemoryError" in stack.log_since("kafka", since), stack.log_since("kafka", since)[-2000:]
    stack.ctl("start", "kafka")
    sale.end()
