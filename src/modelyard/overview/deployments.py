"""Deployments with what was last known of each, in one statement."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, literal_column, select

from modelyard.context import Caller
from modelyard.deployments.entities import InferenceService, ServeState
from modelyard.deployments.managed import ENVIRONMENT as MANAGED
from modelyard.deployments.managed import Deployment, no_deployment
from modelyard.deployments.tables import ENVIRONMENT, INFERENCE_SERVICE, SERVE_RECORD
from modelyard.overview.offsets import ZERO, Counted, OffsetList, Slice, live, sees
from modelyard.records.kinds import Kind
from modelyard.records.rows import reader as row_reader
from modelyard.store.columns import ID
from modelyard.store.database import Database
from modelyard.store.statements import Statement

_ID: Any = bindparam("id", type_=ID)
_COLUMNS = InferenceService.__struct_fields__
_read = row_reader(InferenceService)


def _managed(service: Any) -> ColumnElement[bool]:
    environment = ENVIRONMENT.alias("managed")
    ours = select(environment.c.id).where(live(environment), environment.c.name == literal_column(f"'{MANAGED}'"))
    return and_(service.c.environment_id == ours.scalar_subquery(), live(service).is_(True))


def _last_state(service_id: Any) -> tuple[ColumnElement[Any], ...]:
    serve = SERVE_RECORD.alias("serve")
    newest = select(serve.c.last_known_state).where(serve.c.service_id == service_id, serve.c.trashed == ZERO)
    return (newest.order_by(serve.c.id.desc()).limit(1).scalar_subquery(),)


_DEPLOYMENT = Statement(
    "get deployment",
    select(*[INFERENCE_SERVICE.c[name] for name in _COLUMNS], *_last_state(INFERENCE_SERVICE.c.id)).where(
        INFERENCE_SERVICE.c.id == _ID, _managed(INFERENCE_SERVICE)
    ),
)
_DEPLOYMENTS = OffsetList(INFERENCE_SERVICE, _COLUMNS, _managed, _last_state)


class DeploymentOverview:
    """Errors: `NotFound`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deployment(self, caller: Caller, service_id: int) -> Deployment:
        row = await self._database.reader.row(_DEPLOYMENT, {"project": caller.project, "id": service_id})
        found = None if row is None else _deployment(row)
        return found if found is not None and sees(caller, Kind.SERVICE, found.service) else no_deployment(service_id)

    async def deployments(self, caller: Caller, part: Slice) -> Counted[Deployment]:
        rows, total = await _DEPLOYMENTS.seen(self._database.reader, caller, Kind.SERVICE, {"project": caller.project}, part)
        return Counted([_deployment(row[:-1]) for row in rows], total)


def _deployment(row: Any) -> Deployment:
    *service, last = row
    return Deployment(_read(service), None if last is None else ServeState(last))
