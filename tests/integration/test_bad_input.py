"""Bad requests: each gets its own status and code as a problem (RFC 9457), none a 5xx, none takes a unit or writes a record.

A case is a row of one of the tables; those of writes are asked of the front door and of ingest, those of reads of the front door and of query. The last
test looks that nothing has come of all of them, so that a body which is wrongly let through is found even where its answer looks right.
"""
import gzip
import json
import uuid

import pytest

from support import raw, stack, users

GRAB, BATCH, COUPONS = "/api/coupon/grab", "/api/coupon/grab/batch", "/admin/coupons"
JSON = ("Content-Type", "application/json")
BODY_MAX, BATCH_BODY_MAX, BATCH_MAX = 16 * 1024, 1024 * 1024, 1000


class Sale:
    """A coupon with stock and a user that could grab: what is refused is refused for its form."""

    def __init__(self):
        self.coupon = stack.new_coupon(100)
        self.user = users.take(1)
        self.coupons = stack.catalog("SELECT COUNT(*), SUM(total), SUM(version) FROM coupons")
        stack.wait_quiet(self.coupon)
        self.marks = stack.watermarks()

    def fill(self, text):
        """USER and COUPON become ids."""
        data = text if isinstance(text, bytes) else text.encode()
        return data.replace(b"USER", b"%d" % self.user).replace(b"COUPON", b"%d" % self.coupon)


@pytest.fixture(scope="module")
def sale():
    return Sale()


def check_problem(answer, status, code, request_id=None):
    assert answer is not None, "closed without an answer"
    assert answer.status == status, answer
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json", answer
    problem = answer.json
    assert problem["code"] in code.split("|"), problem
    assert problem["status"] == status and problem["success"] is False and problem["title"], problem
    assert isinstance(problem["detail"], str) and len(problem["detail"]) > 10, problem
    assert problem["request_id"] == (request_id or answer.headers["x-request-id"]), problem


def good_except(**fields):
    """A right grab with some fields replaced; the values are JSON text."""
    known = {"user_id": "USER", "coupon_id": "COUPON", **fields}
    return "{" + ",".join(f'"{name}":{value}' for name, value in known.items() if value is not None) + "}"


def padded(size, body='{"user_id":USER}'):
    """Without a coupon_id, of exactly `size` bytes once the ids are in."""
    return lambda sale: sale.fill(body[:-1]) + b" " * (size - len(sale.fill(body))) + b"}"


# ---- the body of a grab: (name, body, status, code) ----

NOT_JSON = (
    ("empty", ""), ("blank", "   \r\n"), ("open_brace", "{"), ("only_a_word", "grab"), ("single_quotes", "{'user_id':USER,'coupon_id':COUPON}"),
    ("bare_keys", "{user_id:USER,coupon_id:COUPON}"), ("comma_at_end", '{"user_id":USER,"coupon_id":COUPON,}'),
    ("comma_missing", '{"user_id":USER "coupon_id":COUPON}'),
    ("colon_missing", '{"user_id" USER,"coupon_id":COUPON}'), ("cut_in_a_string", '{"user_id":USER,"coupon_id'),
    ("cut_at_the_end", '{"user_id":USER,"coupon_id":COUPON'),
    ("word_behind", '{"user_id":USER,"coupon_id":COUPON}x'), ("two_objects", '{"user_id":USER,"coupon_id":COUPON}{}'),
    ("brace_behind", '{"user_id":USER,"coupon_id":COUPON}}'),
    ("comment", '{"user_id":USER,/* me */"coupon_id":COUPON}'), ("nan", good_except(user_id="NaN")), ("infinity", good_except(user_id="Infinity")),
    ("plus_sign", good_except(user_id="+5")), ("leading_zero", good_except(user_id="05")), ("hexadecimal", good_except(user_id="0x10")),
    ("dot_first", good_except(user_id=".5")), ("dot_last", good_except(user_id="5.")), ("underscores", good_except(user_id="1_000")),
    ("python_none", good_except(user_id="None")),
    ("capital_true", good_except(user_id="True")), ("form", "user_id=USER&coupon_id=COUPON"), ("xml", "<grab><user_id>USER</user_id></grab>"),
    ("byte_order_mark", b"\xef\xbb\xbf" + good_except().encode()), ("utf16", '{"a":1}'.encode("utf-16")), ("utf32", '{"a":1}'.encode("utf-32")),
    ("gzip", gzip.compress(b'{"user_id":5}', mtime=0)), ("invalid_utf8", b'{"user_id":USER,"coupon_id":COUPON,"x":"\xff"}'),
    ("overlong_utf8", b'{"user_id":USER,"coupon_id":COUPON,"x":"\xc0\xaf"}'),
    ("surrogate_in_utf8", b'{"user_id":USER,"coupon_id":COUPON,"x":"\xed\xa0\x80"}'), ("half_an_escape", '{"user_id":USER,"coupon_id":COUPON,"x":"\\u12"}'),
    ("lone_surrogate", '{"user_id":USER,"coupon_id":COUPON,"x":"\\ud800"}'), ("nul_escape", '{"user_id":USER,"coupon_id":COUPON,"x":"\\u0000"}'),
    ("nul_escape_in_a_key", '{"user_id":USER,"coupon_id":COUPON,"\\u0000":1}'), ("nul_byte", b'{"user_id":USER,"coupon_id":COUPON,"x":"\0"}'),
    ("nul_behind", b'{"user_id":USER,"coupon_id":COUPON}\0'), ("control_byte", b'{"user_id":USER,"coupon_id":COUPON,"x":"\x01"}'),
    ("newline_in_a_string", '{"user_id":USER,"coupon_id":COUPON,"x":"a\nb"}'),
    ("deep_lists", '{"user_id":USER,"coupon_id":COUPON,"x":' + "[" * 5000 + "]" * 5000 + "}"),
    ("deep_objects", '{"user_id":USER,"coupon_id":COUPON,"x":' + '{"a":' * 2500 + "1" + "}" * 2500 + "}"),
)
NO_OBJECT = (("list", "[]"), ("list_of_a_grab", f"[{good_except()}]"), ("text", '"grab"'), ("number", "17"), ("null", "null"), ("true", "true"),
             ("float", "1.5"))
