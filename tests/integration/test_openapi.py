"""The OpenAPI document is sound, names every endpoint, and every real answer is one that it describes."""
import copy
import json
import re

import jsonschema
import pytest

from support import raw, records, stack, users

ENDPOINTS = {  # the HTTP contract
    "post": ("/api/coupon/grab", "/api/coupon/grab/batch", "/admin/coupons", "/admin/coupons/{id}/restock", "/admin/coupons/{id}/open",
             "/admin/coupons/{id}/close"),
    "get": ("/api/user/{id}/coupons", "/api/grab/{grab_id}", "/api/coupon/{id}", "/api/coupons", "/api/coupon/{id}/details", "/api/coupon/{id}/stock",
            "/api/room/{id}/orders",
            "/api/room/{id}/stats", "/api/orders/recent", "/api/statistics/global", "/admin/stats", "/admin/shards/status", "/livez", "/readyz", "/healthz",
            "/metrics", "/openapi.json"),
}
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="module")
def document():
    answer = stack.get("/openapi.json")
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    return answer.json


def resolve(document, node):
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation, item.get("parameters", []) + operation.get("parameters", [])


def validator(document, schema):
    """References are looked up in the whole document."""
    return jsonschema.Draft202012Validator({**copy.deepcopy(schema), "components": document["components"]}, format_checker=jsonschema.FormatChecker())


