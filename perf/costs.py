"""What requests cost a server: one kind of request sent for a while, with the meters read before and after."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from random import Random
from typing import Any, NamedTuple, TypeVar

import msgspec
import uvloop

from perf.load import Load, send_for
from perf.operations import READS, Stream
from perf.seed import Seeded
from perf.stage import Database, Server

T = TypeVar("T")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one operation. Latencies in milliseconds, CPU in microseconds per request; `database_cpu` is 0 where it is part of the server."""

    operation: str
    requests: int
    refused: int
    per_second: float
    p50: float
    p99: float
    server_cpu: float
    database_cpu: float
    client_cpu: float
    """Of the load itself, which shares the machine."""
    workers: tuple[float, ...]
    """How much of a core each server process kept busy, the busiest first."""
    echoes: float
    """How many bare echoes the server's CPU would have paid for."""

    @property
    def cores(self) -> float:
        """How many cores the server, its database and the load kept busy."""
        return self.per_second * (self.server_cpu + self.database_cpu + self.client_cpu) / 1e6


class Subject(NamedTuple):
    """A running server, and what is known of it."""

    server: Server
    workers: int
    database: Database | None
    seeded: Seeded
    yardstick: Mapping[bool, float]
    """An echo's server CPU, of a read (True) and of a change (False). Empty for the echoes: each is its own."""


class _Reading(NamedTuple):
    """CPU seconds so far."""

    server: Mapping[int, float]
    database: float
    client: float


def measure(operation: str, stream: Stream, subject: Subject, *, seconds: float, connections: int) -> Cost:
    """Raises `RuntimeError` when no request was answered well."""
    readings: list[_Reading] = []
    requests = stream(subject.seeded, Random(1 + subject.workers))  # noqa: S311 - only chooses what to ask for; nothing secret comes of it; another series of names for each server
    load = run_loop(send_for(seconds, subject.server.port, requests, lambda: readings.append(_read(subject)), connections=connections))
    if not load.latencies:
        raise RuntimeError(f"{operation}: no good answer, but {load.complaint or 'none at all'}")
    return _cost(operation, load, readings, subject)


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _read(subject: Subject) -> _Reading:
    database = subject.database
    return _Reading(
        server=subject.server.tree.cpu_seconds_each(),
        database=database.tree.cpu_seconds() if database and database.tree else 0.0,
        client=time.process_time(),
    )


def _cost(operation: str, load: Load, readings: list[_Reading], subject: Subject) -> Cost:
    before, after = readings
    each = [seconds - before.server.get(pid, 0.0) for pid, seconds in after.server.items()]
    server_cpu = (sum(after.server.values()) - sum(before.server.values())) / len(load.latencies) * 1e6
    yardstick = subject.yardstick.get(operation in READS, server_cpu)
    return Cost(
        operation=operation,
        requests=len(load.latencies),
        refused=load.refused,
        per_second=len(load.latencies) / load.seconds,
        p50=load.percentile(0.5) * 1e3,
        p99=load.percentile(0.99) * 1e3,
        server_cpu=server_cpu,
        database_cpu=(after.database - before.database) / len(load.latencies) * 1e6,
        client_cpu=(after.client - before.client) / len(load.latencies) * 1e6,
        workers=tuple(seconds / load.seconds for seconds in sorted(each, reverse=True)[: subject.workers]),
        echoes=server_cpu / yardstick if yardstick else 0.0,
    )
