"""After each fault test every link is in health again, whatever became of the test."""
import pytest

from support import links


@pytest.fixture(autouse=True)
def links_are_healed():
    yield
    links.heal_all()
