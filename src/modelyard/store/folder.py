"""Folders that a power cut does not take back."""

import contextlib
import os
from pathlib import Path


def make_durable(folder: Path) -> None:
    """Make the folder and what is missing above it. Raises `OSError`.

    SQLite syncs its files and the names of them in their folder; but the folder's own name is in the one above, which is ours to sync.
    That one always, even when nothing is missing: who made it may have been killed before.
    """
    unsynced = [folder, *(above for above in folder.parents if not above.exists())]
    folder.mkdir(parents=True, exist_ok=True)
    for made in unsynced:
        _sync(made.absolute().parent)


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some systems do not let folders be opened or synced; they then promise nothing better
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
