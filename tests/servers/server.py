"""What the throw-away database servers have in common."""

import itertools
import os
import secrets
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.process import Child, accepts, free_port
from tests.servers.sql import execute


class DatabaseServer(ABC):
    """Data in a temporary folder, one user with every right and a password, reachable on 127.0.0.1 only.

    `durable=False` lets a power cut (not a kill) lose what was committed, which makes tests fast. `cache` is the memory for pages in MiB.
    """

    SYSTEM_USER: ClassVar[str]
    """Whom the server runs as when the tests run as root."""
    STOP_SIGNAL: ClassVar[signal.Signals] = signal.SIGTERM
    OWN_DATABASE: ClassVar[str]
    """One that is always there."""
    NAME = "modelyard"

    def __init__(self, *, durable: bool = False, cache: int = 64) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(12)
        self._durable = durable
        self._cache = cache
        self._home = Path(tempfile.mkdtemp(prefix="modelyard-test-"))
        self._user = self.SYSTEM_USER if os.getuid() == 0 else None
        self._numbers = itertools.count(1)
        self._child: Child | None = None
        if self._user:
            shutil.chown(self._home, self._user)
        self._initialise()

    @abstractmethod
    def url(self, database: str) -> str:
        """The URL of a database on this server, with user and password."""

    def start(self) -> None:
        """Start, and wait until it answers. After `kill` it recovers its data first."""
        self._child = Child(self._command(), log=self._home / "log", user=self._user, stop_signal=self.STOP_SIGNAL)
        self._child.wait_until(self._answers)

    def stop(self) -> None:
        if self._child:
            self._child.stop()

    def kill(self) -> None:
        """`kill -9`: nothing the server holds in memory survives."""
        if self._child:
            self._child.kill()

    def freeze(self) -> None:
        """It takes connections and statements, and answers none until `thaw`."""
        if self._child:
            self._child.freeze()

    def thaw(self) -> None:
        if self._child:
            self._child.thaw()

    def close(self) -> None:
        """Stop and remove the data."""
        self.thaw()
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def new_database(self) -> str:
        """Create an empty database; returns its URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        """Run SQL in the server's own database; returns its rows. Works with an event loop running, too."""
        return execute(self.url(self.OWN_DATABASE), sql)

    @abstractmethod
    def _initialise(self) -> None:
        """Make the data folder and the user."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    def _answers(self) -> bool:
        if not accepts(self.port):
            return False
        try:
            self.execute("SELECT 1")
        except Exception:  # noqa: BLE001 - still starting or replaying its log; the caller gives up after a time and shows the log
            return False
        return True
