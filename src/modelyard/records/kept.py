"""List statements that are compiled once and kept, as many as memory allows."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable

from modelyard.store.statements import Flavour, Statement

MAX_TERMS = 1_000
"""Conditions in all the list statements that are kept per kind: about 6 KB of memory each. The least used statement goes first."""
LARGE = 20
"""Conditions from which a new statement is compiled in a thread: SQLAlchemy takes more than half a millisecond for each."""


class KeptStatements:
    """The list statements of one kind."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Statement, int]] = OrderedDict()
        self._terms = 0

    def find(self, key: Hashable) -> Statement | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    async def get(self, key: Hashable, flavour: Flavour, terms: int, make: Callable[[], Statement]) -> Statement:
        """The statement of that key, made if need be; `terms` is the number of its conditions."""
        found = self.find(key)
        if found is not None:
            return found
        made = _compiled(make, flavour) if terms < LARGE else await asyncio.to_thread(_compiled, make, flavour)
        if key not in self._kept:
            self._kept[key] = (made, terms)
            self._terms += terms
        while self._terms > MAX_TERMS:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._terms -= dropped
        return made

    def terms(self) -> tuple[int, int]:
        """How many are kept, and how many it believes to keep."""
        return sum(terms for _, terms in self._kept.values()), self._terms


def _compiled(make: Callable[[], Statement], flavour: Flavour) -> Statement:
    statement = make()
    statement.compiled(flavour)
    return statement
