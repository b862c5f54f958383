"""MariaDB and MySQL over asyncmy."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import asyncmy
from asyncmy import errors as driver
from asyncmy.constants import CLIENT

from modelyard.errors import Unavailable
from modelyard.store.columns import mysql_collation
from modelyard.store.connection import ConflictError, Connection, ConnectionLostError
from modelyard.store.database import IdSequence, NoSuchTableError, Row, UniqueViolationError
from modelyard.store.meter import Meter
from modelyard.store.pool import Pool
from modelyard.store.pooled import PooledDatabase
from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl

_RECURSIONS = 2**32 - 1
_SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""Refuse what does not fit instead of cutting it. NO_BACKSLASH_ESCAPES is left out on purpose: the driver escapes with backslashes."""

MAX_PREPARED = 256
"""Prepared statements kept on each connection, the least recently used going first."""

_KEPT_IDS = 1000
"""Rows kept in an id table: old ones are removed once there are twice as many, but none that a running transaction still holds."""

_LOST = {
    1053,  # the server is shutting down
    1290,  # it became read-only: a new connection may find the new primary
    1836,
    1927,  # the connection was killed
    2006,  # gone away
    2013,  # lost during a query
    2014,  # out of step
    2055,
    3169,
    4031,  # idle for too long
}
_CONFLICTS = {1020, 1213, 1216, 1217, 1451, 1452}
"""Row changed since it was read, deadlock, foreign keys."""
_LOCKED = {1205, 3572}
"""Lock wait timeout, and MySQL's number for a statement that would not wait. Not a conflict: to run again may be to wait as long again."""
_NO_TABLE = 1146
_TOO_LONG = {1969, 3024}
"""The statement's time limit, MariaDB's and MySQL's."""
_DUPLICATES = {1062, 1586}
_KEY = re.compile(r"for key '(?:[^'.]*\.)?([^'.]*)'$")
"""MySQL 8 puts the table's name before the key's."""


