"""Fills a registry by SQL, millions of rows in minutes: through the project's own tables and drivers, past its services."""

import asyncio
import base64
import itertools
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

import msgspec
from sqlalchemy import Table

from modelyard.app import open_database
from modelyard.artifacts.entities import ArtifactType
from modelyard.artifacts.tables import ARTIFACT, ARTIFACT_PARENT
from modelyard.experiments.tables import EXPERIMENT, METRIC_POINT, RUN
from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.records.kinds import Kind
from modelyard.search.compile import LIST_FIELD, NUMBER_TYPES, TEXT_WHOLE
from modelyard.search.tree import PropertyType
from modelyard.settings import Settings
from modelyard.store import migrate
from modelyard.store.database import Database
from modelyard.store.statements import Bulk, Flavour
from modelyard.store.tables import PROPERTY_NUMBER, PROPERTY_TEXT
from modelyard.store.urls import DatabaseUrl
from perf.requests import FRAMEWORKS, TEAMS
from tests.servers.sql import execute

Progress = Callable[[str, int], None]
"""Told of what is made, and how many of it just now."""
Rows = Iterator[dict[str, Any]]

CHUNK = 5_000
NOON = 1_750_000_000_000
DAY = 86_400_000
SHARE = 10
"""For so many models there is one version, one artifact and one metric point. Half of each are under one parent."""
RUNS = 10
LANGUAGES = ("en", "de", "fr", "ja", "sw")


class Filled(msgspec.Struct, frozen=True):
    """Ids: models are 1 to `models`; a parent with half of all children, and one with few."""

    models: int
    crowded_model: int
    lonely_model: int
    crowded_version: int
    crowded_run: int


async def fill(url: str, models: int, progress: Progress) -> Filled:
    """Bring an empty database's schema up to date and fill it. The same rows each time for the same number."""
    parsed = DatabaseUrl.parse(url)
    await asyncio.to_thread(migrate.upgrade, parsed)
    database = open_database(Settings(), parsed)
    await database.open()
    try:
        filled = await _fill(database, models, progress)
    finally:
        await database.close()
    _begin_ids_after(url, parsed.flavour, 3 * models)
    return filled


