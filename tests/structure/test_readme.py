"""The README's settings are exactly the programs' settings. The programs come from WEIR_BIN, or build/test/bin."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

from support.tree import ROOT

PROGRAMS = ("weir-ingest", "weir-keeper", "weir-worker", "weir-query", "weir")
ROW = re.compile(r"^\| `([a-z0-9_]+\.[a-z0-9_]+)` \|")


BIN = pathlib.Path(os.environ.get("WEIR_BIN", ROOT / "build/test/bin"))


def settings_of(program):
    """name -> its row of the Markdown table."""
    done = subprocess.run([BIN / program, "--print-settings"], capture_output=True, text=True, timeout=10, check=True)
    return rows_of(done.stdout)


def rows_of(text):
    rows = {}
    for line in text.splitlines():
        match = ROW.match(line)
        if match:
            rows.setdefault(match.group(1), []).append(line)
    return rows


def readme_rows():
    return rows_of((ROOT / "README.md").read_text())


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_setting_is_in_the_readme(program):
    settings = settings_of(program)
    assert len(settings) >= 3, f"{program} prints hardly any settings"
    missing = sorted(settings.keys() - readme_rows().keys())
    assert not missing, f"settings of {program} that README.md does not name"


def test_the_readme_names_no_other_setting():
    known = set().union(*(settings_of(program) for program in PROGRAMS))
    assert not sorted(readme_rows().keys() - known), "README.md names settings that no program has"


def check_table(readme):
    return subprocess.run([sys.executable, ROOT / "ops/stack/settings_table.py", BIN, readme, "--check"], capture_output=True, text=True, timeout=60, check=False)


def test_the_settings_table_is_what_the_programs_say(tmp_path):
    """To the letter: types, bounds, defaults and words, and which program has it. And a table that says otherwise is told."""
    done = check_table(ROOT / "README.md")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    text = (ROOT / "README.md").read_text()
    lines = [line for line in text.splitlines() if ROW.match(line)]
    assert len(lines) > 50
    for line in (lines[0], lines[-1]):
        spoilt = tmp_path / "README.md"
        spoilt.write_text(text.replace(line, line[:-2] + "s |"))
        done = check_table(spoilt)
        assert done.returncode == 1 and "settings_table.py" in done.stderr, done


def test_rows_are_found():
    assert rows_of("| setting | type |\n|---|---|\n| `http.port` | whole |\ntext `a.b`\n").keys() == {"http.port"}


def named_but_missing(text):
    """Tests and models that a text names in code marks and that are not there; without a folder a test is of the faults."""
    wrong = []
    for folder, name in re.findall(r"`(?:(\w+)/)?(test_\w+|\w+\.pml)`", text):
        place = ROOT / "tests" / (folder or "faults")
        if not any((place / f"{name}{ending}").exists() for ending in ("", ".py", ".c")):
            wrong.append(f"{folder or 'faults'}/{name}")
    return wrong


def test_the_tests_that_the_readme_names_are_there():
    text = (ROOT / "README.md").read_text()
    promised = text[text.index("## What is promised"):text.index("## Design")]
    assert len(re.findall(r"`(?:\w+/)?test_\w+`", promised)) > 20
    assert named_but_missing(promised) == []
    assert named_but_missing("`test_nothing`, `model/none.pml`") == ["faults/test_nothing", "model/none.pml"]