class MySqlConnection(Connection):
    """One asyncmy connection in autocommit mode."""

    flavour = Flavour.MYSQL

    def __init__(self, connection: Any) -> None:
        super().__init__()
        self._connection = connection

    @property
    def usable(self) -> bool:
        # `connected` knows only what we closed ourselves; the other is what asyncmy's own pool asks.
        return not self.broken and self._connection.connected and not self._connection._stream_broken  # noqa: SLF001 - asyncmy has no public name for it

    def terminate(self) -> None:
        self.broken = True
        self._connection.close()

    async def close(self) -> None:
        self.terminate()  # the server undoes what was open when it sees the end of the stream

    async def rows(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        cursor = self._connection.cursor()
        await cursor.execute(sql, arguments)
        rows: Sequence[Row] = await cursor.fetchall()
        return rows

    async def row(self, sql: str, arguments: Sequence[Any]) -> Row | None:
        cursor = self._connection.cursor()
        await cursor.execute(sql, arguments)
        row: Row | None = await cursor.fetchone()
        return row

    async def execute(self, sql: str, arguments: Sequence[Any]) -> int:
        cursor = self._connection.cursor()
        await cursor.execute(sql, arguments)
        return int(cursor.rowcount)

    async def execute_many(self, sql: str, arguments: Sequence[Sequence[Any]]) -> None:
        await self._connection.cursor().executemany(sql, arguments)

    async def command(self, sql: str) -> None:
        await self._connection.query(sql)

    async def next_id(self, sequence: IdSequence) -> int:
        cursor = self._connection.cursor()
        await cursor.execute(f"INSERT INTO {sequence}_sequence VALUES ()", ())  # noqa: S608 - what is put in is a value of our own enum
        identity = int(cursor.lastrowid)
        await self._forget_ids(sequence, identity - 1, identity)
        return identity

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        # InnoDB gives an insert whose rows it can count beforehand numbers in a row, whatever innodb_autoinc_lock_mode.
        cursor = self._connection.cursor()
        await cursor.execute(f"INSERT INTO {sequence}_sequence VALUES {', '.join(['()'] * count)}", ())  # noqa: S608 - an enum's value
        first = int(cursor.lastrowid)
        await self._forget_ids(sequence, first - 1, first + count - 1)
        return range(first, first + count)

    async def _forget_ids(self, sequence: IdSequence, before: int, last: int) -> None:
        """Now and then, as ids pass a multiple of `_KEPT_IDS`."""
        if before // _KEPT_IDS != last // _KEPT_IDS:
            await self.execute(f"DELETE FROM {sequence}_sequence WHERE id < %s", (before + 1 - _KEPT_IDS,))  # noqa: S608 - likewise

    def meaning(self, error: Exception) -> Exception:  # noqa: PLR0911 - a table of cases, the first that fits
        code = error.args[0] if isinstance(error, driver.MySQLError) and error.args else None
        if code in _DUPLICATES:
            return UniqueViolationError(_key(str(error.args[1])))
        if code in _CONFLICTS:
            return ConflictError(str(error.args[1]))
        if code == _NO_TABLE:
            return NoSuchTableError(str(error.args[1]))
        if code in _LOCKED:
            return Unavailable("another change has held a lock for too long on the MySQL server; try again", retry_after=1)
        if self.expired:
            return Unavailable("the MySQL server did not answer in time; try again", retry_after=1)
        if code in _LOST or not self._connection.connected or isinstance(error, driver.InterfaceError | driver.InternalError | OSError):
            self.terminate()
            return ConnectionLostError(str(error))
        if code in _TOO_LONG:
            return Unavailable(f"the MySQL server stopped a statement: {error.args[1]}; try again", retry_after=1)
        if code is None:
            self.terminate()  # nobody has said what state this leaves the connection in
        return error


def _key(message: str) -> str:
    """The index named in "Duplicate entry 'x' for key 'uq_name'"."""
    found = _KEY.search(message)
    return found[1] if found else ""


class MySqlDatabase(PooledDatabase):
    """A database on a MariaDB or MySQL server. Durations are in seconds; a `statement_seconds` of 0 sets no limit."""

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
        super().__init__(Flavour.MYSQL, connections, meter)
        self._arguments = url.connect_arguments()
        self._connect_seconds = connect_seconds
        self._statement_seconds = statement_seconds

    async def _connect(self) -> MySqlConnection:
        try:
            async with asyncio.timeout(self._connect_seconds):
                connection: Any = await asyncmy.connect(
                    **self._arguments, charset="utf8mb4", autocommit=True, client_flag=CLIENT.FOUND_ROWS, stmt_cache_size=MAX_PREPARED
                )
                try:
                    for sql in _session(connection.get_server_info(), self._statement_seconds):
                        await connection.query(sql)
                except BaseException:
                    connection.close()
                    raise
        except (OSError, TimeoutError, driver.MySQLError) as error:
            cause = error.args[-1] if error.args else f"no answer in {self._connect_seconds:g} s"
            raise Unavailable(f"the MySQL server cannot be reached: {cause}; try again", retry_after=1) from error
        return MySqlConnection(connection)


def _session(server_version: str, statement_seconds: float) -> list[str]:
    """What a new connection is told: how text compares, to refuse rather than cut, isolation, and limits."""
    if "mariadb" in server_version.lower():
        # It would leave out what recursion has not come to, and say nothing.
        limits = f"max_statement_time = {statement_seconds}, max_recursive_iterations = {_RECURSIONS}"
    else:
        limits = f"max_execution_time = {int(statement_seconds * 1000)}, cte_max_recursion_depth = {_RECURSIONS}"
    lock_wait = min(50, max(1, int(statement_seconds))) if statement_seconds else 50
    return [
        f"SET NAMES utf8mb4 COLLATE {mysql_collation(server_version)}",
        f"SET SESSION sql_mode = '{_SQL_MODE}', {limits}, innodb_lock_wait_timeout = {lock_wait}",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    ]
