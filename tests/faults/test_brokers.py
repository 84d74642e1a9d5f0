"""Three brokers, one and two of them killed under load; and the log of the sale made anew under everything (I1-I5, I14). On a stack of their own.

Three copies of each record, acknowledged at two: one broker less is a pause, two less are 503 and 202, and in the end nothing is lost. A log that is not the one
of progress: ingest stops selling into it, workers store nothing of it, and both say why.
"""
import os
import pathlib
import shutil
import signal
import time

import pytest

from support import audit, history, kafka_admin, links, own_stack, processes, records, stack, users
from support.sale import REBUILT_S, Sale, resolve, sells, unknown
from support.storm import Storm

BROKERS = ("kafka", "kafka2", "kafka3")
HOLD_MS = 4000
TURNS = 6  # of two keepers


@pytest.fixture(scope="module", autouse=True)
def three_brokers():
    with own_stack.up("--kafka-brokers", "3", "--links"):
        yield


@pytest.fixture(autouse=True)
def everything_runs_again():
    stack.ready_again()
    yield
    links.heal_all()
    for name in BROKERS:
        stack.ctl("launch", name)
    stack.ctl("start", *BROKERS)
    stack.ready_again()


def copies():
    """partition -> (leader, the brokers that have everything), as a broker that lives says."""
    done = kafka_admin.metadata("grabs")
    return {p["partition"]: (p["leader"], {r["id"] for r in p["isrs"]}) for p in done["partitions"]}


def wait_all_copies():
    stack.wait_for(lambda: all(len(in_sync) == len(BROKERS) for _, in_sync in copies().values()), 60, "every partition has three copies", every=0.5)


def more_grabs(sale, count=1000):
    """A load of its own on the same coupon; answers the finished storm."""
    storm = Storm(sale.coupon, users.take(count), count, rate=400)
    storm.finish(180)
    return storm


def end(sale, *storms):
    """Of the own stack, while it has the log of all that was sold: the audit at the end of the file asks the outer one, where none of this happened."""
    sale.end()
    for storm in storms:
        history.check(sale.coupon, storm.history, resolve(storm.unknown(), HOLD_MS))
    audit.audit(history=[line for storm in (sale.storm, *storms) for line in storm.history])


def killed():
    for name in ("kafka2", "kafka3"):
        stack.ctl("kill", name)


def stopped():
    """One after the other. The second one may wait for a controller that is gone, and need not end."""
    for node, name in ((2, "kafka2"), (3, "kafka3")):
        os.kill(stack.pid_of(name), signal.SIGTERM)
        stack.wait_for(lambda: all(leader != node for leader, _ in copies().values()), 60, f"{name} has handed its partitions over", every=0.2)


def bring_back():
    for name in ("kafka2", "kafka3"):
        stack.ctl("kill", name, check=False)  # most have ended
        stack.ctl("launch", name)


# ---- nothing can be appended; first, for it wants a log without a record: the last one can not be read then, and a keeper begins no rebuild ----

@pytest.mark.more
def test_keepers_that_can_append_nothing_take_turns_and_owe_one_another_no_rest():
    """Each leaves its rebuild by itself, for as long as records are refused. Then the one whose epoch is the highest dies: the other rebuilds at once, however
    often it has failed, for nobody had overtaken it."""
    wait_all_copies()
    coupon = stack.new_coupon(100, hold_ms=HOLD_MS)
    impatient = ("--keeper.lease_ms=1000", "--keeper.stuck_ms=1000", "--keeper.kafka_ms=1000")
    stack.ctl("restart", "keeper", "--", *impatient)
    offset, before = stack.log_size("keeper"), stack.epoch()
    with processes.Second("keeper", 42, arguments=impatient) as second:
        second.wait_ready()
        stopped()
        stack.stock_redis().flushall()
        words = f'"rebuild begins" epoch={before + TURNS} '
        stack.wait_for(lambda: words in stack.log_since("keeper", offset) + second.log(), 40 * TURNS, "the keepers take turns")
        logs = stack.log_since("keeper", offset), second.log()
        assert all("rebuild begins" in log for log in logs) and "comes no further" in logs[0] + logs[1], "one alone has tried"
        if words in logs[1]:
            second.process.kill()
        else:
            stack.ctl("kill", "keeper")
        lives = (lambda: stack.log_since("keeper", offset)) if words in logs[1] else second.log
        stack.wait_for(lambda: lives().rfind("a rebuild of the stock is owed and did not come through") > lives().rfind('"rebuild begins"'), 60, "the other has left its rebuild")
        bring_back()
        stack.wait_for(lambda: all(len(in_sync) > 1 for _, in_sync in copies().values()), 60, "records are taken again")
        stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "the one that lives has opened the coupon")
        assert "it is given its time" not in stack.log_since("keeper", offset) + second.log(), "a keeper that was not overtaken has rested"
        assert stack.left(coupon) == 100
        assert sells(coupon)
    stack.ctl("restart", "keeper")
    stack.ready_again()
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, 100)) == 1
    audit.audit()


