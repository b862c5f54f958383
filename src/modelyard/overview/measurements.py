"""What was measured of versions and runs: metrics, parameters and where the model's files are, for many of them at once."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, and_, literal_column, select, text

from modelyard.artifacts.entities import ArtifactType
from modelyard.artifacts.tables import ARTIFACT, ARTIFACT_PARENT
from modelyard.overview.offsets import ZERO
from modelyard.store.database import Reader, Row
from modelyard.store.statements import Flavour, Statement

MODEL_FILES = "model"
"""The name of the model artifact whose uri says where a version's files are."""

_ARTIFACT = ARTIFACT.c
_SHOWN = (_ARTIFACT.id, _ARTIFACT.owner_id, _ARTIFACT.type, _ARTIFACT.name, _ARTIFACT.value, _ARTIFACT.text_value, _ARTIFACT.uri)
WIDTH = len(_SHOWN)
MANY_PARENTS = 100
"""Parents whose measurements are put together in a thread, as SQLite reads them there: others should not wait."""
_TYPES = (ArtifactType.MODEL, ArtifactType.METRIC, ArtifactType.PARAMETER)
_WHERE = f"a.trashed = 0 AND a.type IN ({', '.join(repr(type_.value) for type_ in _TYPES)})"
_OF_TYPE = and_(_ARTIFACT.trashed == ZERO, _ARTIFACT.type.in_([literal_column(repr(type_.value)) for type_ in _TYPES]))


_FROM = {
    Flavour.SQLITE: "SELECT {} FROM json_each(:ids) AS w CROSS JOIN artifact_parent AS p ON p.parent_id = w.value CROSS JOIN",
    Flavour.POSTGRESQL: "SELECT {} FROM json_array_elements_text(CAST(:ids AS json)) AS w "
    "JOIN artifact_parent AS p ON p.parent_id = CAST(w.value AS bigint) JOIN",
    Flavour.MYSQL: "SELECT STRAIGHT_JOIN {} FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT PATH '$')) AS w "
    "JOIN artifact_parent AS p ON p.parent_id = w.id JOIN",
}
"""From the parents over their links to the artifacts, in this order, whatever a planner may think of it."""

_COLUMNS = ", ".join(("p.parent_id", *[f"a.{column.name}" for column in _SHOWN]))
_OF_PARENTS = {
    (flavour, slow): Statement(
        "artifacts of parents", text(f"{start.format(_COLUMNS)} artifact AS a ON a.id = p.id WHERE {_WHERE}"), slow=slow
    )
    for slow in (False, True)
    for flavour, start in _FROM.items()
}


class Measurements(msgspec.Struct):
    """By name. `uri` is None where no files are known of."""

    metrics: dict[str, float]
    parameters: dict[str, str]
    uri: str | None = None


def with_measurements(table: Table, columns: Sequence[Any], *conditions: ColumnElement[bool]) -> Statement:
    """One record with its measurements, a row for each artifact: the record's columns, then what `measured` reads."""
    joined = table.outerjoin(ARTIFACT_PARENT, ARTIFACT_PARENT.c.parent_id == table.c.id)
    joined = joined.outerjoin(ARTIFACT, and_(_ARTIFACT.id == ARTIFACT_PARENT.c.id, _OF_TYPE))
    return Statement(f"get {table.name} with measurements", select(*columns, *_SHOWN).select_from(joined).where(*conditions))


def measured(parent_id: int, rows: Iterable[Row]) -> Measurements:
    """What rows of artifacts say of their parent. Of one name the parent's own wins, and of several the first."""
    found = Measurements({}, {})
    there = sorted([row for row in rows if row[0] is not None], key=lambda row: (row[1] != parent_id, row[0]))
    for _, _, type_, name, value, text_value, uri in there:
        if type_ == ArtifactType.METRIC:
            found.metrics.setdefault(name, value)
        elif type_ == ArtifactType.PARAMETER:
            found.parameters.setdefault(name, text_value or "")
        elif name == MODEL_FILES and found.uri is None:
            found.uri = uri
    return found


async def measurements(reader: Reader, parent_ids: Sequence[int]) -> Mapping[int, Measurements]:
    """Of each of these versions or runs. One statement; none where there are no parents."""
    if not parent_ids:
        return {}
    statement = _OF_PARENTS[reader.flavour, len(parent_ids) > MANY_PARENTS]
    found: dict[int, list[Row]] = {parent_id: [] for parent_id in parent_ids}
    for parent_id, *row in await reader.rows(statement, {"ids": msgspec.json.encode(parent_ids).decode()}):
        found[parent_id].append(row)
    if len(parent_ids) > MANY_PARENTS:
        return await asyncio.to_thread(_all_measured, found)
    return _all_measured(found)


def _all_measured(found: Mapping[int, Sequence[Row]]) -> Mapping[int, Measurements]:
    return {parent_id: measured(parent_id, rows) for parent_id, rows in found.items()}
