"""Statements: written once with SQLAlchemy Core, compiled once per database, run on the bare driver."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, insert, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler


class Flavour(StrEnum):
    """Which database's SQL to speak. MariaDB and MySQL share one."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MYSQL = "mysql"


_DIALECTS: dict[Flavour, Dialect] = {
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

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        if self.constants:
            values = {**self.constants, **values}
        return tuple([values[name] for name in self.names])


class Statement:
    """A named statement. Keep it in a module constant or a bounded cache: compiling costs far more than running it.

    `slow` marks a statement whose cost grows with the data: SQLite runs it in a reader thread instead of on the event loop.
    """

    __slots__ = ("_clause", "_compiled", "name", "slow")

    def __init__(self, name: str, clause: Executable, *, slow: bool = False) -> None:
        self.name = name
        self.slow = slow
        self._clause = clause
        self._compiled: dict[Flavour, Compiled] = {}

    def compiled(self, flavour: Flavour) -> Compiled:
        found = self._compiled.get(flavour)
        if found is None:
            found = self._compiled[flavour] = _compile(self._clause, flavour)
        return found


def _compile(clause: Executable, flavour: Flavour) -> Compiled:
    compiled = clause.compile(dialect=_DIALECTS[flavour])  # type: ignore[attr-defined]  # every Core statement has it; Executable's stub does not
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - narrows SQLAlchemy's return type
    names = tuple(compiled.positiontup or ())
    constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required and name in names}
    return Compiled(str(compiled), names, constants)


class _InsertWithId(Statement):
    """PostgreSQL fills `id` itself and returns it; the others are told which."""

    __slots__ = ("_returning",)

    def __init__(self, name: str, table: Table) -> None:
        values = {column.name: bindparam(column.name, type_=column.type) for column in table.columns}
        super().__init__(name, insert(table).values(values))
        self._returning = Statement(name, insert(table).values({**values, "id": text("DEFAULT")}).returning(table.c.id))

    def compiled(self, flavour: Flavour) -> Compiled:
        return self._returning.compiled(flavour) if flavour is Flavour.POSTGRESQL else super().compiled(flavour)


def insert_with_id(name: str, table: Table) -> Statement:
    """For `Unit.insert`: all columns of the table, whose `id` comes from a sequence. Values are named as the columns are."""
    return _InsertWithId(name, table)
