"""Each service once from start to end: a short sale that sells out, reads and admin requests beside it, a stop.

Small on purpose. It asks nothing of speed, so it is also what a sanitizer's or valgrind's programs are run with:
ops/test --preset asan -R short_run, --preset tsan, --valgrind."""
import threading

import pytest

from support import stack
from support.sale import Sale

SERVICES = ("ingest", "keeper", "query", "worker-hash", "worker-daily")
TOTAL = 600


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("start", *SERVICES)
    stack.ready_again()


def paths(coupon):
    return (f"/api/coupon/{coupon}", f"/api/coupon/{coupon}/stock", f"/api/coupon/{coupon}/details", "/api/coupons?room_id=17", "/api/user/1/coupons",
            "/api/room/17/orders?limit=5", "/api/room/17/stats", "/api/orders/recent?hours=1&limit=5", "/api/statistics/global", "/admin/stats",
            "/admin/shards/status", "/openapi.json", "/metrics")


def read(sale, answers, stop):
    """Every kind of read, round and round."""
    while not stop.is_set():
        for path in paths(sale.coupon):
            try:
                answers.append((path, stack.get(path, base=stack.ENV["WEIR_QUERY"], timeout=60).status))
            except Exception as error:  # the thread goes on, and the check shows it
                answers.append((path, repr(error)))


def test_from_start_to_end():
    sale = Sale(total=TOTAL, users_count=800, rate=100, rows=50)
    answers, stop = [], threading.Event()
    readers = [threading.Thread(target=read, args=(sale, answers, stop)) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        assert stack.admin(f"/admin/coupons/{sale.coupon}/restock", {"add": 10}).status in (200, 202)
        sale.total += 10
        sale.finish_load()
        stack.wait_for(lambda: stack.mark(sale.coupon)["total"] == str(sale.total), 60, "the keeper has carried the restock")
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert {path for path, _ in answers} == set(paths(sale.coupon))
    assert {status for _, status in answers} == {200}, {a for a in answers if a[1] != 200}
    sale.end(seconds=180)
    assert len(stack.ok_rows("hash", sale.coupon)) > 0
    for name in SERVICES:
        offset = stack.log_size(name)
        stack.ctl("stop", name)
        text = stack.log_since(name, offset)
        assert "exit_code=0" in text, f"{name}: {text[-2000:]}"
