"""After each file of faults everything agrees: log, tables and Redis, by an audit from outside."""
import pytest

from support import audit


@pytest.fixture(scope="module", autouse=True)
def all_agrees_in_the_end():
    yield
    audit.audit()