def every_node(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from every_node(child)


# ---- the document itself ----

def test_both_services_serve_the_same_document(document):
    assert stack.get("/openapi.json", base=stack.ENV["WEIR_INGEST"]).json == document == stack.get("/openapi.json", base=stack.ENV["WEIR_QUERY"]).json


def test_numbers_of_a_question_are_taken_as_the_document_says(document):
    """Of each read: the least and the largest that it names are taken, and what is one beyond is refused."""
    asked = 0
    for path, _, _, parameters in (operation for operation in operations(document) if operation[1] == "get"):
        parameters = [resolve(document, parameter) for parameter in parameters]
        right = {p["name"]: p["schema"].get("minimum", records.new_id()) for p in parameters if p["in"] == "path" or p.get("required")}
        for parameter in parameters:
            for bound, step in (("minimum", -1), ("maximum", 1)):
                if bound not in parameter["schema"]:
                    continue
                for number, refused in ((parameter["schema"][bound], False), (parameter["schema"][bound] + step, True)):
                    given = {**right, parameter["name"]: number}
                    query = "&".join(f"{p['name']}={given[p['name']]}" for p in parameters if p["in"] == "query" and p["name"] in given)
                    answer = stack.get(f"{path.format(**given)}?{query}", base=stack.ENV["WEIR_QUERY"])
                    assert (answer.status == 422) is refused and answer.status in (200, 404, 422), (path, given, answer)
                    asked += 1
    assert asked > 40


def test_head_of_the_document(document):
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"] and document["info"]["version"]


def test_every_endpoint_is_described(document):
    described = {}
    for path, method, _, _ in operations(document):
        described.setdefault(method, set()).add(path)
    assert described == {method: set(paths) for method, paths in ENDPOINTS.items()}


def test_references_lead_somewhere(document):
    references = [node["$ref"] for node in every_node(document) if isinstance(node, dict) and isinstance(node.get("$ref"), str)]
    assert len(references) > 50 and all(reference.startswith("#/") for reference in references)
    for reference in references:
        assert resolve(document, {"$ref": reference}), reference


def test_schemas_are_json_schema(document):
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema.get("description") or schema.get("properties") or len(schema) > 0, name
    found = [node["schema"] for node in every_node(document["paths"]) if isinstance(node, dict) and "schema" in node]
    for schema in found:
        jsonschema.Draft202012Validator.check_schema(schema)
    assert len(found) > 30


def test_operations_are_whole(document):
    ids = []
    for path, method, operation, parameters in operations(document):
        ids.append(operation["operationId"])
        assert operation["summary"], (path, method)
        known = [resolve(document, parameter) for parameter in parameters]
        assert {p["name"] for p in known if p["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path)), (path, method)
        assert all(p.get("required") is True for p in known if p["in"] == "path"), (path, method)
        assert all("schema" in p and p["in"] in ("path", "query", "header") for p in known), (path, method)
        assert len({(p["name"], p["in"]) for p in known}) == len(known), (path, method)
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", status) and resolve(document, response)["description"], (path, method, status)
    assert len(set(ids)) == len(ids)


def test_a_wrong_answer_is_found(document):
    """The check of answers can fail: a success without its grab_id, a problem without its code."""
    with pytest.raises(jsonschema.ValidationError):
        validator(document, {"$ref": "#/components/schemas/GrabSuccess"}).validate({"success": True, "grab_status": 1, "reason": "success"})
    with pytest.raises(jsonschema.ValidationError):
        validator(document, {"$ref": "#/components/schemas/Problem"}).validate({"type": "about:blank", "title": "x", "status": 404, "detail": "x",
                                                                                "request_id": "x", "success": False})


# ---- real answers ----

def check_answer(document, method, path, answer):
    """Its status is described, and its body and headers are as described there."""
    operation = document["paths"][path][method]
    assert str(answer.status) in operation["responses"], f"{method} {path} answers {answer.status}, which is not described: {answer}"
    response = resolve(document, operation["responses"][str(answer.status)])
    for name in response.get("headers", {}):
        assert name == "X-Cache" or name.lower() in answer.headers, f"{method} {path} {answer.status}: no {name}: {answer.headers}"
    media = answer.headers["content-type"].split(";")[0]
    assert media in response["content"], f"{method} {path} {answer.status} is of type {media}"
    if media.endswith("json"):
        validator(document, response["content"][media]["schema"]).validate(answer.json)


class Sale:
    def __init__(self):
        self.coupon = stack.new_coupon(2, description="large", terms="small")
        self.first = users.take(5)
        self.grabs = [stack.grab(self.first + at, self.coupon) for at in range(3)]  # two sold, one refused
        void = records.new_id()
        records.send([(self.first, records.grab_record(self.first, records.made_up_coupon(), "cancel", void))], records.partition_of(self.first))
        self.void = void
        stack.wait_quiet(self.coupon)


@pytest.fixture(scope="module")
def sale():
    return Sale()


def test_answers_of_grabs(document, sale):
    path = "/api/coupon/grab"
    assert [answer.json["success"] for answer in sale.grabs] == [True, True, False]
    again = stack.grab(sale.first, sale.coupon)
    assert again.json["replayed"] is True
    others = [stack.grab(sale.first, 2**62), again]
    for answer in [*sale.grabs, *others]:
        assert answer.status == 200
        check_answer(document, "post", path, answer)
    bad = ((b"{", 400), (b"{}", 422), (b" " * 20000, 413), (b'{"user_id":1,"user_id":2}', 400), (b'{"user_id":0,"coupon_id":1}', 422))
    for body, status in bad:
        answer = raw.request(stack.FRONT, "POST", path, body, [("Content-Type", "application/json")])
        assert answer.status == status
        check_answer(document, "post", path, answer)
    check_answer(document, "post", path, raw.request(stack.FRONT, "POST", path, b"{}", [("Content-Type", "text/plain")]))


def test_answers_of_batches(document, sale):
    path = "/api/coupon/grab/batch"
    bodies = ({"grabs": []}, {"grabs": [{"user_id": sale.first, "coupon_id": sale.coupon}, {"user_id": sale.first + 4, "coupon_id": sale.coupon}, {}, 5]}, {},
              {"grabs": [{}] * 1001})
    answers = [stack.call("POST", path, body) for body in bodies]
    assert [answer.status for answer in answers] == [200, 200, 422, 422]
    assert [r["status"] for r in answers[1].json["results"]] == [200, 200, 422, 422]
    for answer in answers:
        check_answer(document, "post", path, answer)


def test_answers_of_admin(document, sale):
    made = stack.admin("/admin/coupons", {"room_id": 17, "title": "test", "total": 5, "hold_ms": 4000, "opens_at": "2030-01-01T00:00:00Z",
                                          "ends_at": "2030-02-01T00:00:00+08:00"})
    assert made.status in (201, 202)
    check_answer(document, "post", "/admin/coupons", made)
    coupon = made.json["coupon_id"]
    for path, target, body in (("/admin/coupons/{id}/restock", f"/admin/coupons/{coupon}/restock", {"add": 3}),
                               ("/admin/coupons/{id}/close", f"/admin/coupons/{coupon}/close", {}),
                               ("/admin/coupons/{id}/open", f"/admin/coupons/{coupon}/open", {})):
        for target, wanted in ((target, (200, 202)), (target.replace(str(coupon), str(2**62)), (404,))):
            answer = stack.admin(target, body)
            assert answer.status in wanted, answer
            check_answer(document, "post", path, answer)
        unknown = stack.call("POST", target, body)
        assert unknown.status == 401
        check_answer(document, "post", path, unknown)
    for body, status in (({}, 422), ({"coupon_id": coupon, "room_id": 17, "title": "test", "total": 5}, 409)):
        answer = stack.admin("/admin/coupons", body)
        assert answer.status == status, answer
        check_answer(document, "post", "/admin/coupons", answer)


def reads(sale):
    first = sale.grabs[0].json
    return {
        "/api/user/{id}/coupons": (f"/api/user/{sale.first}/coupons", f"/api/user/{sale.first}/coupons?status=all&layout=daily",
                                   f"/api/user/{users.take(1)}/coupons", "/api/user/x/coupons"),
        "/api/grab/{grab_id}": (f"/api/grab/{first['grab_id']}?user={sale.first}&epoch={stack.epoch()}",
                                f"/api/grab/{sale.void}?user={sale.first}&epoch={stack.epoch()}",
                                f"/api/grab/{records.new_id()}?user={sale.first}&epoch={stack.epoch()}", "/api/grab/x?user=1&epoch=1", "/api/grab/5"),
        "/api/coupon/{id}": (f"/api/coupon/{sale.coupon}", f"/api/coupon/{2**62}", "/api/coupon/x"),
        "/api/coupon/{id}/details": (f"/api/coupon/{sale.coupon}/details", "/api/coupon/1/details", f"/api/coupon/{2**62}/details"),
        "/api/coupon/{id}/stock": (f"/api/coupon/{sale.coupon}/stock", "/api/coupon/1/stock", f"/api/coupon/{2**62}/stock", "/api/coupon/x/stock"),
        "/api/coupons": ("/api/coupons", "/api/coupons?room_id=1&limit=2", "/api/coupons?room_id=4294967294", "/api/coupons?room_id=x"),
        "/api/room/{id}/orders": ("/api/room/17/orders", "/api/room/17/orders?layout=hash&status=all", "/api/room/4294967294/orders",
                                  "/api/room/17/orders?limit=0"),
        "/api/room/{id}/stats": ("/api/room/17/stats", "/api/room/4294967294/stats", "/api/room/x/stats"),
        "/api/orders/recent": ("/api/orders/recent", "/api/orders/recent?hours=2&status=all", "/api/orders/recent?partial=allow", "/api/orders/recent?hours=0"),
        "/api/statistics/global": ("/api/statistics/global", "/api/statistics/global?layout=daily", "/api/statistics/global?layout=x"),
        "/admin/stats": ("/admin/stats",),
        "/admin/shards/status": ("/admin/shards/status",),
        "/livez": ("/livez",), "/readyz": ("/readyz", "/readyz?verbose"), "/healthz": ("/healthz",), "/metrics": ("/metrics",),
        "/openapi.json": ("/openapi.json",),
    }


def test_answers_of_reads(document, sale):
    assert set(reads(sale)) == set(ENDPOINTS["get"])
    for path, targets in reads(sale).items():
        for number, target in enumerate(targets):
            answer = stack.get(target)
            assert number > 0 or answer.status == 200, (target, answer)
            check_answer(document, "get", path, answer)


def test_the_examples_of_requests_are_taken(document, sale):
    """What the document calls a right request is one: no 4xx for the forms that clients send."""
    schema = validator(document, {"$ref": "#/components/schemas/GrabRequest"})
    user = users.take(4)
    bodies = ({"user_id": user, "coupon_id": sale.coupon}, {"user_id": str(user + 1), "coupon_id": str(sale.coupon), "room_id": "99"},
              {"user_id": user + 2, "coupon_id": sale.coupon, "room_id": None, "note": {"x": [1]}},
              {"user_id": user + 3, "coupon_id": sale.coupon, "room_id": 4294967295})
    for body in bodies:
        schema.validate(body)
        answer = stack.call("POST", "/api/coupon/grab", json.dumps(body).encode(), headers={"Content-Type": "Application/JSON; charset=utf-8"})
        assert answer.status == 200 and answer.json["reason"] == "out_of_stock", answer
