"""Tests rows of which only what the test needs was read."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from modelyard.records import properties
from modelyard.records.rows import Column
from modelyard.search.evaluate import FieldValue, Test
from modelyard.search.fields import Fields, FieldType
from modelyard.search.page import Cursor
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Or, Property, Subject
from modelyard.store.database import Row

AT_ONCE = 200
"""Rows that are tested at once. More may take longer than others should wait: they are tested in a thread."""


class Needs(NamedTuple):
    """What is read of a row after its id and its sort key: its properties or else a 1, both NULL where the row has failed; some fields."""

    properties: bool
    fields: tuple[str, ...]


NOTHING = Needs(properties=False, fields=())
"""Of rows that the database has tested."""


class RowTest:
    """The filter, of rows that have what it `needs`."""

    def __init__(self, filter_: Expr, test: Test, fields: Fields, stored: Mapping[str, Column]) -> None:
        subjects = tuple(_subjects(filter_))
        names = dict.fromkeys(one.name for one in subjects if isinstance(one, Field) and fields[one.name].type is not FieldType.LINK)
        self.needs = Needs(any(isinstance(one, Property) for one in subjects), tuple(names))
        self._test = test
        self._places = {name: (place, stored[name].load) for place, name in enumerate(names, 3)}

    async def passed(self, rows: Sequence[Row], most: int) -> list[Cursor]:
        """The places of those that satisfy the filter, in the order of the rows: the first `most`."""
        if len(rows) <= AT_ONCE:
            return self._passed(rows, most)
        return await asyncio.to_thread(self._passed, rows, most)

    def _passed(self, rows: Sequence[Row], most: int) -> list[Cursor]:
        found: list[Cursor] = []
        row: Row = ()

        def field(name: str) -> FieldValue:
            place, load = self._places[name]
            value: FieldValue = row[place]
            return value if value is None or load is None else load(value)

        test, with_properties = self._test, self.needs.properties
        for row in rows:
            text = row[2]
            if text is not None and test(field, properties.decode(text) if with_properties else properties.EMPTY):
                found.append(Cursor(row[0], row[1]))
                if len(found) == most:
                    break
        return found


def passed_before(rows: Sequence[Row]) -> list[Cursor]:
    """Like `RowTest.passed`, where the database has tested everything."""
    return [Cursor(row[0], row[1]) for row in rows if row[2] is not None]


def _subjects(filter_: Expr) -> Iterator[Subject]:
    match filter_:
        case And(terms) | Or(terms):
            for term in terms:
                yield from _subjects(term)
        case Not(term):
            yield from _subjects(term)
        case Compare(subject=subject) | Like(subject=subject) | In(subject=subject) | Exists(subject=subject):
            yield subject