async def _fill(database: Database, models: int, progress: Progress) -> Filled:
    few = models // SHARE
    first_version = models + 1
    experiment = first_version + few
    first_run = experiment + 1
    await _insert(database, MODEL, _models(models, few), progress)
    for table, rows in _index_rows(models, clustered=database.flavour is not Flavour.POSTGRESQL):
        await _insert(database, table, rows, progress)
    await _insert(database, MODEL_VERSION, _versions(first_version, few), progress)
    await _insert(database, EXPERIMENT, iter([_record(EXPERIMENT, experiment, "tuning")]), progress)
    await _insert(database, RUN, (_record(RUN, first_run + n, f"run-{n}", experiment_id=experiment) for n in range(RUNS)), progress)
    await _insert(database, ARTIFACT, _artifacts(few, first_version), progress)
    links = ({"parent_id": first_version if n % 2 else first_version + n, "id": n + 1} for n in range(few))
    await _insert(database, ARTIFACT_PARENT, links, progress)
    await _insert(database, METRIC_POINT, _points(few, experiment, first_run), progress)
    return Filled(models=models, crowded_model=1, lonely_model=few // 4 * 2 + 2, crowded_version=first_version, crowded_run=first_run)


async def _insert(database: Database, table: Table, rows: Rows, progress: Progress) -> None:
    statement = Bulk(f"fill {table.name}", table)
    names = [column.name for column in statement.columns]
    while chunk := [tuple([row[name] for name in names]) for row in itertools.islice(rows, CHUNK)]:
        await database.write(lambda unit, chunk=chunk: unit.later(statement, chunk))  # type: ignore[misc]  # the default binds the loop's chunk
        progress(table.name, len(chunk))


def _record(table: Table, record_id: int, name: str, **own: object) -> dict[str, Any]:
    created = NOON + 1000 * record_id
    common = {"id": record_id, "project_id": 1, "name": name, "properties": "{}", "created_at": created, "revision": 1, "trashed": 0}
    return dict.fromkeys(table.columns.keys()) | common | {"updated_at": created} | own


def name(number: int) -> str:
    return f"model-{number:07d}"


def token(number: int) -> str:
    """The page token of the models created after this one."""
    return base64.b64encode(f"{number}:{NOON + 1000 * number}".encode()).decode()


def _properties(number: int) -> dict[str, Any]:
    random = Random(number)  # noqa: S311 - the same ones each time
    return {
        "accuracy": random.random(),
        "epochs": random.randrange(1, 200),
        "gpu": random.random() < 0.5,
        "framework": random.choice(FRAMEWORKS),
        "team": f"team-{random.randrange(TEAMS)}",
    }


def _models(count: int, versions: int) -> Rows:
    for number in range(1, count + 1):
        own = versions // 2 if number == 1 else int(number % 2 == 0 and number - 2 < versions)
        yield _record(
            MODEL,
            number,
            name(number),
            external_id=f"ext-{number}",
            description="Predicts what somebody is about to do, from what they did before; retrained every night.",
            owner=("ann", "bob", "Çelik")[number % 3],
            state="ARCHIVED" if number % 100 == 0 else "LIVE",
            maturity="beta",
            properties=msgspec.json.encode(_properties(number)).decode(),
            updated_at=NOON + 1000 * number + number * 7919 % DAY,
            tasks='["classification"]',
            language=f'["{LANGUAGES[number % len(LANGUAGES)]}"]',
            versions=own,
            latest=f"v{2 * own - 1 if number == 1 else number - 2}" if own else None,
        )


def _index_rows(models: int, *, clustered: bool) -> Iterator[tuple[Table, Rows]]:
    """Where a table is clustered, sorted, which is much faster to write and ends the same."""
    for key in ("accuracy", "epochs", "gpu", "framework", "team"):
        values: Iterable[tuple[Any, int]] = ((_properties(number)[key], number) for number in range(1, models + 1))
        values = sorted(values) if clustered else values
        yield _table(key), (_entry(Kind.MODEL, key, value, number) for value, number in values)
    languages: Iterable[tuple[Any, int]] = ((LANGUAGES[number % len(LANGUAGES)], number) for number in range(1, models + 1))
    languages = sorted(languages) if clustered else languages
    yield PROPERTY_TEXT, (_entry(Kind.MODEL + LIST_FIELD, "language", value, number) for value, number in languages)
    yield PROPERTY_TEXT, (_entry(Kind.MODEL + LIST_FIELD, "tasks", "classification", number) for number in range(1, models + 1))


def _table(key: str) -> Table:
    return PROPERTY_TEXT if key in ("framework", "team") else PROPERTY_NUMBER


def _entry(kind: int, key: str, value: Any, record_id: int) -> dict[str, Any]:
    types = {bool: PropertyType.BOOLEAN, int: PropertyType.INTEGER, float: PropertyType.FLOAT}
    type_ = TEXT_WHOLE if isinstance(value, str) else NUMBER_TYPES[types[type(value)]]
    value = value if isinstance(value, str) else float(value)
    return {"project_id": 1, "kind": int(kind), "name": key, "value": value, "id": record_id, "type": type_}


def _versions(first: int, count: int) -> Rows:
    """Every second one is of model 1, the others each of a model of its own."""
    for n in range(count):
        yield _record(MODEL_VERSION, first + n, f"v{n}", model_id=1 if n % 2 else n + 2, author="ann", state="LIVE")


def _artifacts(count: int, first_version: int) -> Rows:
    types = [ArtifactType.METRIC, ArtifactType.METRIC, ArtifactType.METRIC, ArtifactType.DATASET]
    for n in range(count):
        owner = first_version if n % 2 else first_version + n
        type_ = ArtifactType.DOCUMENT if n % 10_000 == 0 else types[n % len(types)]
        own = {"type": type_.value, "owner_id": owner, "state": "LIVE", "uri": f"s3://bucket/{n}", "value": n / 7, "step": n}
        yield _record(ARTIFACT, n + 1, f"artifact-{n}", **own)


def _points(count: int, experiment: int, first_run: int) -> Rows:
    for n in range(count):
        run = first_run if n % 2 else first_run + 1 + n // 2 % (RUNS - 1)
        yield _record(METRIC_POINT, count + n + 1, ("loss", "f1")[n // 2 % 2], experiment_id=experiment, run_id=run, value=n / 7, step=n)


def _begin_ids_after(url: str, flavour: Flavour, number: int) -> None:
    for sequence in ("resource", "artifact"):
        match flavour:
            case Flavour.SQLITE:
                execute(url, f"UPDATE id_sequence SET value = {number} WHERE name = '{sequence}'")  # noqa: S608 - what is put in are numbers and names of our own sequences
            case Flavour.POSTGRESQL:
                execute(url, f"SELECT setval('{sequence}_id_seq', {number})")
            case Flavour.MYSQL:
                execute(url, f"INSERT INTO {sequence}_sequence VALUES ({number})")  # noqa: S608 - what is put in are numbers and names of our own sequences
