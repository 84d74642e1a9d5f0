"""The stack under test: its addresses, its parts, and questions asked of its engines from outside the services.

Everything comes from the stack.env that WEIR_STACK_ENV names, or that of the stack which ctest has given to this test (ops/test); nothing here knows a port
or a password. Waiting is always for a condition, with a deadline.
"""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pymysql
import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARDS = 4
LAYOUTS = ("hash", "daily")


def env_path():
    if "WEIR_STACK_ENV" in os.environ:
        return os.environ["WEIR_STACK_ENV"]
    given = re.match(r"id:(\d+),", os.environ.get("CTEST_RESOURCE_GROUP_0_STACKS", ""))
    return os.environ[f"WEIR_STACK_ENV_{given[1]}"] if given else str(ROOT / "var-test" / "stack.env")


def read_env():
    with open(env_path(), encoding="utf-8") as file:
        pairs = [line.rstrip("\n").split("=", 1) for line in file if "=" in line and not line.startswith("#")]
    return dict(pairs)


ENV = read_env()
FRONT = ENV["WEIR_FRONT"]


def base_of(service):
    """Its own address, past the front door: base_of("worker-hash")."""
    return ENV[f"WEIR_{service.upper().replace('-', '_')}"]


def wait_for(condition, seconds, what, every=0.1):
    """Returns the first true answer of `condition`; fails with `what` and the last answer when none came in time."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what} (last answer: {answer!r})")
        time.sleep(every)


# ---- parts ----

def ctl(*arguments, env=None, check=True):
    """ops/stack/ctl on this stack: ctl("kill", "shard2")."""
    full = dict(os.environ, WEIR_VAR=ENV["WEIR_VAR"], **(env or {}))
    full.pop("WEIR_PORT_BASE", None)
    done = subprocess.run([str(ROOT / "ops/stack/ctl"), *arguments], env=full, capture_output=True, text=True, timeout=180)
    if check and done.returncode != 0:
        raise AssertionError(f"ctl {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def pid_of(name):
    return int(ctl("pid", name).stdout.strip())


def runs(name):
    return ctl("pid", name, check=False).returncode == 0


def log_size(name):
    return (pathlib.Path(ENV["WEIR_VAR"]) / "log" / f"{name}.log").stat().st_size


def log_since(name, offset):
    path = pathlib.Path(ENV["WEIR_VAR"]) / "log" / f"{name}.log"
    with open(path, encoding="utf-8", errors="replace") as file:
        file.seek(offset)
        return file.read()


# ---- HTTP ----

class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def call(method, path, body=None, headers=None, base=None, timeout=15):
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    request = urllib.request.Request((base or ENV["WEIR_FRONT"]) + path, data=data, method=method)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Answer(answer.status, answer.getheaders(), answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers.items(), error.read())


def get(path, **options):
    return call("GET", path, **options)


def grab(user, coupon, key=None, **options):
    headers = {"Idempotency-Key": key} if key else {}
    return call("POST", "/api/coupon/grab", {"user_id": user, "coupon_id": coupon}, headers=headers, **options)


def admin(path, body=None):
    return call("POST", path, body if body is not None else {}, headers={"Authorization": f"Bearer {ENV['WEIR_ADMIN_TOKEN']}"})


def metric(base, name, **labels):
    """Sum of a metric's samples whose labels are among those given."""
    total = 0.0
    for line in get("/metrics", base=base).body.decode().splitlines():
        if line.startswith("#") or not line.startswith(name):
            continue
        head, value = line.rsplit(" ", 1)
        if head.split("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
            total += float(value)
    return total


# ---- engines ----

def connect_sql(url):
    parts = urllib.parse.urlparse(url)
    return pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=parts.password,
                           database=parts.path[1:], autocommit=True, connect_timeout=5, read_timeout=60)


