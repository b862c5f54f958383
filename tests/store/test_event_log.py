"""Lists of audit events: the same in memory and on every database, whole or in pages."""

from collections.abc import Sequence
from typing import Any

import pytest

from modelyard.audit import log
from modelyard.audit.events import Action, Event
from modelyard.audit.log import EventFilter, Logged
from modelyard.audit.repository import MemoryEvents, SqlEvents
from modelyard.context import Millis, ProjectId
from modelyard.records.kinds import Kind
from modelyard.search.page import Cursor
from modelyard.store.memory import MemoryDatabase
from tests.store.counting import CountingDatabase
from tests.store.trails import log_of
from tests.unit.world import ANN, NOON, STRANGER, World

MODEL, VERSION, RUN = (int(kind) for kind in (Kind.MODEL, Kind.VERSION, Kind.RUN))


def some_events() -> list[Event]:
    """Of two projects, in an order of ids that is not quite that of their times, some at the same moment."""
    found = []
    for number in range(40):
        project = STRANGER.project if number % 5 == 4 else ANN.project
        at = Millis(NOON + number // 3 * 10 + (15 if number % 7 == 0 else 0))
        who = ("ann", "kubeflow") if number % 3 else ("modelyard", "jobs")
        action = Action.UPDATED if number % 2 else Action.CREATED
        kind = (MODEL, VERSION, RUN)[number % 3]
        found.append(Event(project, at, *who, f"request-{number // 2}", action, kind, number // 6, None, f'{{"number":{number}}}'))
    return found


@pytest.fixture
async def events(world: World) -> list[Logged]:
    """The events, as they can be read, by id."""
    keeper = MemoryEvents(world.database) if isinstance(world.database, MemoryDatabase) else SqlEvents()
    await world.database.write(lambda unit: keeper.extend(unit, some_events()))
    found = list(await log_of(world).stretch(world.database.reader, 0, 10**12, 10**6))
    assert [one.event for one in found] == some_events()
    return found


async def pages(
    world: World, wanted: EventFilter, limit: int, *, newest_first: bool = True, project: ProjectId = ANN.project
) -> list[Sequence[Logged]]:
    found: list[Sequence[Logged]] = []
    after: Cursor | None = None
    while True:
        page = await log_of(world).page(world.database.reader, project, wanted, limit, newest_first=newest_first, after=after)
        found.append(page.items)
        if page.next is None:
            return found
        after = page.next


def ids(found: Sequence[Sequence[Logged]]) -> list[int]:
    return [one.id for page in found for one in page]


def expected(events: Sequence[Logged], wanted: EventFilter, *, newest_first: bool, project: ProjectId = ANN.project) -> list[int]:
    ours = [one for one in events if one.event.project_id == project and wanted.takes(one.event)]
    return [one.id for one in sorted(ours, key=lambda one: (one.event.at, one.id), reverse=newest_first)]


FILTERS: list[dict[str, Any]] = [
    {},
    {"actor": "modelyard"},
    {"actor": "nobody"},
    {"action": Action.UPDATED},
    {"kind": VERSION},
    {"kind": VERSION, "record_id": 3},
    {"record_id": 3},
    {"dialect": "jobs"},
    {"request_id": "request-4"},
    {"since": NOON + 40},
    {"until": NOON + 40},
    {"since": NOON + 30, "until": NOON + 31},
    {"since": NOON + 20, "until": NOON + 90, "actor": "ann", "kind": RUN, "action": Action.CREATED},
    {"request_id": "request-4", "kind": RUN, "since": NOON},
    {"record_id": 3, "actor": "ann", "until": NOON + 90},
]


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_every_filter_in_one_page_and_in_many(
    world: World, events: list[Logged], order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest_first = order == "newest"
    for given in FILTERS:
        wanted = EventFilter(**given)
        right = expected(events, wanted, newest_first=newest_first)
        assert given == {"actor": "nobody"} or 0 < len(right) < 40
        for walk in (20_000, 6):
            monkeypatch.setattr(log, "WALK", walk)
            for limit in (1, 3, 1000):
                assert ids(await pages(world, wanted, limit, newest_first=newest_first)) == right, (given, walk, limit)


async def test_another_project_has_its_own(world: World, events: list[Logged]) -> None:
    own = expected(events, EventFilter(), newest_first=True, project=STRANGER.project)
    assert len(own) == 8
    assert ids(await pages(world, EventFilter(), 3, project=STRANGER.project)) == own
    stretch = await log_of(world).of_project(world.database.reader, STRANGER.project, events[4].id, events[-2].id)
    assert [one.id for one in stretch] == sorted(own)[:-1][1:]
    assert ids(await pages(world, EventFilter(request_id="request-2"), 9, project=STRANGER.project)) == [events[4].id]


async def test_what_comes_meanwhile_moves_no_page(world: World, events: list[Logged]) -> None:
    reader = world.database.reader
    first = await log_of(world).page(reader, ANN.project, EventFilter(), 5, newest_first=True, after=None)
    keeper = MemoryEvents(world.database) if isinstance(world.database, MemoryDatabase) else SqlEvents()
    late = Event(ANN.project, Millis(NOON + 10_000), "ann", "native", "r", Action.CREATED, MODEL, 1, None, None)
    await world.database.write(lambda unit: keeper.append(unit, late))

    second = await log_of(world).page(reader, ANN.project, EventFilter(), 5, newest_first=True, after=first.next)

    assert ids([first.items, second.items]) == expected(events, EventFilter(), newest_first=True)[:10]


async def test_two_statements_at_most(sql: World) -> None:
    await sql.database.write(lambda unit: SqlEvents().extend(unit, some_events()))
    counting = CountingDatabase(sql.database)
    for given in FILTERS:
        for after in (None, Cursor(9, NOON + 50)):
            counting.forget()
            await log_of(sql).page(counting.reader, ANN.project, EventFilter(**given), 3, newest_first=True, after=after)
            assert len(counting.statements) <= 2


async def test_a_page_looks_at_so_many_and_no_further(sql: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await sql.database.write(lambda unit: SqlEvents().extend(unit, some_events()))
    monkeypatch.setattr(log, "WALK", 6)

    found = await pages(sql, EventFilter(actor="nobody"), 9)

    assert found == [[]] * 5  # of 32 events, seven at a time
