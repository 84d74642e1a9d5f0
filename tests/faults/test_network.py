"""Each link between two parts slow, silent or broken under load: what was promised is kept, and the service comes back by itself (I1-I5, I9, I14)."""
import time

import pytest

from support import links, lost, stack
from support.processes import tells
from support.reads import Reads
from support.sale import Sale

KEEPER = stack.ENV["WEIR_KEEPER"]
FAULT_S = 4  # how long a fault lasts
SILENCE_S = 45  # after a connection has fallen silent for good, everything works again: longer than any deadline of the services

# kind -> (the fault, the counter that shows it)
KINDS = {
    "delayed": ({"delay_ms": 200}, "delay"),
    "throttled": ({"bytes_per_s": 4000}, "throttle"),
    "black_hole": ({"black_hole": 1}, "black_hole"),
    "held": ({"hold": 1}, "hold"),
    "reset": ({"reject": 1}, "reject"),
}
LINKS = (["haproxy-ingest", "haproxy-query", "ingest-redis", "keeper-redis", "query-redis"]
         + [f"{client}-{server}" for client in ("ingest", "keeper", "query", "worker-hash", "worker-daily") for server in ("kafka", "catalog")]
         + [f"{client}-shard{number}" for client in ("keeper", "query", "worker-hash", "worker-daily") for number in range(stack.SHARDS)])
CORE = {("ingest-redis", "black_hole"), ("ingest-kafka", "reset"), ("worker-daily-shard1", "black_hole")}
CASES = [pytest.param(link, kind, marks=() if (link, kind) in CORE else pytest.mark.more) for link in LINKS for kind in KINDS]


@pytest.fixture(autouse=True)
def everything_is_ready():
    stack.ready_again()
    yield


def strike(link, kind):
    """The fault holds for some seconds, and is seen to have hit."""
    words, counter = KINDS[kind]
    if kind == "reset":  # before new ones are refused: a link may be used only now and then
        stack.wait_for(lambda: links.reset(link) > 0, 60, f"a connection of {link} is reset", every=0.02)
    with links.fault(link, **words) as fault:
        if kind == "reset":
            links.reset(link)  # those that came meanwhile
        stack.wait_for(lambda: fault.hits(counter) > 0, 60, f"{link} is {kind}")
        time.sleep(FAULT_S)  # the length of the fault


def new_sale(hold_ms):
    """Its load is longer than any fault here; Sale.end stops it."""
    return Sale(total=100_000, users_count=60_000, rate=300, hold_ms=hold_ms)


def check_reads(reads, link, kind=""):
    """An error is for who asks query over a link that is broken, or a shard that is slow (many short questions, in 2 s); only on its own way to the front door may an answer be cut."""
    broken = kind != "delayed"
    reads.check(may_fail="query" in link and (broken or "query-shard" in link), may_be_cut=link == "haproxy-query" and broken)


@pytest.mark.parametrize("link,kind", CASES)
def test_link(link, kind):
    swept = link == "keeper-kafka" or link.startswith("keeper-shard")  # links that the keeper uses only when there is something to end
    sale = new_sale(6000 if swept else 2000)
    with Reads(sale) as reads:
        if swept:
            lost.reserves(sale.coupon, 60)
        strike(link, kind)
    assert sale.storm.runs(), "the load was over before the fault"
    sale.end()
    check_reads(reads, link, kind)


def test_admin_changes_do_not_trip_over_a_connection_that_was_lost_while_idle():
    stack.new_coupon(10)  # ingest has a connection for admin changes now
    assert links.reset("ingest-catalog") > 0
    stack.new_coupon(10)


def silence_open_connections(link):
    """What is open now falls silent for good, as when a router forgets it; new connections are in health. Answers how many."""
    silenced = [connection["id"] for connection in links.connections(link)]
    for number in silenced:
        links.set_fault(f"{link}#{number}", black_hole=1)
    return len(silenced)


SILENT = ["ingest-redis", "ingest-kafka", "ingest-catalog", "keeper-redis", "keeper-catalog", "query-redis", "query-catalog", "query-kafka", "worker-hash-kafka",
          "worker-daily-kafka", "worker-hash-shard0", "worker-daily-shard0", "haproxy-ingest"]


@pytest.mark.parametrize("link", [pytest.param(link, marks=() if link == "worker-hash-kafka" else pytest.mark.more) for link in SILENT])
def test_connections_that_fall_silent_for_good(link):
    """Nobody says that they are gone: each part finds out by a deadline of its own, and connects anew."""
    sale = new_sale(2000)
    before = links.status(link)[link]
    with Reads(sale) as reads:
        assert silence_open_connections(link) > 0
        stack.wait_for(lambda: links.status(link)[link]["dropped"] != before["dropped"], 30, f"something is said on {link} that nobody hears")
        stack.wait_for(lambda: links.status(link)[link]["connections_total"] > before["connections_total"], SILENCE_S, f"{link} connects anew")
    assert sale.storm.runs(), "the load was over before the link was in health again"
    stack.ready_again(SILENCE_S)
    sale.end()
    check_reads(reads, link)


@pytest.mark.more
def test_a_shard_that_falls_silent_while_its_rows_are_read():
    """A rebuild knows it by the time that the next row takes, not by the time that all rows may take: everything is closed meanwhile. The rows are read again, by the same
    rebuild: another one would keep everything closed for one more wait."""
    sale = new_sale(2000)
    stack.wait_for(lambda: len(stack.ok_rows("hash", sale.coupon)) > 3000, 60, "there are rows to read")
    since, epoch = stack.log_size("keeper"), stack.epoch()
    with links.fault("keeper-shard0", bytes_per_s=4000, direction="down"):
        stack.stock_redis().flushall()
        stack.wait_for(lambda: ", fold, 3 of 4 shards" in tells(KEEPER), 30, "rows are read", every=0.02)
        assert silence_open_connections("keeper-shard0") > 0
    stack.wait_for(lambda: "they are read again" in stack.log_since("keeper", since), 30, "the fold is given up")
    stack.wait_for(lambda: stack.epoch() > epoch and stack.is_open(sale.coupon), 30, "the coupon is open again")
    assert stack.epoch() == epoch + 1 and "a step did not come through" not in stack.log_since("keeper", since)
    sale.end()
