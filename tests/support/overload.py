"""An overload with a bottleneck that is known: a throttled link of ingest makes the capacity small and steady, so that one machine can offer ten times as
much. Used by tests/faults/test_overload.py and bench/overload.

    with Bottleneck("ingest-kafka", bytes_per_s=200_000, coupon=coupon):
        capacity = measure_capacity(coupon)
        ...
"""
import contextlib
import threading
import time

from support import links, stack, users
from support.storm import Storm

INGEST = stack.ENV["WEIR_INGEST"]


def counters():
    """What the admission has done so far."""
    return {"reserved": stack.metric(INGEST, "weir_reserve_batch_grabs_total"), "refused": stack.metric(INGEST, "weir_grabs_total", outcome="overloaded"),
            "accepted": stack.metric(INGEST, "weir_grabs_total", outcome="success")}


@contextlib.contextmanager
def bottleneck(link, bytes_per_s):
    """Within it, what ingest sends over this link goes at that pace."""
    with links.fault(link, bytes_per_s=bytes_per_s, direction="up") as held:
        yield held


def measure_capacity(coupon, grabs, connections=32):
    """Accepted grabs a second with so many clients that each wait for their answer, and the 99th percentile of their times (ms): the link is never
    idle, and nobody is refused."""
    storm = Storm(coupon, users.take(grabs), grabs, connections=connections, base=INGEST)
    summary = storm.finish()
    assert summary["accepted_new"] == grabs, summary
    return grabs / summary["seconds"], quantile(times_ms(storm.accepted()), 0.99)


class Load:
    """An open-loop load on ingest and what came of it, second by second."""

    def __init__(self, coupon, rate, seconds, connections=1000):
        count = int(rate * seconds)
        self.storm = Storm(coupon, users.take(count), count, rate=int(rate), connections=connections, base=INGEST)

    def wait(self):
        """Until the last answer; what came of it is read by finish()."""
        self.storm.wait(300)

    def finish(self):
        self.wait()
        self.summary = self.storm.finish()
        return self.summary

    def sending_us(self):
        return max(h["sent_us"] for h in self.storm.history)

    def rate_of_accepted(self):
        """Over the time of sending: what is answered later is no capacity."""
        sending_us = self.sending_us()
        return sum(1 for h in self.storm.accepted() if h["answered_us"] <= sending_us) / sending_us * 1e6

    def due_after(self, other, seconds):
        """The grabs of this load that were due when so many seconds had passed since `other` sent its last one."""
        since_us = other.summary["started_boottime_us"] + other.sending_us() + seconds * 1e6 - self.summary["started_boottime_us"]
        return [h for h in self.storm.history if h["due_us"] >= since_us]


def times_ms(history):
    """Sorted, of those answered: from sending to the answer. How late the generator sent is no part of it."""
    return sorted((h["answered_us"] - h["sent_us"]) / 1000 for h in history if h["answered_us"] is not None)


def quantile(ordered, q):
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


class Watch:
    """Asks ingest itself a few times a second while the load goes on; in a thread of its own."""

    def __init__(self, look, every_s=0.2):
        self.seen, self.failed, self._stop, self._look, self._every_s = [], None, threading.Event(), look, every_s
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self._stop.wait(self._every_s):
                begin = time.monotonic()
                what = self._look()
                self.seen.append((begin, time.monotonic() - begin, what))
        except Exception as error:  # whatever it is, the watch is blind from here on
            self.failed = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        assert self.failed is None, f"ingest did not answer under load: {self.failed}"
