"""README.md of tests: each fault test is in its table, under the set it belongs to, and the table names no other."""
import ast
import re

from support.tree import ROOT, assert_none

ROW = re.compile(r"^\| .* \| `(\w+)::(test_\w+)` \| (always|some|long) \|$", re.MULTILINE)
NO_FAULT = {"planted"}  # files that show that the checks can fail


def mentions_more(node, names):
    """Whether an expression has to do with the mark `more`, itself or by a name of the module."""
    for part in ast.walk(node):
        if (isinstance(part, ast.Attribute) and part.attr == "more") or (isinstance(part, ast.Name) and part.id == "more"):
            return True
        if isinstance(part, ast.Name) and part.id in names and mentions_more(names[part.id], {}):
            return True
    return False


def is_mark_more(decorator):
    return isinstance(decorator, (ast.Attribute, ast.Name)) and mentions_more(decorator, {})


def sets_of(text):
    """test -> always, some or long."""
    module = ast.parse(text)
    names = {target.id: node.value for node in module.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    found = {}
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [mentions_more(decorator, names) for decorator in node.decorator_list]
            found[node.name] = "long" if any(is_mark_more(decorator) for decorator in node.decorator_list) else "some" if any(marks) else "always"
    return found


def test_the_table_is_the_files():
    named = {(file, test): chosen for file, test, chosen in ROW.findall((ROOT / "tests/README.md").read_text())}
    there = {}
    for path in sorted((ROOT / "tests/faults").glob("test_*.py")):
        file = path.stem.removeprefix("test_")
        if file not in NO_FAULT:
            there.update({(file, test): chosen for test, chosen in sets_of(path.read_text()).items()})
    assert len(there) > 50
    assert_none(sorted(there.items() - named.items()), "fault tests that tests/README.md does not have in this set")
    assert_none(sorted(named.keys() - there.keys()), "rows of tests/README.md without a test")


def test_sets_are_told():
    text = """
CASES = [pytest.param(1, marks=pytest.mark.more), 2]
def test_a(): pass
@pytest.mark.more
@pytest.mark.parametrize("x", [1, 2])
def test_b(x): pass
@pytest.mark.parametrize("x", CASES)
def test_c(x): pass
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=more)])
def test_d(x): pass
"""
    assert sets_of(text) == {"test_a": "always", "test_b": "long", "test_c": "some", "test_d": "some"}
