"""A sale as its buyers see it: exact stock, one grab a user, the same grab for the same try."""
import concurrent.futures
import json

from support import stack, users
from support.storm import Storm


def test_sold_out_exactly():
    total, buyers = 300, 3000
    coupon = stack.new_coupon(total)
    storm = Storm(coupon, users.take(buyers), buyers, connections=300)
    summary = storm.finish()
    assert summary["accepted_new"] == total, summary
    assert summary["refused"] == {"out_of_stock": buyers - total}, summary
    stack.wait_quiet(coupon)
    assert stack.left(coupon) == 0
    ok = stack.check_coupon(coupon, total)
    assert ok == {int(h["grab_id"]) for h in storm.accepted()}
    reads = stack.get(f"/api/coupon/{coupon}/stock").json
    assert (reads["total"], reads["left"], reads["sold"]) == (total, 0, total), reads


def test_one_user_fifty_times_at_once():
    coupon = stack.new_coupon(100)
    user = users.take(1)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: stack.grab(user, coupon), range(50)))
    assert {a.status for a in answers} <= {200, 202}, answers
    ids = {a.json["grab_id"] for a in answers}
    assert len(ids) == 1, f"{len(ids)} different grabs"
    good = [a.json for a in answers if a.status == 200]
    assert good and all(a["success"] and a["grab_status"] == 1 for a in good)
    assert sum(1 for a in good if not a.get("replayed")) <= 1
    stack.wait_quiet(coupon)
    assert stack.check_coupon(coupon, 100) == {int(ids.pop())}


def test_second_try_after_a_lost_answer_gets_the_same_grab():
    coupon = stack.new_coupon(10)
    user = users.take(1)
    body = json.dumps({"user_id": user, "coupon_id": coupon}).encode()
    host, port = stack.ENV["WEIR_INGEST"].removeprefix("http://").split(":")
    import socket

    with socket.create_connection((host, int(port)), timeout=5) as lost:  # the client goes before the answer comes
        lost.sendall(b"POST /api/coupon/grab HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    claims = f"weir:{{{coupon}}}:claims"
    first = stack.wait_for(lambda: stack.stock_redis().hget(claims, str(user)), 5, "the lost grab is claimed").split(":")[0]
    stack.wait_for(lambda: stack.pending(coupon) == 0, 10, "the lost grab is settled")
    again = stack.grab(user, coupon)
    assert again.status == 200 and again.json["replayed"] is True and again.json["grab_id"] == first, (again, first)
    stack.wait_quiet(coupon)
    assert stack.check_coupon(coupon, 10) == {int(first)}


def test_limit_above_one_and_try_keys():
    coupon = stack.new_coupon(10, limit=2)
    user = users.take(1)
    first = stack.grab(user, coupon, key="try-a").json
    stack.wait_for(lambda: stack.pending(coupon) == 0, 10, "settled")
    same = stack.grab(user, coupon, key="try-a").json
    assert same["grab_id"] == first["grab_id"] and same["replayed"] is True
    second = stack.grab(user, coupon, key="try-b").json
    assert second["success"] and second["grab_id"] != first["grab_id"]
    third = stack.grab(user, coupon, key="try-c").json
    assert not third["success"] and third["reason"] == "limit_reached"
    unnamed = stack.grab(user, coupon).json
    assert unnamed["reason"] == "limit_reached"
    stack.wait_quiet(coupon)
    assert stack.check_coupon(coupon, 10) == {int(first["grab_id"]), int(second["grab_id"])}
    keys = {row[0] for row in stack.rows_of("hash", f"coupon_id = {coupon}", "try_key")}
    assert keys == {"try-a", "try-b"}


def test_answers_have_every_field():
    coupon = stack.new_coupon(1)
    first = users.take(2)
    good = stack.grab(first, coupon).json
    assert {"success", "grab_status", "reason", "fail_reason", "grab_id", "remaining_stock", "latency_ms", "token"} <= good.keys(), good
    assert (good["success"], good["grab_status"], good["reason"], good["fail_reason"], good["remaining_stock"]) == (True, 1, "success", None, 0)
    assert good["grab_id"].isdigit() and isinstance(good["grab_id"], str)
    bad = stack.grab(first + 1, coupon).json
    assert (bad["success"], bad["grab_status"], bad["reason"], bad["fail_reason"], bad["remaining_stock"]) == (False, 0, "out_of_stock", "out_of_stock", 0)


def test_the_other_refusals():
    user = users.take(1)
    assert stack.grab(user, 2**62).json["reason"] == "unknown_coupon"
    closed = stack.new_coupon(5, wait=False, gate="closed")
    assert stack.wait_for(lambda: stack.grab(user, closed).json.get("reason") == "not_started", 5, "not_started")
    future = stack.new_coupon(5, opens_at="2099-01-01T00:00:00Z")
    assert stack.grab(user, future).json["reason"] == "not_started"
    past = stack.new_coupon(5, ends_at="2024-02-01T00:00:00Z")
    assert stack.grab(user, past).json["reason"] == "ended"
    open_one, holder = stack.new_coupon(5), users.take(1)
    grab_id = stack.grab(holder, open_one).json["grab_id"]
    assert stack.admin(f"/admin/coupons/{open_one}/close").status in (200, 202)
    stack.wait_for(lambda: stack.mark(open_one)["state"] == "closed", 10, "the close is carried")
    assert stack.grab(user, open_one).json["reason"] == "ended"
    again = stack.grab(holder, open_one).json
    assert again["success"] and again["replayed"] and again["grab_id"] == grab_id, "whoever has a grab is told so behind a closed gate, too"
    assert stack.left(open_one) == 4


def test_restock_is_carried_once():
    coupon = stack.new_coupon(1)
    first = users.take(3)
    assert stack.grab(first, coupon).json["success"]
    assert stack.grab(first + 1, coupon).json["reason"] == "out_of_stock"
    answer = stack.admin(f"/admin/coupons/{coupon}/restock", {"add": 5})
    assert answer.status in (200, 202), answer
    stack.wait_for(lambda: stack.left(coupon) == 5, 10, "the restock is carried")
    assert stack.grab(first + 2, coupon).json["success"]
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, 6)) == 2


def test_batch_answers_each_in_order():
    coupon = stack.new_coupon(2)
    first = users.take(4)
    body = {"grabs": [{"user_id": first, "coupon_id": coupon}, {"user_id": "x", "coupon_id": coupon}, {"user_id": str(first + 1), "coupon_id": str(coupon)},
                      {"user_id": first + 2, "coupon_id": coupon}, {"coupon_id": coupon}]}
    answer = stack.call("POST", "/api/coupon/grab/batch", body)
    assert answer.status == 200, answer
    results = answer.json["results"]
    assert [r["status"] for r in results] == [200, 422, 200, 200, 422]
    assert [r.get("reason") for r in results if r["status"] == 200] == ["success", "success", "out_of_stock"]
    stack.wait_quiet(coupon)
    stack.check_coupon(coupon, 2)
