"""Fixtures of the unit tests."""

import pytest

from tests.unit.world import World, memory_world


@pytest.fixture
def world() -> World:
    """The domain over memory."""
    return memory_world()
