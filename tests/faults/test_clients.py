"""Clients that misbehave: they vanish, dribble, flood or lie about lengths. The others are served meanwhile, each grab is decided once, and afterwards
connections, file descriptors and memory are back."""
import contextlib
import socket
import time

import pytest

from support import process, raw, stack, users

INGEST, QUERY, KEEPER, FRONT = stack.ENV["WEIR_INGEST"], stack.ENV["WEIR_QUERY"], stack.ENV["WEIR_KEEPER"], stack.FRONT
BOTH = pytest.mark.parametrize("base", [INGEST, FRONT], ids=["ingest", "front"])
REQUEST_TIMEOUT_S = 3.0  # http.request_timeout_ms of ingest
TIMEOUT_S = {INGEST: REQUEST_TIMEOUT_S, FRONT: 5.0}  # of a whole request; of the front door its own, for a head: what comes after it meets that of ingest
SOME_FILES = 20  # a few connections more or less: health checks, engines that were connected to anew


@pytest.fixture(autouse=True)
def everything_runs_again():
    yield
    stack.ctl("resume", "kafka", check=False)
    stack.ctl("start", "ingest", "query")
    stack.ready_again()


@contextlib.contextmanager
def nothing_leaks(name="ingest", base=INGEST):
    """What happens within leaves no request in flight, no connection and no memory behind."""
    pid = stack.pid_of(name)
    stack.get("/metrics", base=base)
    files, memory = process.files_open(pid), process.memory_kib(pid)
    yield pid
    stack.wait_for(lambda: stack.metric(base, "weir_http_in_flight") == 1, 30, "nothing is in flight but the question for it")
    if name == "ingest":
        assert stack.metric(base, "weir_grabs_in_flight") == 0
    stack.wait_for(lambda: process.files_open(pid) <= files + SOME_FILES, 30, f"{name} has closed what it had opened ({files} files before)")
    grown = process.memory_kib(pid) - memory
    assert grown < 32 * 1024, f"{name} has grown by {grown} KiB"
    assert stack.pid_of(name) == pid


def assert_served(coupon, base):
    """Some other client's grab, on a connection of its own."""
    answer = stack.grab(users.take(1), coupon, base=base)
    assert answer.status == 200 and answer.json["success"], answer


# ---- they vanish ----

HEAD_ALONE, MID_BODY = slice(0, 90), slice(0, -10)


@pytest.mark.parametrize("base", [INGEST, pytest.param(FRONT, marks=pytest.mark.more)], ids=["ingest", "front"])
@pytest.mark.parametrize("sent", [HEAD_ALONE, MID_BODY], ids=["in_the_headers", "in_the_body"])
@pytest.mark.parametrize("leave", [raw.Wire.close, raw.Wire.reset], ids=["fin", "rst"])
def test_vanished_before_the_request_was_whole(base, sent, leave):
    coupon = stack.new_coupon(100)
    first = users.take(60)
    with nothing_leaks():
        for user in range(first, first + 60):
            leave(raw.Wire(base, raw.grab(user, coupon)[sent]))
        assert_served(coupon, base)
    stack.wait_quiet(coupon)
    assert len(stack.check_coupon(coupon, 100)) == 1, "a request that never was whole was decided"


@pytest.mark.parametrize("base,leave", [pytest.param(INGEST, raw.Wire.reset, id="ingest-rst"),
                                        pytest.param(FRONT, raw.Wire.reset, id="front-rst", marks=pytest.mark.more),
                                        pytest.param(INGEST, raw.Wire.close, id="ingest-fin", marks=pytest.mark.more),
                                        pytest.param(FRONT, raw.Wire.close, id="front-fin", marks=pytest.mark.more)])
def test_vanished_before_the_answer(base, leave):
    """Kafka is stopped until they are gone, so that no answer can have come; each of their grabs goes to its end all the same."""
    count = 3 * SOME_FILES  # what the front door keeps of its connections to ingest, it halves every five seconds
    coupon = stack.new_coupon(count + 10)
    first = users.take(count)
    with nothing_leaks():
        stack.ctl("pause", "kafka")
        gone = [raw.Wire(base, raw.grab(user, coupon)) for user in range(first, first + count)]
        stack.wait_for(lambda: stack.metric(INGEST, "weir_grabs_in_flight") == count, 10, "all of them wait for Kafka")
        for wire in gone:
            leave(wire)
        assert stack.metric(INGEST, "weir_grabs_in_flight") == count, "the fault came too late"
        stack.ctl("resume", "kafka")
        stack.wait_for(lambda: stack.metric(INGEST, "weir_grabs_in_flight") == 0, 30, "all of them are decided")
    stack.wait_quiet(coupon, 90)
    stack.check_coupon(coupon, count + 10)
    owners = sorted(row[1] for row in stack.ok_rows("hash", coupon))
    assert owners == list(range(first, first + count)), "one grab each"
    again = stack.grab(first, coupon)
    assert again.status == 200 and again.json["replayed"] is True, again


