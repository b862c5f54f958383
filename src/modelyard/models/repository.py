"""Where models and versions are kept."""

from typing import Any

from sqlalchemy import bindparam, literal_column, update

from modelyard.models.entities import Model, ModelVersion
from modelyard.models.fields import MODEL_FIELDS, VERSION_FIELDS
from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.records.kinds import Kind
from modelyard.records.sql import SqlRecords
from modelyard.store.database import Unit
from modelyard.store.statements import Statement

_ONE_MORE = Statement(
    "count version",
    update(MODEL)
    .values(versions=MODEL.c.versions + literal_column("1"))
    .where(MODEL.c.id == bindparam("id"), MODEL.c.trashed == literal_column("0")),
    guards=True,
)


class SqlVersions(SqlRecords[ModelVersion]):
    """A new version is counted by its model, which has been locked in the unit. The trash counts what goes there and comes back."""

    async def insert(self, unit: Unit, record: ModelVersion, **how: Any) -> ModelVersion:
        version = await super().insert(unit, record, **how)
        await unit.later(_ONE_MORE, [{"id": record.model_id}])
        return version


def models() -> SqlRecords[Model]:
    return SqlRecords(Kind.MODEL, Model, MODEL, MODEL_FIELDS)


def versions() -> SqlVersions:
    return SqlVersions(Kind.VERSION, ModelVersion, MODEL_VERSION, VERSION_FIELDS)