DUPLICATES = (
    ("user", '{"user_id":USER,"user_id":USER,"coupon_id":COUPON}'), ("coupon", '{"coupon_id":1,"user_id":USER,"coupon_id":COUPON}'),
    ("unknown_key", '{"user_id":USER,"coupon_id":COUPON,"x":1,"x":1}'), ("by_an_escape", '{"user_id":USER,"coupon_id":COUPON,"user\\u005fid":USER}'),
    ("inside", '{"user_id":USER,"coupon_id":COUPON,"x":{"a":1,"a":2}}'), ("empty_keys", '{"user_id":USER,"coupon_id":COUPON,"":1,"":2}'),
    ("long_key_of_two_byte_letters", '{"user_id":USER,"coupon_id":COUPON,' + ",".join(['"' + "é" * 300 + '":1'] * 2) + "}"),
)
NUMBERS = (  # neither a whole number in range nor its digits
    ("zero", "0"), ("minus_zero", "-0"), ("negative", "-1"), ("float", "1.5"), ("whole_float", "1.0"), ("exponent", "1e3"), ("capital_exponent", "1E3"),
    ("past_63_bits", "9223372036854775808"), ("past_64_bits", "18446744073709551617"), ("thirty_digits", "9" * 30), ("huge_exponent", "1e400"),
           ("minus_huge", "-1e400"),
    ("true", "true"), ("false", "false"), ("list", "[]"), ("list_of_one", "[5]"), ("object", "{}"), ("object_of_one", '{"id":5}'), ("empty_text", '""'),
           ("word", '"abc"'),
    ("text_zero", '"0"'), ("text_zeros", '"000"'), ("text_negative", '"-5"'), ("text_plus", '"+5"'), ("text_space_before", '" 5"'),
           ("text_space_behind", '"5 "'),
    ("text_space_inside", '"5 5"'), ("text_newline", '"5\\n"'), ("text_float", '"5.0"'), ("text_exponent", '"5e3"'), ("text_hexadecimal", '"0x5"'),
           ("text_comma", '"5,000"'),
    ("text_underscore", '"5_000"'), ("text_past_63_bits", '"9223372036854775808"'), ("text_past_64_bits", '"18446744073709551621"'),
           ("text_forty_digits", '"' + "5" * 40 + '"'),
    ("text_fullwidth", '"５"'), ("text_arabic", '"٥"'), ("text_quoted", '"\\"5\\""'),
)
ROOMS = (("negative", "-1"), ("past_32_bits", "4294967296"), ("text_past_32_bits", '"4294967296"'), ("float", "1.5"), ("true", "true"), ("list", "[17]"),
         ("word", '"x"'),
         ("empty_text", '""'), ("object", "{}"))
