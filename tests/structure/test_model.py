"""The models' table of names is held to the code and to the models, and the table of runs to the models. What spin finds is the tests' of the label `model`."""
import importlib.util
import re

import pytest

from support.tree import ROOT, assert_none

MODELS = ROOT / "tests" / "model"
ROW = re.compile(r"^\| `(\w+)` \| ([\w./]+) \| (\w+\.pml) \| `([^`]+)` \|$", re.MULTILINE)
ENUMS = {"protocol/grab.h": ("grab_action", "append_report", "grab_answer"), "protocol/rebuild.h": ("open_step", "rebuild_step"), "protocol/sweep.h": ("sweep_step",), "protocol/fold.h": ("record_kind",)}
ENDS = re.compile(r"_(DONE|STOP|NOTHING|NOT_YET)$")  # where nothing happens there is nothing to model


def runner():
    spec = importlib.util.spec_from_file_location("model_run", MODELS / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows():
    return ROW.findall((MODELS / "README.md").read_text())


def steps_of(header, enum):
    body = re.search(rf"enum {enum} \{{(.*?)\}}", (ROOT / header).read_text(), re.DOTALL).group(1)
    return [name for name in re.findall(r"\b([A-Z][A-Z_]+)\b", re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)) if not ENDS.search(name)]


def test_every_script_and_step_has_a_row():
    there = {name for name, _, _, _ in rows()}
    wanted = {path.stem for path in (ROOT / "schemas/lua").glob("*.lua")}
    for header, enums in ENUMS.items():
        for enum in enums:
            steps = steps_of(header, enum)
            assert len(steps) >= 3, f"{header}: enum {enum} was not read"
            wanted |= set(steps)
    assert_none(sorted(wanted - there), "names of the protocol without a row in tests/model/README.md")


def test_what_a_row_names_is_there():
    wrong = []
    for name, where, model, anchor in rows():
        if not (ROOT / where).exists() or (not where.endswith(".lua") and name not in (ROOT / where).read_text()):
            wrong.append(f"{name} is not in {where}")
        if anchor not in (MODELS / model).read_text():
            wrong.append(f"{anchor} ({name}) is not in {model}")
    assert_none(wrong, "rows of tests/model/README.md that name what is not there")


def test_every_model_is_described_and_every_switch_has_a_run():
    text = (MODELS / "README.md").read_text()
    assert_none((path.name for path in MODELS.glob("*.pml") if f"| {path.name} |" not in text), "models that tests/model/README.md does not describe")
    run = runner()
    run.check_table(run.read_table())


def test_every_switch_is_explained():
    """In the model's own head."""
    run = runner()
    wrong = []
    for path in MODELS.glob("*.pml"):
        text = path.read_text()
        wrong += [f"{path.name}: -D{name}" for name in sorted(run.switches_of(text)) if not re.search(rf"^ \*   -D{name} ", text, re.MULTILINE)]
    assert_none(wrong, "switches that their model does not explain")


def test_a_switch_without_a_run_is_found(tmp_path):
    run = runner()
    (tmp_path / "x.pml").write_text("#ifndef SIZE\n#define SIZE 1\n#endif\n#ifdef MISTAKE\n#endif\n")
    clean = run.Row("x/clean", "x", (), "clean", "core", 1)
    with pytest.raises(run.TableError, match="no row shows what -DMISTAKE breaks"):
        run.check_table([clean], tmp_path)
    found = run.Row("x/mistake", "x", ("-DMISTAKE", "-DSIZE=2"), "I1", "core", 0)
    run.check_table([clean, found], tmp_path)
    with pytest.raises(run.TableError, match="does not know -DOTHER"):
        run.check_table([clean, found, found._replace(switches=("-DMISTAKE", "-DOTHER"))], tmp_path)


@pytest.mark.parametrize("report,why", [("", "it took too long"), ("error: max search depth too small\nerrors: 0", "the depth was too small"),
                                        ("pan: out of memory\nerrors: 0", "memory was too small"), ("errors: 0", "")])
def test_a_search_that_was_cut_off_is_no_proof(report, why):
    assert runner().incomplete(report) == why


def test_a_clean_run_must_have_searched_something():
    run = runner()
    row = run.Row("x/clean", "x", (), "clean", "core", 100)
    assert run.judge(row, "clean", 100) and not run.judge(row, "clean", 99) and not run.judge(row, "I2", 100)
    switch = row._replace(expect="I5", states=0)
    assert run.judge(switch, "I5, I13", 7) and not run.judge(switch, "I2", 7) and not run.judge(switch, "clean", 7)
