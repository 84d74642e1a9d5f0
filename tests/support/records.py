"""Records written past ingest, as any Kafka client could: their ids, their partitions (Kafka's own murmur2), and kcat to send them.

Coupons of such records are made up (`made_up_coupon`), so that no stock disagrees with the tables afterwards.
"""
import itertools
import json
import subprocess
import time

from support import stack, users
from support.stack import ENV

ID_EPOCH_MS = 1704067200000  # 2024-01-01T00:00:00Z
NODE = 1023  # the last to be leased
PARTITIONS = 16
_sequence = itertools.count()


def murmur2(key):
    """Of bytes, as a signed 32-bit number: org.apache.kafka.common.utils.Utils.murmur2."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(key)
    h = (0x9747B28C ^ length) & mask
    for at in range(0, length - length % 4, 4):
        k = int.from_bytes(key[at:at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = key[length - length % 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    h ^= h >> 15
    return h - (1 << 32) if h & 0x80000000 else h


def partition_of(key, partitions=PARTITIONS):
    return (murmur2(str(key).encode()) & 0x7FFFFFFF) % partitions


def users_of(partition, count):
    """That many new users whose records go to this partition."""
    found = []
    while len(found) < count:
        span = (count - len(found)) * (PARTITIONS + 2) + PARTITIONS
        first = users.take(span)
        found += [user for user in range(first, first + span) if partition_of(user) == partition]
    return found[:count]


def new_id(at_ms=None):
    """An id of now, or of `at_ms` (since 1970)."""
    number = next(_sequence)
    ms = int(time.time() * 1000) if at_ms is None else at_ms
    return (ms - ID_EPOCH_MS + number // 4096) << 22 | NODE << 12 | number % 4096


def time_ms(any_id):
    return (any_id >> 22) + ID_EPOCH_MS


def made_up_coupon():
    """A coupon that the catalog does not know, so that nothing but the tables ever counts it."""
    return (1 << 50) + users.take(1)


def grab_record(user, coupon, kind="grab", grab_id=None, **other):
    fields = {"v": 1, "type": kind, "grab_id": str(grab_id or new_id()), "user_id": user, "coupon_id": coupon, "room_id": 17, "epoch": epoch_cached(),
              "try_key": None}
    return {**fields, **other}


_epoch = None


def epoch_cached():
    """Read once a second at most: a test makes records by the thousand."""
    global _epoch
    if _epoch is None or time.monotonic() - _epoch[1] > 1:
        _epoch = (stack.epoch(), time.monotonic())
    return _epoch[0]


def send(pairs, partition, topic="grabs"):
    """(key, value) in order into one partition; a value is a record, or text to be sent as it is."""
    lines = [f"{key}\t{value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}" for key, value in pairs]
    done = subprocess.run(["kcat", "-P", "-b", ENV["WEIR_KAFKA"], "-t", topic, "-p", str(partition), "-K", "\t", "-X", "enable.idempotence=true"],
                          input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
