"""What a check says, and how it is called."""

from collections.abc import AsyncGenerator, Callable

import msgspec

from modelyard.store.database import Reader

MOST = 100
"""Findings told of one check. Where there are more, they seldom have another cause."""

RESTORE = "Restore it from a backup, or repair it by hand and check again"

Looked = Callable[[int], None]
"""Told how many rows were looked at, from time to time."""

Find = Callable[[Reader, Looked], AsyncGenerator["Finding"]]
"""A check. Its statements read a bounded number of rows each."""


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong: where, what, and what to do about it. `id` is the row's, where it is about one row."""

    check: str
    table: str
    id: int | str | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = self.table if self.id is None else f"{self.table} {self.id}"
        return f"{where}: {self.problem}. {self.remedy}."
