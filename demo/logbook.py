"""Logs runs through Kubeflow's client, in a process of its own: the newest release has no experiments, and this one cannot live with it."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from demo.clients import python_with
from demo.server import DemoError

VERSION = "0.3.14"
"""The last release of Kubeflow's client with experiments."""
SCRIPT = Path(__file__).with_name("logbook_client.py")


class Logbook:
    """What can be written down. Each call returns when the registry has it; all raise `DemoError`."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process = process
        self._errors = errors

    def start_experiment(self, name: str) -> str:
        """Returns its id."""
        return self._ask("start_experiment", name=name)

    def start_run(self, name: str) -> str:
        """Start a run of the experiment, to which all that follows belongs; returns its id."""
        return self._ask("start_run", name=name)

    def parameters(self, values: Mapping[str, object]) -> None:
        self._ask("parameters", values=values)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self._ask("metrics", values=values, step=step)

    def finish_run(self, outcome: Mapping[str, float]) -> None:
        """`outcome` becomes custom properties of the run."""
        self._ask("finish_run", outcome=outcome)

    def _ask(self, action: str, **arguments: Any) -> str:
        assert self._process.stdin is not None  # noqa: S101 - narrows the type for mypy: `logbook` opened both pipes
        assert self._process.stdout is not None  # noqa: S101 - narrows the type for mypy
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"action": action, **arguments}) + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._process.wait(10)
            self._errors.seek(0)
            said = "\n".join(self._errors.read().strip().splitlines()[-10:])  # the end of a stack trace
            raise DemoError(f"{action} through Kubeflow's client {VERSION} failed. It said:\n{said}")
        done: str = json.loads(answer)
        return done


@contextlib.contextmanager
def logbook(url: str) -> Iterator[Logbook]:
    """Until the block ends, a client of this version that talks to the registry at `url`."""
    command = [str(python_with(VERSION)), "-W", "ignore", str(SCRIPT), url]
    # A proxy that the shell names must not be asked for what is on this machine, nor anything else change what the client does.
    environ = {"no_proxy": "127.0.0.1"}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environ) as process,  # noqa: S603 - runs a script of ours; nothing comes from outside
    ):
        try:
            yield Logbook(process, errors)
        finally:
            process.terminate()
