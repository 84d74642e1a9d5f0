import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

TEST_SECONDS = 600


def pytest_configure(config):
    config.addinivalue_line("markers", "more: long (tests/README.md); run by ops/test --faults")
    config.addinivalue_line("markers", "measures: memory or times, which are others under a sanitizer or valgrind; not run there")
    config.addinivalue_line("markers", "deadline(seconds): of this test, instead of the usual one")
    if os.environ.get("WEIR_FAULTS") == "all":
        config.option.maxfail = 0  # of a run of hours one failure costs only itself; else ctest's -x ends the file


def pytest_collection_modifyitems(config, items):
    """Tests marked `more` belong to the long run (ops/test --faults sets WEIR_FAULTS=all); no other run selects them. `measures`: ops/stack/watched.sh."""
    unwanted = [mark for mark, runs in (("more", os.environ.get("WEIR_FAULTS") == "all"), ("measures", "WEIR_WATCHED" not in os.environ)) if not runs]
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in unwanted)]
    config.only_measures = bool(items) and all(item.get_closest_marker("measures") for item in items if not item.get_closest_marker("more"))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session, exitstatus):
    """A file that only measures has nothing to run under a sanitizer."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and "WEIR_WATCHED" in os.environ and session.config.only_measures:
        session.exitstatus = pytest.ExitCode.OK


@pytest.fixture(autouse=True)
def deadline(request):
    """A test that hangs fails by itself; ctest knows only a deadline of the whole file."""
    marker = request.node.get_closest_marker("deadline")
    seconds = marker.args[0] if marker else TEST_SECONDS

    def fail(*_):
        raise AssertionError(f"the test has not ended within {seconds} s")

    old = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)
