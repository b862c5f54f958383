"""What has been asked of this process: requests by operation and status, how long they took, and what they cost the database."""

from modelyard.api.http.message import Request
from modelyard.tally import Histogram, Tally

LATENCY_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
NO_OPERATION = "none"

Key = tuple[str, str, str]
"""Dialect, operation and method. All are words of ours, so that no client can make up more of them."""


class Served:
    """The requests of one key that were answered."""

    __slots__ = ("database_seconds", "durations", "statements", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.durations = Histogram(LATENCY_BOUNDS)
        self.database_seconds = 0.0
        self.statements = 0


class Traffic:
    def __init__(self) -> None:
        self.served: dict[Key, Served] = {}

    def observe(self, request: Request, status: int, seconds: float, tally: Tally) -> None:
        """Count one answer. Costs about half a microsecond: keep it so."""
        served = self.served.get((request.caller.dialect, request.operation, request.method)) or self._rare(request)
        statuses = served.statuses
        statuses[status] = statuses.get(status, 0) + 1
        served.durations.add(seconds)
        served.database_seconds += tally.seconds
        served.statements += tally.statements

    def _rare(self, request: Request) -> Served:
        """The first request of its key, or one of no operation or of a strange method."""
        method = request.method if request.method in METHODS else OTHER_METHOD
        return self.served.setdefault((request.caller.dialect, request.operation or NO_OPERATION, method), Served())
