"""weir-fault-proxy does what it is told, shown with a small peer on the other side: it answers each line with that line, and keeps what it has received."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest

from support.tree import ROOT

PROGRAM = pathlib.Path(os.environ.get("WEIR_BIN", ROOT / "build/test/bin")) / "weir-fault-proxy"
PATIENCE_S = 20


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.01)


class Echo:
    """A line comes back as it is. `ends` notes how each connection ended: "end" or "reset"."""

    def __init__(self):
        self.received, self.ends, self.port = b"", [], free_port()
        self.start()

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(listener.accept()[0],), daemon=True).start()

    def _serve(self, peer):
        line = b""
        with peer:
            try:
                while data := peer.recv(65536):
                    self.received += data
                    line += data
                    if line.endswith(b"\n"):
                        peer.sendall(line)
                        line = b""
                self.ends.append("end")
            except OSError:
                self.ends.append("reset")


class Proxy:
    def __init__(self, folder, peer):
        self.port, self.control = free_port(), free_port()
        (folder / "links").write_text(f"peer {self.port} 127.0.0.1:{peer.port}\n")
        self.process = subprocess.Popen([PROGRAM, "--control", str(self.control), "--links", str(folder / "links")], stderr=subprocess.PIPE, text=True)
        wait_for(self._answers, "the proxy answers")
        wait_for(lambda: self.link()["listening"], "the link listens")

    def _answers(self):
        with contextlib.suppress(OSError):
            return self.ask("status all")["ok"]
        return False

    def ask(self, command):
        with socket.create_connection(("127.0.0.1", self.control), timeout=PATIENCE_S) as connection:
            connection.sendall(command.encode() + b"\n")
            return json.loads(connection.makefile().readline())

    def tell(self, command):
        answer = self.ask(command)
        assert answer["ok"], answer
        return answer

    def link(self):
        return self.tell("status peer")["links"][0]

    def hit(self, kind):
        return self.link()["hit"][kind]

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def end(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0
        self.process.stderr.close()


@pytest.fixture
def peer():
    echo = Echo()
    yield echo
    with contextlib.suppress(OSError):
        echo.stop()


@pytest.fixture
def proxy(tmp_path, peer):
    started = Proxy(tmp_path, peer)
    yield started
    started.end()


def receive(client, count):
    data = b""
    while len(data) < count and (piece := client.recv(count - len(data))):
        data += piece
    return data


def asked(client, line=b"hello\n"):
    client.sendall(line)
    return receive(client, len(line))


def is_silent(client, seconds=0.3):
    """Nothing comes in that time, not even the end."""
    client.settimeout(seconds)
    try:
        return client.recv(1) is None
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE_S)


def is_reset(client):
    try:
        return client.recv(1) is None
    except ConnectionResetError:
        return True


def test_in_health_bytes_and_ends_pass(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    wait_for(lambda: peer.ends == ["end"], "the peer sees the end")
    wait_for(lambda: proxy.link()["connections"] == 0, "the connection is gone")
    link = proxy.link()
    assert (link["connections_total"], link["bytes"], set(link["hit"].values())) == (1, {"up": 6, "down": 6}, {0})


def test_a_reset_passes(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_for(lambda: peer.ends == ["reset"], "the peer sees the reset")


@pytest.mark.parametrize("direction,least,hits", [("both", 0.4, 1), ("up", 0.2, 1), ("down", 0.2, 1)])
def test_delay(proxy, direction, least, hits):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        proxy.tell(f"fault peer delay_ms=200 direction={direction}")
        begin = time.monotonic()
        assert asked(client, b"first\n") == b"first\n"
        assert time.monotonic() - begin >= least
        assert proxy.hit("delay") == hits
        proxy.tell("heal peer")
        assert asked(client) == b"hello\n"


def test_much_is_delayed_in_order_and_whole(proxy):
    data = b"".join(b"%09d " % number for number in range(200_000)) + b"\n"
    proxy.tell("fault peer delay_ms=20")
    with proxy.connect() as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        assert receive(client, len(data)) == data
        sender.join()


def test_throttle(proxy):
    proxy.tell("fault peer bytes_per_s=20000 direction=down")
    with proxy.connect() as client:
        begin = time.monotonic()
        assert len(asked(client, b"x" * 9999 + b"\n")) == 10_000
        assert time.monotonic() - begin > 0.4
    assert proxy.hit("throttle") == 1


def test_back_pressure(proxy, peer):
    """A reader that does not read stops its writer; the proxy keeps no more than its bounds."""
    proxy.tell("fault peer hold=1 direction=up")
    with proxy.connect() as client:
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                client.send(b"x" * 65536)
        assert proxy.link()["held"]["up"] <= 128 * 1024
    assert peer.received == b""


def test_hold_lets_everything_through_later(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        proxy.tell("fault peer hold=1")
        client.sendall(b"later\n")
        assert is_silent(client) and peer.received == b"hello\n" and proxy.hit("hold") == 1
        proxy.tell("heal peer")
        assert receive(client, 6) == b"later\n"


def test_hold_keeps_a_reset_to_itself_until_later(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        proxy.tell("fault peer hold=1")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_for(lambda: proxy.hit("hold") == 1, "the reset has come to the proxy")
    assert peer.ends == []
    proxy.tell("heal peer")
    wait_for(lambda: peer.ends == ["reset"], "the peer sees the reset")


def test_black_hole(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        proxy.tell("fault peer black_hole=1")
        client.sendall(b"gone\n")
        assert is_silent(client)
        client.shutdown(socket.SHUT_WR)  # an end vanishes too
        assert is_silent(client) and peer.received == b"hello\n" and peer.ends == []
        link = proxy.link()
        assert link["dropped"]["up"] == 5 and link["hit"]["black_hole"] == 1
        proxy.tell("heal peer")
        assert is_reset(client)
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"


def test_a_connection_without_a_loss_outlives_a_black_hole(proxy):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        proxy.tell("fault peer black_hole=1")
        proxy.tell("heal peer")
        assert asked(client) == b"hello\n"


def test_refuse_and_reject(proxy):
    with proxy.connect() as client:
        proxy.tell("fault peer refuse=1")
        with pytest.raises(ConnectionRefusedError):
            proxy.connect()
        assert asked(client) == b"hello\n", "an open connection is not touched"
        proxy.tell("heal peer")
        proxy.tell("fault peer reject=1")
        with contextlib.suppress(ConnectionResetError):  # it may come before the connect has returned
            with proxy.connect() as rejected:
                assert is_reset(rejected)
        assert proxy.hit("reject") == 1


def test_reset(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        assert proxy.tell("reset peer")["count"] == 1
        assert is_reset(client) and proxy.hit("reset") == 1
    wait_for(lambda: peer.ends == ["reset"], "the peer sees the reset")


def test_half_close(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        assert proxy.tell("end peer up")["count"] == 1
        wait_for(lambda: peer.ends == ["end"], "the peer sees the end")
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        proxy.tell("end peer down")
        assert client.recv(1) == b""
        client.sendall(b"still heard\n")
        wait_for(lambda: b"still heard" in peer.received, "the other direction goes on")
    assert proxy.hit("half_close") == 2


@pytest.mark.parametrize("direction,passes", [("up", b"hell"), ("down", b"hello\n")])
def test_cut(proxy, peer, direction, passes):
    with proxy.connect() as client:
        proxy.tell(f"fault peer cut_after=4 direction={direction}")
        client.sendall(b"hello\n")
        if direction == "down":
            assert receive(client, 4) == b"hell"
        assert is_reset(client)
    wait_for(lambda: peer.received == passes and peer.ends == ["reset"], "that much has arrived")
    assert proxy.hit("cut") == 1


def test_cut_a_request(proxy, peer):
    """Behind what it is known by; others pass, before it and when it was cut."""
    with proxy.connect() as client:
        proxy.tell("fault peer cut_request=1 match=COMMIT")
        assert asked(client) == b"hello\n"
        client.sendall(b"now COMMIT all\n")
        assert is_reset(client)
    wait_for(lambda: peer.received == b"hello\nnow COMMIT" and peer.ends == ["reset"], "that much has arrived")
    assert proxy.hit("cut") == 1
    with proxy.connect() as another:
        assert asked(another, b"COMMIT now\n") == b"COMMIT now\n", "one request was to be cut"


@pytest.mark.parametrize("then", ["silent", "cut"])
def test_swallow_the_answer(proxy, peer, then):
    with proxy.connect() as client:
        proxy.tell(f"fault peer swallow=1 match=COMMIT%20now then={then}")
        assert asked(client) == b"hello\n", "other requests are answered"
        client.sendall(b"COMM")
        wait_for(lambda: peer.received.endswith(b"COMM"), "the first half has arrived")
        client.sendall(b"IT now\n")
        wait_for(lambda: peer.received.endswith(b"COMMIT now\n"), "the request is delivered")
        assert is_silent(client) if then == "silent" else is_reset(client)
        wait_for(lambda: proxy.hit("swallow") == 1, "the swallowed answer is counted")
        with proxy.connect() as another:
            assert asked(another, b"COMMIT now\n") == b"COMMIT now\n", "one answer was to be swallowed"
        proxy.tell("heal peer")
        if then == "silent":
            assert is_reset(client)


def test_swallow_all(proxy):
    proxy.tell("fault peer swallow=all then=cut")
    for count in (1, 2, 3):
        with proxy.connect() as client:
            client.sendall(b"hello\n")
            assert is_reset(client) and proxy.hit("swallow") == count


def test_one_connection(proxy):
    with proxy.connect() as first, proxy.connect() as second:
        assert asked(first) == b"hello\n" and asked(second, b"second\n") == b"second\n"
        found = [c["id"] for c in proxy.tell("connections peer")["connections"] if c["bytes"]["up"] == 6]
        assert len(found) == 1
        proxy.tell(f"fault peer#{found[0]} hold=1")
        first.sendall(b"hello\n")
        assert asked(second) == b"hello\n" and is_silent(first)
        proxy.tell(f"heal peer#{found[0]}")
        assert receive(first, 6) == b"hello\n"
        assert proxy.tell(f"reset peer#{found[0]}")["count"] == 1
        assert is_reset(first) and asked(second) == b"hello\n"


def test_it_refuses_while_its_target_does(proxy, peer):
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"
        peer.stop()
    wait_for(lambda: not proxy.link()["listening"], "the link does not listen")
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    peer.start()
    wait_for(lambda: proxy.link()["listening"], "the link listens again")
    with proxy.connect() as client:
        assert asked(client) == b"hello\n"


@pytest.mark.parametrize("command,words", [
    ("fly peer", "there is no command"), ("fault nobody delay_ms=1", "there is no link"), ("fault peer", "no fault was named"),
    ("fault peer speed=1", "there is no fault"), ("fault peer delay_ms=-1", "delay_ms must be 0 to 60000"), ("fault peer delay_ms=1 direction=left", "direction must be"),
    ("fault peer swallow=some", "swallow must be"), ("fault peer cut_request=1", "cut_request needs match"), ("fault peer swallow=1 match=%zz", "match must be"), ("fault peer swallow=1 then=dance", "then must be"),
    ("fault peer delay_ms", "name=value"), ("heal peer#99", "has no connection"), ("end peer", "say which end"), ("link one two three", "a link is"),
    ("link peer 1 127.0.0.1:1", "already"), ("connections", "there is no link"), ("", "there is no command")])
def test_a_wrong_command_is_explained(proxy, command, words):
    answer = proxy.ask(command)
    assert answer["ok"] is False and words in answer["error"], answer


@pytest.mark.parametrize("arguments,code", [(["--help"], 0), ([], 2), (["--control", "0"], 2), (["--contro"], 2), (["--control", "1x", "y"], 2),
                                            (["--control", "9", "--links", "/nowhere"], 2)])
def test_exit_codes(arguments, code):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == code and (done.stdout if code == 0 else done.stderr)


def test_a_port_that_is_taken_is_named(tmp_path, peer):
    (tmp_path / "links").write_text(f"peer {peer.port} 127.0.0.1:{peer.port}\n")
    done = subprocess.run([PROGRAM, "--control", str(free_port()), "--links", str(tmp_path / "links")], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1 and "line 1" in done.stderr and f"port {peer.port}" in done.stderr, done
