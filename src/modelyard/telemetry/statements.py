"""A span for each statement of a traced request: its name, never its values.

A wrapper around the whole database instead of hooks inside it: a server that traces nothing has none of this.
"""

import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from modelyard.store.database import Database, IdSequence, Reader, Row, Rows, Taken, Unit, Values
from modelyard.store.statements import Flavour, Lock, Statement
from modelyard.store.unit import current_unit

T = TypeVar("T")

_waiting: ContextVar[list[str]] = ContextVar("modelyard_waiting_statements")
"""Those of the running unit, for the units that join it."""


class Spans:
    """Makes the spans of one database. Outside a traced request it makes none."""

    def __init__(self, tracer: trace.Tracer, flavour: Flavour) -> None:
        self._tracer = tracer
        self._system = {"db.system.name": str(flavour)}

    @contextmanager
    def statement(self, name: str) -> Iterator[None]:
        if not trace.get_current_span().is_recording():
            yield
            return
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes={**self._system, "db.operation.name": name})
        try:
            yield
        except BaseException as error:
            # Not the message: databases put values in it.
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()

    def commit(self, started: int, waited: Sequence[str], *, failed: bool) -> None:
        """From the end of a unit's work, in nanoseconds since 1970, until now: until it is durable, or undone."""
        if not trace.get_current_span().is_recording():
            return
        attributes = {**self._system, "db.operation.name": "commit", "modelyard.statements": waited}
        span = self._tracer.start_span("commit", kind=SpanKind.CLIENT, start_time=started, attributes=attributes)
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end()


class TracedReader:
    def __init__(self, reader: Reader, spans: Spans) -> None:
        self.flavour = reader.flavour
        self._reader = reader
        self._spans = spans

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        with self._spans.statement(statement.name):
            return await self._reader.rows(statement, values)

    async def row(self, statement: Statement, values: Values) -> Row | None:
        with self._spans.statement(statement.name):
            return await self._reader.row(statement, values)


class TracedUnit(TracedReader):
    """`waiting` collects what was put off: to the commit's round trip, unless another statement of the unit had to come after it."""

    def __init__(self, unit: Unit, spans: Spans, waiting: list[str]) -> None:
        super().__init__(unit, spans)
        self._unit = unit
        self._waiting = waiting

    async def queue(self, thing: Hashable) -> bool:
        return await self._unit.queue(thing)

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        with self._spans.statement(lock.hold.name):
            return await self._unit.lock(lock, values)

    @property
    def locks_as_read(self) -> bool:
        return self._unit.locks_as_read

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        return self._unit.lock_as_read(lock, record_id, revision)

    def lock_as_known(self, lock: Lock, record_id: int, revision: int, updated_at: int) -> None:
        self._unit.lock_as_known(lock, record_id, revision, updated_at)

    def recall(self, key: Hashable) -> Any | None:
        return self._unit.recall(key)

    def learn(self, key: Hashable, thing: Any, *, new: bool = False) -> None:
        self._unit.learn(key, thing, new=new)

    async def execute(self, statement: Statement, values: Values) -> int:
        with self._spans.statement(statement.name):
            return await self._unit.execute(statement, values)

    async def execute_many(self, statement: Statement, rows: Rows) -> None:
        with self._spans.statement(statement.name):
            await self._unit.execute_many(statement, rows)

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        if self.flavour is Flavour.SQLITE:  # where nothing waits
            with self._spans.statement(statement.name):
                await self._unit.later(statement, rows, taken)
        else:
            self._waiting.append(statement.name)
            await self._unit.later(statement, rows, taken)

    async def next_id(self, sequence: IdSequence) -> int:
        with self._spans.statement(f"next {sequence} id"):
            return await self._unit.next_id(sequence)

    async def new_id(self, sequence: IdSequence, keep: Callable[[int], None]) -> None:
        with self._spans.statement(f"next {sequence} id"):
            await self._unit.new_id(sequence, keep)

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        with self._spans.statement(f"next {sequence} ids"):
            return await self._unit.next_ids(sequence, count)


class TracedDatabase:
    """The `Database` it is given, and a span for whatever is asked of it."""

    def __init__(self, database: Database, tracer: trace.Tracer) -> None:
        self.flavour = database.flavour
        self._database = database
        self._spans = Spans(tracer, database.flavour)
        self.open, self.close, self.ping, self.snapshot = database.open, database.close, database.ping, database.snapshot

    @property
    def reader(self) -> Reader:
        return TracedReader(self._database.reader, self._spans)

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        if current_unit.get() is not None:
            return await self._database.write(lambda unit: work(TracedUnit(unit, self._spans, _waiting.get())))
        finished, waiting = 0, list[str]()

        async def traced(unit: Unit) -> T:
            nonlocal finished
            waiting.clear()  # of an attempt before
            _waiting.set(waiting)
            result = await work(TracedUnit(unit, self._spans, waiting))
            finished = time.time_ns()
            return result

        failed = True
        try:
            result = await self._database.write(traced)
            failed = False
        finally:
            if finished:
                self._spans.commit(finished, waiting, failed=failed)
        return result
