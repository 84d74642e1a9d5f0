"""What a keeper must not rebuild from: shards of another place or installation, a log that is not the one that was folded, progress that lacks what was sold
before it. It says so in one sentence, raises no epoch, closes nothing and opens nothing (I1)."""
import contextlib

import pytest

from support import processes, records, stack, tool, users
from support.processes import tells
from support.sale import REBUILT_S

KEEPER = stack.ENV["WEIR_KEEPER"]


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("start", "keeper", "redis-stock", "worker-hash")
    stack.ready_again()


class Sold:
    """Two coupons: of one the only unit is sold; the other was sold in part, and its mark stays good when only the first one's is lost."""

    def __init__(self, user=None):
        self.out, self.part = stack.new_coupon(1, hold_ms=2000), stack.new_coupon(3, hold_ms=2000)
        self.user = user or users.take(1)
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
        stack.wait_for(lambda: stack.epoch() > self.epoch, 60, "the epoch is raised")
        for coupon in (self.out, self.part):
            stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "the coupon is open again")
        assert stack.left(self.out) == 0 and len(stack.check_coupon(self.out, 1)) == 1
        stack.check_coupon(self.part, 3)


@contextlib.contextmanager
def swapped():
    urls = [stack.ENV[f"WEIR_MYSQL_SHARD_{number}"] for number in range(stack.SHARDS)]
    yield (f"--mysql.shards={','.join([urls[1], urls[0], *urls[2:]])}",), "is shard 1, but mysql.shards has it at position 0"


@contextlib.contextmanager
def of_another_installation():
    """As if its URL led to one: only whose database it says it is tells it."""
    ours = stack.shard(2, "SELECT cluster FROM shard_identity")[0][0]
    stack.shard(2, "UPDATE shard_identity SET cluster = %s", "f" * 32)
    try:
        yield (), f"belongs to the cluster {'f' * 32}"
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


class Partition:
    """The progress that the keeper reads of the partition where a user's grabs are."""

    def __init__(self, user):
        self.number = records.partition_of(user)
        self.shard = next(n for n in range(stack.SHARDS) if self.ask(n, "next_offset"))

    def ask(self, shard, columns):
        return stack.shard(shard, f"SELECT {columns} FROM progress WHERE layout = 'hash' AND topic = 'grabs' AND `partition` = %s", self.number)

    def change(self, change, *values):
        stack.shard(self.shard, f"UPDATE progress SET {change} WHERE layout = 'hash' AND topic = 'grabs' AND `partition` = %s", *values, self.number)


@pytest.mark.parametrize("off", [-1, 1])
def test_progress_that_lacks_records_is_not_rebuilt_from(off):
    """As after `weir init --at-end`, or after progress was put forward over records that are lost; or back, in a log made anew: nobody knows what they sold."""
    sold = Sold()
    partition = Partition(sold.user)
    more = partition.ask(partition.shard, "CAST(records AS SIGNED) - next_offset")[0][0]
    partition.change(f"records = next_offset + {off}")
    try:
        sold.lose_one()
        words = f"partition {partition.number}, is at offset"
        stack.wait_for(lambda: words in tells(KEEPER) and "no stock is rebuilt without them" in tells(KEEPER), 60, "the keeper says what is wrong")
        sold.check_closed()
    finally:
        partition.change("records = records - %s + %s", off, more)
    sold.check_rebuilt()


def test_a_log_that_has_outgrown_progress_is_not_folded_as_its_continuation():
    """Made anew, and longer by now: only the record before progress tells it. Nothing is closed for it."""
    sold = Sold()
    partition = Partition(sold.user)
    stack.ctl("stop", "worker-hash")
    partition.change("checksum = checksum ^ 1")
    try:
        sold.lose_one()
        words = f"grabs[{partition.number}] is not the one that layout hash stored last"
        stack.wait_for(lambda: words in tells(KEEPER), REBUILT_S, "the keeper says what is wrong", every=0.05)
        sold.check_closed()
    finally:
        partition.change("checksum = checksum ^ 1")
        stack.ctl("start", "worker-hash")
    sold.check_rebuilt()


def partition_without_dead_letters():
    """Of the others some may have been refused by a table that was not right then, and is now."""
    clean = "SELECT `partition` FROM progress WHERE layout = 'hash' AND topic = 'grabs' AND dead_letters = 0"
    return min(partition for number in range(stack.SHARDS) for partition, in stack.shard(number, clean))


def test_a_progress_row_that_was_lost_and_made_anew():
    """As the worker says: by `weir init`. The log is folded again, and finds every row there: more rows than are counted, which sell nothing twice."""
    stack.wait_lag_zero()
    sold = Sold(records.users_of(partition_without_dead_letters(), 1)[0])
    partition = Partition(sold.user)
    stack.wait_lag_zero()
    stack.ctl("stop", "worker-hash")
    ok, voided = partition.ask(partition.shard, "ok_rows, void_rows")[0]
    assert ok >= 2
    stack.shard(partition.shard, "DELETE FROM progress WHERE layout = 'hash' AND topic = 'grabs' AND `partition` = %s", partition.number)
    done = tool.run("init", seconds=60)
    assert done.returncode == 0, done.stderr
    stack.ctl("start", "worker-hash")
    stack.wait_lag_zero()
    try:
        assert partition.ask(partition.shard, "ok_rows")[0][0] == 0, "rows were stored twice"
        stack.stock_redis().flushall()
        stack.wait_for(lambda: stack.epoch() > sold.epoch, 30, "the epoch is raised")
        sold.check_rebuilt()
        stack.wait_for(lambda: stack.is_ready(KEEPER), 30, "the keeper is ready")
    finally:  # as it was counted before, for the audit behind this file
        partition.change("ok_rows = ok_rows + %s, void_rows = void_rows + %s, duplicates = duplicates - %s", ok, voided, ok + voided)
