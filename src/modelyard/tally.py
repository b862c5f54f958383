"""Counting in plain Python, cheap enough for every request and every statement."""

from bisect import bisect_left
from collections.abc import Sequence
from contextvars import ContextVar


class Histogram:
    """How many values lie at or below each bound and above the one before, the last count being those above all; and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """What one request has asked of the database so far, and how many seconds it has waited for that."""

    __slots__ = ("request_id", "seconds", "statements")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.statements = 0
        self.seconds = 0.0


current_tally: ContextVar[Tally] = ContextVar("modelyard_tally", default=Tally(""))  # noqa: B039 - nobody reads it
"""The tally of the request that is being answered; outside of one, one for nobody."""