MISSING = (("everything", "{}"), ("user", good_except(user_id=None)), ("coupon", good_except(coupon_id=None)), ("user_null", good_except(user_id="null")),
           ("coupon_null", good_except(coupon_id="null")), ("other_spelling", '{"userId":USER,"couponId":COUPON}'),
           ("capitals", '{"USER_ID":USER,"coupon_id":COUPON}'.replace("USER_ID", "User_Id")),
           ("one_level_down", '{"grab":{"user_id":USER,"coupon_id":COUPON}}'))


def grab_bodies():
    for name, body in NOT_JSON:
        yield f"json_{name}", body, 400, "not_json"
    for name, body in NO_OBJECT:
        yield f"no_object_{name}", body, 400, "not_an_object"
    for name, body in DUPLICATES:
        yield f"twice_{name}", body, 400, "duplicate_key"
    for name, value in NUMBERS:
        yield f"user_{name}", good_except(user_id=value), 422, "bad_field"
        yield f"coupon_{name}", good_except(coupon_id=value), 422, "bad_field"
    for name, value in ROOMS:
        yield f"room_{name}", good_except(room_id=value), 422, "bad_field"
    for name, body in MISSING:
        yield f"missing_{name}", body, 422, "missing_field"
    yield "size_at_the_limit", padded(BODY_MAX), 422, "missing_field"  # read, and then refused for what it says
    yield "size_past_the_limit", padded(BODY_MAX + 1), 413, "body_too_large"
    yield "size_twice_the_limit", padded(2 * BODY_MAX), 413, "body_too_large"


BASES = {"front": stack.FRONT, "ingest": stack.ENV["WEIR_INGEST"], "query": stack.ENV["WEIR_QUERY"]}


def body_of(sale, body):
    return body(sale) if callable(body) else sale.fill(body)


@pytest.mark.parametrize("base", ["front", "ingest"])
@pytest.mark.parametrize("body,status,code", [pytest.param(*case[1:], id=case[0]) for case in grab_bodies()])
def test_grab_body(sale, base, body, status, code):
    check_problem(raw.request(BASES[base], "POST", GRAB, body_of(sale, body), [JSON]), status, code)


LIMITS = ('{"user_id":1,"coupon_id":%d}', '{"user_id":9223372036854775807,"coupon_id":%d,"room_id":0}',
          '{"user_id":"9223372036854775807","coupon_id":"%d","room_id":4294967295}',
          '{"user_id":"1","coupon_id":%d,"room_id":"4294967295"}', '{"user_id":5,"coupon_id":%d,"room_id":null,"x":{"y":[1.5,"\\u00e9"]}}')


@pytest.mark.parametrize("body", LIMITS)
def test_the_limits_themselves_are_right(body):
    """Of a coupon that is not there, so that nothing is sold."""
    answer = raw.request(stack.FRONT, "POST", GRAB, (body % (2**63 - 1)).encode(), [("Content-Type", "application/json")])
    assert answer.status == 200 and answer.json["reason"] == "unknown_coupon" and answer.json["success"] is False, answer


# ---- headers of a grab ----

HEADERS = (
    ("type_text", [("Content-Type", "text/plain")], 415, "not_json_type"), ("type_form", [("Content-Type", "application/x-www-form-urlencoded")], 415,
                                                                            "not_json_type"),
    ("type_multipart", [("Content-Type", "multipart/form-data; boundary=x")], 415, "not_json_type"),
    ("type_longer", [("Content-Type", "application/jsonx")], 415, "not_json_type"),
    ("type_patch", [("Content-Type", "application/json-patch+json")], 415, "not_json_type"), ("type_shorter", [("Content-Type", "application/jso")], 415,
                                                                                              "not_json_type"),
    ("type_xml", [("Content-Type", "application/xml; charset=utf-8")], 415, "not_json_type"),
    ("type_second", [("Content-Type", "text/plain, application/json")], 415, "not_json_type"),
    ("key_empty", [JSON, ("Idempotency-Key", "")], 422, "bad_idempotency_key"), ("key_65_bytes", [JSON, ("Idempotency-Key", "k" * 65)], 422,
                                                                                 "bad_idempotency_key"),
    ("key_1000_bytes", [JSON, ("Idempotency-Key", "k" * 1000)], 422, "bad_idempotency_key"),
    ("key_space", [JSON, ("Idempotency-Key", "a b")], 422, "bad_idempotency_key"),
    ("key_tab", [JSON, ("Idempotency-Key", "a\tb")], 422, "bad_idempotency_key"), ("key_not_ascii", [JSON, ("Idempotency-Key", "caf\u00e9")], 422,
                                                                                   "bad_idempotency_key"),
)


