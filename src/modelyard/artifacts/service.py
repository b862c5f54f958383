"""The rules of artifacts."""

import math
import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from modelyard.artifacts.bulk import BulkArtifacts
from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactType, Measured, NewArtifact, Put, RunLink
from modelyard.artifacts.parents import Namesake, P, Parents
from modelyard.audit.ledger import Ledger, existing, listed, lock, locked, missing, needs_project, reached
from modelyard.context import Caller, Millis, ProjectId
from modelyard.errors import Invalid, invalid
from modelyard.records.kinds import Kind
from modelyard.records.properties import INT64_MAX, INT64_MIN
from modelyard.records.repository import Records
from modelyard.records.trash import Deletion
from modelyard.search.page import ListQuery, Page
from modelyard.search.tree import And, Field, In, equals
from modelyard.store.database import FEW, Database, Unit, transactional

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)

_MEASURED = (*Measured.__struct_fields__, *RunLink.__struct_fields__, "updated_at", "revision")
"""What a measurement changes of a metric."""

WORDS = {
    ArtifactType.MODEL: "model artifact",
    ArtifactType.DOCUMENT: "doc artifact",
    ArtifactType.DATASET: "dataset artifact",
    ArtifactType.METRIC: "metric artifact",
    ArtifactType.PARAMETER: "parameter artifact",
}


