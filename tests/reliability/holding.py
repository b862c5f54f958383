"""A program beside the server that keeps it from writing."""

import contextlib
import sqlite3
from collections.abc import Iterator

from modelyard.store.urls import DatabaseUrl


@contextlib.contextmanager
def nobody_can_write(database_url: str) -> Iterator[None]:
    """Hold the SQLite database, so that every change waits until the block ends."""
    path = DatabaseUrl.parse(database_url).path
    assert path is not None
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
