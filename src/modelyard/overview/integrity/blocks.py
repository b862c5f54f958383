"""Blocks of metric points say what the points say; and are made again where they do not.

The database sums up the points, so many blocks at once: what comes here is a row for each block, whatever runs it is of.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, exists, func, literal_column, select, union_all

from modelyard.experiments.blocks import SIZE
from modelyard.experiments.repository import SqlSeries
from modelyard.experiments.tables import METRIC_BLOCK, METRIC_POINT, RUN
from modelyard.overview.integrity.finding import Finding, Looked
from modelyard.overview.integrity.walk import Walk
from modelyard.store.database import Database, Reader, Row, Unit
from modelyard.store.statements import Statement

ASKED = 100
"""Blocks that one statement sums up anew."""
POINTS = 10_000
"""Points of which one statement looks whether they have blocks at all."""
LOOSE = 1_000
"""More points than these a series has not without blocks: of points that come one by one, one in some 64 brings them up to date."""

_POINT, _BLOCK = METRIC_POINT.c, METRIC_BLOCK.c
_KEY = ("run_id", "name", "number")
_SAID = ("points", "first_id", "last_id", "low", "low_id", "high", "high_id", "steps", "low_step", "high_step")
_SERIES = slice(0, 2)
_NUMBER, _POINTS, _LAST, _LOW, _HIGH = ((*_KEY, *_SAID).index(name) for name in ("number", "points", "last_id", "low", "high"))
# What is in the trash may be half purged.
_LIVE = exists(select(literal_column("1")).select_from(RUN).where(RUN.c.id == _BLOCK.run_id, RUN.c.trashed == 0))
_WALK = Walk(METRIC_BLOCK, _KEY, _SAID, _LIVE)


class Wrong(NamedTuple):
    """A series whose blocks do not say what its points say."""

    run_id: int
    name: str


def _summed() -> Statement:
    """Of so many blocks, what their points say. A lookup for each: every database then reads the points' index, and only what it must."""
    sums = []
    for place in range(ASKED):
        low, high = bindparam(f"low{place}", type_=_BLOCK.low.type), bindparam(f"high{place}", type_=_BLOCK.high.type)
        said: list[ColumnElement[Any]] = [
            func.count(_POINT.id),
            func.min(_POINT.id),
            func.max(_POINT.id),
            func.min(_POINT.value),
            func.min(case((_POINT.value == low, _POINT.id))),
            func.max(_POINT.value),
            func.min(case((_POINT.value == high, _POINT.id))),
            func.count(_POINT.step),
            func.min(_POINT.step),
            func.max(_POINT.step),
        ]
        stretch = (
            _POINT.run_id == bindparam(f"run{place}", type_=_POINT.run_id.type),
            _POINT.name == bindparam(f"name{place}", type_=_POINT.name.type),
            _POINT.id > bindparam(f"after{place}", type_=_POINT.id.type),
            _POINT.id <= bindparam(f"last{place}", type_=_POINT.id.type),
        )
        sums.append(select(literal_column(str(place)), *said).where(*stretch))
    return Statement("sum up metric_points", union_all(*sums))


_SUMMED = _summed()
_AFTER, _UP_TO = bindparam("after", type_=_POINT.id.type), bindparam("last", type_=_POINT.id.type)
_END = Statement(
    "some metric_points",
    select(func.max(literal_column("id"))).select_from(
        select(_POINT.id).where(_POINT.id > _AFTER).order_by(_POINT.id).limit(POINTS).subquery()
    ),
)
_BLOCKLESS = Statement(
    "metric_points without blocks",
    select(_POINT.run_id, _POINT.name, func.count())
    .where(
        _POINT.id > _AFTER,
        _POINT.id <= _UP_TO,
        _POINT.trashed == 0,
        ~exists(select(literal_column("1")).select_from(METRIC_BLOCK).where(_BLOCK.run_id == _POINT.run_id, _BLOCK.name == _POINT.name)),
    )
    .group_by(_POINT.run_id, _POINT.name),
)
_LOCK = Statement("lock run", select(RUN.c.id).where(RUN.c.id == bindparam("id"), RUN.c.trashed == 0).with_for_update(), locks=True)


async def blocks(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Every long series of a live run has blocks, and each of these sums up the points that come next."""
    async for run_id, name in _wrong(reader, looked):
        problem = f"the blocks of the metric {name!r} of this run do not say what its points say: it is shown wrong, or slowly"
        yield Finding("blocks", METRIC_BLOCK.name, run_id, problem, "Run modelyard check --repair-index")


async def repair(database: Database, looked: Looked) -> int:
    """Make the blocks of runs that have wrong ones anew from the points; of how many runs. Servers may go on."""
    async with database.snapshot() as reader:
        runs = {run_id async for run_id, _ in _wrong(reader, looked)}
    return sum([await database.write(lambda unit, run_id=run_id: _rebuild(unit, run_id)) for run_id in sorted(runs)])  # type: ignore[misc]  # a default in a lambda


async def _rebuild(unit: Unit, run_id: int) -> bool:
    if await unit.row(_LOCK, {"id": run_id}) is None:
        return False
    await SqlSeries().rebuild(unit, run_id)
    return True


async def _wrong(reader: Reader, looked: Looked) -> AsyncIterator[Wrong]:
    last: Wrong | None = None
    before: Row | None = None
    async for stretch in _WALK.stretches(reader):
        for start in range(0, len(stretch), ASKED):
            some = stretch[start : start + ASKED]
            for block in await _differing(reader, before, some):
                if block != last:
                    yield (last := block)
            before = some[-1]
        looked(len(stretch))
    async for one in _blockless(reader):
        yield one


async def _differing(reader: Reader, before: Row | None, some: Sequence[Row]) -> Sequence[Wrong]:
    """The series of those of these neighbours, and the block before them, that are not as they should be."""
    befores = [
        block if block is not None and block[_SERIES] == one[_SERIES] else None for block, one in zip((before, *some), some, strict=False)
    ]
    values: dict[str, Any] = {}
    for place in range(ASKED):
        number = min(place, len(some) - 1)
        one, previous = some[number], befores[number]
        asked = {
            "run": one[0],
            "name": one[1],
            "after": previous[_LAST] if previous else 0,
            "last": one[_LAST],
            "low": one[_LOW],
            "high": one[_HIGH],
        }
        values.update({f"{word}{place}": value for word, value in asked.items()})
    sums = {place: tuple(row) for place, *row in await reader.rows(_SUMMED, values)}
    return [
        Wrong(*one[_SERIES])
        for place, (one, previous) in enumerate(zip(some, befores, strict=True))
        if sums[place] != tuple(one[len(_KEY) :]) or not _in_order(previous, one)
    ]


def _in_order(previous: Row | None, one: Row) -> bool:
    """Only the last block of a series may have room left."""
    if previous is None:
        return bool(one[_NUMBER] == 0 and one[_POINTS] <= SIZE)
    return bool(one[_NUMBER] == previous[_NUMBER] + 1 and previous[_POINTS] == SIZE and one[_POINTS] <= SIZE)


async def _blockless(reader: Reader) -> AsyncIterator[Wrong]:
    """Long series that have no block at all."""
    points: Counter[Wrong] = Counter()
    after = 0
    while (end := await reader.row(_END, {"after": after})) is not None and end[0] is not None:
        for run_id, name, count in await reader.rows(_BLOCKLESS, {"after": after, "last": end[0]}):
            one = Wrong(run_id, name)
            if points[one] <= LOOSE < points[one] + count:
                yield one
            points[one] += count
        after = end[0]