class ArtifactService:
    """Create, read, change and delete artifacts, free-standing or under a version or run.

    Errors, everywhere: `NotFound`, `AlreadyExists`, `Stale`, `Invalid` as in `ModelService`.
    """

    def __init__(self, database: Database, artifacts: Records[Artifact], parents: Parents, ledger: Ledger) -> None:
        self.database = database
        self._artifacts = artifacts
        self._parents = parents
        self.ledger = ledger

    @transactional
    async def create_artifact(self, unit: Unit, caller: Caller, draft: ArtifactDraft) -> Artifact:
        """A free-standing artifact. Names of these may repeat; one without a name gets a random one."""
        needs_project(caller, Kind.ARTIFACT)
        return await self._create(unit, caller, draft)

    def get_artifact(self, caller: Caller, artifact_id: int) -> Awaitable[Artifact]:
        return existing(self.database.reader, caller, self._artifacts, artifact_id)

    def list_artifacts(self, caller: Caller, query: ListQuery) -> Awaitable[Page[Artifact]]:
        """Artifacts of all parents; scope the query by `parent_id` for those of one version or run, by `type` for one type."""
        return listed(self.database.reader, caller, self._artifacts, query)

    @transactional
    async def update_artifact(self, unit: Unit, caller: Caller, artifact_id: int, draft: ArtifactDraft) -> Artifact:
        """Apply what the draft says. Its type must be the artifact's: `Invalid` otherwise."""
        before = await locked(unit, caller, self._artifacts, artifact_id)
        if draft.type is not before.type:
            raise Invalid(f"cannot change artifact type from '{before.type}' to '{draft.type}': artifact type is immutable", field="type")
        return await self._update(unit, caller, before, draft)

    @transactional
    async def trash_artifact(self, unit: Unit, caller: Caller, artifact_id: int) -> Deletion:
        """Move an artifact to the trash: every version and run that lists it lists it no more."""
        return await self.ledger.trash(unit, caller, self._artifacts, artifact_id)

    async def lock_for_put(
        self, unit: Unit, caller: Caller, parents: Records[P], parent_id: int, draft: ArtifactDraft, artifact_id: int | None
    ) -> tuple[P, Artifact | None]:
        """Lock the version or run that an artifact is to be put under, and the one that is changed by it; None: one is created.

        With an id, that artifact is changed; it is attached here. Without, a metric or parameter of the same name under this parent.
        """
        if artifact_id is None and draft.type.measured and draft.name:
            wanted = Namesake(caller.project, parent_id, draft.type, draft.name)
            parent, found = await self._parents.lock_with(unit, parents, self._artifacts, wanted)
            parent = parent if parent is None or caller.reach is None else await reached(unit, caller, parents, parent)
            return parent if parent is not None else missing(parents, parent_id), found
        parent = await locked(unit, caller, parents, parent_id)
        if artifact_id is None:
            return parent, None
        found = await lock(unit, caller, self._artifacts, artifact_id)
        if found is None or found.type is not draft.type:
            prefix = "mismatched types, " if found is None else ""
            raise Invalid(f"{prefix}artifact with id {artifact_id} is not a {WORDS[draft.type]}")
        await self.ledger.attach(unit, caller, self._parents, self._artifacts, parent_id, found)
        return parent, found

    async def put(self, unit: Unit, caller: Caller, parent_id: int, draft: ArtifactDraft, found: Artifact | None, **links: int) -> Put:
        """Put an artifact under a version or run: what `lock_for_put` found is changed, or one is created.

        `links` are `experiment_id` and `run_id` of the run that produced it.
        """
        _require_value(draft)
        if found is not None:
            return Put(await self._update(unit, caller, found, draft, **links), created=False)
        artifact = await self._create(unit, caller, draft, owner_id=parent_id, **links)
        await self._parents.add(unit, parent_id, artifact.id)
        return Put(artifact, created=True)

    async def put_all(
        self, unit: Unit, caller: Caller, parent_id: int, drafts: Sequence[ArtifactDraft], *, new_parent: bool = False, **links: int
    ) -> None:
        """Put many artifacts under a version or run that the caller has locked, or made in this unit: `new_parent`.

        They are model artifacts, metrics and parameters, no two alike, each with a name, and at most a value, a text or a uri. That of
        the same type and name under this parent is changed; one that is not there is created. `links` as in `put`.
        """
        await BulkArtifacts(self._artifacts, self._parents, self.ledger).put(
            unit, caller, parent_id, drafts, new_parent=new_parent, links=links
        )

    async def lock_metrics(self, unit: Unit, caller: Caller, parent_id: int, names: Collection[str]) -> dict[str, Artifact]:
        """Those of these metrics that are under a parent, which the caller has locked: of each name the one that `put` would change."""
        scope = And((equals("parent_id", parent_id), equals("type", ArtifactType.METRIC.value), In(Field("name"), tuple(names))))
        found = await self._artifacts.lock_all(unit, caller.project, scope, few=len(names) <= FEW)
        # The parent's own win, and of several the first.
        return {metric.name: metric for metric in sorted(found, key=lambda metric: (metric.owner_id == parent_id, -metric.id))}

    def measured(
        self, caller: Caller, run: RunLink, before: Mapping[str, Artifact], last: Mapping[str, Measured], at: Millis
    ) -> dict[str, Artifact]:
        """Metrics of a run as they are with what was measured last: those of `lock_metrics` changed, others new, with the id 0."""
        links = {**msgspec.structs.asdict(run), "updated_at": at}
        after = {}
        for name, measured in last.items():
            values = {**msgspec.structs.asdict(measured), **links}
            if (metric := before.get(name)) is not None:
                after[name] = msgspec.structs.replace(metric, revision=metric.revision + 1, **values)
            else:
                after[name] = _new_metric(name, caller.project, run.run_id, at, values)
        return after

    async def measure(self, unit: Unit, run_id: int, metrics: Mapping[str, Artifact]) -> dict[str, Artifact]:
        """Store metrics of a run as `measured` has made them, which is what `put` would, and return them with their ids.

        Leaves no audit event: the caller knows what else belongs to the change.
        """
        changed = [metric for metric in metrics.values() if metric.id]
        created = [metric for metric in metrics.values() if not metric.id]
        await self._artifacts.update_all(unit, changed, _MEASURED)
        if created:
            created = await self._artifacts.insert_all(unit, created)
            await self._parents.add_all(unit, run_id, [metric.id for metric in created])
        return {metric.name: metric for metric in (*changed, *created)}

    async def _create(self, unit: Unit, caller: Caller, draft: ArtifactDraft, **own: int) -> Artifact:
        _require_value(draft)
        said: dict[str, Any] = {name: None if value is UNSET else value for name, value in msgspec.structs.asdict(draft).items()}
        new = NewArtifact(
            **{name: said.pop(name) for name in NewArtifact.__struct_fields__}
            | {"properties": {} if draft.properties is UNSET else draft.properties}
        )
        del said["revisions"]
        links: dict[str, Any] = {"owner_id": None, "experiment_id": None, "run_id": None, **own}
        return await self.ledger.create(unit, caller, self._artifacts, Artifact, new, **said, **links, recorded_at=_moment(draft))

    async def _update(self, unit: Unit, caller: Caller, before: Artifact, draft: ArtifactDraft, **links: int) -> Artifact:
        _check_value(draft)
        own: dict[str, object] = {"type": before.type, "name": before.name, **links}
        if draft.timestamp is not UNSET:
            own["recorded_at"] = _moment(draft)
        return await self.ledger.update(unit, caller, self._artifacts, before, draft, **own)


def _new_metric(name: str, project: ProjectId, run_id: int, at: Millis, values: Mapping[str, Any]) -> Artifact:
    given = {"id": 0, "project_id": project, "name": name, "properties": {}, "created_at": at, "revision": 1, "owner_id": run_id}
    return Artifact(**{**dict.fromkeys(Artifact.__struct_fields__), **given, "type": ArtifactType.METRIC, **values})


def _require_value(draft: ArtifactDraft) -> None:
    if draft.type is ArtifactType.METRIC and draft.value in (UNSET, None):
        raise Invalid("metric value is required")
    _check_value(draft)


def _check_value(draft: ArtifactDraft) -> None:
    if isinstance(draft.value, float) and not math.isfinite(draft.value):
        invalid("value", draft.value, "a metric's value must be finite, for neither JSON nor every database has others")


def _moment(draft: ArtifactDraft) -> int | None:
    """The timestamp as a number of milliseconds, where it is one."""
    if isinstance(draft.timestamp, str) and _INTEGER.fullmatch(draft.timestamp):
        moment = int(draft.timestamp)
        return moment if INT64_MIN <= moment <= INT64_MAX else None
    return None
