"""Several changes as one PostgreSQL statement: one round trip, one plan, and a transaction of its own.

Each change becomes a data-modifying CTE. All see the same snapshot and none sees the others, so a batch must not change a row that it
makes. Foreign keys are checked at the end of the statement and may point within it. Statements that guard (see `statements.Lock`) must each
meet a row, or nothing happens. New ids are taken in the statement, and are what it returns.
"""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from modelyard.store.database import Deferred, IdSequence, NewId, Told
from modelyard.store.statements import Bulk, Flavour, Statement

_PARAMETER = re.compile(r"\$(\d+)")
_FEW = 8
"""Rows of a `Bulk` that are parameters one by one. More go as one JSON text: asyncpg looks closely at each element of an array."""


class _Hole(NamedTuple):
    """Where a new id belongs: at which place of a row or, of few rows, of all their values; which new id; and whether in a JSON text."""

    place: int
    new: int
    told: bool


class _Part(NamedTuple):
    """A change but for its values: a statement, how many rows it has, 0 for many, and what its rows leave open."""

    statement: Statement
    rows: int
    holes: tuple[_Hole, ...]


Shape = tuple[tuple[_Part, ...], tuple[IdSequence, ...]]
"""The changes, and the sequences of the new ids."""

_texts: dict[Shape, str] = {}

_GUARDED = "CASE WHEN {found} <> {wanted} THEN (({found}) || ' of {wanted} records are as they were read: running again')::int END"
"""A text that is no number is the one way to make a statement fail by itself, and with it everything that it has done; the server's log
shows the text."""


def merge(batch: Sequence[Deferred], new: Sequence[NewId]) -> tuple[str, list[Any]]:
    """The one statement and its arguments. Its one row ends with the new ids.

    The server runs the main statement first and then the others from the last to the first: written backwards, the changes happen in
    the order in which they were asked for. No manual promises it, and only two things lean on it: that the audit events of one unit
    are numbered in order, and which of two clashes is told.
    """
    parts: list[_Part] = []
    arguments: list[Any] = []
    for change in reversed(batch):
        part, given = _part(change, new)
        parts.append(part)
        arguments += given
    shape = (tuple(parts), tuple([one.sequence for one in new]))
    text = _texts.get(shape)
    if text is None:
        text = _texts[shape] = _text(shape)
    return text, arguments


def _part(change: Deferred, new: Sequence[NewId]) -> tuple[_Part, Sequence[Any]]:
    """Without its values; and these."""
    statement, rows = change.statement, change.bound(Flavour.POSTGRESQL)
    count = len(rows)
    if count > _FEW:
        assert isinstance(statement, Bulk)  # noqa: S101 - no other has more than one row
        holes = _holes(statement, rows[0], new)
        return _Part(statement, 0, holes), [_json(statement, rows, holes)]
    values = rows[0] if count == 1 else list(chain.from_iterable(rows))
    holes = _holes(statement, values, new)
    return _Part(statement, count, holes), _without(values, holes) if holes else values


def _holes(statement: Statement, values: Sequence[Any], new: Sequence[NewId]) -> tuple[_Hole, ...]:
    if not new or not isinstance(statement, Bulk):
        return ()
    width = len(statement.columns)
    found = []
    for start in range(0, len(values), width):
        for column in statement.identifying:
            value = values[start + column]
            if type(value) is NewId:
                found.append(_Hole(start + column, new.index(value), told=False))
            elif type(value) is Told:
                found.append(_Hole(start + column, new.index(value.id), told=True))
    return tuple(found)


def _without(values: Sequence[Any], holes: Sequence[_Hole]) -> list[Any]:
    """The values without new ids, and of what is told only the text after its id."""
    left = list(values)
    for place, _, told in reversed(holes):
        if told:
            left[place] = left[place].text[len(_BEFORE_ID) + 1 :]
        else:
            del left[place]
    return left


_BEFORE_ID = '{"id":'


