"""The spans of id time that ingest was leased, by its own log; and whether the ids that were sold keep to them.

    with spans.short() as told:              ingest, started so that its spans are short and told; spans.told(): of the usual length
        ... sale, faults; whoever starts ingest in between does it with spans.ARGUMENTS ...
        told.check(coupon)
"""
import contextlib
import re
import time

from support import records, stack

SPAN_MS = 1000  # the shortest that may be leased
TELL = ("--log.level=debug",)
ARGUMENTS = (f"--ingest.id_span_ms={SPAN_MS}", *TELL)
TOLD = re.compile(r'span of ids (leased|given back)".* node=(\d+) begin_ms=(\d+) end_ms=(\d+)')


def node_of(grab_id):
    return (grab_id >> 12) & 1023


class Told:
    """What was leased since `offset` of ingest's log."""

    def __init__(self, offset):
        self.offset = offset

    def spans(self):
        """node -> [(begin, end)], in ms since 1970, sorted; without what was given back, which is the end of a span or all of it."""
        found = {}
        for what, *numbers in TOLD.findall(stack.log_since("ingest", self.offset)):
            node, begin, end = map(int, numbers)
            spans = found.setdefault(node, [])
            if what == "leased":
                spans.append((begin, end))
            else:
                whole = next(span for span in spans if span[0] <= begin and span[1] == end)
                spans.remove(whole)
                spans += [(whole[0], begin)] if whole[0] < begin else []
        return {node: sorted(spans) for node, spans in found.items()}

    def wait_over(self):
        """Waits, while ingest sleeps, until all that it was leased is in the past."""
        last = max(end for spans in self.spans().values() for _, end in spans)
        stack.wait_for(lambda: time.time() * 1000 > last, 10, "all spans of ids are over")

    def check(self, coupon):
        """No two spans of a node meet, the catalog has them, and each id of the coupon is unique and inside one of its node's."""
        told, ids = self.spans(), [row[0] for row in stack.rows_of("hash", f"coupon_id = {coupon}")]
        leased = dict(stack.catalog("SELECT node, end_ms FROM leases WHERE end_ms > 0"))
        for node, spans in told.items():
            if not spans:
                continue
            assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:])), f"spans of node {node} overlap: {spans}"
            assert leased[node] >= spans[-1][1], f"the catalog has leased node {node} until {leased[node]}, ingest says {spans[-1][1]}"
        assert ids and len(ids) == len(set(ids))
        outside = [i for i in ids if not any(begin <= records.time_ms(i) < end for begin, end in told.get(node_of(i), ()))]
        assert not outside, f"{len(outside)} of {len(ids)} ids lie in no span that their node was leased, among them {outside[0]}"


def short():
    """Afterwards ingest has its usual spans again."""
    return told(ARGUMENTS)


@contextlib.contextmanager
def told(arguments=TELL):
    found = Told(stack.log_size("ingest"))
    stack.ctl("restart", "ingest", "--", *arguments)
    stack.ready_again()
    try:
        yield found
    finally:
        stack.ctl("resume", "ingest", check=False)
        stack.ctl("restart", "ingest")
