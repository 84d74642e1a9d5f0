"""The Lua scripts of the stock on a real Redis: each clause of the protocol that Redis itself must keep. The coupons are ones that no catalog knows."""
import itertools
import time

import pytest

from support import stack

LUA = stack.ROOT / "schemas" / "lua"
CLOSED, TAKEN, SETTLED, PENDING, ENDED, NOT_STARTED, LIMIT, SOLD_OUT = 0, 1, 2, 3, 4, 5, 6, 7
_coupons = itertools.count(2**62 + int(time.time()) * 1000)


class Stock:
    """One coupon of its own; `server` is what a connection would have learnt."""

    def __init__(self, epoch=5, total=3, limit=1, state="open", opens=0, ends=0, hold=60000, build=True):
        self.redis = stack.stock_redis()
        info = self.redis.info()
        self.server = [info["run_id"], info["master_replid"]]
        self.coupon = next(_coupons)
        self.keys = [f"weir:{{{self.coupon}}}:{part}" for part in ("mark", "stock", "claims", "pending")]
        self.epoch = epoch
        if build:
            assert self.run("building", epoch) == 1
            assert self.run("open", epoch, state, total, total, limit, opens, ends, hold, 17, 1) == 1

    def run(self, script, *arguments, server=None):
        text = (LUA / "mark.lua").read_text() + (LUA / f"{script}.lua").read_text()
        return self.redis.eval(text, 4, *self.keys, *(server or self.server), *arguments)

    def reserve(self, user, grab, key="", server=None):
        answer = self.run("reserve", user, grab, key, server=server)
        return (CLOSED, "") if not answer else (answer[3], answer[4])

    def state(self, grab):
        value = self.redis.hget(self.keys[3], grab)
        return None if value is None else value[:2]

    def left(self):
        return int(self.redis.hget(self.keys[1], "left"))

    def drop(self):
        self.redis.delete(*self.keys)


@pytest.fixture
def make():
    made = []

    def one(**options):
        made.append(Stock(**options))
        return made[-1]

    yield one
    for stock in made:
        stock.drop()


def test_reserve_settle_and_replay(make):
    s = make()
    assert s.reserve(7, 100) == (TAKEN, "") and s.left() == 2 and s.state(100) == "P0"
    assert s.reserve(7, 101) == (PENDING, "100") and s.state(100) == "P1" and s.left() == 2
    assert s.run("settle", s.epoch, 100) == [1] and s.state(100) is None
    assert s.reserve(7, 102) == (SETTLED, "100")
    assert s.run("settle", s.epoch, 100) == [0]


def test_reserve_answers_epoch_hold_and_room(make):
    s = make(epoch=9, hold=1234)
    assert s.run("reserve", 1, 10, "", 2, 11, "") == ["9", "1234", "17", TAKEN, "", 2, TAKEN, "", 1]


def test_sold_out_and_the_same_call_sees_its_own_grabs(make):
    s = make(total=2)
    answer = s.run("reserve", 1, 10, "", 2, 11, "", 3, 12, "", 1, 13, "")
    assert answer[3::3] == [TAKEN, TAKEN, SOLD_OUT, PENDING] and s.left() == 0


def test_ids_past_2_53_stay_whole(make):
    s = make()
    user, grab = 2**63 - 1, 2**62 + 1
    assert s.reserve(user, grab) == (TAKEN, "")
    assert s.reserve(user, grab + 1) == (PENDING, str(grab))
    assert s.redis.hget(s.keys[2], str(user)) == f"{grab}:"


def test_release_gives_back_once_and_leaves_a_shown_grab(make):
    s = make()
    s.reserve(7, 100)
    assert s.run("release", s.epoch, 100) == [1] and s.left() == 3 and s.redis.hget(s.keys[2], 7) is None
    assert s.run("release", s.epoch, 100) == [0] and s.left() == 3
    s.reserve(7, 101)
    s.reserve(7, 102)
    assert s.run("release", s.epoch, 101) == [0] and s.state(101) == "P1" and s.left() == 2


@pytest.mark.parametrize("script, arguments", [("settle", [100]), ("release", [100]), ("cancel", [100]), ("finish", [100, "void"])])
@pytest.mark.parametrize("wrong", ["epoch", "run_id", "replid", "building"])
def test_scripts_do_nothing_for_another_epoch_or_server(make, script, arguments, wrong):
    s = make(hold=0)
    s.reserve(7, 100)
    if script == "finish":
        s.run("cancel", s.epoch, 100)
    before = s.redis.hgetall(s.keys[3])
    server = list(s.server)
    if wrong in ("run_id", "replid"):
        server[0 if wrong == "run_id" else 1] = "0" * 40
    if wrong == "building":
        s.redis.hset(s.keys[0], "state", "building")
    epoch = s.epoch + 1 if wrong == "epoch" else s.epoch
    answer = s.run(script, epoch, *arguments, server=server)
    assert answer[-1] in (0, "") and s.redis.hgetall(s.keys[3]) == before and s.left() == 2


