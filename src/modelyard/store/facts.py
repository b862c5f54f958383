"""What a database says of itself, for `modelyard doctor` to judge. Nothing is changed or made."""

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec
from sqlalchemy import text

from modelyard.store.database import Database
from modelyard.store.statements import Flavour, Statement

Product = Literal["PostgreSQL", "MariaDB", "MySQL"]


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    product: Product
    version: str
    """As the server gives it, such as `10.11.6-MariaDB-0+deb12u1`."""
    settings: Mapping[str, str]
    skew_seconds: float
    """How far the server's clock is ahead of ours, to about half a round trip."""
    never_analysed: tuple[str, ...] = ()
    """Tables with rows in them of which PostgreSQL has no statistics."""


class FileFacts(msgspec.Struct, frozen=True):
    revision: str | None
    """Of the schema; None where there is none."""
    journal_mode: str
    accounts: bool
    """Whether there are any."""


_POSTGRESQL_SETTINGS = Statement(
    "doctor: settings",
    text(
        "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'fsync', 'full_page_writes', 'synchronous_commit',"
        " 'max_connections', 'superuser_reserved_connections')"
    ),
)
_POSTGRESQL_CLOCK = Statement("doctor: clock", text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"))
_POSTGRESQL_NEVER_ANALYSED = Statement(
    "doctor: statistics",
    text(
        "SELECT relname FROM pg_stat_user_tables WHERE schemaname = current_schema() AND n_live_tup > 1000"
        " AND last_analyze IS NULL AND last_autoanalyze IS NULL ORDER BY relname"
    ),
)
"""Small tables are read whole, with or without statistics."""

_MYSQL_SETTINGS = ("innodb_flush_log_at_trx_commit", "innodb_doublewrite", "max_connections")
_MYSQL = Statement("doctor: settings", text(f"SELECT version(), {', '.join(f'@@global.{name}' for name in _MYSQL_SETTINGS)}"))
_MYSQL_CLOCK = Statement("doctor: clock", text("SELECT unix_timestamp(now(6))"))


async def server_facts(database: Database) -> ServerFacts:
    """Raises `Unavailable`."""
    if database.flavour is Flavour.POSTGRESQL:
        settings = {str(name): str(value) for name, value in await database.reader.rows(_POSTGRESQL_SETTINGS, {})}
        tables = await database.reader.rows(_POSTGRESQL_NEVER_ANALYSED, {})
        return ServerFacts(
            product="PostgreSQL",
            version=settings.pop("server_version"),
            settings=settings,
            skew_seconds=await _skew(database, _POSTGRESQL_CLOCK),
            never_analysed=tuple(str(row[0]) for row in tables),
        )
    row = await database.reader.row(_MYSQL, {})
    assert row is not None  # noqa: S101 - it selects constants
    version, *values = map(str, row)
    return ServerFacts(
        product="MariaDB" if "mariadb" in version.lower() else "MySQL",
        version=version,
        settings=dict(zip(_MYSQL_SETTINGS, values, strict=True)),
        skew_seconds=await _skew(database, _MYSQL_CLOCK),
    )


async def _skew(database: Database, clock: Statement) -> float:
    before = time.time()
    row = await database.reader.row(clock, {})
    assert row is not None  # noqa: S101 - as above
    return float(row[0]) - (before + time.time()) / 2


def file_facts(path: Path) -> FileFacts:
    """Raises `sqlite3.Error`."""
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=2)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if "alembic_version" in tables else None
        accounts = "principal" in tables and connection.execute("SELECT 1 FROM principal").fetchone() is not None
        return FileFacts(None if row is None else str(row[0]), str(mode), accounts)
