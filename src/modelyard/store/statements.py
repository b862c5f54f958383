"""Statements: written once with SQLAlchemy Core, compiled once per database, run on the bare driver."""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Column, Integer, Table, bindparam, delete, insert
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler

SHORT = 100
"""Rows. With more there is little to win, and others would wait for them."""


class Flavour(StrEnum):
    """Which database's SQL to speak. MariaDB and MySQL share one."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MYSQL = "mysql"


_PARAMETER = re.compile(r"\$(\d+)::(\w+)")
"""As SQLAlchemy writes it for PostgreSQL, with its type."""
DIALECTS: dict[Flavour, Dialect] = {
    Flavour.SQLITE: sqlite.dialect(paramstyle="qmark"),
    Flavour.POSTGRESQL: postgresql.asyncpg.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy leaves this constructor untyped
    Flavour.MYSQL: mysql.asyncmy.dialect(),
}


class Compiled(msgspec.Struct, frozen=True):
    """SQL text for one driver, and the names of its parameters in the driver's order."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    """Values that SQLAlchemy itself bound, such as a literal in the statement."""
    bind: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """The values of a statement's parameters, by name, in the driver's order."""
    joint: str = ""
    """The same for many: takes an array for each parameter, and has one more column, the number of whose row it is, from 1 on."""


def _binder(names: Sequence[str], constants: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if constants:
        pick = _binder(names, {})
        return lambda values: pick({**constants, **values})
    if len(names) > 1:
        return itemgetter(*names)  # the fastest there is; of one name it would not give a tuple
    return lambda values: tuple([values[name] for name in names])


class Statement:
    """A named statement. Keep it in a module constant or a bounded cache: compiling costs far more than running it.

    `slow` marks a statement whose cost grows with the data: SQLite runs it in a reader thread instead of on the event loop.
    `locks` marks a reading statement that locks what it reads, so that it makes sense in a transaction only.
    `guards` marks one that must meet the row it was made for, unchanged since it was read, or the unit is run again (see `Lock`).
    `joint` marks one that reads up to `SHORT` rows, and little for them: a server may be asked for what many want at once.
    """

    __slots__ = ("_clause", "_compiled", "guards", "joint", "locks", "name", "slow", "table_name")

    def __init__(
        self, name: str, clause: Executable, *, slow: bool = False, locks: bool = False, guards: bool = False, joint: bool = False
    ) -> None:
        self.name = name
        self.joint = joint
        self.slow = slow
        self.locks = locks
        self.guards = guards
        changed = getattr(clause, "table", None)
        self.table_name: str = "" if changed is None else changed.name
        """The table that it changes; empty for a statement that reads."""
        self._clause = clause
        self._compiled: dict[Flavour, Compiled] = {}

    def compiled(self, flavour: Flavour) -> Compiled:
        found = self._compiled.get(flavour)
        if found is None:
            found = self._compiled[flavour] = self._compile(flavour)
        return found

    def _compile(self, flavour: Flavour) -> Compiled:
        return _compile(self._clause, flavour, joint=self.joint)


class Lock(msgspec.Struct, frozen=True):
    """Reads one record of a table so that nobody else changes it until the unit ends.

    A database may do so in two ways. `hold` reads and locks. Or `read` only reads, and before anything of the unit counts, `guard`
    makes sure that the record still is as it was read: it takes `id` and `revision_before`, which stands at the place `revision` of the
    row. Where the unit itself changes the record, that statement (it `guards`, too) stands for the guard. A `shared` lock is one that
    others may have, too. `known` is the guard of a record that was read long ago: it takes `updated_before`, too, since in a store that was
    emptied ids and revisions come again.
    """

    table: str
    read: Statement
    hold: Statement
    guard: Statement
    revision: int
    known: Statement
    shared: bool = False


def _compile(clause: Executable, flavour: Flavour, *, joint: bool) -> Compiled:
    compiled = clause.compile(dialect=DIALECTS[flavour])  # type: ignore[attr-defined]  # every Core statement has it; Executable's stub does not
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - narrows SQLAlchemy's return type
    names = tuple(compiled.positiontup or ())
    constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required and name in names}
    many = _for_many(str(compiled)) if joint and flavour is Flavour.POSTGRESQL else ""
    return Compiled(str(compiled), names, constants, _binder(names, constants), many)


def _for_many(sql: str) -> str:
    """The statement as PostgreSQL runs it for each of many, one after the other, so that the rows of one come together and in its order.

    OFFSET keeps it from being made another join, which may read whole tables. Its planner does not see how many they are: else it would
    plan anew each time.
    """
    types = dict(_PARAMETER.findall(sql))
    arrays = ", ".join(f"(SELECT ${number}::{types[number]}[])" for number in sorted(types, key=int))
    given = ", ".join(f"p{number}" for number in sorted(types, key=int))
    one = _PARAMETER.sub(r"asked.p\1", sql)
    return f"SELECT found.*, asked.n FROM unnest({arrays}) WITH ORDINALITY AS asked({given}, n), LATERAL ({one} OFFSET 0) AS found"  # noqa: S608 - our own statement


def _identifies(column: Column[Any]) -> bool:
    """Whether it holds the id of a record that a unit may make."""
    return isinstance(column.type, Integer) and (column.name == "id" or column.name.endswith("_id")) and column.name != "project_id"


class Bulk(Statement):
    """An insert of whole rows, or a delete by whole key, of any number of rows at once.

    Rows are tuples of the values of `columns`, in their order: of all the table's but those that the database fills (`without`), or of
    its key.
    """

    __slots__ = ("columns", "deletes", "identifying", "same", "table", "told")

    def __init__(
        self,
        name: str,
        table: Table,
        *,
        deletes: bool = False,
        without: tuple[str, ...] = (),
        told: str = "",
        same: tuple[str, ...] = (),
    ) -> None:
        """`told` is the column, if any, with what is told of a record as JSON, its id first.

        In the columns `same`, two or more, rows that are given together agree. SQLite takes many of them at once then.
        """
        self.table = table
        self.same = same
        self.deletes = deletes
        self.columns = tuple(column for column in (table.primary_key if deletes else table).columns if column.name not in without)
        self.told = next((place for place, column in enumerate(self.columns) if column.name == told), None)
        self.identifying = tuple([place for place, column in enumerate(self.columns) if place == self.told or _identifies(column)])
        """At which places a row may have an id that is yet to be given."""
        given = {column.name: bindparam(column.name, type_=column.type) for column in self.columns}
        key = [column == given[column.name] for column in self.columns]
        super().__init__(name, delete(table).where(*key) if deletes else insert(table).values(given).inline())

    def _compile(self, flavour: Flavour) -> Compiled:
        compiled = super()._compile(flavour)
        assert compiled.names == tuple(column.name for column in self.columns)  # noqa: S101 - rows are bound by position
        return compiled
