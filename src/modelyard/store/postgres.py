"""PostgreSQL over asyncpg: bare connections with prepared statements, one round trip each."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from modelyard.errors import Invalid, Unavailable
from modelyard.store.batch import merge
from modelyard.store.connection import ChangedError, ConflictError, Connection, ConnectionLostError, told
from modelyard.store.database import Deferred, IdSequence, NewId, NoSuchTableError, Row, UniqueViolationError
from modelyard.store.meter import Meter
from modelyard.store.pool import Pool
from modelyard.store.pooled import PooledDatabase
from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl

MAX_PREPARED = 256
"""Prepared statements kept on each connection. The least recently used goes first, so that filters cannot push out the everyday ones."""

_NEXT_ID = {sequence: f"SELECT nextval('{sequence.value}_id_seq')" for sequence in IdSequence}

_NEXT_IDS = {
    sequence: f"SELECT array_agg(nextval('{sequence.value}_id_seq')) FROM generate_series(1, $1)"  # noqa: S608 - an enum's value
    for sequence in IdSequence
}

_SESSION = """
SET statement_timeout = {milliseconds};
SET idle_in_transaction_session_timeout = {milliseconds};
SET default_transaction_isolation = 'read committed';
SET jit = off;
SET enable_seqscan = off
"""
"""JIT takes longer to compile than our statements to run. And what a request reads has an index: a plan that reads a whole table instead,
made when the table was small, would be kept while it grows, until PostgreSQL looks at it again. Not sent as startup parameters, because
PgBouncer refuses those.
"""

_CONFLICTS = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.ForeignKeyViolationError,
)
_OWN_KEY = "_pkey"
"""As PostgreSQL itself calls a primary key: that of an id from a sequence. It is taken where a wipe has restarted the sequence after the
id was given; running again gets another. Keys that callers choose have names of ours."""
_LOST = (
    asyncpg.PostgresConnectionError,  # class 08; asyncpg also raises it when the stream ends
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # the server has become a standby; a new connection may find the new primary
    asyncpg.InvalidCachedStatementError,  # the schema was migrated under our prepared statements; a new connection has none
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.InternalClientError,  # the protocol is out of step
    ConnectionError,
)
_OVERLOADED = (
    asyncpg.QueryCanceledError,  # statement_timeout
    asyncpg.InsufficientResourcesError,  # class 53: disk full, out of memory, too many connections
)


class PostgresConnection(Connection):
    """One asyncpg connection and the statements prepared on it."""

    flavour = Flavour.POSTGRESQL

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        super().__init__()
        self._connection = connection
        self._execute: Callable[..., Awaitable[Any]] = connection._protocol.bind_execute  # type: ignore[attr-defined]  # noqa: SLF001 - see below
        """Takes a statement, its arguments, the name of a portal, the most rows (0: all), whether to tell beside the rows what was done,
        and a timeout. It is what asyncpg's own methods come to, without the five calls in between: a fifth of what a small statement costs.
        """
        self._prepared: OrderedDict[str, Any] = OrderedDict()
        """Of asyncpg, whose typed name for them does not know what `_execute` takes."""

    @property
    def usable(self) -> bool:
        return not self.broken and not self._connection.is_closed()

    def terminate(self) -> None:
        self.broken = True
        self._connection.terminate()

    async def close(self) -> None:
        self.broken = True
        try:
            # A cancelled statement may still be running on the server: asyncpg has asked it to stop, and this waits until it has.
            await self._connection.close(timeout=1)
        except Exception:  # noqa: BLE001 - it is gone either way, and nobody waits for it
            self._connection.terminate()

    async def rows(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        statement = self._known(sql) or await self._prepare(sql)
        rows: Sequence[Row] = await self._execute(statement._state, arguments, "", 0, False, None)  # noqa: FBT003, SLF001 - as said
        return rows

    async def row(self, sql: str, arguments: Sequence[Any]) -> Row | None:
        statement = self._known(sql) or await self._prepare(sql)
        rows: Sequence[Row] = await self._execute(statement._state, arguments, "", 1, False, None)  # noqa: FBT003, SLF001 - as said
        return rows[0] if rows else None

    async def execute(self, sql: str, arguments: Sequence[Any]) -> int:
        statement = self._known(sql) or await self._prepare(sql)
        _, status, _ = await self._execute(statement._state, arguments, "", 0, True, None)  # noqa: FBT003, SLF001 - as said
        return int(status.rpartition(b" ")[2])  # of "UPDATE 3" or "INSERT 0 3"

    async def execute_many(self, sql: str, arguments: Sequence[Sequence[Any]]) -> None:
        statement = self._known(sql) or await self._prepare(sql)
        await statement.executemany(arguments)

    async def next_id(self, sequence: IdSequence) -> int:
        row = await self.row(_NEXT_ID[sequence], ())
        assert row is not None  # noqa: S101 - a sequence always has a next value
        return int(row[0])

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        row = await self.row(_NEXT_IDS[sequence], (count,))
        assert row is not None  # noqa: S101 - an aggregate is one row
        ids: Sequence[int] = row[0]
        return ids

    async def batch(self, changes: Sequence[Deferred], new: Sequence[NewId], guarded: bool) -> None:  # noqa: FBT001 - as in `Connection`
        sql, arguments = merge(changes, new)
        try:
            row = await self.row(sql, arguments)
        except asyncpg.InvalidTextRepresentationError as error:  # the guards' own, see `store.batch`
            raise ChangedError(str(error)) from error
        except Exception as error:
            meaning = self.meaning(error)
            if guarded and isinstance(meaning, UniqueViolationError):
                raise ConflictError(str(error)) from error
            raise told(meaning, changes) from error
        if new:
            assert row is not None  # noqa: S101 - a statement with new ids returns them
            for one, number in zip(new, row[-len(new) :], strict=True):
                one.given(number)

    async def command(self, sql: str) -> None:
        await self._connection.execute(sql)

    def _known(self, sql: str) -> Any:
        found = self._prepared.get(sql)
        if found is not None:
            self._prepared.move_to_end(sql)
        return found

    async def _prepare(self, sql: str) -> Any:
        prepared = self._prepared[sql] = await self._connection.prepare(sql)
        if len(self._prepared) > MAX_PREPARED:
            self._prepared.popitem(last=False)  # asyncpg closes it on the server when nothing refers to it any more
        return prepared

    def meaning(self, error: Exception) -> Exception:  # noqa: PLR0911 - a table of cases, the first that fits
        if isinstance(error, asyncpg.UniqueViolationError):
            if str(error.constraint_name).endswith(_OWN_KEY):
                return ConflictError(str(error))
            return UniqueViolationError(error.constraint_name or "", error.table_name or "")
        if isinstance(error, asyncpg.UndefinedTableError):
            return NoSuchTableError(str(error))
        if isinstance(error, asyncpg.CharacterNotInRepertoireError):  # where no dialect has named the field before
            return Invalid("a text has the character U+0000 in it, which PostgreSQL does not take: leave it out")
        if isinstance(error, _CONFLICTS):
            return ConflictError(str(error))
        if self.expired:
            return Unavailable("PostgreSQL did not answer in time; try again", retry_after=1)
        if isinstance(error, _LOST) or self._connection.is_closed():
            self.terminate()
            return ConnectionLostError(f"{type(error).__name__}: {error}")
        if isinstance(error, _OVERLOADED):
            return Unavailable(f"PostgreSQL refused a statement: {error}; try again", retry_after=1)
        if not isinstance(error, asyncpg.PostgresError | asyncpg.DataError):
            self.terminate()  # nobody has said what state this leaves the connection in
        return error


class PostgresDatabase(PooledDatabase):
    """A database on a PostgreSQL server. Durations are in seconds; a `statement_seconds` of 0 sets no limit."""

    def __init__(
        self,
        url: DatabaseUrl,
        *,
        pool_size: int = 10,
        wait_seconds: float = 10.0,
        connect_seconds: float = 10.0,
        statement_seconds: float = 30.0,
        meter: Meter | None = None,
    ) -> None:
        connections: Pool[Connection] = Pool(self._connect, size=pool_size, wait_seconds=wait_seconds, statement_seconds=statement_seconds)
        super().__init__(Flavour.POSTGRESQL, connections, meter)
        self._arguments = url.connect_arguments()
        self._connect_seconds = connect_seconds
        self._session = _SESSION.format(milliseconds=int(statement_seconds * 1000))

    async def _connect(self) -> PostgresConnection:
        try:
            async with asyncio.timeout(self._connect_seconds):
                connection = await asyncpg.connect(**self._arguments)
                try:
                    await connection.execute(self._session)
                except BaseException:
                    connection.terminate()
                    raise
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            cause = str(error) or f"no answer in {self._connect_seconds:g} s"
            raise Unavailable(f"PostgreSQL cannot be reached: {cause}; try again", retry_after=1) from error
        return PostgresConnection(connection)
