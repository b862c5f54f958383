"""Where experiments, runs and metric points are kept."""

import functools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BindParameter, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from modelyard.experiments.blocks import SIZE, Block, Seen, due, grown, thinned
from modelyard.experiments.entities import Experiment, MetricPoint, MetricSummary, Reading, Run, Sample, Steps
from modelyard.experiments.fields import EXPERIMENT_FIELDS, POINT_FIELDS, RUN_FIELDS
from modelyard.experiments.series import Batch, columns
from modelyard.experiments.tables import EXPERIMENT, METRIC_BLOCK, METRIC_POINT, RUN
from modelyard.records import property_index
from modelyard.records.kinds import Kind
from modelyard.records.sql import SqlRecords
from modelyard.store.database import IdSequence, Reader, Row, Unit, Values
from modelyard.store.statements import Bulk, Flavour, Statement


def experiments() -> SqlRecords[Experiment]:
    return SqlRecords(Kind.EXPERIMENT, Experiment, EXPERIMENT, EXPERIMENT_FIELDS)


def runs() -> SqlRecords[Run]:
    return SqlRecords(Kind.RUN, Run, RUN, RUN_FIELDS)


def metric_points() -> SqlRecords[MetricPoint]:
    return SqlRecords(Kind.METRIC_POINT, MetricPoint, METRIC_POINT, POINT_FIELDS)


_POINT, _BLOCK = METRIC_POINT.c, METRIC_BLOCK.c
_SAMPLE = (_POINT.id, _POINT.value, _POINT.step, _POINT.recorded_at)
_SEEN = (_POINT.id, _POINT.value, _POINT.step)
_BLOCK_COLUMNS = tuple(METRIC_BLOCK.c[name] for name in Block.__struct_fields__)
_RUN, _NAME = bindparam("run_id", type_=_POINT.run_id.type), bindparam("name", type_=_POINT.name.type)
_OF_POINT, _OF_BLOCK = and_(_POINT.run_id == _RUN, _POINT.name == _NAME), and_(_BLOCK.run_id == _RUN, _BLOCK.name == _NAME)
_FROM_STEP, _TO_STEP = bindparam("first_step", type_=_POINT.step.type), bindparam("last_step", type_=_POINT.step.type)
_AFTER = _POINT.id > bindparam("after", type_=_POINT.id.type)
_IN_STEPS = _POINT.step.between(_FROM_STEP, _TO_STEP)
_TOUCHES_STEPS = and_(_BLOCK.low_step <= _TO_STEP, _BLOCK.high_step >= _FROM_STEP)

