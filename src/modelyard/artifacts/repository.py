"""Where artifacts are kept."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from modelyard.artifacts.entities import Artifact
from modelyard.artifacts.fields import ARTIFACT_FIELDS
from modelyard.artifacts.tables import ARTIFACT, ARTIFACT_PARENT, EXPERIMENT_ARTIFACT, MODEL_ARTIFACT
from modelyard.records.kinds import Kind
from modelyard.records.sql import SqlRecords
from modelyard.store.database import Unit
from modelyard.store.statements import Bulk, Statement

_KEY: dict[str, Any] = {name: bindparam(name) for name in ("parent_id", "id")}
_ATTACH = Bulk("insert artifact_parent", ARTIFACT_PARENT)
_ATTACHED = Statement(
    "artifact attached",
    select(ARTIFACT_PARENT.c.id).where(ARTIFACT_PARENT.c.parent_id == _KEY["parent_id"], ARTIFACT_PARENT.c.id == _KEY["id"]),
)


def artifacts() -> SqlRecords[Artifact]:
    links = {"parent_id": ARTIFACT_PARENT, "model_id": MODEL_ARTIFACT, "owner_experiment_id": EXPERIMENT_ARTIFACT}
    return SqlRecords(Kind.ARTIFACT, Artifact, ARTIFACT, ARTIFACT_FIELDS, links=links)


class ArtifactParents:
    """`Links` of artifacts to the versions and runs that list them. The caller holds the parent's lock, so that two cannot race."""

    async def has(self, unit: Unit, parent_id: int, record_id: int) -> bool:
        return await unit.row(_ATTACHED, {"parent_id": parent_id, "id": record_id}) is not None

    async def add(self, unit: Unit, parent_id: int, record_id: int) -> None:
        await unit.later(_ATTACH, [(parent_id, record_id)])

    async def add_all(self, unit: Unit, parent_id: int, record_ids: Sequence[int]) -> None:
        await unit.later(_ATTACH, [(parent_id, record_id) for record_id in record_ids])
