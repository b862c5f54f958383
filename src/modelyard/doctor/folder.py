"""The folder for what is kept on this machine: whether it can be written, and has room."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.settings import Settings, flag

LITTLE = 1024**3
"""Bytes of free space under which it is time to act."""


def look(settings: Settings) -> Iterator[Finding]:
    folder = Path(settings.data_dir).absolute()
    there = nearest(folder)
    yield _writable(folder, there)
    yield _space(there, shutil.disk_usage(there).free)


def nearest(path: Path) -> Path:
    """The path, or the folder above it that exists and may be looked at."""
    return next(place for place in (path, *path.parents) if os.access(place, os.F_OK))


def _writable(folder: Path, there: Path) -> Finding:
    remedy = f"give this user the right, or choose another by {flag('data_dir')}"
    if there != folder:
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return ok("data folder", f"{folder} is not there yet: the first start makes it")
        return broken("data folder", f"{folder} cannot be made, because {there} may not be written", remedy)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ok("data folder", f"{folder} can be written")
    except OSError as error:
        return broken("data folder", f"{folder} cannot be written ({error.strerror})", remedy)


def _space(there: Path, free: int) -> Finding:
    shown = f"{free / 1024**3:.1f} GiB free at {there}"
    if free < LITTLE:
        return warning("free space", shown, "make room: a full disk stops every write")
    return ok("free space", shown)