_OF_RUN = ("project_id", "experiment_id", "run_id", "created_at", "updated_at", "revision")
"""What all points of a batch have in common."""
_OF_METRIC = ("name", "state", "properties")
"""And those of one metric."""
_PLAIN = ("external_id", "description", "trashed")
"""What a plain point does without."""
_APPEND = Bulk("insert metric_points", METRIC_POINT, without=_PLAIN, same=_OF_RUN)
_APPEND_ALIKE = Bulk("insert metric_points", METRIC_POINT, without=_PLAIN, same=(*_OF_RUN, *_OF_METRIC))
_APPEND_DESCRIBED = Bulk("insert described metric_points", METRIC_POINT, without=("external_id", "trashed"))
_ADD_BLOCKS = Bulk("insert metric_blocks", METRIC_BLOCK)
_GROW_BLOCK = Statement(
    "grow metric_block",
    update(METRIC_BLOCK)
    .values({column.name: bindparam(column.name, type_=column.type) for column in METRIC_BLOCK.columns if not column.primary_key})
    .where(_OF_BLOCK, _BLOCK.number == bindparam("number"), _BLOCK.last_id == bindparam("last_id_before", type_=_BLOCK.last_id.type)),
    guards=True,
)
_DROP_BLOCKS = Statement("drop metric_blocks", delete(METRIC_BLOCK).where(_BLOCK.run_id == _RUN))
# One lookup for each, where DISTINCT would read every point.
_FIRST_NAME = select(_POINT.name).where(_POINT.run_id == _RUN).order_by(_POINT.name).limit(1)
_SERIES = select(_FIRST_NAME.scalar_subquery().label("name")).cte("series", recursive=True)
_SERIES = _SERIES.union_all(select(_FIRST_NAME.where(_POINT.name > _SERIES.c.name).scalar_subquery()).where(_SERIES.c.name.is_not(None)))
_NAMED = _SERIES.c.name.is_not(None)
_NAMES = Statement("names of metric_points", select(_SERIES.c.name).where(_NAMED), slow=True)
_BLOCKS = Statement("metric_blocks", select(*_BLOCK_COLUMNS).where(_OF_BLOCK).order_by(_BLOCK.number), slow=True)
_BLOCKS_OF_STEPS = Statement(
    "metric_blocks of steps", select(*_BLOCK_COLUMNS).where(_OF_BLOCK, _TOUCHES_STEPS).order_by(_BLOCK.number), slow=True
)
_POINTS = Statement("metric_points", select(*_SAMPLE).where(_OF_POINT, _AFTER).order_by(_POINT.id), slow=True)
_POINTS_OF_STEPS = Statement("metric_points of steps", select(*_SAMPLE).where(_OF_POINT, _AFTER, _IN_STEPS).order_by(_POINT.id), slow=True)
_SUMS = Statement(
    "metric series",
    select(_SERIES.c.name, func.sum(_BLOCK.points), func.min(_BLOCK.low), func.max(_BLOCK.high), func.max(_BLOCK.last_id))
    .select_from(_SERIES.outerjoin(METRIC_BLOCK, and_(_BLOCK.run_id == _RUN, _BLOCK.name == _SERIES.c.name)))
    .where(_NAMED)
    .group_by(_SERIES.c.name)
    .order_by(_SERIES.c.name),
    slow=True,
)
_STRETCH = Statement(
    "stretch of metric_points", select(*_SEEN).where(_OF_POINT, _AFTER).order_by(_POINT.id).limit(bindparam("limit", type_=_POINT.id.type))
)
_BY_ID = {
    flavour: Statement("metric_points by id", text(f"SELECT p.id, p.value, p.step, p.recorded_at FROM metric_point p {wanted}"), slow=True)  # noqa: S608 - the lines below
    for flavour, wanted in {
        Flavour.SQLITE: "WHERE p.id IN (SELECT value FROM json_each(:ids))",
        Flavour.POSTGRESQL: "WHERE p.id IN (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:ids AS json)))",
        Flavour.MYSQL: "JOIN JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT PATH '$')) wanted ON wanted.id = p.id",
    }.items()
}
# A round trip less, on PostgreSQL. Its planner is kept from looking for a series' points in another way than by their index.
_ENDS = Statement(
    "ends of metric series",
    text(f"""
SELECT series.name, {", ".join(f"block.{name}" for name in Block.__struct_fields__)}, point.id, point.value, point.step
FROM json_array_elements_text(CAST(:names AS json)) AS series (name)
LEFT JOIN LATERAL (
  SELECT * FROM metric_block b WHERE b.run_id = CAST(:run_id AS bigint) AND b.name = series.name ORDER BY b.number DESC LIMIT 1
) block ON true
LEFT JOIN LATERAL (
  SELECT * FROM metric_point p
  WHERE p.run_id = CAST(:run_id AS bigint) AND p.name = series.name AND p.id > coalesce(block.last_id, 0) OFFSET 0
) point ON true
ORDER BY point.id
"""),  # noqa: S608 - what is put in are names of our own fields
)

T = TypeVar("T")

Ends = tuple[Mapping[str, Block], Mapping[str, Sequence[Seen]]]
"""The last block of each series that has blocks, and the points after it of each that has some."""

RAW = 16
"""Up to so many points for each one that is wanted, a series is read whole: its blocks would leave too few."""
_TOGETHER = 32
"""Series, or stretches of one, that one statement looks at."""
_LONG = 100 * SIZE
"""Points that are read at once to rebuild blocks: whole blocks."""

_FIRST, _LAST, _COUNT, _NUMBER = 4, 5, 6, 10
"""Where a block has its first point, its last, how many they are, and its number."""
_first = itemgetter(_FIRST)