@pytest.mark.parametrize("base", ["front", "ingest"])
@pytest.mark.parametrize("headers,status,code", [pytest.param(*case[1:], id=case[0]) for case in HEADERS])
def test_grab_headers(sale, base, headers, status, code):
    check_problem(raw.request(BASES[base], "POST", GRAB, sale.fill(good_except()), headers), status, code)


# ---- a batch ----

def batch_of(count):
    return '{"grabs":[' + ",".join(['{"user_id":USER,"coupon_id":COUPON}'] * count) + "]}"


BATCHES = (
    ("empty", "", 400, "not_json"), ("cut", '{"grabs":[', 400, "not_json"), ("list", "[]", 400, "not_an_object"), ("no_grabs", "{}", 422, "missing_field"),
    ("a_grab", good_except(), 422, "missing_field"), ("null", '{"grabs":null}', 422, "bad_field|missing_field"), ("object", '{"grabs":{}}', 422, "bad_field"),
    ("text", '{"grabs":"x"}', 422, "bad_field"), ("number", '{"grabs":3}', 422, "bad_field"), ("one_too_many", batch_of(BATCH_MAX + 1), 422, "too_many_grabs"),
    ("five_thousand", batch_of(5000), 422, "too_many_grabs"), ("grabs_twice", '{"grabs":[],"grabs":[]}', 400, "duplicate_key"),
    ("key_twice_in_a_grab", '{"grabs":[{"user_id":USER,"user_id":USER,"coupon_id":COUPON}]}', 400, "duplicate_key"),
    ("invalid_utf8", b'{"grabs":[],"x":"\xfe"}', 400, "not_json"), ("huge_number", '{"grabs":[{"user_id":1e999,"coupon_id":COUPON}]}', 422, "bad_field"),
    ("size_at_the_limit", padded(BATCH_BODY_MAX, '{"grabs":3}'), 422, "bad_field"), ("size_past_the_limit", padded(BATCH_BODY_MAX + 1, '{"grabs":3}'), 413,
                                                                                     "body_too_large"),
)


@pytest.mark.parametrize("base", ["front", "ingest"])
@pytest.mark.parametrize("body,status,code", [pytest.param(*case[1:], id=case[0]) for case in BATCHES])
def test_batch(sale, base, body, status, code):
    check_problem(raw.request(BASES[base], "POST", BATCH, body_of(sale, body), [JSON]), status, code)


def test_batch_of_bad_grabs_answers_each(sale):
    bad = ['1', '"x"', 'null', '[]', '{}', good_except(user_id="0"), good_except(coupon_id='"x"'), good_except(room_id="-1"), good_except(user_id="1.5"),
           good_except(user_id="null")]
    answer = raw.request(stack.FRONT, "POST", BATCH, sale.fill('{"grabs":[' + ",".join(bad) + "]}"), [JSON])
    assert answer.status == 200, answer
    results = answer.json["results"]
    assert [r["status"] for r in results] == [422] * len(bad)
    assert all(r["success"] is False and r["code"] in ("bad_field", "missing_field") and r["detail"] for r in results), results


def test_empty_batch_is_an_empty_answer():
    answer = raw.request(stack.FRONT, "POST", BATCH, b'{"grabs":[]}', [JSON])
    assert answer.status == 200 and answer.json["results"] == [], answer


# ---- paths and methods: (name, base, method, target, status, code) ----