def test_reserve_is_closed_for_another_server_and_without_a_mark(make):
    s = make()
    assert s.reserve(7, 100, server=["0" * 40, s.server[1]]) == (CLOSED, "")
    assert s.reserve(7, 100, server=[s.server[0], "0" * 40]) == (CLOSED, "")
    s.redis.delete(s.keys[0])
    assert s.reserve(7, 100) == (CLOSED, "")


@pytest.mark.parametrize("key", [1, 2, 3])
def test_a_lost_key_closes_the_coupon(make, key):
    s = make()
    s.reserve(1, 99)
    s.redis.delete(s.keys[key])
    assert s.reserve(7, 100) == (CLOSED, "") and s.run("settle", s.epoch, 99) == [0]
    assert s.run("look")[3] == 0


NUMBERS = ("total", "limit", "opens_ms", "ends_ms", "hold_ms", "room_id", "version")


@pytest.mark.parametrize("spoilt", [None, "", "many", "-1", "1.5"])
@pytest.mark.parametrize("field", NUMBERS)
def test_a_spoilt_field_of_the_mark_is_seen_by_a_look(make, field, spoilt):
    s = make()
    assert s.run("look")[3] == 1
    s.redis.hdel(s.keys[0], field) if spoilt is None else s.redis.hset(s.keys[0], field, spoilt)
    assert s.run("look")[3] == 0
    assert s.run("building", s.epoch + 1) == 1 and s.run("open", s.epoch + 1, "open", 3, 3, 1, 0, 0, 60000, 17, 1) == 1, "a rebuild mends it"
    assert s.run("look")[3] == 1


@pytest.mark.parametrize("field", NUMBERS + ("left",))
def test_no_script_ends_in_its_middle_for_a_spoilt_field(make, field):
    """Behind its first write: a unit would be gone, or a claim without a grab would be answered as a success."""
    s = make()
    s.reserve(7, 100)
    key = s.keys[1] if field == "left" else s.keys[0]
    s.redis.hset(key, field, "many")
    before = [s.redis.hgetall(key) for key in s.keys]
    used = field not in ("total", "version")  # by RESERVE
    assert s.reserve(8, 101) == ((CLOSED, "") if used else (TAKEN, ""))
    if used:
        assert [s.redis.hgetall(key) for key in s.keys] == before
    if field in ("total", "version", "hold_ms"):
        assert s.run("carry", "open", 8, 1, 0, 0, 60000, 2) == 0
    if field == "hold_ms":
        assert s.run("cancel", s.epoch, 100)[1:] == [""]


def test_window_and_gate(make):
    now = int(time.time() * 1000)
    assert make(opens=now + 60000).reserve(7, 100) == (NOT_STARTED, "")
    assert make(ends=now - 1).reserve(7, 100) == (ENDED, "")
    assert make(opens=now - 1000, ends=now + 60000).reserve(7, 100) == (TAKEN, "")
    assert make(state="closed").reserve(7, 100) == (ENDED, "")


def test_an_existing_claim_comes_before_gate_window_limit_and_stock(make):
    s = make(total=1)
    s.reserve(7, 100)
    s.run("settle", s.epoch, 100)
    s.redis.hset(s.keys[0], "ends_ms", 1)
    assert s.reserve(7, 101) == (SETTLED, "100")
    assert s.run("carry", "closed", 1, 1, 0, 0, 60000, 2) == 1
    assert s.reserve(7, 101) == (SETTLED, "100") and s.reserve(8, 102) == (ENDED, "")


def test_a_pending_claim_behind_a_closed_gate_is_shown(make):
    s = make()
    s.reserve(7, 100)
    assert s.run("carry", "closed", 8, 1, 0, 0, 60000, 2) == 1
    assert s.reserve(7, 101) == (PENDING, "100")
    assert s.run("release", s.epoch, 100) == [0], "a grab that was shown is released"


def test_limit_above_one_with_and_without_keys(make):
    s = make(total=9, limit=2)
    assert s.reserve(7, 100, "a") == (TAKEN, "")
    assert s.reserve(7, 101, "a") == (PENDING, "100")
    assert s.reserve(7, 102) == (TAKEN, "")
    assert s.reserve(7, 103) == (LIMIT, "") and s.reserve(7, 104, "b") == (LIMIT, "")
    assert s.redis.hget(s.keys[2], 7) == "100:a 102:"
    assert s.run("release", s.epoch, 102) == [1] and s.redis.hget(s.keys[2], 7) == "100:a"
    assert s.reserve(7, 105, "b:c:d") == (TAKEN, "") and s.reserve(7, 106, "b:c:d") == (PENDING, "105")