class SqlSeries:
    """`Series` over the points' table and that of their blocks."""

    async def append(self, unit: Unit, batch: Batch) -> None:
        names, ends = list(batch.metrics), None
        begins = any(not metric.id for metric in batch.metrics.values())
        # Where nothing is locked but by its revision, a series' last block is what tells that points of another came in between. It is
        # read before the ids are taken: after them, it could have points with higher ids already.
        if begins or len(batch.names) >= SIZE or unit.flavour is Flavour.POSTGRESQL:
            ends = await self._ends(unit, batch.run.id, names)
        ids = await unit.next_ids(IdSequence.ARTIFACT, len(batch.names))
        if ends is None and any(map(due, ids)):
            ends = await self._ends(unit, batch.run.id, names)
        if ends is not None:
            await self._grow(unit, batch.run.id, ends, _seen(batch, ids))
        described = any(metric.description is not None or metric.properties for metric in batch.metrics.values())
        plain = _APPEND_ALIKE if len(batch.metrics) == 1 else _APPEND
        statement, values = _APPEND_DESCRIBED if described else plain, columns(batch, ids)
        await unit.later(statement, list(zip(*[values[column.name] for column in statement.columns], strict=True)))
        if described:
            properties = [(id_, batch.metrics[name].properties) for id_, name in zip(ids, batch.names, strict=True)]
            await property_index.add(unit, batch.run.project_id, Kind.METRIC_POINT, properties)

    async def follow(self, unit: Unit, point: MetricPoint, turn: int, *, begins: bool) -> None:
        if begins or due(turn):
            await self._grow(unit, point.run_id, await self._ends(unit, point.run_id, [point.name]), {point.name: ()})

    async def read(self, reader: Reader, run_id: int, name: str, steps: Steps | None, most: int) -> Reading | None:
        last = (await self._last_blocks(reader, run_id, [name])).get(name)
        of = {"run_id": run_id, "name": name, "after": last.last_id if last else 0}
        if last is None and await reader.row(_STRETCH, {**of, "limit": 1}) is None:
            return None
        blocks, points = await (self._all(reader, of, most) if steps is None else self._of_steps(reader, of, steps, most))
        # As long as a block, so that both can be thinned together.
        cells = sorted([*blocks, *[(value, id_, value, id_, id_, id_, 1) for id_, value, _, _ in points]], key=_first)
        count = sum(cell[_COUNT] for cell in cells)
        if len(cells) == count <= most:
            return Reading(count, [Sample(*point) for point in points])
        ids = thinned(cells, cells[0][_FIRST], cells[-1][_LAST], most)
        read = {point[0]: Sample(*point) for point in points}
        unread = await self._by_id(reader, [id_ for id_ in ids if id_ not in read])
        return Reading(count, [read.get(id_) or unread[id_] for id_ in ids])

    async def _all(self, reader: Reader, of: Values, most: int) -> tuple[Sequence[Row], Sequence[Row]]:
        """The blocks of a series and its points in none; or only points, all of them."""
        blocks = await reader.rows(_BLOCKS, of)
        if _few(blocks, most):
            return (), await reader.rows(_POINTS, {**of, "after": 0})
        return blocks, await reader.rows(_POINTS, {**of, "after": blocks[-1][_LAST]})

    async def _of_steps(self, reader: Reader, of: Values, steps: Steps, most: int) -> tuple[Sequence[Row], Sequence[Row]]:
        """Likewise of the points that have one of these steps. Blocks that have others too are read point by point."""
        of = {**of, "first_step": steps.first, "last_step": steps.last}
        blocks = await reader.rows(_BLOCKS_OF_STEPS, of)
        within = [] if _few(blocks, most) else [block for block in blocks if _within(block, steps)]
        numbers = {block[_NUMBER] for block in within}
        stretches = _stretches([block for block in blocks if block[_NUMBER] not in numbers])
        if len(stretches) > _TOGETHER:
            within, stretches = [], [(blocks[0][_FIRST], blocks[-1][_LAST])]
        # Blocks may have become more since the last one was looked at.
        covered = max([of["after"], *[block[_LAST] for block in blocks[-1:]]])
        loose = await reader.rows(_POINTS_OF_STEPS, {**of, "after": covered})
        return within, [*await self._points_of(reader, of, stretches), *loose]

    async def _points_of(self, reader: Reader, of: Values, stretches: Sequence[tuple[int, int]]) -> Sequence[Row]:
        """Those from id to id that have the steps."""
        if not stretches:
            return ()
        some = _rounded(stretches)
        ids = {f"{word}{place}": id_ for place, stretch in enumerate(some) for word, id_ in zip(("from", "to"), stretch, strict=True)}
        return await reader.rows(_points_of_steps(len(some)), {**of, **ids})

    async def summaries(self, reader: Reader, run_id: int) -> list[MetricSummary]:
        sums = await reader.rows(_SUMS, {"run_id": run_id})
        loose = await self._loose(reader, run_id, {name: covered or 0 for name, _, _, _, covered in sums})
        last = {name: loose[name][-1][0] if name in loose else covered for name, _, _, _, covered in sums}
        samples = await self._by_id(reader, list(last.values()))
        return [_summary(row, loose.get(row[0], ()), samples[last[row[0]]]) for row in sums]

    async def rebuild(self, unit: Unit, run_id: int) -> None:
        """Make the blocks of a locked run's series anew from their points."""
        await unit.execute(_DROP_BLOCKS, {"run_id": run_id})
        for (name,) in await unit.rows(_NAMES, {"run_id": run_id}):
            last: Block | None = None
            async for points in self._walk(unit, run_id, name):
                blocks = grown(last, points)
                last = blocks[-1]
                await unit.later(_ADD_BLOCKS, [_row(run_id, name, block) for block in blocks])

    async def wrong(self, reader: Reader, run_id: int) -> list[str]:
        """Names of the run's series whose blocks do not say what their points say, for a check of the store. `rebuild` mends them."""
        return [name for (name,) in await reader.rows(_NAMES, {"run_id": run_id}) if not await self._right(reader, run_id, name)]

    async def _right(self, reader: Reader, run_id: int, name: str) -> bool:
        kept = [Block(*row) for row in await reader.rows(_BLOCKS, {"run_id": run_id, "name": name})]
        end = kept[-1].last_id if kept else 0
        made: list[Block] = []
        async for points in self._walk(reader, run_id, name):
            made += grown(None if not made else made[-1], [point for point in points if point[0] <= end])
        return made == kept

    async def _walk(self, reader: Reader, run_id: int, name: str) -> AsyncIterator[Sequence[Seen]]:
        """A whole series, some whole blocks at once."""
        after = 0
        while points := await reader.rows(_STRETCH, {"run_id": run_id, "name": name, "after": after, "limit": _LONG}):
            after = points[-1][0]
            yield [(id_, value, step) for id_, value, step in points]

    async def _grow(self, unit: Unit, run_id: int, ends: Ends, fresh: Mapping[str, Sequence[Seen]]) -> None:
        """Bring blocks up to date with the points that are stored, and with fresh ones that are not yet."""
        last, loose = ends
        begun: list[Row] = []
        longer: list[Values] = []
        for name, points in fresh.items():
            old = last.get(name)
            for block in grown(old, [*loose.get(name, ()), *points]):
                if old is not None and block.number == old.number:
                    longer.append({"run_id": run_id, "name": name, "last_id_before": old.last_id, **msgspec.structs.asdict(block)})
                else:
                    begun.append(_row(run_id, name, block))
        await unit.later(_GROW_BLOCK, longer)
        await unit.later(_ADD_BLOCKS, begun)

    async def _ends(self, reader: Reader, run_id: int, names: Sequence[str]) -> Ends:
        """The last block of each series that has blocks, and the points after it of each that has some."""
        if reader.flavour is not Flavour.POSTGRESQL:
            last = await self._last_blocks(reader, run_id, names)
            return last, await self._loose(reader, run_id, {name: last[name].last_id if name in last else 0 for name in names})
        last, loose = {}, dict[str, list[Seen]]()
        for name, *block, id_, value, step in await reader.rows(_ENDS, {"run_id": run_id, "names": msgspec.json.encode(names).decode()}):
            if block[_COUNT] is not None:
                last[name] = Block(*block)
            if id_ is not None:
                loose.setdefault(name, []).append((id_, value, step))
        return last, loose

    async def _last_blocks(self, reader: Reader, run_id: int, names: Sequence[str]) -> dict[str, Block]:
        found = {}
        for some in _portions(names):
            values = {"run_id": run_id, **{f"name{place}": name for place, name in enumerate(some)}}
            for name, *block in await reader.rows(_last_blocks(len(some)), values):
                found[name] = Block(*block)
        return found

    async def _loose(self, reader: Reader, run_id: int, covered: Mapping[str, int]) -> dict[str, list[Seen]]:
        """The points of each series after the id given, where there are any."""
        found: dict[str, list[Seen]] = {}
        for some in _portions(list(covered)):
            values: dict[str, Any] = {"run_id": run_id}
            for place, name in enumerate(some):
                values |= {f"name{place}": name, f"after{place}": covered[name]}
            for name, id_, value, step in await reader.rows(_loose(len(some)), values):
                found.setdefault(name, []).append((id_, value, step))
        return found

    async def _by_id(self, reader: Reader, ids: Sequence[int]) -> dict[int, Sample]:
        if not ids:
            return {}
        rows = await reader.rows(_BY_ID[reader.flavour], {"ids": msgspec.json.encode(ids).decode()})
        return {row[0]: Sample(*row) for row in rows}


