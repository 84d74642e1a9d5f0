"""The links between the parts of the stack under test, and what can be done to them: weir-fault-proxy by command.

    with links.fault("ingest-redis", delay_ms=200):                            healed at the end; fails when no connection was hit
        ...
    with links.fault("worker-hash-shard2", swallow=1, match="COMMIT") as link:
        stack.wait_for(lambda: link.hits("swallow"), 30, "an answer is swallowed")

A link is CLIENT-SERVER: haproxy-ingest haproxy-query; ingest- keeper- query- worker-hash- worker-daily- with kafka (with three brokers also kafka2 and kafka3) and catalog; ingest- keeper- query-redis,
query-redis-cache; keeper- query- worker-hash- worker-daily- with shard0 to shard3. Faults: weir-fault-proxy --help.
"""
import contextlib
import json
import socket
import urllib.parse

from support.stack import ENV

KINDS = {"delay_ms": "delay", "bytes_per_s": "throttle", "black_hole": "black_hole", "hold": "hold", "reject": "reject", "cut_after": "cut", "cut_request": "cut", "swallow": "swallow"}


def ask(command):
    """One command; answers the JSON. What the proxy refuses is a mistake of the test."""
    host, port = ENV["WEIR_PROXY"].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(command.encode() + b"\n")
        answer = json.loads(connection.makefile().readline())
    assert answer["ok"], f"{command}: {answer}"
    return answer


def status(where="all"):
    """{name: {"connections", "connections_total", "bytes", "held", "dropped", "hit", "listening", "fault"}}"""
    return {link["name"]: link for link in ask(f"status {where}")["links"]}


def connections(name):
    """Those that are open: [{"id", "bytes", "fault"}]; `NAME#ID` is a place for fault, reset and end."""
    return ask(f"connections {name}")["connections"]


def names(*endings):
    """Of all links, or of those that end so."""
    return sorted(name for name in status() if not endings or name.endswith(endings))


def set_fault(where, **faults):
    words = [f"{name}={urllib.parse.quote(str(value))}" for name, value in faults.items()]
    ask(f"fault {where} {' '.join(words)}")


def heal(where):
    ask(f"heal {where}")


def heal_all():
    if "WEIR_PROXY" in ENV:  # else it is a stack without links
        heal("all")


def reset(where):
    """RST on every open connection; answers how many there were."""
    return ask(f"reset {where}")["count"]


def end(where, direction):
    """Half close of every open connection: the end of stream goes "up" to the server or "down" to the client."""
    return ask(f"end {where} {direction}")["count"]


class Fault:
    """A fault that holds on some links."""

    def __init__(self, links, faults):
        self.links = links
        self.kinds = [KINDS[name] for name in faults if name in KINDS]
        self.before = self._hit()

    def _hit(self):
        now = status()
        return {link: now[link]["hit"] for link in self.links}

    def hits(self, kind):
        """Connections that this fault has hit so far."""
        now = self._hit()
        return sum(now[link][kind] - self.before[link][kind] for link in self.links)

    def assert_hit(self):
        for kind in self.kinds:
            assert self.hits(kind) > 0, f"{kind} has hit no connection of {', '.join(self.links)}"


@contextlib.contextmanager
def fault(*where, may_miss=False, **faults):
    """The fault holds on these links until the end of the block, and has then hit a connection of one of them, unless it may miss."""
    held = Fault([place.split("#")[0] for place in where], faults)
    for place in where:
        set_fault(place, **faults)
    try:
        yield held
        if not may_miss:
            held.assert_hit()
    finally:
        for place in where:
            heal(place.split("#")[0])
