"""Where pages begin: what is remembered says the same as counting would, whatever comes and goes."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.overview import places
from modelyard.overview.places import Places

IDS = st.integers(1, 200)


class Close(Places):
    """Places may be as close to one another as they like."""

    apart = 1


def true(found: Places, ids: list[int]) -> bool:
    """Whether every place that it knows is one: `ids` are ascending."""
    known = {found.nearest(offset) for offset in range(len(ids) + 1)}
    return all(bisect_left(ids, low) == before for low, before in known)


@given(st.sets(IDS), st.lists(IDS, max_size=20), st.sets(IDS), st.sets(IDS))
def test_places_stay_true(there: set[int], learnt: list[int], come: set[int], gone: set[int]) -> None:
    found, ids = Close(), sorted(there)
    for record_id in learnt:
        found.learn(record_id, bisect_left(ids, record_id))
    assert true(found, ids)

    changes = [(record_id, 1) for record_id in come - there] + [(record_id, -1) for record_id in gone & there]

    assert true(found.shifted(changes), sorted((there | come) - (gone & there)))


def test_the_nearest_place_before_an_offset_is_found() -> None:
    found = Places()
    for record_id, before in ((701, 100), (902, 200), (803, 150)):
        found.learn(record_id, before)

    assert [found.nearest(offset) for offset in (0, 99, 100, 149, 150, 5_000)] == [
        (0, 0),
        (0, 0),
        (701, 100),
        (701, 100),
        (803, 150),
        (902, 200),
    ]
    assert found.last == 902


def test_places_that_lie_close_to_another_are_not_kept() -> None:
    found = Places()
    found.learn(100, 50)
    found.learn(110, 55)
    found.learn(90, 45)

    assert found.nearest(60) == (100, 50)
    assert found.nearest(49) == (0, 0)


def test_there_are_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 8)
    found = Places()
    for number in range(1, 100):
        found.learn(1_000 + 20 * number, 20 * number)

    known = {found.nearest(offset) for offset in range(2_000)}
    assert len(known) <= 8
    assert (0, 0) in known
    assert all(low == 1_000 + before for low, before in known if before)
