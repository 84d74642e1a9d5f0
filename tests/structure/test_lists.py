"""Nothing is forgotten in an explicit list: test files, and the sources of each library."""
import re

from support.tree import FOLDERS, ROOT, assert_none, files


def test_every_python_test_is_registered():
    text = (ROOT / "tests/CMakeLists.txt").read_text()
    for label in ("structure", "integration", "faults"):
        listed = re.search(rf"set\({label}_tests ([^)]*)\)", text).group(1).split()
        here = sorted(path.name[5:-3] for path in (ROOT / "tests" / label).glob("test_*.py"))
        assert sorted(listed) == here, label


def test_every_unit_test_is_registered():
    listed = set(re.findall(r"^weir_unit_test\((\w+) (\w+)", (ROOT / "tests/unit/CMakeLists.txt").read_text(), re.MULTILINE))
    here = {(path.parts[2], path.name[5:-2]) for path in files(ROOT, ".c") if path.parts[:2] == ("tests", "unit") and path.name.startswith("test_")}
    assert listed == here


def test_every_source_is_built():
    for folder in FOLDERS:
        text = (ROOT / folder / "CMakeLists.txt").read_text()
        missing = [path for path in files(ROOT, ".c") if path.parts[0] == folder and path.name not in text]
        assert_none(missing, f"sources that {folder}/CMakeLists.txt does not name")


def test_every_planted_bug_is_listed():
    """tests/planted.txt is the list; a name that is in no source plants nothing."""
    listed = (ROOT / "tests/planted.txt").read_text().split()
    text = "".join((ROOT / path).read_text() for path in files(ROOT, ".c") if path.parts[0] != "tests")
    named = set(re.findall(r'PLANTED\("(\w+)"\)', text)) | set(re.findall(r'\.planted = "(\w+)"', text))
    assert named == set(listed)
