"""After each fault test no load goes on and every link is in health again, whatever became of the test; after each file everything agrees: log, tables, Redis."""
import pytest

from support import audit, links, storm


@pytest.fixture(autouse=True)
def all_is_over():
    yield
    storm.kill_all()
    links.heal_all()


@pytest.fixture(scope="module", autouse=True)
def all_agrees_in_the_end():
    yield
    audit.audit()
