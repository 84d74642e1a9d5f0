"""Which folder may include which, where third-party headers may appear, and which words a folder must not know.

    core -> libraries only        protocol -> core's plain parts        schemas -> core's plain parts, protocol
    ingest, workers, query, ops, bench -> schemas, protocol, core and themselves, never one another

The rules are functions of a tree, so that the last test can show them failing on a tree made up for it.
"""
import re

import pytest

from support.tree import FOLDERS, ROOT, assert_none, files, text_of

PLAIN = {"core/err.h", "core/buf.h", "core/clock.h", "core/value.h", "core/planted.h"}
BEHIND_CORE = ("h2o.h", "h2o/", "mysql.h", "mysql/", "mariadb/", "rdkafka.h", "librdkafka/", "hiredis.h", "hiredis/")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
WORDS = {  # folder -> what it must not know; file names may narrow it
    "core": ("grab", "coupon", "shard"),
    "workers": ("coupon",),
}
# Of the schemas, those that serve every stream.
GENERIC_SCHEMAS = ("stream", "stream_check", "codec", "codec_scan", "codec_parse", "codec_parts", "ddl", "layout", "layout_hash", "layout_daily", "partition",
                   "route", "progress", "shard_identity", "table_day")


def test_the_generic_files_are_there():
    there = {p.stem for p in files(ROOT, ".c", ".h") if p.parts[0] == "schemas"}
    assert set(GENERIC_SCHEMAS) <= there


def sources(root, *folders):
    return [p for p in files(root, ".c", ".h") if p.parts[0] in folders]


def may_include(path, header):
    """Whether `path` may include the project's own `header`."""
    mine, theirs = path.parts[0], header.split("/")[0]
    if mine == theirs:
        return True
    if mine == "core":
        return False
    if mine == "protocol":
        return header in PLAIN
    if mine == "schemas":
        return header in PLAIN or theirs == "protocol"
    return theirs in ("core", "protocol", "schemas")


def may_meet_third_party(path):
    name = path.name
    return path.parts[0] == "core" and (name.endswith(".c") or name.endswith("_internal.h") or name == "h2o_compat.h")


def wrong_includes(root):
    wrong = []
    for path in sources(root, *FOLDERS):
        for bracket, header in INCLUDE.findall(text_of(path, root)):
            if header.split("/")[0] in FOLDERS and "/" in header:
                if not may_include(path, header):
                    wrong.append(f"{path} includes {header}")
            elif header.startswith(BEHIND_CORE):
                if not may_meet_third_party(path):
                    wrong.append(f"{path} includes {header}, which belongs behind core")
            elif bracket == '"':
                wrong.append(f'{path} includes "{header}": write it from the root')
    return wrong


def wrong_words(root):
    """The word itself, its plural, and as a part of an identifier; "sharded" or "graben" are other words."""
    wrong = []
    for path in sources(root, "core", "workers", "schemas"):
        words = WORDS.get(path.parts[0], ("coupon",) if path.stem in GENERIC_SCHEMAS else ())
        for word in words:
            pattern = re.compile(rf"(?<![a-z]){word}s?(?![a-z])", re.IGNORECASE)
            for number, line in enumerate(text_of(path, root).splitlines(), 1):
                if pattern.search(line) and "#include" not in line:
                    wrong.append(f"{path}:{number} knows the word {word}: {line.strip()}")
    return wrong


def wrong_rooms(root):
    """`room` is an English word too ("room for 3 bytes"), so in core only identifiers are looked at."""
    pattern = re.compile(r"\b(\w*_rooms|\w+_room_\w+|rooms?_\w+)\b")
    return [f"{path}: {name}" for path in sources(root, "core") for name in pattern.findall(text_of(path, root))]


def test_includes_follow_the_plan():
    assert sources(ROOT, *FOLDERS), "no sources were found"
    assert_none(wrong_includes(ROOT), "includes against the plan")


def test_folders_do_not_know_what_is_not_theirs():
    assert_none(wrong_words(ROOT) + wrong_rooms(ROOT), "words in the wrong folder")


FORBIDDEN = (
    ("core/x.c", '#include "schemas/stream.h"'), ("core/x.h", '#include "protocol/fold.h"'), ("core/x.h", "#include <h2o.h>"),
    ("protocol/x.c", '#include "core/log.h"'), ("protocol/x.c", '#include "schemas/stream.h"'), ("schemas/x.c", '#include "core/redis.h"'),
    ("schemas/x.c", '#include "ingest/ingest.h"'), ("ingest/x.c", '#include "workers/batch.h"'), ("workers/x.c", '#include "query/plan.h"'),
    ("query/x.c", '#  include "ingest/ingest.h"'), ("ops/cli/x.c", '#include "bench/storm/client.h"'), ("bench/storm/x.c", '#include "ops/cli/cmd.h"'),
    ("ingest/x.c", "#include <hiredis/hiredis.h>"), ("workers/x.c", "#include <mysql.h>"), ("query/x.c", "#include <mariadb/mysql.h>"),
    ("workers/x.c", "#include <librdkafka/rdkafka.h>"), ("workers/x.c", '#include "batch.h"'),
)
ALLOWED = (
    ("core/x.c", '#include "core/err.h"'), ("core/x.c", "#include <h2o.h>"), ("core/x_internal.h", "#include <librdkafka/rdkafka.h>"),
    ("protocol/x.c", '#include "core/err.h"'), ("schemas/x.c", '#include "protocol/fold.h"'), ("schemas/x.c", "#include <jansson.h>"),
    ("ingest/x.c", '#include "schemas/stock.h"'), ("workers/x.c", '#include "core/sql.h"'), ("ops/cli/x.c", '#include "ops/cli/cmd.h"'),
)


def make(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")


@pytest.mark.parametrize("name,line", FORBIDDEN)
def test_a_wrong_include_is_found(tmp_path, name, line):
    make(tmp_path, name, line)
    assert len(wrong_includes(tmp_path)) == 1


@pytest.mark.parametrize("name,line", ALLOWED)
def test_a_right_include_is_not(tmp_path, name, line):
    make(tmp_path, name, line)
    assert not wrong_includes(tmp_path)


@pytest.mark.parametrize("name,line,hits", [
    ("core/x.c", "int grab_count;", 1), ("core/x.c", "/* of all shards */", 1), ("core/x.c", "int coupon;", 1), ("core/x.c", "GRAB_MAX", 1),
    ("core/x.c", "/* sharded, grabbing */", 0), ("workers/x.c", "/* a coupon */", 1), ("workers/x.c", "/* a grab */", 0), ("schemas/codec.c", "coupon_id", 1),
    ("schemas/grabs.c", "coupon_id", 0)])
def test_a_wrong_word_is_found(tmp_path, name, line, hits):
    make(tmp_path, name, line)
    assert len(wrong_words(tmp_path)) == hits


def test_a_wrong_room_is_found(tmp_path):
    make(tmp_path, "core/x.c", "int room_id; /* room for 3 bytes */")
    assert wrong_rooms(tmp_path) == ["core/x.c: room_id"]