def _few(blocks: Sequence[Row], most: int) -> bool:
    return bool(sum(block[_COUNT] for block in blocks) <= RAW * most)


def _within(block: Row, steps: Steps) -> bool:
    _, _, _, _, _, _, points, stepped, low, high, _ = block
    return bool(stepped == points and steps.first <= low and high <= steps.last)


def _summary(row: Row, loose: Sequence[Seen], last: Sample) -> MetricSummary:
    name, points, low, high, _ = row
    values = [value for value in (low, high, *[value for _, value, _ in loose]) if value is not None]
    return MetricSummary(name, int(points or 0) + len(loose), min(values), max(values), last)


def _row(run_id: int, name: str, block: Block) -> Row:
    values = {"run_id": run_id, "name": name, **msgspec.structs.asdict(block)}
    return [values[column.name] for column in _ADD_BLOCKS.columns]


def _seen(batch: Batch, ids: Sequence[int]) -> Mapping[str, Sequence[Seen]]:
    points = zip(ids, batch.values, batch.steps, strict=True)
    if len(batch.metrics) == 1:
        return {batch.names[0]: list(points)}
    seen: dict[str, list[Seen]] = {name: [] for name in batch.metrics}
    for name, point in zip(batch.names, points, strict=True):
        seen[name].append(point)
    return seen


