"""After each fault test every link is in health again, whatever became of the test; after each file everything agrees: log, tables and Redis."""
import pytest

from support import audit, links


@pytest.fixture(autouse=True)
def links_are_healed():
    yield
    links.heal_all()


@pytest.fixture(scope="module", autouse=True)
def all_agrees_in_the_end():
    yield
    audit.audit()