PLACES = (
    ("grab_by_get", "ingest", "GET", GRAB, 405, "method_not_allowed"), ("grab_by_put", "ingest", "PUT", GRAB, 405, "method_not_allowed"),
    ("grab_by_delete", "ingest", "DELETE", GRAB, 405, "method_not_allowed"), ("grab_by_patch", "ingest", "PATCH", GRAB, 405, "method_not_allowed"),
    ("grab_by_options", "ingest", "OPTIONS", GRAB, 405, "method_not_allowed"), ("grab_in_small_letters", "ingest", "post", GRAB, 405, "method_not_allowed"),
    ("grab_by_a_new_method", "ingest", "GRAB", GRAB, 405, "method_not_allowed"), ("batch_by_get", "ingest", "GET", BATCH, 405, "method_not_allowed"),
    ("coupons_by_get", "ingest", "GET", COUPONS, 405, "method_not_allowed"), ("coupons_by_delete", "ingest", "DELETE", COUPONS, 405, "method_not_allowed"),
    ("nothing", "ingest", "POST", "/api/nothing", 404, "not_found"), ("plural", "ingest", "POST", GRAB + "s", 404, "not_found"),
    ("slash_behind", "ingest", "POST", GRAB + "/", 404, "not_found"), ("below_batch", "ingest", "POST", BATCH + "/1", 404, "not_found"),
    ("capitals", "ingest", "POST", GRAB.upper(), 404, "not_found"), ("root", "ingest", "POST", "/", 404, "not_found"),
    ("no_such_action", "ingest", "POST", f"{COUPONS}/1/reset", 404, "not_found"), ("front_grab_by_put", "front", "PUT", GRAB, 405, "method_not_allowed"),
    ("front_grab_by_delete", "front", "DELETE", GRAB, 405, "method_not_allowed"), ("front_batch_by_get", "front", "GET", BATCH, 405, "method_not_allowed"),
    ("front_grab_by_get", "front", "GET", GRAB, 405, "method_not_allowed"),
    ("front_nothing", "front", "GET", "/api/nothing", 404, "not_found"), ("front_root", "front", "GET", "/", 404, "not_found"),
    ("front_nothing_by_post", "front", "POST", "/api/nothing", 404, "not_found"), ("front_slash_behind", "front", "POST", GRAB + "/", 404, "not_found"),
    ("query_list_by_post", "query", "POST", "/api/user/1/coupons", 405, "method_not_allowed"), ("query_list_by_put", "query", "PUT", "/api/orders/recent", 405,
                                                                                                "method_not_allowed"),
    ("query_list_by_delete", "query", "DELETE", "/api/room/1/orders", 405, "method_not_allowed"),
    ("query_nothing", "query", "GET", "/api/nothing", 404, "not_found"),
    ("query_no_id", "query", "GET", "/api/user//coupons", 404, "not_found"), ("query_slash_behind", "query", "GET", "/api/orders/recent/", 404, "not_found"),
)


@pytest.mark.parametrize("base,method,target,status,code", [pytest.param(*case[1:], id=case[0]) for case in PLACES])
def test_place(sale, base, method, target, status, code):
    body = sale.fill(good_except()) if method not in ("GET", "DELETE", "OPTIONS") else None
    answer = raw.request(BASES[base], method, target, body, [JSON] if body else [])
    check_problem(answer, status, code)
    if status == 405:
        assert answer.headers.get("allow"), answer.headers


# ---- admin ----

def bearer(token):
    return ("Authorization", f"Bearer {token}")


TOKEN = stack.ENV["WEIR_ADMIN_TOKEN"]
TOKENS = (("none", []), ("empty", [("Authorization", "")]), ("scheme_alone", [("Authorization", "Bearer")]), ("token_alone", [("Authorization", TOKEN)]),
          ("basic", [("Authorization", f"Basic {TOKEN}")]), ("wrong", [bearer("x" * len(TOKEN))]), ("shorter", [bearer(TOKEN[:-1])]),
          ("longer", [bearer(TOKEN + "x")]),
          ("other_case", [bearer(TOKEN.swapcase())]), ("two_blanks", [("Authorization", f"Bearer  {TOKEN}")]), ("as_query", []))


@pytest.mark.parametrize("base", ["front", "ingest"])
@pytest.mark.parametrize("headers", [pytest.param(case[1], id=case[0]) for case in TOKENS])
@pytest.mark.parametrize("path", [COUPONS, f"{COUPONS}/COUPON/restock", f"{COUPONS}/COUPON/close"])
def test_admin_token(sale, base, path, headers):
    target = sale.fill(path).decode() + f"?token={TOKEN}"
    body = json.dumps({"room_id": 17, "title": "test", "total": 5, "add": 5}).encode()
    answer = raw.request(BASES[base], "POST", target, body, [JSON, *headers])
    check_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def coupon_except(**fields):
    known = {"room_id": "17", "title": '"test"', "total": "5", **fields}
    return "{" + ",".join(f'"{name}":{value}' for name, value in known.items() if value is not None) + "}"


