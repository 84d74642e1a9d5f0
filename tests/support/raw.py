"""HTTP as bytes: requests that no client library would send."""
import http.client
import json
import select
import socket
import struct
import time
import urllib.parse

from support.stack import Answer

TIMEOUT_S = 15


def send(base, data, method="POST"):
    """Sends `data` as it is on a connection of its own and reads one answer; None when the server closed without one."""
    place = urllib.parse.urlparse(base)
    with socket.create_connection((place.hostname, place.port), timeout=TIMEOUT_S) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may answer before it has read all
        answer = http.client.HTTPResponse(connection, method=method)
        try:
            answer.begin()
            body = answer.read()
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        return Answer(answer.status, answer.getheaders(), body)


def request(base, method, target, body=None, headers=()):
    """One request with exactly these headers beside Host, Connection and Content-Length."""
    lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: test", b"Connection: close"]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in headers]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return send(base, b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""), method)


class _Kept:
    """What an HTTPResponse takes for a socket: it reads from one buffer after another response has, and closes nothing."""

    def __init__(self, connection):
        self.reader = connection.makefile("rb")
        self.read, self.readline, self.readinto = self.reader.read, self.reader.readline, self.reader.readinto

    def makefile(self, _mode):
        return self

    def flush(self):
        pass

    def close(self):
        pass


class Wire:
    """One connection that a test writes to as it likes."""

    def __init__(self, base, data=b""):
        place = urllib.parse.urlparse(base)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=TIMEOUT_S)
        self.kept = _Kept(self.socket)
        self.send(data)

    def send(self, data):
        """False when the server has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def answer(self, method="POST"):
        """The next answer on this connection; None when it was closed without one."""
        answer = http.client.HTTPResponse(self.kept, method=method)
        try:
            answer.begin()
            return Answer(answer.status, answer.getheaders(), answer.read())
        except (http.client.BadStatusLine, ConnectionResetError):
            return None

    def ended(self):
        """Whether the server has closed it, as far as is known now; what it sends is thrown away."""
        try:
            while self.socket.recv(65536, socket.MSG_DONTWAIT):
                pass
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def close(self):
        self.kept.reader.close()  # else the descriptor stays open for it
        self.socket.close()

    def reset(self):
        """Goes away by RST, as a client does whose process was killed with answers unread."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def with_answers(wires, seconds, enough=None):
    """Those of the wires that have something to read within `seconds`; sooner when `enough` have."""
    end = time.monotonic() + seconds
    poll = select.poll()
    by_file = {wire.socket.fileno(): wire for wire in wires}
    for file in by_file:
        poll.register(file, select.POLLIN)
    while True:
        ready = [by_file[file] for file, _ in poll.poll(0)]
        if len(ready) >= (enough or len(wires)) or time.monotonic() > end:
            return ready
        time.sleep(0.05)


def grab(user, coupon, *headers):
    """The bytes of one grab that keeps its connection."""
    body = json.dumps({"user_id": user, "coupon_id": coupon}).encode()
    lines = ["POST /api/coupon/grab HTTP/1.1", "Host: test", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
