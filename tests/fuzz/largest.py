#!/usr/bin/python3
"""Writes inputs as long as a fuzz target's own limits let them be: too long and too dull to be kept in its corpus.

usage: tests/fuzz/largest.py TARGET FOLDER     adds one file for each; a target of short inputs has none
"""
import itertools
import json
import pathlib
import sys

KIB, MIB = 1 << 10, 1 << 20
ID = (1 << 63) - 1
GRAB_BYTES, ADMIN_BYTES, BATCH_BYTES, CONFIG_BYTES = 16 * KIB, 32 * KIB, MIB, MIB  # as the product's *_BYTES_MAX
HEAD_BYTES = 16 * KIB  # what the front door takes
GROUP = 64  # STOCK_GROUP_ITEMS_MAX
URLS = 64  # CONFIG_LIST_MAX


def text(value):
    return json.dumps(value, separators=(",", ":")).encode()


def padded(body, size):
    """JSON that blanks make longer."""
    return body + b" " * (size - len(body))


def grab(number):
    return {"user_id": str(ID - number), "coupon_id": ID, "room_id": (1 << 32) - 1}


def grab_body():
    batch = text({"grabs": [grab(n) for n in range(1000)]})
    return {
        "grab": padded(text(grab(0)), GRAB_BYTES),
        "batch": batch,
        "batch_in_blanks": padded(batch, BATCH_BYTES),
        "batch_of_one_more": text({"grabs": [{}] * 1001}),
        "batch_of_empty_lists": b'{"grabs":[' + b"[]," * (BATCH_BYTES // 24) + b"[]]}",
        "lists_in_lists": b'{"grabs":' + b"[" * (BATCH_BYTES - 10),
        "names": text({f"{n:x}": 0 for n in range(BATCH_BYTES // 160)}),
    }


def admin_body():
    coupon = {"coupon_id": 7, "room_id": 1, "title": "t" * 120, "total": 1, "description": "é" * 2000, "terms": "x" * 8000}
    return {"coupon": padded(text(coupon), ADMIN_BYTES), "text_over_its_column": text({**coupon, "description": "", "terms": "é" * 4001})}


def config():
    urls = b"".join(b"    - mysql://" + b"u" * 4080 + b":%02d" % n + b"\n" for n in range(URLS))
    values = b"part:\n  text: " + b"t" * 4096 + b"\n  secret: " + b"s" * 4096 + b"\n  urls:\n" + urls
    return {
        "values": values,
        "values_under_a_comment": b"#" * (CONFIG_BYTES - len(values) - 1) + b"\n" + values,
        "a_byte_too_much": b"#" * CONFIG_BYTES + b"\n",
        "lists_in_lists": b"part: " + b"[" * (CONFIG_BYTES - 6),
        "aliases": b"part: &a\n  text: &b xx\n  urls: [" + b"*b, " * 20_000 + b"*a]\n",
        "flags": b"part: {}\n\0" + b"\0".join(b"--part.text=" + b"t" * 4096 for _ in range(8)),
    }


def head(line, value_bytes):
    return b"POST / HTTP/1.1\r\n" + line + b"".join(b"X-%d: %b\r\n" % (n, b"v" * value_bytes) for n in range(HEAD_BYTES // (value_bytes + 9))) + b"\r\n"


def headers():
    return {"head": b"token\0" + head(b"Content-Length: 1\r\n", 150), "head_of_folds": b"\0" + head(b"Content-Length: 1\r\n" + b" 1\r\n" * 1000, 900)}


def query_string(size):
    return b"&".join(b"x%d=%%41+%%42" % n for n in itertools.islice(itertools.count(), size // 14))


def question():
    return {"many_pairs": b"\x00" + b"7\0" + query_string(HEAD_BYTES) + b"&limit=7", "long_cursor": b"\x01" + b"7\0cursor=" + b"A" * (HEAD_BYTES - 20)}


def escapes():
    return {"pairs": b"limit\0" + query_string(HEAD_BYTES), "all_escaped": b"a\0" + b"%41" * (HEAD_BYTES // 3)}


def record():
    known = {"v": 1, "type": "grab", "grab_id": str(ID), "user_id": 1, "coupon_id": 1, "room_id": 1, "epoch": 1}
    return {"somebody_elses": b"\0" + text({**known, "try_key": "k" * (MIB - 200)}), "lists_in_lists": b"\0" + b"[" * (MIB - 1)}


def response():
    status = b"HTTP/1.1 200 OK\r\n"
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (b"b" * size for size in (1, 8190, 3, 4000)))
    lines = b"".join(b"X-%d: %b\r\n" % (n, b"v" * 100) for n in range(98))
    return {
        "chunks_past_what_is_kept": b"\xff" + status + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n",
        "many_headers": b"\x7f" + status + lines + b"Content-Length: 0\r\n\r\n",
        "long_line": b"\xff" + status + b"X: " + b"v" * 2043 + b"\r\nLocation: /" + b"l" * 254 + b"\r\nContent-Length: 0\r\n\r\n",
    }


def number(value, size=8):
    return b"\x00" + bytes([size]) + value.to_bytes(size, "big")


def stock_reply():
    """Answers to a full group; a reply's kinds are the places in `types` of fuzz_stock_reply.c."""
    begin = number(1) + number(5000) + number(17)
    taken = number(1) + number(0) + number(41)
    existing = number(2) + b"\x01\x13" + b"%019d" % ID + number(0)
    group = bytes([3, GROUP - 1, 2, 3 + 3 * GROUP]) + begin
    return {"all_taken": group + taken * GROUP, "all_existing": group + existing * GROUP, "all_settled": bytes([0, GROUP - 1, 2, GROUP]) + number(1) * GROUP}


def urls():
    return {"of_redis": b"redis://:" + b"p" * 4096 + b"\0" + b"q" * 2000 + b"@h:1/0", "of_mysql": b"mysql://" + b"%41" * 1300 + b":\0p@" + b"h" * 2000 + b":1/d"}


MAKERS = {maker.__name__: maker for maker in (grab_body, admin_body, config, headers, question, escapes, record, response, stock_reply, urls)}


def main(target, folder):
    for name, data in MAKERS.get(target, dict)().items():
        pathlib.Path(folder, name).write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
