"""Starts what is measured: a database server, the registry on it, the echo."""

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from perf.cpu import ProcessTree
from tests.servers.mariadb import MariadbServer
from tests.servers.postgres import PostgresServer
from tests.servers.process import Child
from tests.servers.sql import execute


class DatabaseName(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MARIADB = "mariadb"


class Server(NamedTuple):
    port: int
    tree: ProcessTree
    start_seconds: float
    """From its start to the moment it announced itself."""


class _Postgres(PostgresServer):
    @property
    def pid(self) -> int:
        assert self._child is not None  # noqa: S101 - narrows the type for mypy
        return self._child.pid


class _Mariadb(MariadbServer):
    @property
    def pid(self) -> int:
        assert self._child is not None  # noqa: S101 - narrows the type for mypy
        return self._child.pid


class Database:
    """An empty database; without a server of its own (`server` None) it is an SQLite file, and part of the registry's process."""

    def __init__(self, url: str, server: "_Postgres | _Mariadb | None") -> None:
        self.url = url
        self._server = server
        self.tree = ProcessTree(server.pid) if server else None

    def version(self) -> str:
        if self._server is None:
            return f"sqlite {sqlite3.sqlite_version}"
        version: str = self._server.execute("SELECT version()")[0][0]
        return version.partition(" on ")[0]

    def settle(self) -> None:
        """What PostgreSQL does by itself a minute or so after much was loaded: look at it, so that its planner knows what is there."""
        if isinstance(self._server, _Postgres):
            execute(self.url, "VACUUM ANALYZE")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="modelyard-perf-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def database(name: DatabaseName, home: Path) -> Iterator[Database]:
    """An empty database that keeps what it has committed when the power fails, as one in use does."""
    if name is DatabaseName.SQLITE:
        yield Database(f"sqlite:///{home / 'perf.db'}", None)
        return
    server = _Postgres(durable=True) if name is DatabaseName.POSTGRESQL else _Mariadb(durable=True)
    try:
        server.start()
        yield Database(server.new_database(), server)
    finally:
        server.close()


@contextlib.contextmanager
def registry(url: str, home: Path, *, workers: int = 1) -> Iterator[Server]:
    """The program as its users start it: info log to a file, all defaults."""
    arguments = ["-m", "modelyard", "serve", "--port", "0", "--database-url", url, "--data-dir", str(home), "--workers", str(workers)]
    with _started([*arguments, "--ready-file"], home) as server:
        yield server


@contextlib.contextmanager
def echo(home: Path) -> Iterator[Server]:
    with _started(["-m", "perf.echo"], home) as server:
        yield server


@contextlib.contextmanager
def _started(arguments: list[str], home: Path) -> Iterator[Server]:
    """Start this interpreter with these arguments and a ready file; stop it at the end."""
    ready = home / "ready.json"
    ready.unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "MR_"))}
    began = time.perf_counter()
    child = Child([sys.executable, *arguments, ready], log=home / "server.log", env=environ)
    try:
        child.wait_until(ready.exists)
        took = time.perf_counter() - began
        port = urlsplit(json.loads(ready.read_bytes())["url"]).port
        assert port is not None  # noqa: S101 - narrows the type for mypy
        yield Server(port, ProcessTree(child.pid), took)
    finally:
        child.stop()
