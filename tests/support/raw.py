"""HTTP as bytes: requests that no client library would send."""
import http.client
import socket
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
