"""What is checked: every kind of record, with its table."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, select

from modelyard.artifacts.entities import Artifact
from modelyard.artifacts.tables import ARTIFACT
from modelyard.deployments.entities import Environment, InferenceService, ServeRecord
from modelyard.deployments.tables import ENVIRONMENT, INFERENCE_SERVICE, SERVE_RECORD
from modelyard.experiments.entities import Experiment, MetricPoint, Run
from modelyard.experiments.tables import EXPERIMENT, METRIC_POINT, RUN
from modelyard.models.entities import Model, ModelVersion
from modelyard.models.fields import MODEL_FIELDS
from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.overview.integrity.finding import Looked
from modelyard.records.kinds import Kind
from modelyard.records.record import Record
from modelyard.search.fields import FieldType
from modelyard.store.database import Reader, Row
from modelyard.store.statements import Statement

WINDOW = 500
"""Rows that are in memory at a time."""


class Subject(msgspec.Struct, frozen=True):
    kind: Kind
    entity: type[Record]
    table: Table
    lists: tuple[str, ...] = ()
    """The fields whose elements are in the property index."""
    audited: bool = True

    @property
    def columns(self) -> list[Any]:
        """In the order of the entity's fields."""
        return [self.table.c[name] for name in self.entity.__struct_fields__]


SUBJECTS = (
    Subject(Kind.MODEL, Model, MODEL, tuple(name for name, spec in MODEL_FIELDS.items() if spec.type is FieldType.TEXT_LIST)),
    Subject(Kind.VERSION, ModelVersion, MODEL_VERSION),
    Subject(Kind.EXPERIMENT, Experiment, EXPERIMENT),
    Subject(Kind.RUN, Run, RUN),
    Subject(Kind.ENVIRONMENT, Environment, ENVIRONMENT),
    Subject(Kind.SERVICE, InferenceService, INFERENCE_SERVICE),
    Subject(Kind.ARTIFACT, Artifact, ARTIFACT),
    Subject(Kind.METRIC_POINT, MetricPoint, METRIC_POINT, audited=False),
    Subject(Kind.SERVE, ServeRecord, SERVE_RECORD),
)
BY_KIND = {subject.kind: subject for subject in SUBJECTS}


def window_of(subject: Subject, columns: Sequence[Any], *, live: bool) -> Statement:
    """The next rows after an id, their id first."""
    table = subject.table
    clause = select(table.c.id, *columns).where(table.c.id > bindparam("after", type_=table.c.id.type))
    if live:
        clause = clause.where(table.c.trashed == 0)
    return Statement(f"check {table.name}", clause.order_by(table.c.id).limit(WINDOW))


async def windows(reader: Reader, statement: Statement, looked: Looked) -> AsyncIterator[Sequence[Row]]:
    """All rows of a `window_of`, window by window."""
    after = 0
    while rows := await reader.rows(statement, {"after": after}):
        yield rows
        looked(len(rows))
        after = rows[-1][0]
