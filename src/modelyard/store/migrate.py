"""Brings a database to this version's schema, under a lock, so that several servers may start at once."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from modelyard.errors import Unavailable
from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl

LOCK_SECONDS = 120
_LOCK_NUMBER = 0x6D6F64656C
"""Any constant will do, as long as no other program locks the same number in this database."""


def upgrade(url: DatabaseUrl) -> None:
    """Apply what is missing. Returns at once when nothing is. Call it from a thread: it starts an event loop of its own.

    Raises `Unavailable` when the schema is of a newer program, or when another server's migration does not end.
    """

    def work(connection: Connection) -> None:
        _refuse_newer(MigrationContext.configure(connection).get_current_revision())
        command.upgrade(config(connection), "head")

    run(url, work)


def downgrade(url: DatabaseUrl, revision: str) -> None:
    """Undo the steps after `revision` (`base` undoes all)."""
    run(url, lambda connection: command.downgrade(config(connection), revision))


def current(url: DatabaseUrl) -> str | None:
    """The revision that the database is at, None for an empty one."""
    found: list[str | None] = []
    run(url, lambda connection: found.append(MigrationContext.configure(connection).get_current_revision()))
    return found[0]


def config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """The revision that this version of the program needs."""
    found = ScriptDirectory(str(_scripts())).get_current_head()
    assert found is not None  # noqa: S101 - narrows Alembic's return type: None would mean that there is no migration at all
    return found


def knows(revision: str) -> bool:
    """Whether it is the schema of this program or of an older one."""
    return revision in {script.revision for script in ScriptDirectory(str(_scripts())).walk_revisions()}


def _refuse_newer(revision: str | None) -> None:
    """A newer program may have changed anything: nothing of this one can be trusted to be right there."""
    if revision is not None and not knows(revision):
        raise Unavailable(
            f"the store was made by a newer Modelyard (schema {revision}, this program knows {head()}): "
            "start a newer version, or restore a backup"
        )


def run(url: DatabaseUrl, work: Callable[[Connection], None]) -> None:
    """Run `work` in a transaction that holds the migration lock."""
    if url.flavour is Flavour.SQLITE:
        _run_sqlite(url, work)
    else:
        asyncio.run(_run_server(url, work))


def _scripts() -> Path:
    return Path(str(files("modelyard.store.migrations")))


def _run_sqlite(url: DatabaseUrl, work: Callable[[Connection], None]) -> None:
    """One transaction from the start, which is the lock: SQLite's schema changes are undone with it."""
    engine = create_engine(url.sqlalchemy_url(), connect_args={"timeout": LOCK_SECONDS})
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            work(connection)
    finally:
        engine.dispose()


async def _run_server(url: DatabaseUrl, work: Callable[[Connection], None]) -> None:
    engine = create_async_engine(url.sqlalchemy_url(), connect_args=url.connect_arguments())
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_locked, url, work)
    finally:
        await engine.dispose()


def _locked(connection: Connection, url: DatabaseUrl, work: Callable[[Connection], None]) -> None:
    with _lock(connection, url):
        work(connection)
        connection.commit()  # before the lock falls: who waits for it must find the revision written


@contextmanager
def _lock(connection: Connection, url: DatabaseUrl) -> Iterator[None]:
    if url.flavour is Flavour.POSTGRESQL:
        # Falls with the transaction.
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        yield
        return
    # The server has one set of names for all databases, of 64 characters each.
    name = {"name": f"modelyard {url.database}"[:64]}
    if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), {**name, "seconds": LOCK_SECONDS}) != 1:
        raise Unavailable(
            f"the database {url.database} is still being migrated by another server after {LOCK_SECONDS} s: "
            "wait until that is done, or end it, and start again"
        )
    try:
        yield
    finally:
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)