def admin_bodies():
    yield "empty", "", 400, "not_json"
    yield "list", "[]", 400, "not_an_object"
    yield "twice", '{"room_id":17,"room_id":17,"title":"x","total":5}', 400, "duplicate_key"
    for name in ("room_id", "title", "total"):
        yield f"no_{name}", coupon_except(**{name: None}), 422, "missing_field"
    wrong = {"total": ("0", "-1", "1.5", "1e3", '"x"', "true", "[]", "1000000000001", "9" * 25),
             "title": ('""', "5", "null", "[]", json.dumps("x" * 121), json.dumps("é" * 61)),
             "room_id": ("-1", "4294967296", '"x"', "1.5"), "per_user_limit": ("0", "-1", "1001", '"x"', "1.5"), "hold_ms": ("0", "999", "600001", "-5", '"x"'),
             "gate": ('"ajar"', '"OPEN"', "true", "1"), "description": ("5", json.dumps("x" * 8001)), "terms": ("[]",),
             "coupon_id": ("0", "-1", '"x"', "9007199254740992", "9223372036854775807", "9223372036854775808"),
             "opens_at": ('"soon"', '"2026-13-01T00:00:00Z"', '"2026-02-30T00:00:00Z"', '"2026-01-01"', '"2026-01-01T00:00:00"', '"2026-01-01T25:00:00Z"', "5",
                          '"2026-01-01T00:00:00+99:00"'),
             "ends_at": ('"never"', '"2026-01-01 00:00"', '"2026-01-01T00:60:00Z"')}
    for name, values in wrong.items():
        for number, value in enumerate(values):
            yield f"{name}_{number}", coupon_except(**{name: value}), 422, "bad_field" if value != "null" else "bad_field|missing_field"
    yield "ends_before_it_opens", coupon_except(opens_at='"2026-02-01T00:00:00Z"', ends_at='"2026-01-01T00:00:00Z"'), 422, "bad_field"
    yield "too_large", padded(64 * 1024, '{"x":3}'), 413, "body_too_large"
    yield "exists", coupon_except(coupon_id="COUPON"), 409, "coupon_exists"


@pytest.mark.parametrize("body,status,code", [pytest.param(*case[1:], id=case[0]) for case in admin_bodies()])
def test_admin_create(sale, body, status, code):
    check_problem(raw.request(stack.FRONT, "POST", COUPONS, body_of(sale, body), [JSON, bearer(TOKEN)]), status, code)


def test_admin_create_wants_json(sale):
    check_problem(raw.request(stack.FRONT, "POST", COUPONS, coupon_except().encode(), [("Content-Type", "text/plain"), bearer(TOKEN)]), 415, "not_json_type")


RESTOCKS = (
    ("empty", "COUPON", "", 400, "not_json"), ("nothing", "COUPON", "{}", 422, "missing_field"), ("zero", "COUPON", '{"add":0}', 422, "bad_field"),
    ("negative", "COUPON", '{"add":-5}', 422, "bad_field"), ("float", "COUPON", '{"add":1.5}', 422, "bad_field"),
    ("word", "COUPON", '{"add":"x"}', 422, "bad_field"),
    ("true", "COUPON", '{"add":true}', 422, "bad_field"), ("huge", "COUPON", '{"add":1000000000001}', 422, "bad_field"),
    ("huge_exponent", "COUPON", '{"add":1e999}', 422, "bad_field"),
    ("past_the_largest_total", "COUPON", '{"add":1000000000000}', 422, "bad_field"), ("unknown", str(2**62), '{"add":5}', 404, "unknown_coupon"),
    ("id_zero", "0", '{"add":5}', 404, "unknown_coupon"), ("id_negative", "-1", '{"add":5}', 404, "unknown_coupon"),
    ("id_word", "x", '{"add":5}', 404, "unknown_coupon"),
    ("id_past_63_bits", str(2**63), '{"add":5}', 404, "unknown_coupon"), ("id_escaped_nul", "1%00", '{"add":5}', 404, "unknown_coupon|not_found"),
    ("id_quote", "1'", '{"add":5}', 404, "unknown_coupon"),
)


@pytest.mark.parametrize("coupon,body,status,code", [pytest.param(*case[1:], id=case[0]) for case in RESTOCKS])
def test_admin_restock(sale, coupon, body, status, code):
    target = sale.fill(f"{COUPONS}/{coupon}/restock").decode()
    check_problem(raw.request(stack.FRONT, "POST", target, sale.fill(body), [JSON, bearer(TOKEN)]), status, code)


@pytest.mark.parametrize("action", ["open", "close"])
def test_admin_gate_of_an_unknown_coupon(action):
    check_problem(raw.request(stack.FRONT, "POST", f"{COUPONS}/{2**62}/{action}", b"{}", [JSON, bearer(TOKEN)]), 404, "unknown_coupon")


# ---- reads: targets by status ----

