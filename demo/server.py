"""A registry of the demo's own, and plain REST to talk to it."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

START_SECONDS = 30


class DemoError(Exception):
    """Something is not as it should be. The message says what."""


@contextlib.contextmanager
def registry(home: Path) -> Iterator[str]:
    """Run `modelyard serve` on a free port of this machine, its data in `home`, until the block ends. Yields its base URL."""
    ready, log = home / "ready.json", home / "server.log"
    command = [sys.executable, "-m", "modelyard", "serve", "--port", "0", "--data-dir", str(home), "--ready-file", str(ready)]
    # What the user has set for a server of theirs must not reach this one.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "MR_"))}
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=environ) as server,  # noqa: S603 - runs this very interpreter with arguments of ours; nothing comes from outside
    ):
        try:
            yield _url(server, ready, log)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _url(server: subprocess.Popen[bytes], ready: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise DemoError(f"The server did not start. It said:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)
    url: str = json.loads(ready.read_bytes())["url"]
    return url


class Rest:
    """JSON; `path` is relative to `base`, such as `http://127.0.0.1:8080/api/...`.

    A connection for each request: the server closes one that has been idle for seconds, as it would be during a training.
    """

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        self._prefix = parts.path
        self.requests = 0

    def get(self, path: str, **query: object) -> Any:
        return self._call("GET", path + ("?" + urlencode(query) if query else ""))

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._call("POST", path, body)

    def patch(self, path: str, body: Mapping[str, object]) -> Any:
        return self._call("PATCH", path, body)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """The answer's JSON. Raises `DemoError` unless the server agreed."""
        sent = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, self._prefix + path, sent, {"content-type": "application/json"} if sent else {})
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except OSError as error:
            raise DemoError(f"{method} {path}: the server is gone ({error}).") from error
        finally:
            self._connection.close()
        self.requests += 1
        if answer.status not in (200, 201):
            raise DemoError(f"{method} {path} was answered {answer.status}: {text.strip()}\nIt was sent: {sent}")
        return json.loads(text)


def number(value: float) -> dict[str, object]:
    """A custom property as Kubeflow's API writes it."""
    return {"metadataType": "MetadataDoubleValue", "double_value": value}


def plain(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Custom properties without their wrapping: integers arrive as text, so that no JavaScript rounds them."""
    values: dict[str, Any] = {}
    for name, wrapped in properties.items():
        field, value = next((key, wrapped[key]) for key in wrapped if key != "metadataType")
        values[name] = int(value) if field == "int_value" else value
    return values
