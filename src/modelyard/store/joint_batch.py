"""The changes of several units as one PostgreSQL statement: what `store.batch` makes for one, made for many at once.

Units that change the same kinds of things in the same order have one shape. Of such, the rows of each change come as one JSON text, so
that a shape is one statement however many units share it. It happens or it does not, for all of them. All see the same snapshot and none
sees the others, so it stands for running them one after the other only where none changes a record that another looks at.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from modelyard.store.batch import GUARDED, MOST_TEXTS, holes_of, told_text
from modelyard.store.database import Deferred, IdSequence, NewId, Row, Told, Values
from modelyard.store.kept import Kept
from modelyard.store.statements import Bulk, Flavour, Statement

MAX_ROWS = 64
"""Of one unit. More are worth a statement of their own."""
PATIENCE_MS = 100
"""So long it waits for a lock: whoever must wait longer does so alone, and does not keep the others waiting."""

Holes = tuple[tuple[int, int], ...]
Shape = tuple[tuple[IdSequence, ...], tuple[tuple[Statement, Holes], ...]]
"""The sequences of the new ids; then of each change its statement and what its rows leave open."""

_TYPED = re.compile(r"\$(\d+)::(\w+)")
_COMPARED = re.compile(r"= \$(\d+)::\w+")

_texts: Kept[Shape, str] = Kept(MOST_TEXTS)
_makers: dict[Statement, Callable[..., msgspec.Struct]] = {}


class Work(NamedTuple):
    """What one unit is going to do, as far as that may be shared."""

    shape: Shape
    changes: Sequence[Deferred]
    new: Sequence[NewId]
    looked_at: frozenset[tuple[str, Any]]
    """Records (table and id) that must still be as they were read."""
    changed: frozenset[tuple[str, Any]]
    """Those of them that it changes."""

    @property
    def place(self) -> Any:
        """Where it comes among others of its shape. That all processes keep to one order keeps them from waiting in a circle."""
        first = self.changes[0]
        if isinstance(first.statement, Bulk):
            return next((value for value in first.rows[0] if type(value) is str), "")
        return cast("Values", first.rows[0])["id"]

    def apart(self, looked_at: set[Any], changed: set[Any]) -> bool:
        """Whether it changes nothing of what others look at, nor they of what it does."""
        return self.changed.isdisjoint(looked_at) and self.looked_at.isdisjoint(changed)


def work_of(changes: Sequence[Deferred], new: Sequence[NewId], guarded: Sequence[tuple[str, Any]]) -> Work | None:
    """None where it can only be done alone. `guarded` are the records that are looked at and not changed."""
    kinds: list[tuple[Statement, Holes]] = []
    count = 0
    changed: list[tuple[str, Any]] = []
    for change in changes:
        statement, rows = change.statement, change.rows
        count += len(rows)
        if isinstance(statement, Bulk):
            kinds.append((statement, holes_of(statement, cast("Row", rows[0]), new) if new else ()))
        elif statement.guards and "id" in rows[0]:
            kinds.append((statement, ()))
            if statement.table_name:
                changed += [(statement.table_name, row["id"]) for row in cast("Sequence[Values]", rows)]
        else:
            return None
    if count > MAX_ROWS:
        return None
    changes_of = frozenset(changed)
    shape = (tuple([one.sequence for one in new]), tuple(kinds))
    return Work(shape, changes, new, changes_of.union(guarded), changes_of)


def join(works: Sequence[Work]) -> tuple[str, list[Any]]:
    """The one statement and its arguments, for units of one shape. Its one row ends with an array of new ids for each sequence."""
    shape = works[0].shape
    sequences, kinds = shape
    for number, work in enumerate(works, 1):
        for new in work.new:
            new.place = number
    arguments: list[Any] = [len(works)] if sequences else []
    guards = 0
    for place in range(len(kinds) - 1, -1, -1):
        statement = kinds[place][0]
        rows: list[Any] = [row for work in works for row in work.changes[place].rows]
        if not isinstance(statement, Bulk):
            rows = [statement.compiled(Flavour.POSTGRESQL).bind(row) for row in rows]
            guards += len(rows)
        make = _makers.get(statement) or _maker(statement)
        arguments.append(_encode([make(*row) for row in rows]).decode())
    if guards:
        arguments.append(guards)
    text = _texts.find(shape)
    if text is None:
        text = _text(sequences, kinds)
        _texts.keep(shape, text)
    return text, arguments


def give(works: Sequence[Work], row: Row) -> None:
    """Tell each its new ids."""
    count = len(works[0].new)
    for place, ids in enumerate(row[len(row) - count :]):
        for work, number in zip(works, ids, strict=True):
            work.new[place].given(number)


def _known_by_place(value: object) -> object:
    if type(value) is NewId:
        return value.place
    if type(value) is Told:
        return told_text(value)
    raise TypeError(type(value))


_encode = msgspec.json.Encoder(enc_hook=_known_by_place).encode


def _maker(statement: Statement) -> Callable[..., msgspec.Struct]:
    """Of a row something that becomes a JSON object without its NULLs, which JSON need not tell."""
    fields = [(f"p{place}", Any, None) for place in range(len(statement.compiled(Flavour.POSTGRESQL).names))]
    made = _makers[statement] = msgspec.defstruct("Given", fields, omit_defaults=True)
    return made


def _text(sequences: Sequence[IdSequence], kinds: Sequence[tuple[Statement, Holes]]) -> str:
    """Written backwards, and with the guards first of all, for the reasons that `store.batch` gives."""
    names = [
        f"_new{number} AS (SELECT array_agg(nextval('{sequence.value}_id_seq')) AS ids FROM generate_series(1, $1::int))"  # noqa: S608 - an enum's value
        for number, sequence in enumerate(sequences)
    ]
    guards, used = [], 1 if sequences else 0
    for number, (statement, holes) in enumerate(reversed(kinds)):
        used += 1
        names.append(f"_{number} AS ({_for_many(statement, holes, used)})")
        if statement.guards:
            guards.append(f"(SELECT count(*) FROM _{number})")  # noqa: S608 - a name of our own making
    asked = [f"(SELECT ids FROM _new{number})" for number in range(len(sequences))]  # noqa: S608 - likewise
    if guards:
        asked.insert(0, GUARDED.format(found=" + ".join(reversed(guards)), wanted=f"${used + 1}::bigint"))
    # Asked for first, it counts for all that comes after it, and until the statement ends.
    asked.insert(0, f"set_config('lock_timeout', '{PATIENCE_MS}', true)")
    return f"WITH {', '.join(names)} SELECT {', '.join(asked)}"


def _for_many(statement: Statement, holes: Holes, number: int) -> str:
    """The statement for all rows of the JSON text that is the parameter of that number."""
    sql = statement.compiled(Flavour.POSTGRESQL).sql
    columns = ", ".join(f"p{int(place) - 1} {kind}" for place, kind in dict(_TYPED.findall(sql)).items())
    given = f"json_to_recordset(${number}::json) AS given({columns})"
    if not isinstance(statement, Bulk):
        if not statement.table_name:
            # OFFSET, and below ANY, keep it to looking up one record after the other, in the order given. A join of another kind may be
            # cheaper while the table is small, would read all of it, and would be kept while it grows.
            return f"SELECT 1 FROM {given}, LATERAL ({_TYPED.sub(_from_given, sql)} OFFSET 0) AS found"  # noqa: S608 - our own statement
        head, _, where = sql.partition(" WHERE ")
        return f"{_TYPED.sub(_from_given, head)} FROM {given} WHERE {_looked_up(where)} RETURNING 1"
    if statement.deletes:
        head, _, where = sql.partition(" WHERE ")
        return f"{head} USING {given} WHERE {_looked_up(where)}"
    head, _, row = sql.partition(" VALUES ")
    at = dict(holes)
    told = at.pop(statement.told, None) if statement.told is not None else None

    def fill(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        if place in at:
            return _taken(at[place], place)
        if place == statement.told and told is not None:
            beside = next(other for other, new in at.items() if new == told)
            return f"""'{{"id":' || {_taken(told, beside)} || given.p{place}"""
        return f"given.p{place}"

    return f"{head} SELECT {_TYPED.sub(fill, row.strip()[1:-1])} FROM {given}"  # noqa: S608 - likewise


def _from_given(found: re.Match[str]) -> str:
    return f"given.p{int(found[1]) - 1}"


def _looked_up(where: str) -> str:
    """The condition for one given row after the other, each looked up in an index of its own columns.

    ANY leaves no other way to join. And of a remainder that is always 0 the planner thinks that it hardly ever is: it reckons with a
    single given row. With the hundred that it reckons with else, it would rather read all of a table that was small when it planned.
    """
    number = next(place for place, kind in _TYPED.findall(where) if kind == "BIGINT")
    looked_up = _COMPARED.sub(lambda found: f"= ANY (ARRAY[given.p{int(found[1]) - 1}])", where)
    return f"{_TYPED.sub(_from_given, looked_up)} AND given.p{int(number) - 1} % 1 = 0"


def _taken(new: int, place: int) -> str:
    """The new id for which the number of its unit stands at that place of a row."""
    return f"(SELECT ids FROM _new{new})[given.p{place}]"  # noqa: S608 - names of our own making