def _text(shape: Shape) -> str:
    parts, sequences = shape
    names = [f"_new{number} AS (SELECT nextval('{sequence.value}_id_seq') AS id)" for number, sequence in enumerate(sequences)]
    texts, used, guards = [], 0, []
    for number, part in enumerate(parts):
        sql, count = _many(part) if not part.rows else _each(part)
        if part.statement.guards:
            guards.append(f"(SELECT count(*) FROM _{number})")  # noqa: S608 - a name of our own making
            sql += " RETURNING 1" if part.statement.table_name else ""
        texts.append(_shifted(sql, used))
        used += count
    asked = [f"(SELECT id FROM _new{number})" for number in range(len(sequences))]  # noqa: S608 - likewise
    if guards:
        # Counting a guard runs it: they lock in the order in which they were asked for, as a unit that locks does. Else the two deadlock.
        # And they do so before ids are taken: who waits for another gets the higher ones.
        asked.insert(0, _GUARDED.format(found=" + ".join(reversed(guards)), wanted=len(guards)))
    main = f"SELECT {', '.join(asked)}" if asked else texts.pop()
    names += [f"_{number} AS ({text})" for number, text in enumerate(texts)]
    return f"WITH {', '.join(names)} {main}" if names else main


def _shifted(sql: str, by: int) -> str:
    """With its parameters numbered from there on."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql) if by else sql


def _each(part: _Part) -> tuple[str, int]:
    """The statement for so many rows, and how many parameters it has."""
    statement, rows, holes = part
    compiled = statement.compiled(Flavour.POSTGRESQL)
    width = len(compiled.names)
    sql = compiled.sql
    if rows > 1:
        deletes = isinstance(statement, Bulk) and statement.deletes
        head, word, row = sql.partition(" WHERE " if deletes else " VALUES ")
        each = [_shifted(row, number * width) for number in range(rows)]
        sql = head + word + (" OR " if deletes else ", ").join(f"({one})" if deletes else one for one in each)
    return _filled(sql, holes), rows * width - sum(not hole.told for hole in holes)


def _filled(sql: str, holes: Sequence[_Hole]) -> str:
    """With new ids put in where they belong, and the parameters numbered anew."""
    if not holes:
        return sql
    at = {hole.place: hole for hole in holes}

    def fill(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        parameter = f"${place + 1 - sum(hole.place < place and not hole.told for hole in holes)}"
        hole = at.get(place)
        if hole is None:
            return parameter
        return f"'{_BEFORE_ID}' || {_taken(hole)} || {parameter}" if hole.told else _taken(hole)

    return _PARAMETER.sub(fill, sql)


def _taken(hole: _Hole) -> str:
    return f"(SELECT id FROM _new{hole.new})"  # noqa: S608 - a name of our own making


def _many(part: _Part) -> tuple[str, int]:
    """The statement for any number of rows."""
    statement, _, holes = part
    assert isinstance(statement, Bulk)  # noqa: S101 - no other has more than one row
    table, names = statement.table.name, [column.name for column in statement.columns]
    given = f"json_populate_recordset(NULL::{table}, $1::json)"
    if statement.deletes:
        same = " AND ".join(f"{table}.{name} = gone.{name}" for name in names)
        return f"DELETE FROM {table} USING {given} AS gone WHERE {same}", 1  # noqa: S608 - what is put in are names of our own tables
    at = {hole.place: _taken(hole) for hole in holes}
    values = [at.get(place, name) for place, name in enumerate(names)]
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {given}", 1  # noqa: S608 - likewise


def _json(statement: Bulk, rows: Sequence[Sequence[Any]], holes: Sequence[_Hole]) -> str:
    """The rows as one text. All of them have the same new id, if any: they are what one record has many of."""
    left_out = {hole.place for hole in holes}
    names = [(place, column.name) for place, column in enumerate(statement.columns) if place not in left_out]
    return msgspec.json.encode([{name: row[place] for place, name in names} for row in rows]).decode()
