"""What every text file keeps to: nothing of one machine, nothing unfinished, no trailing blanks, and C files that can be read in one go."""
import re

import pytest

from support.tree import ROOT, assert_none, files, text_of

SELF = "tests/structure/test_text.py"
LINES_MAX = 400  # of a C file
MACHINE = re.compile(r"/(work|root)/|/tmp/b-|/home/\w|\.\./shared\b")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bnot implemented\b|\bunimplemented\b")
# The text is about the project, not about how it came to be.
HISTORY = re.compile(r"\b(this|a later|the next|the previous) issue\b|\bthe brief\b|\bsub-?agents?\b|\bhelper session|\blanguage model\b|\bas requested\b"
                     r"|\b(DESIGN|API|STYLE|LIBRARIES)\.md\b", re.IGNORECASE)
RULES = ((MACHINE, "a path of one machine"), (UNFINISHED, "something unfinished"), (HISTORY, "how it came to be"))


def wrong_lines(path, text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            found.append(f"{path}:{number}: trailing blanks")
        found += [f"{path}:{number}: {what}: {line.strip()[:120]}" for pattern, what in RULES if pattern.search(line)]
    return found


def test_lines():
    wrong = []
    for path in files(ROOT):
        text = text_of(path)
        if text is not None and str(path) != SELF:
            wrong += wrong_lines(path, text)
    assert_none(wrong, "wrong lines")


def test_files_end_with_one_newline():
    texts = {path: text_of(path) for path in files(ROOT, ".c", ".h", ".py", ".sh", ".lua", ".md", ".txt", ".json")}
    assert_none((path for path, text in texts.items() if text and (not text.endswith("\n") or text.endswith("\n\n"))), "files with another end")


def test_c_files_are_short():
    long = [f"{path}: {len(text_of(path).splitlines())} lines" for path in files(ROOT, ".c", ".h") if len(text_of(path).splitlines()) >= LINES_MAX]
    assert_none(long, f"C files of {LINES_MAX} lines or more")


@pytest.mark.parametrize("line,count", [("int a; ", 1), ("see /" + "work/x", 1), ("// TODO", 1), ("it is not implemented", 1), ("as in DESIGN.md", 1),
                                        ("int a;", 0), ("the seeds' issue", 0)])
def test_a_wrong_line_is_found(line, count):
    assert len(wrong_lines("x.c", line)) == count