IDS = ("abc", "0", "-1", "1.5", "1e3", "+1", "%201", "1%20", "9223372036854775808", "9" * 30, "1'", "%00", "1%00", "%ff", "0x1", "%EF%BC%95", "1;2")
LISTS = ("/api/user/1/coupons", "/api/room/1/orders", "/api/orders/recent")
OPTIONS = ("limit=0", "limit=1001", "limit=-1", "limit=x", "limit=1.5", "limit=", "limit=99999999999999999999", "limit=%31%00", "status=foo", "status=OK",
           "status=", "layout=foo", "layout=HASH",
           "layout=", "partial=maybe", "partial=", "limit=%zz")
TIMES = ("hours=0", "hours=169", "hours=-1", "hours=x", "hours=1.5", "hours=", "from=yesterday", "from=2026-01-01",
         "from=2026-13-01T00:00:00Z&to=2026-12-01T00:00:00Z",
         "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from=2026-01-01T00:00:00Z&to=x", "to=x", "from=2026-02-30T00:00:00Z&to=2026-03-01T00:00:00Z",
         "from=2026-01-01T00:00:00&to=2026-01-02T00:00:00Z", "hours=1&from=2026-01-01T00:00:00Z", "from=2026-01-01T25:00:00Z&to=2026-01-03T00:00:00Z")
PLACES_OF_A_GRAB = ("", "?user=1", "?epoch=1", "?user=0&epoch=1", "?user=x&epoch=1", "?user=-1&epoch=1", "?user=1&epoch=x", "?user=1&epoch=-1",
                    "?user=1.5&epoch=1", "?user=&epoch=",
                    "?user=9223372036854775808&epoch=1", "?user=1&epoch=99999999999999999999")


def reads_422():
    for bad in IDS:
        yield f"/api/user/{bad}/coupons"
        yield f"/api/coupon/{bad}"
        yield f"/api/coupon/{bad}/stock"
    for bad in IDS + ("4294967296",):
        if bad != "0":  # there may be a room 0
            yield f"/api/room/{bad}/stats"
            yield f"/api/room/{bad}/orders"
            yield f"/api/coupons?room_id={bad if bad != '+1' else '%2B1'}"
    for option in OPTIONS:
        for path in LISTS:
            yield f"{path}?{option}"
    for option in TIMES:
        yield f"/api/orders/recent?{option}"
    for bad in PLACES_OF_A_GRAB:
        yield f"/api/grab/123456789012345678{bad}"


READS = [(target, 422) for target in reads_422()]
READS += [(f"/api/grab/{bad}?user=1&epoch=1", 404) for bad in ("abc", "0", "-1", "1.5", "9223372036854775808", "9" * 30, "%31%20", "1%00", "0x1")]


READ_CODES = {400: {"malformed", "malformed_request"}, 404: {"not_found", "bad_grab_id", "coupon_not_found"},
              422: {"bad_parameter", "missing_parameter", "layout_unavailable"}}


@pytest.mark.parametrize("target,status", READS)
def test_read(target, status):
    answers = [raw.request(BASES[base], "GET", target) for base in ("front", "query")]
    for answer in answers:
        assert answer is not None and answer.status in (status, 400 if "%" in target else status, 404 if "%00" in target else status), answer
        assert answer.json["code"] in READ_CODES[answer.status], answer
        check_problem(answer, answer.status, answer.json["code"])
    if "/api/grab/" in target and status == 404:
        assert answers[0].json["code"] == "bad_grab_id", answers[0]


def test_unknown_coupon_is_not_found():
    for path in (f"/api/coupon/{2**62}", f"/api/coupon/{2**62}/details", f"/api/coupon/{2**62}/stock"):
        answer = stack.get(path)
        assert answer.status == 404 and answer.json["code"] == "coupon_not_found", (path, answer)


# ---- what only bytes can say; the answer is the server's parser's, so only its status is judged ----

