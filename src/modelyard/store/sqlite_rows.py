"""Many rows as one SQLite statement. A row that is a statement of its own pays for its beginning and its end, and for each value bound."""

import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from modelyard.store.database import Row
from modelyard.store.statements import Bulk, Flavour

ROWS = 50
"""Rows of such a statement. SQLite keeps a program as long for each table, and more rows win little: counted in instructions of a request
for 100 points of one metric, 1 % with 100 rows at once. With 25, 2 % are lost.
"""


class _Together(NamedTuple):
    sql: str
    same: Callable[[Row], Row]
    """The values of a row that all have, which are bound once."""
    own: Callable[[Row], Row]
    """The others."""


def together(statement: Bulk, rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Statements, each with its values, for a multiple of `ROWS` rows that agree in what the statement says they do."""
    sql, same, own = _made(statement)
    shared = same(rows[0])
    for start in range(0, len(rows), ROWS):
        yield sql, [*shared, *chain.from_iterable(map(own, rows[start : start + ROWS]))]


@functools.cache
def _made(statement: Bulk) -> _Together:
    names = [column.name for column in statement.columns]
    same = [place for place, name in enumerate(names) if name in statement.same]
    own = [place for place, name in enumerate(names) if name not in statement.same]

    def given(places: Sequence[int]) -> str:
        return ", ".join("?" * len(places))

    # Not VALUES with numbered parameters: Python 3.12.0 to 3.12.3 warn of each of these, each time, which takes ten times as long.
    insert, _, _ = statement.compiled(Flavour.SQLITE).sql.partition(" VALUES ")
    alike = f"alike ({', '.join(names[place] for place in same)}) AS (VALUES ({given(same)}))"
    each = f"each ({', '.join(names[place] for place in own)}) AS (VALUES {', '.join([f'({given(own)})'] * ROWS)})"
    sql = f"WITH {alike}, {each} {insert} SELECT {', '.join(names)} FROM alike CROSS JOIN each"  # noqa: S608 - names of our own tables
    return _Together(sql, itemgetter(*same), itemgetter(*own))
