"""The program itself, started as its users start it."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tests.servers.process import Child


class Serving(msgspec.Struct, frozen=True):
    """A running server: its base URL (no slash at the end) and its process."""

    url: str
    child: Child


@contextlib.contextmanager
def serving(database_url: str, *arguments: str, home: Path, env: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """Run `modelyard serve` on a free loopback port until the block ends; then SIGTERM, and a kill after 10 seconds.

    `home` takes its data folder, its log and the ready file; use a fresh folder for each server. Settings of the shell that runs
    the tests do not reach it, those in `env` do. Prints its log when it has ended: pytest shows that with a failed test.
    """
    ready = home / "ready.json"
    command = [
        *(sys.executable, "-m", "modelyard", "serve", "--host", "127.0.0.1", "--port", "0", "--ready-file", str(ready)),
        *("--database-url", database_url, "--data-dir", str(home / "data"), *arguments),
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "MR_", "OTEL_"))}
    child = Child(command, log=home / "server.log", env={**inherited, **(env or {})})
    try:
        child.wait_until(lambda: ready.exists() and ready.stat().st_size > 0)
        yield Serving(json.loads(ready.read_bytes())["url"].rstrip("/"), child)
    finally:
        child.stop()
        print(f"---- log of {database_url.split(':', maxsplit=1)[0]} server, process {child.pid}\n{child.tail()}")  # noqa: T201 - pytest shows it when a test fails