# ---- they are slow ----

HEAD = b"POST /api/coupon/grab HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("begin", [HEAD + b"X-Slow: ", HEAD + b"Content-Length: 9999\r\n\r\n{"], ids=["headers", "body"])
def test_one_byte_at_a_time(begin):
    """The limit is on the whole request, so that no trickle keeps a connection; others are served all the while."""
    coupon = stack.new_coupon(1000)
    with nothing_leaks():
        started = time.monotonic()
        by_base = {base: [raw.Wire(base, begin) for _ in range(count)] for base, count in ((INGEST, 100), (FRONT, 2 * SOME_FILES))}
        slow = [wire for wires in by_base.values() for wire in wires]
        closed_s, open_s = {}, {}  # first seen closed, last seen open: a busy machine looks seldom
        while len(closed_s) < len(slow) and time.monotonic() < started + 30:
            for wire in set(slow) - closed_s.keys():
                seen = closed_s if wire.ended() or not wire.send(b" ") else open_s
                seen[wire] = time.monotonic() - started
            assert_served(coupon, INGEST)
            assert_served(coupon, FRONT)
            time.sleep(0.2)
        assert len(closed_s) == len(slow), f"{len(slow) - len(closed_s)} of {len(slow)} are still open"
        assert min(closed_s.values()) >= REQUEST_TIMEOUT_S - 0.5, "a client that is only a little slow was cut"
        for base, wires in by_base.items():
            latest = max(open_s.get(wire, 0) for wire in wires)
            assert latest <= TIMEOUT_S[base] + 1, f"a slow client kept its connection to {base} for {latest:.1f} s"


@pytest.mark.measures
def test_answers_that_nobody_takes():
    """They ask for more than their sockets hold and read nothing: each waits for its own client, and nobody else does."""
    coupon = stack.new_coupon(100)
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: test\r\n\r\n"
    with nothing_leaks() as pid:
        before = process.memory_kib(pid)
        deaf = [raw.Wire(INGEST, ask * 100) for _ in range(50)]
        stack.wait_for(lambda: process.busiest_thread(pid, 0.2) < 0.5, 30, "it writes no more")
        assert process.memory_kib(pid) - before < 64 * 1024, "answers are piled up for clients that take none"
        assert_served(coupon, INGEST)
        for wire in deaf:
            wire.reset()


# ---- they send much ----

@BOTH
def test_pipelined_requests_are_answered_in_order(base):
    count = 200
    coupon = stack.new_coupon(count)
    first = users.take(count)
    with nothing_leaks():
        wire = raw.Wire(base, b"".join(raw.grab(first + n, coupon, f"X-Request-Id: pipe-{n}") for n in range(count)))
        answers = [wire.answer() for _ in range(count)]
        wire.close()
    assert [a.headers["x-request-id"] for a in answers] == [f"pipe-{n}" for n in range(count)]
    assert [a.json["user_id"] for a in answers] == list(range(first, first + count))
    assert all(a.status == 200 and a.json["success"] for a in answers)


@BOTH
@pytest.mark.parametrize("head,piece", [(b"Content-Length: 1073741824\r\n\r\n", b"x" * 65536),
                                        (b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n")],
                         ids=["a_length_of_1_gib", "chunks_without_end"])
def test_a_huge_body_is_refused_before_it_is_read(base, head, piece):
    limit = 64 << 20  # what the sockets and the front door may hold on the way, and much less than is offered
    with nothing_leaks() as pid:
        before = process.memory_kib(pid)
        wire, sent = raw.Wire(base, HEAD + head), 0
        while sent < limit and wire.send(piece) and not readable(wire.socket):
            sent += len(piece)
        assert sent < limit, f"{sent} bytes were taken"
        answer = wire.answer()
        assert answer is None or answer.status == 413, answer  # None: cut while it was still sending
        assert process.memory_kib(pid) - before < 16 * 1024
        wire.close()
    assert raw.send(base, HEAD + b"Content-Length: 1073741824\r\n\r\n").status == 413, "told so to a client that waits for the answer"


def readable(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        connection.settimeout(raw.TIMEOUT_S)


# ---- they speak something else, or say two things at once ----

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")


@BOTH
def test_http2_is_not_spoken(base):
    answer = raw.send(base, PREFACE)
    assert answer is None or answer.status in (400, 405), answer
    coupon = stack.new_coupon(10)
    wire = raw.Wire(base, raw.grab(users.take(1), coupon, *UPGRADE))
    answer = wire.answer()
    wire.close()
    assert answer.status == 200 and answer.json["success"], f"an offer to upgrade is passed over: {answer}"


def two_grabs(coupon, first_user, framing):
    """A request whose body, by one reading of its headers, is followed by a second request that hides in it by the other."""
    hidden = raw.grab(first_user + 1, coupon)
    body = raw.grab(first_user, coupon).split(b"\r\n\r\n", 1)[1]
    return HEAD + framing(body, hidden)


def lengths(*values):
    return b"".join(b"Content-Length: %d\r\n" % value for value in values)


def chunked(body):
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


CHUNKS = b"Transfer-Encoding: chunked\r\n"
FRAMINGS = {
    "two_lengths": lambda body, hidden: lengths(len(body), len(body) + len(hidden)) + b"\r\n" + body + hidden,
    "long_length_first": lambda body, hidden: lengths(len(body) + len(hidden), len(body)) + b"\r\n" + body + hidden,
    "equal_lengths": lambda body, hidden: lengths(len(body), len(body)) + b"\r\n" + body + hidden,
    "length_and_chunks": lambda body, hidden: lengths(len(chunked(body)) + len(hidden)) + CHUNKS + b"\r\n" + chunked(body) + hidden,
    "chunks_and_length": lambda body, hidden: CHUNKS + lengths(len(chunked(body)) + len(hidden)) + b"\r\n" + chunked(body) + hidden,
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_two_lengths_never_split_a_request_in_two_at_the_front(framing):
    """The front door refuses two lengths, and makes one of two equal ones. Beside chunks it drops the length (RFC 9112, 6.3) and closes, so what
    follows is a request for nobody."""
    coupon = stack.new_coupon(10)
    first = users.take(2)
    wire = raw.Wire(FRONT, two_grabs(coupon, first, FRAMINGS[framing]) + b"GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    answers = [wire.answer()]
    while answers[-1] is not None:
        answers.append(wire.answer())
    wire.close()
    if framing in ("two_lengths", "long_length_first"):
        assert [a and a.status for a in answers] == [400, None], answers
    elif framing == "equal_lengths":
        assert [a and a.status for a in answers] == [200, 200, 200, None], answers
    else:
        assert [a and a.status for a in answers] == [200, None], answers
    stack.wait_quiet(coupon)
    grabbed = {row[1] for row in stack.ok_rows("hash", coupon)}
    told = {a.json["user_id"] for a in answers if a is not None and a.status == 200 and a.body != b"ok\n"}
    assert grabbed == told, f"of users {first} and {first + 1}: {grabbed} have a grab, {told} were told so"


def assert_refused_and_closed(wire):
    answer = wire.answer()
    assert answer is not None and answer.status == 400 and answer.headers["connection"] == "close", answer
    assert answer.headers["content-type"] == "application/problem+json" and answer.json["code"] == "malformed", answer
    assert "Content-Length" in answer.json["detail"] and answer.json["success"] is False, answer
    assert wire.answer() is None, "what lies behind it is a request for nobody"
    wire.close()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_two_lengths_at_ingest_itself(framing):
    """Behind the front door no such request comes; one that does is refused as a whole (RFC 9112, 6.3), and nothing is reserved for it."""
    coupon = stack.new_coupon(10)
    with nothing_leaks():
        assert_refused_and_closed(raw.Wire(INGEST, two_grabs(coupon, users.take(2), FRAMINGS[framing]) + raw.grab(users.take(1), coupon)))
    stack.wait_quiet(coupon)
    assert stack.check_coupon(coupon, 10) == set() and stack.left(coupon) == 10
    assert_served(coupon, INGEST)


@pytest.fixture(scope="module")
def coupon_of_ten():
    return stack.new_coupon(10)


TOKEN = f"Authorization: Bearer {stack.ENV['WEIR_ADMIN_TOKEN']}"


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("base,line", [(INGEST, "POST /admin/coupons/COUPON/restock"), (INGEST, "POST /api/coupon/grab/batch"), (INGEST, "GET /livez"),
                                       (QUERY, "GET /api/coupon/COUPON/stock"), (QUERY, "POST /api/nothing"), (KEEPER, "GET /readyz")])
def test_two_lengths_at_every_other_place(coupon_of_ten, base, line, framing):
    """One layer reads the requests of all services."""
    body = b'{"add": 5, "grabs": []}'
    head = "\r\n".join([line.replace("COUPON", str(coupon_of_ten)) + " HTTP/1.1", "Host: test", "Content-Type: application/json", TOKEN, ""]).encode()
    assert_refused_and_closed(raw.Wire(base, head + FRAMINGS[framing](body, head + lengths(len(body)) + b"\r\n" + body)))
    assert stack.catalog("SELECT total FROM coupons WHERE coupon_id = %s", coupon_of_ten) == ((10,),), "it was restocked"


# ---- they are many ----

def test_8000_idle_connections():
    coupon = stack.new_coupon(1000)
    with nothing_leaks() as pid:
        idle = [raw.Wire(INGEST) for _ in range(8000)]
        stack.wait_for(lambda: stack.metric(INGEST, "weir_http_connections") >= 8000, 30, "all of them are accepted")
        assert process.files_open(pid) >= 8000
        for _ in range(50):
            assert_served(coupon, INGEST)
        assert process.busiest_thread(pid, 1) < 0.5, "idle connections cost nothing"
        late = idle[4000]
        late.send(raw.grab(users.take(1), coupon))
        assert late.answer().status == 200, "an idle one is as good as a new one"
        for wire in idle:
            wire.close()


def test_no_more_connections_than_allowed():
    """Further ones wait until one goes; those that are in are served."""
    allowed, coupon = 50, stack.new_coupon(100)
    stack.ctl("restart", "ingest", "--", f"--http.connections_max={allowed}")
    stack.ready_again()
    stack.ctl("stop", "haproxy")  # its health checks would wait in the same line
    pid = stack.pid_of("ingest")
    try:
        files = process.files_open(pid)
        waiting = [raw.Wire(INGEST, raw.grab(users.take(1), coupon)) for _ in range(allowed + 30)]
        served = raw.with_answers(waiting, 30, enough=allowed)
        assert len(served) == allowed and {wire.answer().status for wire in served} == {200}
        assert process.busiest_thread(pid, 1) < 0.5, "it does not spin on those that wait"
        assert not raw.with_answers(set(waiting) - set(served), 0) and process.files_open(pid) <= files + allowed, "no more than that were accepted"
        served[0].send(raw.grab(users.take(1), coupon))
        assert served[0].answer().status == 200
        for wire in served:
            wire.close()
        late = set(waiting) - set(served)
        assert [wire.answer().status for wire in late] == [200] * 30, "the others are served once there is room"
        for wire in late:
            wire.close()
    finally:
        stack.ctl("start", "haproxy")
        stack.ctl("restart", "ingest")


@pytest.mark.parametrize("name,base", [("ingest", INGEST), ("query", QUERY)])
def test_file_descriptors_used_up(name, base):
    """accept() fails: it does not spin, serves those that are in, and takes the others when there is room again."""
    ask = b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"
    with nothing_leaks(name, base) as pid:
        known = raw.Wire(base, ask)
        assert known.answer("GET").status == 200
        with process.FileLimit(pid, process.files_open(pid) + 5):
            waiting = [raw.Wire(base, ask) for _ in range(40)]
            assert process.busiest_thread(pid, 2) < 0.5, "it spins on accept"
            served = raw.with_answers(waiting, 0)
            assert len(served) <= 8, f"{len(served)} were accepted with 5 descriptors left"
            known.send(ask)
            assert known.answer("GET").status == 200, "who is in is served"
        assert [wire.answer("GET").status for wire in waiting] == [200] * len(waiting), "taken without being asked again"
        for wire in [known, *waiting]:
            wire.close()
    stack.ready_again()
    stack.wait_for(lambda: stack.get("/api/statistics/global").status == 200, 30, "questions are answered")