def sql(url, text, *values):
    connection = connect_sql(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall()
    finally:
        connection.close()


def catalog(text, *values):
    return sql(ENV["WEIR_MYSQL_CATALOG"], text, *values)


def epoch():
    return int(catalog("SELECT epoch FROM meta")[0][0])


def shard(number, text, *values):
    return sql(ENV[f"WEIR_MYSQL_SHARD_{number}"], text, *values)


def stock_redis():
    return redis.Redis.from_url(ENV["WEIR_REDIS_STOCK"], decode_responses=True, socket_timeout=10)


@contextlib.contextmanager
def table_away(number, table):
    """Of one shard: as if it was dropped, or lost."""
    shard(number, f"RENAME TABLE `{table}` TO test_away")
    try:
        yield
    finally:
        shard(number, f"RENAME TABLE test_away TO `{table}`")


def day_table(at_ms):
    """Layout daily's table of the rows of that time (since 1970)."""
    return time.strftime("grabs_%Y_%m_%d", time.gmtime(at_ms / 1000))


def tables_of(number, layout):
    names = [row[0] for row in shard(number, "SHOW TABLES LIKE 'grabs\\_%%'")]
    if layout == "hash":
        return sorted(name for name in names if name.startswith("grabs_p"))
    return sorted(name for name in names if name[6:7].isdigit())


def rows_of(layout, where="1=1", columns="grab_id, user_id, coupon_id, grab_status"):
    """All rows of one layout over all shards."""
    rows = []
    for number in range(SHARDS):
        tables = tables_of(number, layout)
        if tables:
            rows += shard(number, " UNION ALL ".join(f"SELECT {columns} FROM `{t}` WHERE {where}" for t in tables))
    return rows


def ok_rows(layout, coupon):
    return rows_of(layout, f"coupon_id = {coupon} AND grab_status = 1")


def progress_on(number, layout, topic="grabs"):
    """partition -> next offset, of those on this shard."""
    return dict(shard(number, "SELECT `partition`, next_offset FROM progress WHERE layout = %s AND topic = %s", layout, topic))


def progress(layout, topic="grabs"):
    """partition -> next offset."""
    offsets = {}
    for number in range(SHARDS):
        offsets.update(progress_on(number, layout, topic))
    return offsets


def owners(layout, topic="grabs"):
    """partition -> the token of the worker that owns it."""
    pairs = {}
    for number in range(SHARDS):
        pairs.update(shard(number, "SELECT `partition`, owner FROM progress WHERE layout = %s AND topic = %s", layout, topic))
    return pairs


def watermarks(topic="grabs", partitions=16, end=True):
    """partition -> next offset to be written, or the first that is there, asked of the broker; asked again while a partition's leader is being chosen."""
    arguments = ["kcat", "-Q", "-b", ENV["WEIR_KAFKA"]]
    for partition in range(partitions):
        arguments += ["-t", f"{topic}:{partition}:{-1 if end else -2}"]

    def ask():
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)
        marks = {int(p): int(offset) for p, offset in re.findall(r"\[(\d+)\] offset (\d+)$", done.stdout, re.MULTILINE)}  # "grabs [3] offset 1234"
        return marks if done.returncode == 0 and len(marks) == partitions else None
    return wait_for(ask, 30, f"the brokers tell the watermarks of {topic}")


def lag(layout, topic="grabs", partitions=16):
    marks, offsets = watermarks(topic, partitions), progress(layout, topic)
    return sum(marks[p] - offsets.get(p, 0) for p in marks)


def wait_lag_zero(seconds=60, layouts=LAYOUTS):
    for layout in layouts:
        wait_for(lambda: lag(layout) == 0, seconds, f"lag of layout {layout} goes to zero", every=0.3)


# ---- coupons ----

def mark(coupon):
    return stock_redis().hgetall(f"weir:{{{coupon}}}:mark")


def left(coupon):
    value = stock_redis().hget(f"weir:{{{coupon}}}:stock", "left")
    return None if value is None else int(value)


def pending(coupon):
    return max(0, stock_redis().hlen(f"weir:{{{coupon}}}:pending") - 1)


def is_open(coupon):
    """Under the catalog's epoch: while a rebuild begins, the mark of the epoch before it is still there for a moment."""
    now = mark(coupon)
    return now.get("state") == "open" and now["epoch"] == str(epoch())


def new_coupon(total, limit=1, hold_ms=4000, room=17, wait=True, **more):
    body = {"room_id": room, "title": "test", "total": total, "per_user_limit": limit, "hold_ms": hold_ms, "gate": "open", **more}
    answer = admin("/admin/coupons", body)
    assert answer.status in (200, 201, 202), answer
    coupon = int(answer.json["coupon_id"])
    if wait:
        wait_for(lambda: is_open(coupon), 30, f"coupon {coupon} is open")
    return coupon


def ready_again(seconds=60):
    """Every service says that it is ready, and the front door, which looks twice a second, knows it of ingest."""
    for name in ("WEIR_INGEST", "WEIR_KEEPER", "WEIR_QUERY", "WEIR_WORKER_HASH", "WEIR_WORKER_DAILY"):
        wait_for(lambda: is_ready(ENV[name]), seconds, f"{name} is ready")
    wait_for(reaches_ingest, seconds, "the front door reaches ingest")


def reaches_ingest():
    try:
        return call("POST", "/api/coupon/grab", b"no JSON", timeout=5).status in (400, 429)  # ingest's own words
    except OSError:
        return False


def is_ready(base):
    try:
        return get("/readyz", base=base, timeout=3).status == 200
    except OSError:
        return False


def wait_quiet(coupon, seconds=60):
    """Lag is zero and nothing of the coupon is pending."""
    wait_for(lambda: is_open(coupon) and pending(coupon) == 0, seconds, f"nothing of coupon {coupon} is pending", every=0.3)
    wait_lag_zero(seconds)


def check_coupon(coupon, total):
    """I1, I5 and both layouts alike, at rest; answers the OK grab ids."""
    rows = {layout: [row[0] for row in ok_rows(layout, coupon)] for layout in LAYOUTS}
    hashed, daily = set(rows["hash"]), set(rows["daily"])
    assert len(rows["hash"]) == len(hashed), "a grab has two OK rows in layout hash"
    assert len(rows["daily"]) == len(daily), "a grab has two OK rows in layout daily"
    assert hashed == daily, f"layouts differ: {len(hashed - daily)} only in hash, {len(daily - hashed)} only in daily"
    assert len(hashed) <= total, "oversold"
    assert left(coupon) + len(hashed) == total, f"left {left(coupon)} + OK {len(hashed)} != total {total}"
    return hashed
