"""User ids that no other test has used: each call takes a span of its own, also across test files and runs."""
import os
import time

_next = (int(time.time()) % 10_000_000) * 10_000_000 + (os.getpid() % 100) * 100_000


def take(count):
    global _next
    first = _next
    _next += count
    return first