BODY = b'{"user_id":USER,"coupon_id":COUPON}'
HEAD = b"POST /api/coupon/grab HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ONLY_FRONT = ("front",)  # whose bound is 16 KiB of head; h2o takes 400 KiB, and services listen behind the front door alone
BYTES = (
    ("two_lengths", HEAD + b"Content-Length: 35\r\nContent-Length: 36\r\n\r\n" + BODY, (400,), ("front", "ingest")),
    ("list_of_lengths", HEAD + b"Content-Length: 35, 36\r\n\r\n" + BODY, (400,), ("front", "ingest")),
    ("two_equal_lengths", HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", (400, 422), ("front", "ingest")),
    ("length_and_chunks", HEAD + b"Content-Length: 4\r\n" + CHUNKED + b"Connection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n", (400, 422), ("front", "ingest")),
    ("length_word", HEAD + b"Content-Length: abc\r\n\r\n" + BODY, (400,), ("front", "ingest")),
    ("length_negative", HEAD + b"Content-Length: -1\r\n\r\n" + BODY, (400,), ("front", "ingest")),
    ("length_plus", HEAD + b"Content-Length: +35\r\n\r\n" + BODY, (400,), ("front", "ingest")),
    ("length_huge", HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY, (400, 413), ("front", "ingest")),
    ("length_1_tib", HEAD + b"Content-Length: 1099511627776\r\n\r\n" + BODY, (413,), ("front", "ingest")),
    ("unknown_encoding", HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + BODY, (400, 422, 501), ("front", "ingest")),
    ("chunk_size_word", HEAD + CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n", (400,), ("front", "ingest")),
    ("chunks_past_the_limit", HEAD + CHUNKED + b"\r\n" + b"1000\r\n" + b" " * 4096 + b"\r\n" + (b"1000\r\n" + b" " * 4096 + b"\r\n") * 4 + b"0\r\n\r\n", (413,),
     ("front", "ingest")),
    ("chunks_that_are_right", HEAD + CHUNKED + b"Connection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n", (422,), ("front", "ingest")),
    ("no_host", b"POST /api/coupon/grab HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", (400, 422), ("front", "ingest")),
    ("space_in_a_header_name", HEAD + b"Bad Name: x\r\nContent-Length: 2\r\n\r\n{}", (400,), ("front", "ingest")),
    ("nul_in_a_header", HEAD + b"X-A: a\0b\r\nContent-Length: 2\r\n\r\n{}", (400,), ("front", "ingest")),
    ("header_of_20_kib", HEAD + b"X-A: " + b"a" * 20480 + b"\r\nContent-Length: 2\r\n\r\n{}", (400, 431), ONLY_FRONT),
    ("200_headers", HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"Content-Length: 2\r\n\r\n{}", (400, 431), ("front", "ingest")),
    ("target_of_20_kib", b"GET /" + b"a" * 20480 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (400, 414, 431), ONLY_FRONT),
    ("target_with_a_space", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", (400,), ("front", "ingest")),
    ("no_version", b"POST /api/coupon/grab\r\n\r\n", (400,), ("front", "ingest")),
    ("version_word", b"GET /livez HTTP/new\r\nHost: x\r\n\r\n", (400, 505), ("front", "ingest", "query")),
    ("http2_preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9, (400, 404, 405, 505), ("front",)),
    ("noise", bytes(range(128, 256)) + b"\r\n\r\n", (400,), ("front", "ingest", "query")),
    ("expectation", HEAD + b"Expect: the unexpected\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", (417, 422), ("front", "ingest")),
)


@pytest.mark.parametrize("data,statuses,bases", [pytest.param(*case[1:], id=case[0]) for case in BYTES])
def test_bytes(sale, data, statuses, bases):
    for base in bases:
        answer = raw.send(BASES[base], sale.fill(data))
        assert (answer is None and 400 in statuses) or answer.status in statuses, (base, answer)


def test_request_ids_are_echoed_in_problems():
    mine = f"test-{uuid.uuid4()}"
    for base, method, target in (("front", "POST", GRAB), ("ingest", "POST", GRAB), ("query", "GET", "/api/nothing"), ("front", "GET", "/api/nothing")):
        answer = raw.request(BASES[base], method, target, b"{" if method == "POST" else None, [("X-Request-Id", mine)])
        assert answer.json["request_id"] == mine and answer.headers["x-request-id"] == mine, (base, answer)


# ---- what came of it ----

def test_nothing_came_of_all_that(sale):
    """Last in the file: stock, rows, log and catalog are as they were."""
    stack.wait_quiet(sale.coupon)
    assert stack.left(sale.coupon) == 100
    for layout in stack.LAYOUTS:
        assert stack.rows_of(layout, f"coupon_id = {sale.coupon}") == []
    assert stack.watermarks() == sale.marks, "records were written"
    assert stack.catalog("SELECT COUNT(*), SUM(total), SUM(version) FROM coupons") == sale.coupons, "the catalog was changed"
    assert stack.is_open(sale.coupon)
    assert stack.grab(sale.user, sale.coupon).json["success"], "the user can not grab any more"
