"""Slows down who guesses passwords: for each name and for each address, and for nobody else."""

import math
from collections.abc import Callable

import msgspec

from modelyard.errors import TooMany

FREE = 5
"""Failures before the first wait."""

LONGEST = 60.0
"""Seconds of the longest wait."""

FORGOTTEN = 15 * 60.0
"""Seconds after which failures are forgotten."""

MOST = 10_000
"""Names and addresses that are remembered; beyond, those that failed first are forgotten."""

_LONGEST_NAME = 64
"""Characters. No account has a longer one, and nobody shall fill the memory with what they made up."""


class _Failures(msgspec.Struct):
    count: int
    until: float
    """When the next attempt may be made."""


class Backoff:
    """The first failures are free; then each doubles the wait, from one second on. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, str], _Failures] = {}

    def attempt(self, name: str, address: str) -> None:
        """Begin an attempt. It counts as a failure until `succeeded` is told, so that many at once win nothing. Raises `TooMany`."""
        now = self._clock()
        keys = _keys(name, address)
        wait = max(self._wait(key, now) for key in keys)
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooMany(f"too many failed attempts to sign in: try again in {seconds} s", retry_after=seconds)
        for key in keys:
            self._count(key, now)

    def succeeded(self, name: str, address: str) -> None:
        for key in _keys(name, address):
            self._failures.pop(key, None)

    def _wait(self, key: tuple[str, str], now: float) -> float:
        known = self._failures.get(key)
        return 0.0 if known is None else known.until - now

    def _count(self, key: tuple[str, str], now: float) -> None:
        known = self._failures.pop(key, None)
        count = 1 if known is None or now - known.until > FORGOTTEN else known.count + 1
        wait = min(2.0 ** min(count - FREE, 10), LONGEST) if count >= FREE else 0.0
        self._failures[key] = _Failures(count, now + wait)
        if len(self._failures) > MOST:
            del self._failures[next(iter(self._failures))]


def _keys(name: str, address: str) -> tuple[tuple[str, str], ...]:
    return ("name", name[:_LONGEST_NAME]), ("address", address)