# ---- a broker that one service can not reach ----

def led_by(node):
    """The partitions that it leads; the other brokers have it, whatever a service thinks."""
    now = copies()
    assert all(node in in_sync for _, in_sync in now.values()), "the other brokers have lost it, too"
    return {partition for partition, (leader, _) in now.items() if leader == node}


def leader_of_some(but=None):
    """(name, number, its partitions) of a broker other than `but`, when each leads its share: one that was away does so again some seconds later."""
    wait_all_copies()
    stack.wait_for(lambda: all(led_by(node) for node in (1, 2, 3)), 60, "each broker leads some partitions", every=0.5)
    node = next(node for node in (2, 3, 1) if node != but)
    return BROKERS[node - 1], node, led_by(node)


@pytest.mark.more
def test_a_broker_out_of_reach_of_ingest():
    """Its grabs wait for it and fill what may be in flight, so most others are refused, too; nobody is told success that is not in the log, and all of it has its end."""
    name, node, partitions = leader_of_some()
    sale = Sale(total=20_000, users_count=4000, rate=400, hold_ms=HOLD_MS)
    with links.fault(f"ingest-{name}", black_hole=1):
        without = more_grabs(sale)
        assert led_by(node) == partitions
    assert without.unavailable() or without.unknown(), without.summary
    stack.wait_for(lambda: stack.grab(users.take(1), sale.coupon).json.get("success"), 60, "grabs are taken again")
    end(sale, without)


@pytest.mark.more
def test_a_broker_out_of_reach_of_a_worker():
    """What it leads waits, and the worker says so; the others' partitions are stored; in reach again, all is. Not the broker that the worker's group turns to: a
    member that cannot reach that one has no partitions."""
    name, node, partitions = leader_of_some(but=kafka_admin.coordinator("weir-grabs-hash"))
    stack.ctl("restart", "worker-hash")  # so that it knows who leads: a client goes on asking a broker that has led, which answers as a follower (KIP-392)
    stack.ready_again()
    sale, storms = Sale(total=20_000, users_count=4000, rate=400, hold_ms=HOLD_MS), []

    def waits():
        storms.append(more_grabs(sale, 400))
        marks, stored = stack.watermarks(), stack.progress("hash")
        return sum(marks[p] - stored[p] for p in partitions) > 50 and storms[-1].accepted()

    with links.fault(f"worker-hash-{name}", black_hole=1):
        stack.wait_for(waits, 60, "records wait that it leads")
        sale.finish_load()
        marks = stack.watermarks()
        stack.wait_for(lambda: all(stack.progress("hash")[p] == marks[p] for p in marks if p not in partitions), 60, "the other partitions are stored")
        stack.wait_for(lambda: "could not tell the watermarks" in processes.tells(stack.base_of("worker-hash")), 60, "the worker says what it cannot reach")
        waiting = stack.progress("hash")
        assert led_by(node) == partitions and any(marks[p] > waiting[p] for p in partitions), (marks, waiting)
    end(sale, *storms)


