"""Starts what is measured: a database server, the registry on it, MLflow on it, the echo."""

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from perf.cpu import ProcessTree
from perf.mlflow import environment
from tests.servers.mariadb import MariadbServer
from tests.servers.postgres import PostgresServer
from tests.servers.process import Child, accepts, free_port
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

    def __init__(self, name: DatabaseName, url: str, server: "_Postgres | _Mariadb | None") -> None:
        self.name = name
        self.url = url
        self._server = server
        self.tree = ProcessTree(server.pid) if server else None

    def version(self) -> str:
        if self._server is None:
            return f"sqlite {sqlite3.sqlite_version}"
        version: str = self._server.execute("SELECT version()")[0][0]
        return version.partition(" on ")[0].partition(" (")[0]

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
def database(name: DatabaseName, home: Path, *, cache: int = 64) -> Iterator[Database]:
    """An empty database that keeps what it has committed when the power fails, as one in use does. `cache` is for pages, in MiB."""
    if name is DatabaseName.SQLITE:
        yield Database(name, f"sqlite:///{home / 'perf.db'}", None)
        return
    server = _Postgres(durable=True, cache=cache) if name is DatabaseName.POSTGRESQL else _Mariadb(durable=True, cache=cache)
    try:
        server.start()
        yield Database(name, server.new_database(), server)
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
def mlflow(url: str, home: Path, *, workers: int = 1) -> Iterator[Server]:
    """MLflow's server as its users start it, but that it runs no jobs and reports nothing to its makers."""
    port = free_port()
    # Of a plain postgresql:// SQLAlchemy would choose another driver than the one that MLflow's documents name.
    store = ["--backend-store-uri", url.replace("postgresql://", "postgresql+psycopg2://")]
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    command = [str(environment.PROGRAM), "server", *address, *store, "--artifacts-destination", str(home / "files")]
    switches = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with _running(command, home, lambda: accepts(port), switches) as (child, seconds):
        yield Server(port, ProcessTree(child.pid), seconds)


@contextlib.contextmanager
def _started(arguments: list[str], home: Path) -> Iterator[Server]:
    """Start this interpreter with these arguments and a ready file; stop it at the end."""
    ready = home / "ready.json"
    ready.unlink(missing_ok=True)
    with _running([sys.executable, *arguments, ready], home, ready.exists) as (child, seconds):
        port = urlsplit(json.loads(ready.read_bytes())["url"]).port
        assert port is not None  # noqa: S101 - narrows the type for mypy
        yield Server(port, ProcessTree(child.pid), seconds)


@contextlib.contextmanager
def _running(
    command: Sequence[str | Path], home: Path, ready: Callable[[], bool], switches: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[Child, float]]:
    """A child and the seconds it took until `ready`, with no setting of the servers' but `switches` in its environment."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "MR_", "MLFLOW_"))}
    began = time.perf_counter()
    child = Child(command, log=home / "server.log", env={**environ, **switches})
    try:
        child.wait_until(ready, seconds=180)
        yield child, time.perf_counter() - began
    finally:
        child.stop()