def _stretches(blocks: Sequence[Row]) -> list[tuple[int, int]]:
    """The ids that blocks begin and end with, those of neighbours joined."""
    found: list[tuple[int, int]] = []
    number = None
    for block in blocks:
        first = found.pop()[0] if block[_NUMBER] == number else block[_FIRST]
        found.append((first, block[_LAST]))
        number = block[_NUMBER] + 1
    return found


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Some at once."""
    for start in range(0, len(names), _TOGETHER):
        yield _rounded(names[start : start + _TOGETHER])


def _rounded(some: Sequence[T]) -> Sequence[T]:
    """Their number rounded up by repeating, so that there are few statements."""
    return [*some, *[some[-1]] * ((1 << (len(some) - 1).bit_length()) - len(some))]


def _name(place: int) -> BindParameter[str]:
    return bindparam(f"name{place}", type_=_POINT.name.type)


def _id(name: str) -> BindParameter[int]:
    return bindparam(name, type_=_POINT.id.type)


# Each of the alternatives below says all that an index needs: no database finds it out for itself.


@functools.cache
def _last_blocks(length: int) -> Statement:
    block = METRIC_BLOCK.alias()

    def last(place: int) -> ColumnElement[bool]:
        number = select(func.max(block.c.number)).where(block.c.run_id == _RUN, block.c.name == _name(place)).scalar_subquery()
        return and_(_BLOCK.run_id == _RUN, _BLOCK.name == _name(place), _BLOCK.number == number)

    return Statement("last metric_blocks", select(_BLOCK.name, *_BLOCK_COLUMNS).where(or_(*map(last, range(length)))))


@functools.cache
def _points_of_steps(length: int) -> Statement:
    within = [and_(_OF_POINT, _POINT.id.between(_id(f"from{place}"), _id(f"to{place}"))) for place in range(length)]
    clause = select(*_SAMPLE).where(or_(*within), _IN_STEPS).order_by(_POINT.id)
    return Statement("metric_points of steps in blocks", clause, slow=True)


@functools.cache
def _loose(length: int) -> Statement:
    after = [and_(_POINT.run_id == _RUN, _POINT.name == _name(place), _POINT.id > _id(f"after{place}")) for place in range(length)]
    return Statement("loose metric_points", select(_POINT.name, *_SEEN).where(or_(*after)).order_by(_POINT.name, _POINT.id))