def stored_within(shard, partition, coupon, seconds=60):
    """How long one grab of this partition takes until layout hash has it."""
    assert stack.grab(records.users_of(partition, 1)[0], coupon).json["success"]
    begin, high = time.monotonic(), stack.watermarks()[partition]
    stack.wait_for(lambda: stack.progress_on(shard, "hash")[partition] >= high, seconds, f"partition {partition} is stored", every=0.05)
    return time.monotonic() - begin


@pytest.mark.more
def test_a_worker_that_begins_with_a_broker_out_of_reach():
    """Each try to take a partition over waits for the broker that leads it. Those tries take turns, and leave most of the time to the shard's other partitions."""
    name, node, far = leader_of_some(but=kafka_admin.coordinator("weir-grabs-hash"))
    on_shard = {number: set(stack.progress_on(number, "hash")) for number in range(stack.SHARDS)}
    mixed = [number for number in on_shard if on_shard[number] - far and len(on_shard[number] & far) > 1]
    assert mixed, "no shard has two partitions that the broker leads, and one that it does not"
    shard = mixed[0]
    near = min(on_shard[shard] - far)
    coupon = stack.new_coupon(100, hold_ms=HOLD_MS)
    stack.ctl("stop", "worker-hash")
    with links.fault(f"worker-hash-{name}", black_hole=1):
        stack.ctl("launch", "worker-hash")
        stack.wait_for(lambda: "could not tell the watermarks" in processes.tells(stack.base_of("worker-hash")), 60, "the worker says what it cannot reach")
        stored_within(shard, near, coupon)
        took = []
        for _ in range(20):
            took.append(stored_within(shard, near, coupon))
            time.sleep(1.3)  # so that no turn of the tries is met again and again
        assert led_by(node) == far
        assert sum(seconds < 2 for seconds in took) > len(took) / 2, took
    stack.ready_again()
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, 100)) == 21


@pytest.mark.more
def test_a_broker_out_of_reach_of_the_keeper():
    """It closes nothing for a rebuild that it could not end; the broker in reach again, all is rebuilt."""
    name, node, partitions = leader_of_some()
    sale = Sale(total=20_000, users_count=4000, rate=400, hold_ms=HOLD_MS)
    lost, before = stack.new_coupon(100), stack.epoch()
    with links.fault(f"keeper-{name}", black_hole=1):
        assert stack.stock_redis().delete(f"weir:{{{lost}}}:claims") == 1
        stack.wait_for(lambda: "a rebuild of the stock is owed" in processes.tells(stack.ENV["WEIR_KEEPER"]), 60, "the keeper says that it cannot")
        assert led_by(node) == partitions and stack.epoch() == before, "it has raised the epoch for a rebuild that it can not end"
        assert stack.is_open(sale.coupon), "another coupon is closed"
    stack.wait_for(lambda: stack.epoch() > before and stack.is_open(lost), REBUILT_S + 30, "all is rebuilt")
    end(sale)


# ---- brokers are gone ----

def test_one_of_three_killed():
    wait_all_copies()
    sale = Sale(total=20_000, users_count=4000, rate=400, hold_ms=HOLD_MS)
    stack.ctl("kill", "kafka2")
    assert sale.storm.runs(), "the load was over before the fault"
    assert any(2 in in_sync for _, in_sync in copies().values()), "it was out already"
    stack.wait_for(lambda: all(2 not in in_sync and leader != 2 for leader, in_sync in copies().values()), 60, "the others lead all partitions", every=0.5)
    stack.wait_for(lambda: stack.grab(users.take(1), sale.coupon).json.get("success"), 60, "grabs are taken again")
    before, after = stack.progress("hash"), more_grabs(sale)
    stack.wait_for(lambda: all(offset > before[p] for p, offset in stack.progress("hash").items()), 30, "every partition takes grabs")
    assert not stack.runs("kafka2") and after.accepted(), after.summary
    stack.ctl("start", "kafka2")
    end(sale, after)


