"""Reads against plain SQL: every list, total and place says what the tables of all shards say, in both layouts alike."""
import datetime
import random
import time
import urllib.parse

import pytest

from support import raw, records, stack, tool, users

COLUMNS = ("user_id", "coupon_id", "room_id", "grab_id", "grab_status", "fail_reason", "grab_time", "use_status", "try_key")
BUYERS, VOIDS = 120, 15


def rfc3339(moment):
    """A DATETIME(3) of a table as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def of_ms(ms):
    return rfc3339(datetime.datetime.utcfromtimestamp(ms // 1000).replace(microsecond=ms % 1000 * 1000))


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def by_sql(layout, where, status="ok", limit=None):
    """The rows as a list of the API would hold them: newest first."""
    ok = "" if status == "all" else " AND grab_status = 1"
    rows = [dict(zip(COLUMNS, row)) for row in stack.rows_of(layout, f"({where}){ok}", ", ".join(COLUMNS))]
    rows.sort(key=lambda row: row["grab_id"], reverse=True)
    for row in rows:
        row["grab_id"], row["grab_time"] = str(row["grab_id"]), rfc3339(row["grab_time"])
    return rows[:limit]


def list_of(path, **options):
    query = urllib.parse.urlencode(options)
    target = path + ("&" if "?" in path else "?") * bool(query) + query
    answer = stack.get(target)
    assert answer.status == 200, (target, answer)
    body = answer.json
    assert body["complete"] is True and body["count"] == len(body["data"]) and isinstance(body["data"], list), (target, answer)
    assert abs(time.time() - parse_time(body["as_of"]).timestamp()) < 60, body["as_of"]
    assert "failed_shards" not in body or body["failed_shards"] == []
    return body["data"]


class Sale:
    """Two coupons of a room that no other test uses; OK and VOID rows of today and of the days before, on every shard."""

    def __init__(self):
        self.room = 3_000_000_000 + users.take(1) % 1_000_000_000
        self.coupons = [stack.new_coupon(1000, limit=3, room=self.room, description="the large text", terms="one each"), stack.new_coupon(50, room=self.room)]
        first = users.take(BUYERS)
        self.users = list(range(first, first + BUYERS))
        self.answers = []
        for at, user in enumerate(self.users):
            self.buy(user, self.coupons[0], f"first-{at}")
            if at % 4 == 0:
                self.buy(user, self.coupons[0], f"second-{at}")
            if at % 5 == 0:
                self.buy(user, self.coupons[1], None)
        self.add_voids()
        stack.wait_quiet(self.coupons[0], 90)

    def buy(self, user, coupon, key):
        answer = stack.grab(user, coupon, key=key)
        assert answer.status == 200 and answer.json["success"], answer
        self.answers.append((user, answer.json))

    def add_voids(self):
        """Cancels without a grab, some of them of the days before."""
        now_ms = int(time.time() * 1000)
        self.voids = []
        for at, user in enumerate(self.users[:VOIDS]):
            grab_id = records.new_id(now_ms - (at % 3) * 86_400_000)
            self.voids.append((user, grab_id))
            records.send([(user, records.grab_record(user, self.coupons[0], "cancel", grab_id, room_id=self.room))], records.partition_of(user))


@pytest.fixture(scope="module")
def sale():
    return Sale()


both = pytest.mark.parametrize("layout", stack.LAYOUTS)


# ---- empty ----

def empty_lists():
    nobody = users.take(1)
    return (f"/api/user/{nobody}/coupons", "/api/coupons?room_id=4294967294", "/api/room/4294967294/orders",
            "/api/orders/recent?from=2024-01-02T00:00:00Z&to=2024-01-03T00:00:00Z")


def test_empty_is_200_and_an_empty_list():
    for path in empty_lists():
        assert list_of(path) == [], path
        if "/coupons?" not in path:
            for layout in stack.LAYOUTS:
                assert list_of(path, layout=layout, status="all") == [], path


def test_totals_of_an_empty_room_are_zero():
    answer = stack.get("/api/room/4294967294/stats")
    assert answer.status == 200, answer
    assert not [v for v in numbers_in(answer.json) if v not in (0, 4294967294)], answer


def numbers_in(value):
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers_in(item)]
    if isinstance(value, list):
        return [n for item in value for n in numbers_in(item)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


# ---- lists ----

@both
@pytest.mark.parametrize("status", ["ok", "all"])
def test_coupons_of_a_user(sale, layout, status):
    options = {"status": "all"} if status == "all" else {}
    voids = 0
    for user in sale.users[:30] + sale.users[-10:]:
        wanted = by_sql(layout, f"user_id = {user}", status)
        assert list_of(f"/api/user/{user}/coupons", layout=layout, **options) == wanted
        assert wanted, "a buyer without rows"
        voids += sum(row["grab_status"] == 0 for row in wanted)
    assert voids == (VOIDS if status == "all" else 0)


@both
@pytest.mark.parametrize("status", ["ok", "all"])
def test_orders_of_a_room(sale, layout, status):
    options = {"status": "all"} if status == "all" else {}
    wanted = by_sql(layout, f"room_id = {sale.room}", status)
    assert len(wanted) == BUYERS + BUYERS // 4 + BUYERS // 5 + (VOIDS if status == "all" else 0)
    assert list_of(f"/api/room/{sale.room}/orders", layout=layout, limit=1000, **options) == wanted
    assert list_of(f"/api/room/{sale.room}/orders", layout=layout, **options) == wanted[:100]
    for limit in (1, 2, 7, len(wanted) - 1, len(wanted), len(wanted) + 1):
        assert list_of(f"/api/room/{sale.room}/orders", layout=layout, limit=limit, **options) == wanted[:limit]


def test_the_layout_that_is_asked_by_default_says_the_same(sale):
    for path in (f"/api/user/{sale.users[0]}/coupons", f"/api/room/{sale.room}/orders", "/api/orders/recent?hours=1"):
        hashed, daily = list_of(path, layout="hash"), list_of(path, layout="daily")
        assert list_of(path) == hashed == daily and hashed, path


def id_at(text):
    """The least id of a moment."""
    return (round(parse_time(text).timestamp() * 1000) - records.ID_EPOCH_MS) << 22


@both
def test_orders_in_a_time_range(sale, layout):
    times = sorted(row["grab_time"] for row in by_sql("hash", f"room_id = {sale.room}"))
    chance = random.Random(3)
    ranges = [sorted(chance.sample(times, 2)) for _ in range(6)] + [[times[0], times[-1]], [times[5], times[5]]]
    for begin, end in ranges:
        if begin == end:
            end = of_ms(round(parse_time(begin).timestamp() * 1000) + 1)  # one millisecond: `to` is exclusive
        wanted = by_sql(layout, f"grab_id >= {id_at(begin)} AND grab_id < {id_at(end)}", limit=1000)
        assert list_of("/api/orders/recent", layout=layout, limit=1000, **{"from": begin, "to": end}) == wanted, (begin, end)
        assert wanted


@both
def test_orders_of_three_days(sale, layout):
    """Over several day tables, and the zone may be any."""
    begin, end = of_ms(int(time.time() * 1000) - 3 * 86_400_000), of_ms(int(time.time() * 1000) + 1000)
    wanted = by_sql(layout, f"grab_id >= {id_at(begin)} AND grab_id < {id_at(end)}", "all")
    old = [row for row in wanted if int(row["grab_id"]) in {grab_id for _,
                                                            grab_id in sale.voids} and row["grab_time"] < of_ms(int(time.time() * 1000) - 80_000_000)]
    assert len(old) == VOIDS // 3 * 2, "voids of the days before"
    assert list_of("/api/orders/recent", layout=layout, status="all", limit=1000, **{"from": begin, "to": end}) == wanted[:1000]
    eight_hours_east = (parse_time(begin) + datetime.timedelta(hours=8)).replace(tzinfo=None).isoformat(timespec="milliseconds") + "+08:00"
    assert list_of("/api/orders/recent", layout=layout, status="all", limit=10, **{"from": eight_hours_east, "to": end}) == wanted[:10]
    day_before = of_ms(int(time.time() * 1000) - 86_400_000 - 3_600_000), of_ms(int(time.time() * 1000) - 86_400_000 + 3_600_000)
    wanted = by_sql(layout, f"grab_id >= {id_at(day_before[0])} AND grab_id < {id_at(day_before[1])}", "all")
    assert wanted and list_of("/api/orders/recent", layout=layout, status="all", limit=1000, **{"from": day_before[0], "to": day_before[1]}) == wanted


@both
def test_recent_orders(sale, layout):
    wanted = by_sql(layout, f"grab_id >= {id_at(of_ms(int(time.time() * 1000) - 3_600_000))}", limit=1000)
    assert list_of("/api/orders/recent", layout=layout, hours=1, limit=1000) == wanted
    assert list_of("/api/orders/recent", layout=layout) == wanted[:100]


# ---- totals ----

def counted(where):
    """(ok, void) by counting rows, in both layouts alike."""
    found = []
    for layout in stack.LAYOUTS:
        ok, void = 0, 0
        for number in range(stack.SHARDS):
            for table in stack.tables_of(number, layout):
                row = stack.shard(number, f"SELECT COALESCE(SUM(grab_status = 1), 0), COALESCE(SUM(grab_status = 0), 0) FROM `{table}` WHERE {where}")[0]
                ok, void = ok + int(row[0]), void + int(row[1])
        found.append((ok, void))
    assert found[0] == found[1], where
    return found[0]


def test_stats_of_a_room(sale):
    ok, void = counted(f"room_id = {sale.room}")
    for layout in (None, *stack.LAYOUTS):
        answer = stack.get(f"/api/room/{sale.room}/stats" + (f"?layout={layout}" if layout else ""))
        assert answer.status == 200, answer
        assert answer.json["room_id"] == sale.room and (answer.json["ok"], answer.json["void"]) == (ok, void), answer
        coupons = {int(row["coupon_id"]): row for row in answer.json["coupons"]}
        for coupon in sale.coupons:
            assert (coupons[coupon]["ok"], coupons[coupon]["void"]) == counted(f"coupon_id = {coupon}"), answer


def test_global_statistics(sale):
    stack.wait_lag_zero()
    ok, void = counted("1=1")
    for layout in (None, *stack.LAYOUTS):
        answer = stack.get("/api/statistics/global" + (f"?layout={layout}" if layout else ""))
        assert answer.status == 200 and answer.json["complete"] is True, answer
        assert (answer.json["ok"], answer.json["void"]) == (ok, void), answer
        assert sum(day["ok"] for day in answer.json["by_day"]) == ok and sum(day["void"] for day in answer.json["by_day"]) == void, answer


def test_stock_of_a_coupon(sale):
    for coupon, total in zip(sale.coupons, (1000, 50)):
        answer = stack.get(f"/api/coupon/{coupon}/stock")
        assert answer.status == 200, answer
        sold = len(stack.ok_rows("hash", coupon))
        assert (answer.json["coupon_id"], answer.json["total"], answer.json["left"], answer.json["sold"]) == (coupon, total, total - sold, sold), answer
        assert answer.json["left"] == stack.left(coupon)
        for name in ("left_as_of", "sold_as_of"):
            assert abs(time.time() - parse_time(answer.json[name]).timestamp()) < 60, answer


# ---- coupons ----

SMALL = ("coupon_id", "room_id", "title", "total", "per_user_limit", "gate")


def test_a_coupon_and_its_details(sale):
    for coupon in sale.coupons:
        row = dict(zip(SMALL, stack.catalog(f"SELECT {', '.join(SMALL)} FROM coupons WHERE coupon_id = %s", coupon)[0]))
        small = stack.get(f"/api/coupon/{coupon}")
        assert small.status == 200 and {name: small.json[name] for name in SMALL} == row, small
        assert "description" not in small.json, "the large text is in the small row"
        large = stack.get(f"/api/coupon/{coupon}/details")
        assert large.status == 200 and {name: large.json[name] for name in SMALL} == row, large
    large = stack.get(f"/api/coupon/{sale.coupons[0]}/details").json
    assert (large["description"], large["terms"]) == ("the large text", "one each")


def test_coupons_of_a_room(sale):
    found = list_of(f"/api/coupons?room_id={sale.room}")
    assert [row["coupon_id"] for row in found] == [row[0] for row in stack.catalog("SELECT coupon_id FROM coupons WHERE room_id = %s ORDER BY coupon_id DESC",
                                                                                   sale.room)]
    assert [row["coupon_id"] for row in list_of(f"/api/coupons?room_id={sale.room}", limit=1)] == [sale.coupons[1]]
    seeded = stack.catalog("SELECT coupon_id FROM coupons WHERE room_id = 1 ORDER BY coupon_id DESC")
    assert [row["coupon_id"] for row in list_of("/api/coupons?room_id=1", limit=1000)] == [row[0] for row in seeded][:1000]


# ---- the place of a grab ----

def place(grab_id, user, epoch):
    answer = stack.get(f"/api/grab/{grab_id}?user={user}&epoch={epoch}")
    assert answer.status == 200 and answer.json["grab_id"] == str(grab_id), answer
    return answer.json


def test_the_place_of_a_grab_that_is_ok(sale):
    epoch = stack.epoch()
    for user, grab in sale.answers[:10]:
        found = place(grab["grab_id"], user, epoch)
        assert found["state"] == "ok", found
        row = by_sql("hash", f"grab_id = {grab['grab_id']} AND user_id = {user}", "all")[0]
        assert {name: found[name] for name in COLUMNS} == row


def test_the_place_of_a_grab_that_is_void(sale):
    for user, grab_id in sale.voids[:5]:
        found = place(grab_id, user, stack.epoch())
        assert found["state"] == "void" and found["fail_reason"] == "cancelled" and found["user_id"] == user, found


def test_the_place_of_a_grab_without_a_row():
    """Open while its epoch is not past (void once a barrier of a higher epoch has come: faults/test_redis)."""
    user = users.take(1)
    partition = records.partition_of(user)
    query = "SELECT epoch FROM progress WHERE topic = 'grabs' AND layout = 'hash' AND `partition` = %s"
    now = max(row[0] for number in range(stack.SHARDS) for row in stack.shard(number, query, partition))
    grab_id = records.new_id()
    assert place(grab_id, user, max(now, stack.epoch()))["state"] == "open"
    records.send([(user, records.grab_record(user, records.made_up_coupon(), "grab", grab_id))], partition)
    stack.wait_for(lambda: place(grab_id, user, stack.epoch())["state"] == "ok", 20, "the place turns from open to ok")


def test_the_place_of_no_grab():
    for text in ("x", "0", "-1", "9223372036854775808"):
        answer = stack.get(f"/api/grab/{text}?user=1&epoch=1")
        assert answer.status == 404 and answer.json["code"] == "bad_grab_id", answer


# ---- a table that is gone ----

def assert_names(target, shard, table):
    answer = stack.get(target)
    assert answer.status == 503 and answer.json["code"] == "shard_unavailable", (target, answer)
    assert f"shard {shard} " in answer.json["detail"] and table in answer.json["detail"], (target, answer)
    assert "cannot answer" in answer.json["detail"], (target, answer)  # it is not away


def assert_lost(shard, table, lists, places):
    """Each read that needs the table is an error that names it, or says what it lacks; none is whole, and no grab is void or open."""
    with stack.table_away(shard, table):
        for target in lists:
            assert_names(target, shard, table)
            partial = stack.get(target + "&partial=allow").json
            assert partial["complete"] is False and partial["failed_shards"] == [shard], partial
        for target in places:
            assert_names(target, shard, table)
    for target in lists:
        assert stack.get(target).json["complete"] is True, target


def places_of(user, grab_id, layout):
    """Asked as a grab whose epoch is past, and as one that may still come."""
    return [f"/api/grab/{grab_id}?user={user}&epoch={epoch}&layout={layout}" for epoch in (1, stack.epoch() + 1)]


def test_the_table_of_a_day_is_gone(sale):
    """Of today; and of yesterday, behind which older ones are there."""
    (user, answer), (void_user, void_id) = sale.answers[0], sale.voids[1]
    for user, grab_id in ((user, answer["grab_id"]), (void_user, void_id)):
        shard, table = records.partition_of(user) % stack.SHARDS, stack.day_table(records.time_ms(int(grab_id)))
        assert table in stack.tables_of(shard, "daily"), table
        at_ms = records.time_ms(int(grab_id))
        lists = [f"/api/user/{user}/coupons?layout=daily&status=all", f"/api/room/{sale.room}/orders?layout=daily&status=all&limit=1000",
                 f"/api/orders/recent?from={of_ms(at_ms)}&to={of_ms(at_ms + 1)}&limit=1000&layout=daily&status=all"]
        assert_lost(shard, table, lists, places_of(user, grab_id, "daily"))


def test_a_list_that_is_full_before_the_day_that_is_gone(sale):
    void_user, void_id = sale.voids[1]
    shard, target = records.partition_of(void_user) % stack.SHARDS, f"/api/room/{sale.room}/orders?layout=daily&limit=3"
    whole = stack.get(target).json["data"]
    with stack.table_away(shard, stack.day_table(records.time_ms(int(void_id)))):
        answer = stack.get(target)
        assert answer.status == 200 and answer.json["complete"] is True and answer.json["data"] == whole, answer


def test_the_table_of_a_partition_is_gone(sale):
    user, answer = sale.answers[0]
    partition = records.partition_of(user)
    lists = [f"/api/user/{user}/coupons?layout=hash", f"/api/room/{sale.room}/orders?layout=hash"]
    assert_lost(partition % stack.SHARDS, f"grabs_p{partition:02d}", lists, places_of(user, answer["grab_id"], "hash"))


def all_tables():
    return [sorted(row[0] for row in stack.shard(number, "SHOW TABLES")) for number in range(stack.SHARDS)]


@both
def test_init_does_not_make_a_lost_table_anew(sale, layout):
    """Empty, it would be taken for whole by the worker that waits for it."""
    user, answer = sale.answers[0]
    partition = records.partition_of(user)
    shard, table = partition % stack.SHARDS, f"grabs_p{partition:02d}" if layout == "hash" else stack.day_table(records.time_ms(int(answer["grab_id"])))
    with stack.table_away(shard, table):
        before = all_tables()
        done = tool.run("init")
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        assert f"shard {shard}: The table {table} is gone" in done.stderr and "put it back" in done.stderr, done
        assert all_tables() == before
    done = tool.run("init")
    assert done.returncode == 0, done


# ---- admin ----

def test_shards_status(sale):
    stack.wait_lag_zero()
    answer = stack.get("/admin/shards/status")
    assert answer.status == 200, answer
    shards = answer.json["shards"]
    assert [s["shard"] for s in shards] == list(range(stack.SHARDS)) and all(s["alive"] is True for s in shards), answer
    for number, found in enumerate(shards):
        rows = 0
        for layout in stack.LAYOUTS:
            rows += sum(stack.shard(number, f"SELECT COUNT(*) FROM `{table}`")[0][0] for table in stack.tables_of(number, layout))
            progress = stack.shard(number, "SELECT COUNT(*), SUM(next_offset) FROM progress WHERE topic = 'grabs' AND layout = %s", layout)[0]
            assert {int(progress[0]), int(progress[1])} <= set(numbers_in(found["progress"][layout])), (found, progress)
        assert found["rows"] == rows and found["replicas"] == [], (found, rows)
    # The ends of the log are looked at now and then.
    stack.wait_for(lambda: [s["lag"] for s in stack.get("/admin/shards/status").json["shards"]] == [0] * stack.SHARDS, 10, "no shard has a lag")


def test_admin_stats(sale):
    answer = stack.get("/admin/stats")
    assert answer.status == 200 and isinstance(answer.json, dict) and answer.json, answer


# ---- HTTP ----

def reads(sale):
    return (f"/api/user/{sale.users[0]}/coupons", f"/api/coupon/{sale.coupons[0]}", f"/api/coupon/{sale.coupons[0]}/details",
            f"/api/coupon/{sale.coupons[0]}/stock",
            f"/api/coupons?room_id={sale.room}", f"/api/room/{sale.room}/orders", f"/api/room/{sale.room}/stats", "/api/orders/recent",
            "/api/statistics/global", "/admin/stats",
            "/admin/shards/status", f"/api/grab/{sale.answers[0][1]['grab_id']}?user={sale.users[0]}&epoch=1", "/openapi.json")


def test_request_ids_are_echoed(sale):
    for path in reads(sale):
        assert stack.get(path, headers={"X-Request-Id": "test-17"}).headers["x-request-id"] == "test-17", path
        made = [stack.get(path, base=stack.ENV["WEIR_QUERY"]).headers["x-request-id"] for _ in range(2)]
        assert all(made) and made[0] != made[1], path


def test_head_is_get_without_a_body(sale):
    for path in reads(sale):
        got, head = stack.get(path), raw.request(stack.ENV["WEIR_QUERY"], "HEAD", path)
        assert (got.status, head.status) == (200, 200), (path, got, head)
        assert head.body == b"" and head.headers["content-type"] == got.headers["content-type"], path


def test_answers_are_json(sale):
    for path in reads(sale):
        answer = stack.get(path)
        assert answer.headers["content-type"].split(";")[0] == "application/json" and isinstance(answer.json, dict), path


@pytest.mark.parametrize("name", ["WEIR_INGEST", "WEIR_QUERY", "WEIR_KEEPER", "WEIR_WORKER_HASH", "WEIR_WORKER_DAILY"])
def test_probes_of_each_service(name):
    base = stack.ENV[name]
    for path in ("/livez", "/readyz", "/healthz"):
        assert stack.get(path, base=base).status == 200, path
    verbose = stack.get("/readyz?verbose", base=base)
    assert verbose.status == 200 and b"[+]" in verbose.body and b"[-]" not in verbose.body, verbose
    metrics = stack.get("/metrics", base=base)
    assert metrics.status == 200 and metrics.headers["content-type"].startswith("text/plain; version=0.0.4"), metrics
    assert b"# TYPE weir_http_requests_total counter" in metrics.body
