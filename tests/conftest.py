import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def pytest_configure(config):
    config.addinivalue_line("markers", "more: not of the core set; run by ops/test --faults")


def pytest_collection_modifyitems(config, items):
    """Tests marked `more` belong to the long run (ops/test --faults sets WEIR_FAULTS=all); the core run does not select them."""
    if os.environ.get("WEIR_FAULTS") == "all":
        return
    left_out = [item for item in items if item.get_closest_marker("more")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
