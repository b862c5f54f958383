import pytest

from tests.dialects.jfrog.registry import Jfrog
from tests.dialects.registry import Registry


@pytest.fixture
def jfrog(registry: Registry) -> Jfrog:
    """The session's server, as JFrog's clients see it."""
    return Jfrog(registry)
