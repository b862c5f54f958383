"""Where models and versions are kept."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, literal_column, select, update

from modelyard.models.entities import Model, ModelVersion
from modelyard.models.fields import MODEL_FIELDS, VERSION_FIELDS
from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.records.kinds import Kind
from modelyard.records.sql import SqlRecords
from modelyard.records.table import latest_of
from modelyard.store.columns import ID
from modelyard.store.database import Unit
from modelyard.store.statements import Statement

_IT: ColumnElement[bool] = and_(MODEL.c.id == bindparam("id", type_=ID), MODEL.c.trashed == literal_column("0"))
_MORE = update(MODEL).values(versions=MODEL.c.versions + literal_column("1")).where(_IT)
_NEW = bindparam("latest", type_=MODEL.c.latest.type)
_UNCHANGED = MODEL.c.latest.is_not_distinct_from(bindparam("known", type_=MODEL.c.latest.type))
_NONE_SINCE = ~exists().where(MODEL_VERSION.c.model_id == MODEL.c.id, MODEL_VERSION.c.id > bindparam("version", type_=ID))

_ONE_MORE = Statement("count archived version", _MORE, guards=True)
_ONE_LATER = Statement("count version", _MORE.values(latest=_NEW), guards=True)
_ONE_LATER_THAN = Statement("count version after another", _MORE.values(latest=_NEW).where(_UNCHANGED, _NONE_SINCE), guards=True)
_LATEST = Statement("latest version of model", select(MODEL.c.latest).where(_IT), joint=True)
_FIND_LATEST = Statement("find latest version", update(MODEL).values(latest=latest_of(MODEL, MODEL_VERSION, "model_id")).where(_IT))


class SqlVersions(SqlRecords[ModelVersion]):
    """A new version is counted by its model, which has been locked in the unit, and is its latest unless it is archived. Who archives one,
    or takes one out of the archive, has locked the model, too. The trash does the same for what goes there and comes back.
    """

    async def insert(self, unit: Unit, record: ModelVersion, *, racing: bool = False, referred: bool = False) -> ModelVersion:
        # Ids are mostly given after the model is locked for good, so that who comes later gets the higher one. One that is asked for
        # before is the highest only if the model has had no other version since. What one statement sees may be older than the row that it
        # had to wait for: so it is asked for both.
        known = await unit.row(_LATEST, {"id": record.model_id}) if referred else None
        version = await super().insert(unit, record, racing=racing, referred=referred)
        model: dict[str, Any] = {"id": record.model_id}
        if record.archived:
            await unit.later(_ONE_MORE, [model])
        elif known is None:
            await unit.later(_ONE_LATER, [{**model, "latest": record.name}])
        else:
            await unit.later(_ONE_LATER_THAN, [{**model, "latest": record.name, "version": version.id, "known": known[0]}])
        return version

    async def update(self, unit: Unit, before: ModelVersion, after: ModelVersion) -> None:
        await super().update(unit, before, after)
        if before.archived is not after.archived:
            await unit.execute(_FIND_LATEST, {"id": after.model_id})


def models() -> SqlRecords[Model]:
    return SqlRecords(Kind.MODEL, Model, MODEL, MODEL_FIELDS)


def versions() -> SqlVersions:
    return SqlVersions(Kind.VERSION, ModelVersion, MODEL_VERSION, VERSION_FIELDS)