def test_sweep_takes_only_what_is_due(make):
    s = make(hold=60000)
    s.reserve(7, 100)
    assert s.run("cancel", s.epoch, 100) == ["60000", ""] and s.state(100) == "P0"
    due = make(hold=0)
    due.reserve(7, 100)
    due.reserve(8, 101)
    due.reserve(8, 102)  # shows 101
    assert due.run("cancel", due.epoch, 100, 101, 555) == ["0", "7", "8", ""]
    assert (due.state(100), due.state(101)) == ("C0", "C1")
    assert due.run("cancel", due.epoch, 100) == ["0", "7"], "one that is cancelling already is taken again"
    assert due.run("settle", due.epoch, 100) == [0] and due.run("release", due.epoch, 100) == [0]
    assert due.reserve(7, 103) == (PENDING, "100")
    assert due.run("finish", due.epoch, 100, "void", 101, "ok") == [1, 1]
    assert due.left() == 2 and due.reserve(8, 104) == (SETTLED, "101") and due.reserve(7, 105) == (TAKEN, "")
    assert due.run("finish", due.epoch, 100, "void") == [0]


def test_sweep_takes_what_was_reserved_before_the_clock_stepped_back(make):
    s = make(hold=60000)
    now = int(time.time() * 1000)
    s.redis.hset(s.keys[3], mapping={"100": f"P0 {now + 3600000} 7 ", "101": f"C1 {now + 50000} 8 ", "102": f"P0 {now + 50000} 9 "})
    assert s.run("cancel", s.epoch, 100, 101, 102) == ["60000", "7", "8", ""]
    assert (s.state(100), s.state(101), s.state(102)) == ("C0", "C1", "P0")


def test_building_takes_lower_epochs_alone_and_deletes_all(make):
    s = make(epoch=5)
    s.reserve(7, 100)
    assert s.run("building", 5) == 0 and s.run("building", 4) == 0 and s.state(100) == "P0"
    assert s.run("building", 6) == 1
    assert s.redis.exists(s.keys[1], s.keys[3]) == 0 and s.redis.hgetall(s.keys[0])["state"] == "building"
    assert s.redis.hgetall(s.keys[2]) == {"epoch": "6"}, "nothing of the claims but their sentinel"
    assert s.reserve(8, 101) == (CLOSED, "")
    assert s.run("building", 6) == 0


def test_claims_and_open_only_while_building_under_this_epoch(make):
    s = make(epoch=5)
    s.run("building", 6)
    assert s.run("claims", 5, 7, "100:") == 0 and s.run("open", 5, "open", 1, 1, 1, 0, 0, 1000, 17, 1) == 0
    assert s.run("claims", 6, 7, "100:a 101:", 8, "102:") == 1
    assert s.run("open", 6, "open", 1, 4, 1, 0, 0, 1000, 17, 2) == 1
    assert s.run("open", 6, "open", 4, 4, 1, 0, 0, 1000, 17, 2) == 0, "the last step runs once"
    assert s.reserve(8, 200) == (SETTLED, "102") and s.left() == 1
    assert s.run("look") == ["open", "6", 1, 1, "2", "1", 0, "1000"]


@pytest.mark.parametrize("again", [False, True])
def test_claims_that_are_lost_while_they_are_written_keep_the_coupon_closed(make, again):
    """Opened without them, it would sell to those who have a grab already."""
    s = make(epoch=5)
    s.run("building", 6)
    assert s.run("claims", 6, 7, "100:") == 1
    s.redis.delete(s.keys[2])
    if again:
        assert s.run("claims", 6, 8, "102:") == 0
    assert s.run("open", 6, "open", 1, 4, 1, 0, 0, 1000, 17, 2) == 0
    assert s.reserve(7, 200) == (CLOSED, "")
    assert s.run("building", 7) == 1 and s.run("open", 7, "open", 1, 4, 1, 0, 0, 1000, 17, 2) == 1, "the next rebuild mends it"


def test_carry_adds_the_difference_once(make):
    s = make(total=3)
    s.reserve(7, 100)
    assert s.run("carry", "open", 8, 1, 0, 0, 60000, 2) == 1 and s.left() == 7
    assert s.run("carry", "open", 8, 1, 0, 0, 60000, 2) == 0 and s.left() == 7
    assert s.run("carry", "closed", 8, 1, 0, 0, 1000, 3) == 1
    mark = s.redis.hgetall(s.keys[0])
    assert (mark["state"], mark["hold_ms"], mark["version"]) == ("closed", "60000", "3"), "a hold in use is never made smaller"
    assert s.run("settle", s.epoch, 100) == [1], "closed by an admin is valid: what was sold is settled"
    s.run("building", 9)
    assert s.run("carry", "open", 99, 1, 0, 0, 1000, 4) == 0


def test_carry_does_not_sell_what_a_lowered_total_took_away(make):
    s = make(total=10)
    assert s.run("carry", "open", 4, 1, 0, 0, 60000, 2) == 1 and s.left() == 10
    assert s.run("carry", "open", 6, 1, 0, 0, 60000, 3) == 1 and s.left() == 10, "never more in Redis than the largest total"
    assert s.redis.hget(s.keys[0], "total") == "10"
    assert s.run("carry", "open", 12, 1, 0, 0, 60000, 4) == 1 and s.left() == 12
