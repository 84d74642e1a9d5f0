"""The checkout as text: which files it has. Needs no server."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("core", "protocol", "schemas", "ingest", "workers", "query", "ops", "bench")
_SKIPPED = {".git", "__pycache__", ".pytest_cache", "build", "var", "vendor", "corpus"}


def files(root=ROOT, *endings):
    """Every file of the tree (of these endings, when some are given), as paths relative to it; not what is built, run or vendored, nor the inputs of the fuzz targets."""
    found = []
    for folder, names, here in os.walk(root):
        names[:] = sorted(n for n in names if n not in _SKIPPED and not n.startswith("var-test"))
        found += [pathlib.Path(folder, name).relative_to(root) for name in sorted(here) if not endings or name.endswith(endings)]
    return found


def text_of(path, root=ROOT):
    """None when it is not text."""
    data = (root / path).read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def assert_none(found, what):
    """Fails with all of `found`, one a line: pytest would shorten a list."""
    lines = [str(item) for item in found]
    if lines:
        raise AssertionError(f"{len(lines)} {what}:\n  " + "\n  ".join(lines[:200]))
