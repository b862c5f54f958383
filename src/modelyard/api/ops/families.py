"""Every metric that is served: its name, kind, labels and meaning. docs/reference/metrics.md says the same, and a test compares them."""

import operator
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import msgspec

from modelyard.api.ops.traffic import LATENCY_BOUNDS
from modelyard.store.meter import COMMIT_BOUNDS, GROUP_BOUNDS


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """`together` makes one number of those of two processes."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: Sequence[float] = ()
    together: Callable[[float, float], float] = operator.add


def _counter(name: str, help_: str, *labels: str) -> Family:
    return Family(name=name, kind=Kind.COUNTER, help=help_, labels=labels)


def _gauge(name: str, help_: str, *labels: str, together: Callable[[float, float], float] = operator.add) -> Family:
    return Family(name=name, kind=Kind.GAUGE, help=help_, labels=labels, together=together)


def _histogram(name: str, help_: str, *labels: str, bounds: Sequence[float]) -> Family:
    return Family(name=name, kind=Kind.HISTOGRAM, help=help_, labels=labels, bounds=bounds)


REQUESTS = _counter("modelyard_http_requests_total", "Requests answered.", "dialect", "operation", "method", "status")
DURATION = _histogram(
    "modelyard_http_request_duration_seconds",
    "Time from a request's head to the end of its answer.",
    "dialect",
    "operation",
    bounds=LATENCY_BOUNDS,
)
REQUEST_DATABASE = _counter(
    "modelyard_http_request_database_seconds_total", "Time that requests waited for statements and commits.", "dialect", "operation"
)
REQUEST_STATEMENTS = _counter("modelyard_http_request_statements_total", "Statements that requests ran.", "dialect", "operation")
STATEMENTS = _counter("modelyard_database_statements_total", "Statements run, failed ones included.", "statement")
STATEMENT_SECONDS = _counter("modelyard_database_statement_seconds_total", "Time that statements took.", "statement")
RETRIES = _counter(
    "modelyard_database_retries_total", "Units of work, reads and shared statements that were run once more.", "what", "cause"
)
POOL_SIZE = _gauge("modelyard_database_pool_size", "The most connections there may be to the database server.")
POOL_IN_USE = _gauge("modelyard_database_pool_in_use", "Connections in use.")
POOL_WAITING = _gauge("modelyard_database_pool_waiting", "Reads and units of work that wait for a connection.")
WRITERS_WAITING = _gauge("modelyard_sqlite_writers_waiting", "Units of work that wait for their turn to write.")
COMMIT_UNITS = _histogram("modelyard_sqlite_commit_units", "Units of work that shared a commit.", bounds=GROUP_BOUNDS)
COMMIT_SECONDS = _histogram("modelyard_sqlite_commit_seconds", "Time that commits took.", bounds=COMMIT_BOUNDS)
BUILD = _gauge("modelyard_build_info", "Always 1; what runs is in the labels.", "version", "python", "database", together=min)
WORKERS = _gauge("modelyard_workers", "Server processes at work.")

_PROCESS = (
    _counter("process_cpu_seconds_total", "User and system CPU time spent."),
    _gauge("process_resident_memory_bytes", "Resident memory."),
    _gauge("process_virtual_memory_bytes", "Virtual memory."),
    _gauge("process_open_fds", "Open file descriptors."),
    _gauge("process_max_fds", "The most file descriptors that may be open."),
    _gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", together=min),
)
"""As `prometheus_client.ProcessCollector` names them; on Linux only."""

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        *(REQUESTS, DURATION, REQUEST_DATABASE, REQUEST_STATEMENTS),
        *(STATEMENTS, STATEMENT_SECONDS, RETRIES, POOL_SIZE, POOL_IN_USE, POOL_WAITING),
        *(WRITERS_WAITING, COMMIT_UNITS, COMMIT_SECONDS),
        *(BUILD, WORKERS, *_PROCESS),
    )
}
