"""Models and versions at a glance: with what is spread over other tables, in one statement for one and two for a page."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, select

from modelyard.audit.horizon import Horizon
from modelyard.context import Caller, Millis
from modelyard.errors import NotFound
from modelyard.models.entities import ModelVersion
from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.overview.measurements import WIDTH, Measurements, measured, measurements, with_measurements
from modelyard.overview.offsets import Counted, OffsetList, Slice, live, of_parent, sees
from modelyard.overview.totals import KindList, Totals
from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties
from modelyard.records.rows import reader as row_reader
from modelyard.store.columns import ID
from modelyard.store.database import Database
from modelyard.store.statements import Statement

_ID: Any = bindparam("id", type_=ID)


class ModelView(msgspec.Struct, frozen=True):
    """A model at a glance: its other columns are not read for it. `latest` is the name of the version that was created last, of those not
    archived.
    """

    id: int
    name: str
    description: str | None
    library_name: str | None
    tasks: tuple[str, ...] | None
    properties: Properties
    created_at: Millis
    updated_at: Millis
    revision: int
    owner: str | None
    versions: int
    latest: str | None


class VersionView(NamedTuple):
    version: ModelVersion
    measurements: Measurements


_read_model, _read_version = row_reader(ModelView), row_reader(ModelVersion)
_VERSION_COLUMNS = ModelVersion.__struct_fields__
_VIEWED = ModelView.__struct_fields__
_MODEL = Statement(
    "get model at a glance",
    select(*[MODEL.c[name] for name in _VIEWED]).where(MODEL.c.id == _ID, live(MODEL)),
    joint=True,
)
_MODELS = KindList(Kind.MODEL, MODEL, _VIEWED)
_VERSION = with_measurements(
    MODEL_VERSION,
    [MODEL_VERSION.c[name] for name in _VERSION_COLUMNS],
    MODEL_VERSION.c.id == _ID,
    MODEL_VERSION.c.model_id == bindparam("model_id", type_=ID),
    live(MODEL_VERSION),
)
_VERSIONS = OffsetList(
    MODEL_VERSION,
    _VERSION_COLUMNS,
    of_parent("model_id"),
    total=select(MODEL.c.versions).where(MODEL.c.id == bindparam("model_id", type_=ID), live(MODEL)),
)


class RegistryOverview:
    """Errors: `NotFound`."""

    def __init__(self, database: Database, horizon: Horizon) -> None:
        self._database = database
        self._models = Totals(database, horizon, _MODELS)

    async def model(self, caller: Caller, model_id: int) -> ModelView:
        row = await self._database.reader.row(_MODEL, {"project": caller.project, "id": model_id})
        view = None if row is None else _read_model(row)
        if view is None or not sees(caller, Kind.MODEL, view):
            raise NotFound(f"no model has the id {model_id}", kind=Kind.MODEL, id=model_id)
        return view

    async def models(self, caller: Caller, part: Slice) -> Counted[ModelView]:
        rows, total = await self._models.page(caller, part)
        return Counted([_read_model(row[:-1]) for row in rows], total)

    async def version(self, caller: Caller, model_id: int, version_id: int) -> VersionView:
        """The version, if it is one of this model's."""
        rows = await self._database.reader.rows(_VERSION, {"project": caller.project, "id": version_id, "model_id": model_id})
        version = _read_version(rows[0][:-WIDTH]) if rows else None
        if version is None or not sees(caller, Kind.VERSION, version):
            raise NotFound(f"model {model_id} has no version with the id {version_id}", kind=Kind.VERSION, id=version_id)
        return VersionView(version, measured(version.id, [row[-WIDTH:] for row in rows]))

    async def versions(self, caller: Caller, model_id: int, part: Slice) -> Counted[VersionView]:
        """The versions of a model, which must exist."""
        reader = self._database.reader
        rows, total = await _VERSIONS.seen(reader, caller, Kind.VERSION, {"project": caller.project, "model_id": model_id}, part)
        if total == 0:
            await self.model(caller, model_id)
        versions = [_read_version(row[:-1]) for row in rows]
        found = await measurements(reader, [version.id for version in versions])
        return Counted([VersionView(version, found[version.id]) for version in versions], total)
