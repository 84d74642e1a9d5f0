"""`weir status` beside what is not as it should be: each part has its own word, and one that is wrong hides no other."""
import contextlib
import json

import pytest

from support import stack, tool

DONE, AWAY = 0, 3


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", "keeper", check=False)
    stack.ctl("start", "redis-stock", check=False)
    stack.ready_again()


def status(code, *settings):
    """(the answer as an object, as text)"""
    asked = [tool.run("status", *form, settings=settings, seconds=60) for form in (("--json",), ())]
    assert [done.returncode for done in asked] == [code, code] and not any(done.stderr for done in asked), asked
    return json.loads(asked[0].stdout), asked[1].stdout


@contextlib.contextmanager
def spoilt_row(coupon):
    """Its hold is longer than any."""
    before = stack.catalog("SELECT hold_ms FROM coupons WHERE coupon_id = %s", coupon)[0][0]
    stack.catalog("UPDATE coupons SET hold_ms = 3600001 WHERE coupon_id = %s", coupon)
    try:
        yield
    finally:
        stack.catalog("UPDATE coupons SET hold_ms = %s WHERE coupon_id = %s", before, coupon)


def test_a_broken_row_hides_no_other_coupon():
    coupon = stack.new_coupon(10)
    before = status(DONE)[0]["stock"]
    assert before["broken"] == 0 and before["open"] >= 1, before
    with spoilt_row(coupon):
        found, text = status(DONE)
        without_redis = status(AWAY, "--redis.stock=redis://127.0.0.1:1/0")
    stock = found["stock"]
    assert (stock["coupons"], stock["broken"], stock["open"]) == (before["coupons"], 1, before["open"] - 1), stock
    assert f"coupon {coupon}" in found["stock_why"] and f"1 BROKEN, left out; the first: {found['stock_why']}" in text, text
    assert "127.0.0.1:1" in without_redis[0]["redis_stock"]["why"] and str(coupon) not in without_redis[0]["redis_stock"]["why"], without_redis


def test_a_key_of_another_type_is_one_coupons():
    coupon = stack.new_coupon(10)
    before = status(DONE)[0]["stock"]
    stack.ctl("pause", "keeper")
    key, server = f"weir:{{{coupon}}}:stock", stack.stock_redis()
    server.rename(key, f"{key}:away")
    try:
        server.set(key, "text")
        found = status(AWAY)[0]  # the keeper sleeps, which would rebuild it
    finally:
        server.rename(f"{key}:away", key)
    stack.ctl("resume", "keeper")
    assert found["redis_stock"]["up"], found
    assert (found["stock"]["not_valid"], found["stock"]["open"]) == (before["not_valid"] + 1, before["open"] - 1), found["stock"]