@pytest.mark.more
@pytest.mark.parametrize("gone", [killed, stopped])
def test_two_of_three_gone(gone):
    """Fewer copies than must have a record: nothing is acknowledged, so nobody is told success; both back, and it goes on. A broker that is stopped hands its
    partitions over, and refuses what it has appended and handed on already: such a grab may have a row, so nobody is told that it has none."""
    wait_all_copies()
    sale = Sale(total=90_000, users_count=60_000, rate=400, hold_ms=HOLD_MS)
    gone()
    stack.wait_for(lambda: stack.grab(users.take(1), sale.coupon).status in (202, 503), 60, "no grab is acknowledged any more")
    assert sale.storm.runs(), "the load was over before the fault"
    without = more_grabs(sale)
    assert not without.accepted() and (without.unavailable() or without.unknown()), without.summary
    bring_back()
    stack.wait_for(lambda: stack.grab(users.take(1), sale.coupon).json.get("success"), 120, "grabs are taken again")
    end(sale, without)


# ---- the log of the sale, cut ----

@pytest.mark.more
def test_the_log_of_a_sale_cut_behind_progress():
    """Retention took grabs that layout hash has not stored, and layout daily has. The sale goes on; the keeper, which reads layout hash, rebuilds no stock without
    them, and does so as soon as it reads the layout that has them."""
    cut, sold = 3, 40
    coupon = stack.new_coupon(2000, hold_ms=HOLD_MS)
    stack.ctl("stop", "worker-hash")
    for user in records.users_of(cut, sold):
        assert stack.grab(user, coupon).json["success"]
    stack.wait_for(lambda: len(stack.ok_rows("daily", coupon)) == sold, 60, "layout daily has stored them")
    stored, high = stack.progress("hash")[cut], stack.watermarks()[cut]
    assert high - stored >= sold
    kafka_admin.delete_records("grabs", cut, high - 5)
    stack.ctl("start", "worker-hash")
    words = f"The log of grabs[{cut}] begins at offset {high - 5}, behind progress ({stored})"
    stack.wait_for(lambda: words in processes.tells(stack.ENV["WEIR_WORKER_HASH"]), 60, "the partition is stopped")
    assert alarms() == 1
    assert stack.grab(users.take(1), coupon).json["success"], "the sale does not go on"

    stack.stock_redis().flushall()
    stack.wait_for(lambda: f"the log of grabs[{cut}] goes from offset {high - 5}" in processes.tells(stack.ENV["WEIR_KEEPER"]), 60,
                   "the keeper says what is wrong")
    assert not stack.is_open(coupon) and stack.grab(users.take(1), coupon).status == 503
    assert stack.progress("hash")[cut] == stored, "something was stored behind a gap"

    stack.ctl("restart", "keeper", "--", "--keeper.layout=daily")
    stack.wait_for(lambda: stack.is_open(coupon), 60, "the stock is rebuilt from the layout that has all rows")
    assert stack.left(coupon) == 2000 - len(stack.ok_rows("daily", coupon)) == 2000 - sold - 1
    for number in range(stack.SHARDS):
        stack.shard(number, "UPDATE progress SET next_offset = %s, checksum = 0 WHERE topic = 'grabs' AND layout = 'hash' AND `partition` = %s", high - 5, cut)
    stack.wait_for(lambda: alarms() == 0, 60, "the partition goes on behind the gap")
    stack.wait_lag_zero()


# ---- the log of the sale, made anew: last, because what it held is gone ----

def made_by_hand():
    """Deleted and made again."""
    kafka_admin.delete_topic("grabs")


def came_back_empty():
    """The brokers come back without their data."""
    stack.ctl("kill", *BROKERS)  # the last one to stop would wait for a controller that is gone
    for name in BROKERS:
        shutil.rmtree(pathlib.Path(stack.ENV["WEIR_VAR"]) / "data" / name)
    for name in BROKERS:
        stack.ctl("launch", name)
    stack.ctl("start", *BROKERS)


def alarms():
    return sum(stack.metric(stack.base_of(f"worker-{layout}"), "weir_worker_alarms", layout=layout) for layout in stack.LAYOUTS)


