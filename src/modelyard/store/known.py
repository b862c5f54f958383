"""What units of this process left behind, so that the next one need not read it to change it once more.

Nothing tells it what other processes do. A unit that begins with what it recalls therefore looks at it again in the statement that changes
things (`Unit.lock_as_known`), and runs once more, reading, should anything have gone wrong.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import msgspec

from modelyard.store.kept import Kept

MOST = 10_000
"""Things that are known."""
LARGE = 2_000
"""Bytes of JSON. What has more is not kept: clients choose how much they put into a record."""
MISSED = 3
"""So many units must have found what they asked for, for each that has not, if any is to go by it. Units share statements with those that
do the same at the same time: where some read first and some need not, they share less than if all of them did.
"""
OUTDATED = 1_000
"""So many, once something was outdated: other processes are at work on the same things, and each time costs all who share the statement."""
DOUBT = 200
"""So far the balance of the two goes at most, either way."""

_size = msgspec.json.Encoder().encode


Lesson = tuple[Hashable, Any, bool]
"""A key; what is known by it from now on, or None if nothing is; and whether that is kept though nothing has been known so far."""


class Known:
    def __init__(self) -> None:
        self._things: Kept[Hashable, Any] = Kept(MOST)
        self._trust = 0

    def find(self, key: Hashable) -> Any | None:
        return self._things.find(key)

    def trusted(self, *, found: bool) -> bool:
        """Whether a unit should go by what it has found, or not found. Each is to ask this once."""
        if found:
            self._trust = min(self._trust + 1, DOUBT)
        elif self._trust > -DOUBT:
            self._trust -= MISSED
        return self._trust >= 0

    def learn(self, lessons: Iterable[Lesson]) -> None:
        """From what a unit has done."""
        for key, thing, new in lessons:
            if new or self._things.find(key) is not None:
                if thing is None or len(_size(thing)) > LARGE:
                    self._things.drop(key)
                else:
                    self._things.keep(key, thing)

    def doubt(self, lessons: Iterable[Lesson]) -> None:
        """From what a unit may have done."""
        for key, _, _ in lessons:
            self._things.drop(key)

    def outdated(self, recalled: Mapping[Hashable, Any]) -> None:
        """Of what a unit has recalled, something was. If all of it is known still, it was not this process that changed it."""
        if all(self._things.find(key) is thing for key, thing in recalled.items()):
            self._things.clear()
            self._trust = -OUTDATED

    def clear(self) -> None:
        self._things.clear()
        self._trust = 0
