"""Where artifacts are kept."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, func, literal_column, select
from sqlalchemy.sql.elements import ColumnElement

from modelyard.artifacts.entities import Artifact
from modelyard.artifacts.fields import ARTIFACT_FIELDS
from modelyard.artifacts.parents import Namesake, P
from modelyard.artifacts.tables import ARTIFACT, ARTIFACT_PARENT, EXPERIMENT_ARTIFACT, MODEL_ARTIFACT, PARENTS
from modelyard.records.kinds import Kind
from modelyard.records.repository import Records
from modelyard.records.sql import SqlRecords
from modelyard.store.database import Unit
from modelyard.store.statements import Bulk, Statement

_KEY: dict[str, Any] = {name: bindparam(name, type_=ARTIFACT_PARENT.c[name].type) for name in ("parent_id", "id")}
_ATTACH = Bulk("insert artifact_parent", ARTIFACT_PARENT)
_ATTACHED = Statement(
    "artifact attached",
    select(ARTIFACT_PARENT.c.id).where(ARTIFACT_PARENT.c.parent_id == _KEY["parent_id"], ARTIFACT_PARENT.c.id == _KEY["id"]),
)


def artifacts() -> SqlRecords[Artifact]:
    links = {"parent_id": ARTIFACT_PARENT, "model_id": MODEL_ARTIFACT, "owner_experiment_id": EXPERIMENT_ARTIFACT}
    return SqlRecords(Kind.ARTIFACT, Artifact, ARTIFACT, ARTIFACT_FIELDS, links=links, parents={"parent_id": PARENTS})


class ArtifactParents:
    """`Parents` over the table of links. The caller holds the parent's lock, so that two cannot race."""

    def __init__(self) -> None:
        self._both: dict[Kind, Statement] = {}

    async def has(self, unit: Unit, parent_id: int, record_id: int) -> bool:
        return await unit.row(_ATTACHED, {"parent_id": parent_id, "id": record_id}) is not None

    async def add(self, unit: Unit, parent_id: int, record_id: int) -> None:
        await unit.later(_ATTACH, [(parent_id, record_id)])

    async def add_all(self, unit: Unit, parent_id: int, record_ids: Sequence[int]) -> None:
        await unit.later(_ATTACH, [(parent_id, record_id) for record_id in record_ids])

    async def lock_with(
        self, unit: Unit, parents: Records[P], artifacts: Records[Artifact], wanted: Namesake
    ) -> tuple[P | None, Artifact | None]:
        assert isinstance(parents, SqlRecords) and isinstance(artifacts, SqlRecords)  # noqa: S101, PT018 - one database keeps them all
        if await unit.queue((wanted.parent_id, wanted.type, wanted.name)):
            known: int | None = unit.recall(wanted)
            recalled = None if known is None else _recall_both(unit, parents, artifacts, wanted, known)
            return recalled or await self._read_both(unit, parents, artifacts, wanted, known)
        parent = await parents.lock(unit, wanted.project, wanted.parent_id)
        row = None if parent is None else await unit.row(_NAMESAKE, wanted.values)
        # The parent's lock keeps others from putting under it, but not from changing the artifact by its own id.
        return parent, None if row is None else await artifacts.lock_found(unit, artifacts.read(row))

    async def _read_both(
        self, unit: Unit, parents: SqlRecords[P], artifacts: SqlRecords[Artifact], wanted: Namesake, known: int | None
    ) -> tuple[P | None, Artifact | None]:
        """In one statement: it is a round trip less."""
        statement = self._both.get(parents.kind)
        if statement is None:
            statement = self._both[parents.kind] = _with_namesake(parents)
        row = await unit.row(statement, wanted.values)
        if row is None:
            return None, None
        width = len(parents.columns)
        parent = await parents.lock_found(unit, parents.read(row[:width]))
        found = None if row[width] is None else await artifacts.lock_found(unit, artifacts.read(row[width:]))
        # Of its own, a parent has one of each name at most. Which of those lent to it is the first may change without any of them.
        if parent is not None and found is not None and found.owner_id == parent.id:
            if known == found.id:
                unit.learn(parents.known_as(wanted.project, parent.id), parent, new=True)
                unit.learn(artifacts.known_as(wanted.project, found.id), found, new=True)
            else:
                unit.learn(wanted, found.id, new=True)
        return parent, found


def _recall_both(
    unit: Unit, parents: SqlRecords[P], artifacts: SqlRecords[Artifact], wanted: Namesake, known: int
) -> tuple[P, Artifact] | None:
    parent: P | None = unit.recall(parents.known_as(wanted.project, wanted.parent_id))
    found: Artifact | None = unit.recall(artifacts.known_as(wanted.project, known))
    if parent is None or found is None or found.name != wanted.name:  # from the trash it may have come back under another
        return None
    return parents.lock_known(unit, parent), artifacts.lock_known(unit, found)


_NO: ColumnElement[int] = literal_column("0")


def _live(table: Any) -> ColumnElement[bool]:
    return and_(table.c.project_id == bindparam("project"), table.c.trashed == _NO)


def _namesake() -> ColumnElement[int]:
    """The id of the artifact of this name and type: by name if the parent owns it, as nearly all are; else among those it has."""
    own, other = ARTIFACT.alias("own"), ARTIFACT.alias("other")

    def called(table: Any) -> ColumnElement[bool]:
        return and_(*[table.c[name] == bindparam(name, type_=ARTIFACT.c[name].type) for name in ("type", "name")])

    owned = select(own.c.id).where(_live(own), called(own), own.c.owner_id == _KEY["parent_id"])
    # The sums keep planners from walking all artifacts of the project, or all that are live, instead of the parent's; and `min`, where an
    # order and a limit would say the same, PostgreSQL's from walking all artifacts in that order.
    within = and_(other.c.project_id + _NO == bindparam("project"), other.c.trashed + _NO == _NO)
    attached = select(func.min(other.c.id)).join(ARTIFACT_PARENT, ARTIFACT_PARENT.c.id == other.c.id)
    attached = attached.where(within, called(other), ARTIFACT_PARENT.c.parent_id == _KEY["parent_id"])
    return func.coalesce(owned.scalar_subquery(), attached.scalar_subquery())


_COLUMNS = [ARTIFACT.c[name] for name in Artifact.__struct_fields__]
_NAMESAKE = Statement("namesake of artifact", select(*_COLUMNS).where(ARTIFACT.c.id == _namesake()))


def _with_namesake(parents: SqlRecords[Any]) -> Statement:
    table = parents.table
    both = table.outerjoin(ARTIFACT, ARTIFACT.c.id == _namesake())
    clause = select(*parents.columns, *_COLUMNS).select_from(both).where(_live(table), table.c.id == _KEY["parent_id"])
    return Statement(f"{table.name} with namesake of artifact", clause, joint=True)
