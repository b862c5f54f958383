"""Child processes that never outlive the test run."""

import contextlib
import ctypes
import errno
import itertools
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


_PORTS = range(10_000, 32_000)
"""Below those that systems give to outgoing connections: no client takes such a port before its server listens or while that restarts,
nor is connected to itself where nobody listens."""
_numbers = itertools.count(os.getpid() * 101)
"""Test processes that run at the same time begin at different places."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on, and that this process has not given away before."""
    while True:
        port = _PORTS[next(_numbers) % len(_PORTS)]
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port


class Child:
    """A running child process, in a session of its own so that Ctrl-C reaches the tests first and they stop it.

    Linux also signals it when the test process dies, however that dies, so `kill -9` leaves no orphan.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.log = log
        self._stop_signal = stop_signal
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
                env=env,
                start_new_session=True,
                preexec_fn=lambda: _die_with_parent(stop_signal),  # noqa: PLW1509 - one C call; takes no lock a thread could hold
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    def wait_until_ended(self, *, seconds: float = 60) -> None:
        """Raises TimeoutExpired."""
        self._process.wait(seconds)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Poll `ready`; raises RuntimeError with the log when the process ends or the time is up before it holds."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                state = "timed out" if self.running else f"exited with {self._process.returncode}"
                self.kill()
                raise RuntimeError(f"{self._process.args!r} {state} before it was ready. Its log:\n{self.tail()}")
            time.sleep(0.02)

    def stop(self, seconds: float = 10) -> None:
        """Ask it to stop, then kill it. Harmless when it has ended."""
        if self.running:
            self._process.send_signal(self._stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """`kill -9` it and every process it started in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """Stop it and every process below it in their tracks, as a machine that swaps or hangs does. `thaw` lets them go on."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """The top first: frozen, it starts no more children. Not by group, since each of PostgreSQL's processes is one of its own."""
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                os.kill(pid, number)
                waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def tail(self, characters: int = 20_000) -> str:
        return self.log.read_text(errors="replace")[-characters:]


def accepts(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent(stop_signal: signal.Signals) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
