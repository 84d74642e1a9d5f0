"""What a keeper must not rebuild from: shards of another place or installation, a log that is not the one that was folded, progress that lacks what was sold
before it. It says so in one sentence, raises no epoch, closes nothing and opens nothing (I1)."""
import contextlib

import pytest

from support import processes, stack, users
from support.sale import LARGEST_HOLD_S

KEEPER = stack.ENV["WEIR_KEEPER"]


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("start", "keeper", "redis-stock")
    stack.ready_again()


def tells(base):
    """The keeper's own words; none before it listens."""
    try:
        return stack.get("/readyz?verbose", base=base, timeout=3).body.decode()
    except OSError:
        return ""


class Sold:
    """Two coupons: of one the only unit is sold; the other was sold in part, and its mark stays good when only the first one's is lost."""

    def __init__(self):
        self.out, self.part = stack.new_coupon(1, hold_ms=2000), stack.new_coupon(3, hold_ms=2000)
        self.user = users.take(1)
        for coupon in (self.out, self.part):
            assert stack.grab(self.user, coupon).json["success"]
            stack.wait_quiet(coupon)
        self.epoch = stack.epoch()

    def lose_one(self):
        assert stack.stock_redis().delete(f"weir:{{{self.out}}}:claims") == 1

    def check_closed(self):
        assert stack.epoch() == self.epoch, "an epoch was raised for a rebuild that must not be done"
        assert stack.is_open(self.part), "a coupon was closed for a rebuild that must not be done"
        assert stack.grab(users.take(1), self.out).status == 503

    def check_rebuilt(self):
        for coupon in (self.out, self.part):
            stack.wait_for(lambda: stack.is_open(coupon), 60 + LARGEST_HOLD_S, "the coupon is open again")
        assert stack.left(self.out) == 0 and len(stack.check_coupon(self.out, 1)) == 1
        stack.check_coupon(self.part, 3)


@contextlib.contextmanager
def swapped():
    urls = [stack.ENV[f"WEIR_MYSQL_SHARD_{number}"] for number in range(stack.SHARDS)]
    yield (f"--mysql.shards={','.join([urls[1], urls[0], *urls[2:]])}",), "mysql.shards has it as shard 0"


@contextlib.contextmanager
def of_another_installation():
    """As if its URL led to one: only whose database it says it is tells it."""
    ours = stack.shard(2, "SELECT cluster FROM shard_identity")[0][0]
    stack.shard(2, "UPDATE shard_identity SET cluster = %s", "f" * 32)
    try:
        yield (), f"is shard 2 of cluster {'f' * 32}"
    finally:
        stack.shard(2, "UPDATE shard_identity SET cluster = %s", ours)


@pytest.mark.parametrize("wrong", [swapped, of_another_installation])
def test_a_keeper_with_shards_that_are_not_its_own_touches_no_stock(wrong):
    sold = Sold()
    stack.ctl("stop", "keeper")
    sold.lose_one()
    with wrong() as (arguments, words):
        new = stack.new_coupon(5, wait=False)
        with processes.Second("keeper", 43, arguments=arguments) as keeper:
            stack.wait_for(lambda: words in tells(keeper.base), 60, "the keeper says what is wrong")
            stack.wait_for(lambda: keeper.log().count(words) >= 3, 60, "it has looked again and again")
            assert not stack.is_ready(keeper.base)
            sold.check_closed()
            assert not stack.is_open(new), "a coupon was opened"
    stack.ctl("start", "keeper")
    sold.check_rebuilt()
    stack.wait_for(lambda: stack.is_open(new), 60, "the new coupon is open")
