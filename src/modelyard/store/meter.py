"""What a database has done for this process: statements by name, commits, retries. And a line in the log for a slow statement."""

from collections import Counter
from enum import StrEnum
from typing import Protocol

from modelyard import logs
from modelyard.store.statements import Flavour
from modelyard.tally import Histogram, current_tally

GROUP_BOUNDS = (1, 2, 4, 8, 16, 32, 64)
"""Units of work that share a commit."""
COMMIT_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds."""


class Retried(StrEnum):
    """What was run once more."""

    UNIT = "unit"
    READ = "read"
    SHARED = "shared"
    """A statement that several units shared: each ran alone after it."""


class Cause(StrEnum):
    """Why it was."""

    CONFLICT = "conflict"
    CONNECTION_LOST = "connection_lost"
    REFUSED = "refused"
    """Of a shared statement: a name was taken, a record changed meanwhile, a lock not to be had."""
    OUTDATED = "outdated"
    """On PostgreSQL: a unit failed that began with what this process knew of a record, which another may have changed."""
    NEIGHBOUR_FAILED = "neighbour_failed"
    """On SQLite: a unit was undone together with one that failed."""


class PoolState(Protocol):
    """Connections to a database server: the most there may be, those in use, and how many units and reads wait for one."""

    size: int

    @property
    def in_use(self) -> int: ...

    @property
    def waiting(self) -> int: ...


class QueueState(Protocol):
    waiting: int
    """Units of work that wait for their turn to write."""


class Cost:
    """How often a statement ran, failures included, and for how many seconds in all."""

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0


class Meter:
    """Belongs to the event loop's thread. A statement that takes `slow_seconds` or longer is logged, never with its values (0: none is)."""

    def __init__(self, flavour: Flavour, *, slow_seconds: float = 0) -> None:
        self.statements: dict[str, Cost] = {}
        self.commit_units = Histogram(GROUP_BOUNDS)
        self.commit_seconds = Histogram(COMMIT_BOUNDS)
        self.retries: Counter[tuple[Retried, Cause]] = Counter()
        self.pool: PoolState | None = None
        """On a database server."""
        self.writers: QueueState | None = None
        """On SQLite."""
        self.flavour = flavour
        self._slow_seconds = slow_seconds or float("inf")

    def ran(self, name: str, seconds: float, result: object) -> None:
        """A statement ended, well or with an error. Costs about 0.2 µs: keep it so."""
        cost = self.statements.get(name)
        if cost is None:
            cost = self.statements[name] = Cost()
        cost.count += 1
        cost.seconds += seconds
        tally = current_tally.get()
        tally.statements += 1
        tally.seconds += seconds
        if seconds >= self._slow_seconds:
            self._tell(name, seconds, result)

    def committed(self, units: int, seconds: float) -> None:
        """A commit ended well. Where it is logged, it is for one of the requests that share it."""
        self.commit_units.add(units)
        self.commit_seconds.add(seconds)
        if seconds >= self._slow_seconds:
            self._tell("COMMIT", seconds, None)

    def _tell(self, name: str, seconds: float, result: object) -> None:
        fields: dict[str, object] = {"statement": name, "duration_ms": int(seconds * 1e6) / 1000, "database": self.flavour}
        if (rows := _rows(result)) is not None:
            fields["rows"] = rows
        logs.logger().warning("slow statement", **fields, request_id=current_tally.get().request_id)


def _rows(result: object) -> int | None:
    """How many rows a statement read: they come in a list or, from asyncmy, in a tuple, and then each row is a tuple itself."""
    if isinstance(result, list) or (isinstance(result, tuple) and (not result or isinstance(result[0], tuple))):
        return len(result)
    return None
