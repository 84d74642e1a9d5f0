"""Each link between two parts slow, silent or broken under load: what was promised is kept, and the service comes back by itself (I1-I5, I9, I14)."""
import contextlib
import threading
import time

import pytest

from support import links, lost, stack
from support.sale import Sale

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


class Reads:
    """Questions that make query ask every part; their answers are whole or errors (I9). What must be in a whole one was stored before the fault."""

    def __init__(self, sale):
        grab_id, user, *_ = stack.ok_rows("hash", sale.coupon)[0]
        self.grab_id, self.mine, self.stock = str(grab_id), f"/api/user/{user}/coupons", f"/api/coupon/{sale.coupon}/stock"
        self.recent, self.all = "/api/orders/recent?hours=1&limit=5", "/api/statistics/global"
        self.sold_before, self.ok_before = stack.get(self.stock).json["sold"], stack.get(self.all).json["ok"]
        assert self.sold_before > 0
        self.paths = [self.mine, self.stock, self.recent, self.all, "/admin/shards/status"]
        self.answers, self.stop = [], threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def _ask(self):
        while not self.stop.is_set():
            for path in self.paths:
                with contextlib.suppress(OSError):  # the front door may be the link that is broken
                    self.answers.append((path, stack.get(path, timeout=10)))
            self.stop.wait(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def is_whole(self, path, answer):
        """Holds what it must hold, if it says that it is complete."""
        found = answer.json
        if path == self.mine:
            return any(row["grab_id"] == self.grab_id for row in found["data"])
        if path == self.recent:
            return found["count"] == 5
        if path == "/admin/shards/status":  # told also when one is away, of those that are not
            return all(shard["alive"] for shard in found["shards"])
        return found["sold"] >= self.sold_before if path == self.stock else found["ok"] >= self.ok_before

    def check(self):
        """Of all answers; and now every question is answered."""
        for path, answer in self.answers:
            assert answer.status in (200, 502, 503, 504), (path, answer)
            if answer.status == 200 and path == "/admin/shards/status":
                assert answer.json["complete"] == self.is_whole(path, answer), (path, answer)
            elif answer.status == 200:
                assert answer.json["complete"] and self.is_whole(path, answer), (path, answer)
        for path in self.paths:
            answer = stack.get(path)
            assert answer.status == 200 and answer.json["complete"] and self.is_whole(path, answer), (path, answer)


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


@pytest.mark.parametrize("link,kind", CASES)
def test_link(link, kind):
    swept = link == "keeper-kafka" or link.startswith("keeper-shard")  # links that the keeper uses only when there is something to end
    sale = Sale(total=5000, users_count=3000, rate=300, hold_ms=6000 if swept else 2000)
    with Reads(sale) as reads:
        if swept:
            lost.reserves(sale.coupon, 60)
        strike(link, kind)
    sale.end()
    reads.check()


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
    sale = Sale(total=5000, users_count=3000, rate=300, hold_ms=2000)
    before = links.status(link)[link]
    with Reads(sale) as reads:
        assert silence_open_connections(link) > 0
        stack.wait_for(lambda: links.status(link)[link]["dropped"] != before["dropped"], 30, f"something is said on {link} that nobody hears")
        stack.wait_for(lambda: links.status(link)[link]["connections_total"] > before["connections_total"], SILENCE_S, f"{link} connects anew")
    stack.ready_again(SILENCE_S)
    sale.end()
    reads.check()
