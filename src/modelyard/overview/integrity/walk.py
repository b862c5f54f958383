"""Going through a table whose key has several columns."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, select

from modelyard.overview.integrity.subjects import WINDOW
from modelyard.store.database import Reader, Row
from modelyard.store.statements import Statement


class Walk:
    """Rows of a table in the order of its key, whose first column is a whole number: the key, then further columns.

    For each column of the key, the last first, a statement asks for the next rows with a greater value there, and the same in those
    before it. Asked one after the other they go through the table in order, and each is a plain range of its key on every database,
    which a comparison of whole keys is not.
    """

    def __init__(self, table: Table, key: Sequence[str], further: Sequence[str], *where: ColumnElement[bool]) -> None:
        self._key = key
        columns = [table.c[name] for name in key]
        selected = select(*columns, *[table.c[name] for name in further]).where(*where)
        self._rungs = []
        for depth in reversed(range(len(key))):
            bound = [bindparam(column.name, type_=column.type) for column in columns]
            same = [column == value for column, value in zip(columns[:depth], bound, strict=False)]
            clause = selected.where(*same, columns[depth] > bound[depth]).order_by(*columns[depth:])
            limited = clause.limit(bindparam("limit", type_=columns[0].type))
            self._rungs.append(Statement(f"walk {table.name} by {key[depth]}", limited))

    async def stretches(self, reader: Reader) -> AsyncIterator[Sequence[Row]]:
        """The whole table, so many rows at a time."""
        last: dict[str, Any] = {self._key[0]: -1}
        begun = False
        while True:
            stretch: list[Row] = []
            for rung in self._rungs if begun else self._rungs[-1:]:
                stretch += await reader.rows(rung, {**last, "limit": WINDOW - len(stretch)})
                if len(stretch) == WINDOW:
                    break
            if not stretch:
                return
            yield stretch
            last, begun = dict(zip(self._key, stretch[-1], strict=False)), True
