"""The figures of a server's worker processes, put together by whichever of them is asked.

Each worker has a file in a folder of theirs and writes its figures there once a second, at its end, and when it is asked itself. Only
files are added up, so a counter never goes back, whichever worker answers. A worker that is replaced leaves its file to its successor,
which counts on from there; what it counted in its last second is lost if it was killed.
"""

import asyncio
import contextlib
import fcntl
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from modelyard.api.ops.figures import Figures, lasting, together

WRITE_SECONDS = 1.0
"""How old the figures of the workers that were not asked may be."""
SILENT_SECONDS = 10.0
"""The gauges of a worker that has not written for so long are left out: it is gone, or stands still."""


class _Written(msgspec.Struct, frozen=True):
    at: float
    """By the monotonic clock, which the processes of a machine share."""
    figures: Figures


_decoder = msgspec.msgpack.Decoder(_Written)

Gather = Callable[[], Figures]
"""Gives the figures of this process alone."""


class OwnFigures:
    """The figures of a server that is one process."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def all(self) -> Figures:
        return self._gather()


class WorkerFigures:
    def __init__(self, folder: Path, gather: Gather) -> None:
        self._folder = folder
        self._gather = gather

    async def open(self) -> None:
        self._lock, self._file = _free_file(self._folder)
        before = _read(self._file)
        self._before = {} if before is None else lasting(before.figures)
        self._writing = asyncio.create_task(self._write_for_ever())

    async def close(self) -> None:
        self._writing.cancel()
        with contextlib.suppress(OSError):
            _write(self._file, lasting(self._figures()))
        os.close(self._lock)

    async def all(self) -> Figures:
        """The figures of all workers, those that have ended included."""
        _write(self._file, self._figures())
        return await asyncio.to_thread(_sum, self._folder)

    async def _write_for_ever(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            with contextlib.suppress(OSError):  # a full disk may have room a second later
                _write(self._file, self._figures())
                os.utime(self._lock)  # or a cleaner of temporary files would one day take it for forgotten

    def _figures(self) -> Figures:
        return together((self._before, self._gather()))


def _free_file(folder: Path) -> tuple[int, Path]:
    """The first file that no living worker has, and the lock on it, which the system lifts when the process ends, however it does."""
    for lock_file, file in _files(folder):
        lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return lock, file
    raise AssertionError("unreachable: there is always one more name")


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Names of a worker's lock and of its figures, without end; the first so many are in use, since workers take the first free ones."""
    for number in itertools.count():
        yield folder / f"{number}.lock", folder / f"{number}.figures"


def _write(file: Path, figures: Figures) -> None:
    """Whoever reads the file never reads half of it. Takes some 0.2 ms: nothing is synced."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(msgspec.msgpack.encode(_Written(time.monotonic(), figures)))
    draft.replace(file)


def _read(file: Path) -> _Written | None:
    try:
        return _decoder.decode(file.read_bytes())
    except FileNotFoundError:
        return None


def _sum(folder: Path) -> Figures:
    """Looks for each name, since a listing of the folder may miss a file that is just being replaced."""
    now = time.monotonic()
    taken = itertools.takewhile(lambda names: names[0].exists(), _files(folder))
    found = [written for _, file in taken if (written := _read(file)) is not None]
    return together(written.figures if now - written.at < SILENT_SECONDS else lasting(written.figures) for written in found)