def go_on_at_the_begin():
    """What the README tells people on call to do."""
    for number in range(stack.SHARDS):
        stack.shard(number, "UPDATE progress SET next_offset = 0, checksum = 0 WHERE topic = 'grabs'")
    stack.ctl("restart", "ingest", "keeper")


@pytest.mark.more
@pytest.mark.parametrize("make_anew", [made_by_hand, came_back_empty])
def test_the_log_of_a_sale_made_anew(make_anew):
    first = stack.new_coupon(2000, hold_ms=HOLD_MS)
    for _ in range(100):
        assert stack.grab(users.take(1), first).json["success"]
    stack.wait_quiet(first)
    rebuild(first)  # so that the keeper, too, has written into every partition of the old log
    before = {layout: len(stack.rows_of(layout)) for layout in stack.LAYOUTS}
    make_anew()
    kafka_admin.make_topic_anew("grabs")
    stack.wait_for(lambda: alarms() > 0, 60, "partitions are stopped")

    answers = []

    def sells_no_more():
        answers.append(stack.grab(users.take(1), first, base=stack.ENV["WEIR_INGEST"]))
        return "made anew" in processes.tells(stack.ENV["WEIR_INGEST"])
    stack.wait_for(sells_no_more, 90, "ingest says that the log is another one", every=0.02)
    refused = stack.grab(users.take(1), first, base=stack.ENV["WEIR_INGEST"])
    assert refused.status == 503 and refused.json["code"] == "log_away", refused
    assert {layout: len(stack.rows_of(layout)) for layout in stack.LAYOUTS} == before, "something of the new log was stored"
    check_keeper_appends_no_more()

    go_on_at_the_begin()
    stack.ready_again()
    unknowns = [unknown(a) for a in answers if a.status == 202]
    assert unknowns, "nothing went into the new log"
    states = resolve(unknowns, HOLD_MS)
    told = sum(a.status == 200 and a.json["success"] for a in answers)
    stack.wait_quiet(first)
    assert len(stack.check_coupon(first, 2000)) == 100 + told + sum(state == "ok" for state in states.values())
    stack.wait_for(lambda: stack.grab(users.take(1), first).json["success"], 30, "the sale goes on")
    check_not_rebuilt_until_it_is_said(first)


def rebuild(coupon):
    epoch = stack.epoch()
    stack.stock_redis().flushall()
    stack.wait_for(lambda: stack.epoch() > epoch and stack.is_open(coupon), 60, "the stock is rebuilt")


def check_keeper_appends_no_more():
    """Its CANCELs of the unknowns are acknowledged by another log than the one that it knows: it says so, and does not send them again and again."""
    words, since = "nothing could be appended", stack.log_size("keeper")
    stack.wait_for(lambda: words in stack.log_since("keeper", since), 60, "the keeper sees that the log is another one")
    assert "no CANCEL can be appended" in processes.tells(stack.ENV["WEIR_KEEPER"])
    end = sum(stack.watermarks().values())
    stack.wait_for(lambda: stack.log_since("keeper", since).count(words) > 3, 60, "it has tried again and again")
    assert sum(stack.watermarks().values()) == end


def check_not_rebuilt_until_it_is_said(coupon):
    """Nobody knows what the old log had behind progress; the README says how a person tells that it is known to be lost."""
    stack.wait_quiet(coupon)
    epoch = stack.epoch()
    stack.stock_redis().flushall()
    stack.wait_for(lambda: "no stock is rebuilt without them" in processes.tells(stack.ENV["WEIR_KEEPER"]), 60,
                   "the keeper says what is wrong")
    assert stack.epoch() == epoch and not stack.is_open(coupon)
    for number in range(stack.SHARDS):
        stack.shard(number, "UPDATE progress SET dead_letters = GREATEST(CAST(dead_letters AS SIGNED) + CAST(next_offset AS SIGNED) - CAST(records AS SIGNED), 0),"
                            " records = next_offset WHERE topic = 'grabs' AND records <> next_offset")
    stack.wait_for(lambda: stack.is_open(coupon), 60, "the stock is rebuilt")
    stack.check_coupon(coupon, 2000)
