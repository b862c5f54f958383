"""Where in a list by id some of its pages begin: a page further down is then looked up from the nearest such place, and not by passing
over all that comes before it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

MOST = 10_000
"""Places that are kept of a list. Where there would be more, every other one is forgotten."""


class Places:
    """For ascending ids, how many rows of the list have an id below each. The ids need not be any row's."""

    apart = 16
    """Rows between two places at least, when they are learnt: so many are passed over in no time."""

    def __init__(self) -> None:
        self._ids = [0]
        self._before = [0]

    def nearest(self, offset: int) -> tuple[int, int]:
        """The last known id that at most `offset` rows come before; and how many do."""
        found = bisect_right(self._before, offset) - 1
        return self._ids[found], self._before[found]

    def learn(self, record_id: int, before: int) -> None:
        at = bisect_left(self._ids, record_id)
        if before < self._before[at - 1] + self.apart or (at < len(self._ids) and self._before[at] < before + self.apart):
            return
        self._ids.insert(at, record_id)
        self._before.insert(at, before)
        if len(self._ids) > MOST:
            self._ids, self._before = self._ids[::2], self._before[::2]

    @property
    def last(self) -> int:
        return self._ids[-1]

    def copy(self) -> "Places":
        return self.shifted(())

    def shifted(self, changes: Iterable[tuple[int, int]]) -> "Places":
        """As it is after rows have come and gone: the id of each, and 1 or -1."""
        more = [0] * (len(self._ids) + 1)
        for record_id, by in changes:
            more[bisect_right(self._ids, record_id)] += by
        after = Places()
        after._ids = self._ids.copy()
        after._before = [before + by for before, by in zip(self._before, accumulate(more), strict=False)]
        return after
