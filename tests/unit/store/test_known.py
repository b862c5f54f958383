"""What a process knows of what it has just written."""

from collections.abc import Hashable

import pytest

from modelyard.store import known
from modelyard.store.known import DOUBT, LARGE, MISSED, Known, Lesson


def new(key: Hashable, thing: object) -> Lesson:
    return key, thing, True


def test_what_was_learned_is_found() -> None:
    things = Known()
    assert things.find("loss") is None
    things.learn([new("loss", 1), new("accuracy", 2)])
    things.learn([new("loss", 3)])
    assert (things.find("loss"), things.find("accuracy")) == (3, 2)


def test_the_least_used_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST", 2)
    things = Known()
    things.learn([new("a", 1), new("b", 2)])
    things.find("a")
    things.learn([new("c", 3)])
    assert [things.find(key) for key in "abc"] == [1, None, 3]


def test_a_change_of_what_nobody_asked_for_is_not_kept() -> None:
    things = Known()
    things.learn([new("a", 1)])
    things.learn([(key, 2, False) for key in "ab"])
    assert [things.find(key) for key in "ab"] == [2, None]


def test_what_is_large_is_not_kept_nor_what_it_was_before() -> None:
    things = Known()
    things.learn([new("a", "small"), new("b", "x" * LARGE)])
    assert (things.find("a"), things.find("b")) == ("small", None)
    things.learn([("a", "x" * LARGE, False)])
    assert things.find("a") is None


def test_what_is_done_away_with_or_in_doubt_is_known_no_more() -> None:
    things = Known()
    things.learn([new("a", 1), new("b", 1), new("c", 1)])
    things.learn([("a", None, False)])
    things.doubt([("b", 2, False)])
    assert [things.find(key) for key in "abc"] == [None, None, 1]


def test_it_is_trusted_where_nearly_all_find_what_they_ask_for() -> None:
    things = Known()
    for _ in range(10 * DOUBT):
        things.trusted(found=False)
    assert [things.trusted(found=True) for _ in range(DOUBT + MISSED)].count(True) <= MISSED
    assert things.trusted(found=True)
    for _ in range(10):
        assert [things.trusted(found=found) for found in [*[True] * MISSED, False]].count(True) >= MISSED
    assert not [things.trusted(found=number % 2 == 0) for number in range(DOUBT)][-1]


def test_once_something_was_outdated_nothing_is_trusted_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "OUTDATED", 2)
    things = Known()
    things.learn([new("loss", 1), new("accuracy", 1)])
    things.outdated({"loss": things.find("loss")})
    assert (things.find("loss"), things.find("accuracy")) == (None, None)
    assert [things.trusted(found=True) for _ in range(3)] == [False, True, True]


def test_what_this_process_itself_has_changed_since_is_no_reason_for_that() -> None:
    things = Known()
    things.learn([new("run", ["old"]), new("loss", 1)])
    recalled: dict[Hashable, object] = {key: things.find(key) for key in ("run", "loss")}
    things.learn([("run", ["new"], False)])
    things.outdated(recalled)
    assert (things.find("run"), things.find("loss")) == (["new"], 1)
    assert things.trusted(found=True)


def test_of_an_emptied_store_nothing_is_known() -> None:
    things = Known()
    things.learn([new("loss", 1)])
    things.clear()
    assert things.find("loss") is None
    things.learn([new("loss", 2)])
    assert things.find("loss") == 2
