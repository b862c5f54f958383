"""The registry and its database, as things that can be killed."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from perf.cpu import ProcessTree
from perf.stage import DatabaseName
from tests.servers.mariadb import MariadbServer
from tests.servers.postgres import PostgresServer
from tests.servers.process import Child
from tests.servers.server import DatabaseServer


class Registry:
    """`modelyard serve` on one database. `home` takes its log and its ready file, `data` is its data folder."""

    def __init__(self, url: str, home: Path, data: Path, env: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.data = data
        self._ready = home / "ready.json"
        self._log = home / "server.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "MR_"))}
        self._env = {**inherited, **(env or {})}
        self._child: Child | None = None

    def begin(self) -> None:
        """Start it, and do not wait."""
        self._ready.unlink(missing_ok=True)
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "modelyard",
            "serve",
            "--port",
            "0",
            "--log-level",
            "error",
            "--ready-file",
            self._ready,
        ]
        self._child = Child([*command, "--database-url", self.url, "--data-dir", self.data], log=self._log, env=self._env)

    def start(self) -> int:
        """Start it; its port, once it answers."""
        self.begin()
        assert self._child is not None  # noqa: S101 - narrows the type for mypy
        self._child.wait_until(self._ready.exists, seconds=120)
        url: str = json.loads(self._ready.read_bytes())["url"]
        port = urlsplit(url).port
        assert port is not None  # noqa: S101 - narrows the type for mypy
        return port

    def kill(self) -> None:
        if self._child:
            self._child.kill()


class _Kills:
    """Adds to a database server: kill -9 of all its processes at the same moment. Some have sessions of their own."""

    _child: Child | None

    def kill_all(self) -> None:
        assert self._child is not None  # noqa: S101 - narrows the type for mypy
        for pid in list(ProcessTree(self._child.pid).pids()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._child.kill()
        time.sleep(0.05)  # whoever has been killed is to be gone, or the next start would find it


class Postgres(_Kills, PostgresServer):
    pass


class Mariadb(_Kills, MariadbServer):
    pass


@contextlib.contextmanager
def database_server(name: DatabaseName) -> "Iterator[Postgres | Mariadb | None]":
    """A server that syncs what it commits; None for SQLite."""
    if name is DatabaseName.SQLITE:
        yield None
        return
    server = Postgres(durable=True) if name is DatabaseName.POSTGRESQL else Mariadb(durable=True)
    try:
        server.start()
        yield server
    finally:
        server.close()


def new_database(server: DatabaseServer | None, data: Path) -> str:
    return server.new_database() if server else f"sqlite:///{data / 'modelyard.db'}"
