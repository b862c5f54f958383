"""The rules of models and versions."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from modelyard.artifacts.entities import ArtifactDraft, Put
from modelyard.artifacts.service import ArtifactService
from modelyard.audit.ledger import Ledger, existing, found, held, listed, locked
from modelyard.context import Caller
from modelyard.errors import NotFound
from modelyard.models.entities import Model, ModelPatch, ModelState, ModelVersion, NewModel, NewVersion, VersionPatch
from modelyard.records.kinds import Kind
from modelyard.records.record import Change, asked
from modelyard.records.repository import Records
from modelyard.records.trash import Deletion
from modelyard.search.page import ListQuery, Page, SortKey
from modelyard.search.tree import equals
from modelyard.store.database import Database, Unit, transactional


class ModelRecords(NamedTuple):
    """The repositories of this domain."""

    models: Records[Model]
    versions: Records[ModelVersion]


class ModelService:
    """Create, read, change and delete models and versions.

    Errors, everywhere: `NotFound` for an id that is not there (or is something else), `AlreadyExists` for a name or external id that is
    taken, `Stale` for a revision that has passed, `Invalid` for a value or filter that makes no sense.
    """

    def __init__(self, database: Database, records: ModelRecords, artifacts: ArtifactService, ledger: Ledger) -> None:
        self.database = database
        self._models, self._versions = records
        self._artifacts = artifacts
        self._ledger = ledger

    @transactional
    async def create_model(self, unit: Unit, caller: Caller, new: NewModel) -> Model:
        return await self._ledger.create(unit, caller, self._models, Model, new)

    def get_model(self, caller: Caller, model_id: int) -> Awaitable[Model]:
        return existing(self.database.reader, caller, self._models, model_id)

    def find_models(self, caller: Caller, values: Mapping[str, str | int]) -> Awaitable[Sequence[Model]]:
        """Those of a name or external id (see `Records.find`)."""
        return found(self.database.reader, caller, self._models, values)

    def list_models(self, caller: Caller, query: ListQuery) -> Awaitable[Page[Model]]:
        return listed(self.database.reader, caller, self._models, query)

    async def hold_model(self, unit: Unit, caller: Caller, model_id: int) -> Model:
        """The model, which stays out of the trash until the unit ends."""
        return await held(unit, caller, self._models, model_id)

    async def lock_model(self, unit: Unit, caller: Caller, model_id: int) -> Model:
        """The model, which nobody else changes until the unit ends."""
        return await locked(unit, caller, self._models, model_id)

    @transactional
    async def update_model(self, unit: Unit, caller: Caller, model_id: int, change: Change[ModelPatch, Model]) -> Model:
        before = await locked(unit, caller, self._models, model_id)
        return await self._ledger.update(unit, caller, self._models, before, asked(change, before))

    @transactional
    async def trash_model(self, unit: Unit, caller: Caller, model_id: int, revisions: frozenset[int] | None = None) -> Deletion:
        """Move a model to the trash with its versions, and what goes with each of these."""
        return await self._ledger.trash(unit, caller, self._models, model_id, revisions)

    @transactional
    async def create_version(self, unit: Unit, caller: Caller, new: NewVersion, artifacts: Sequence[ArtifactDraft] = ()) -> ModelVersion:
        """A version with these artifacts, each named (see `ArtifactService.put_all`)."""
        # Locked, and not only held, since the model counts it: two who held it would wait for each other.
        await locked(unit, caller, self._models, new.model_id)
        version = await self._ledger.create(unit, caller, self._versions, ModelVersion, new, referred=bool(artifacts))
        if artifacts:
            await self._artifacts.put_all(unit, caller, version.id, artifacts, new_parent=True)
        return version

    def get_version(self, caller: Caller, version_id: int) -> Awaitable[ModelVersion]:
        return existing(self.database.reader, caller, self._versions, version_id)

    async def hold_version(self, unit: Unit, caller: Caller, version_id: int) -> ModelVersion:
        """The version, which stays out of the trash until the unit ends."""
        return await held(unit, caller, self._versions, version_id)

    def find_versions(self, caller: Caller, values: Mapping[str, str | int]) -> Awaitable[Sequence[ModelVersion]]:
        """Those of a name or external id (see `Records.find`)."""
        return found(self.database.reader, caller, self._versions, values)

    async def lock_version(self, unit: Unit, caller: Caller, version_id: int, model_id: int | None = None) -> ModelVersion:
        """The version, which nobody else changes until the unit ends. `NotFound` for one of another model than `model_id`."""
        version = await locked(unit, caller, self._versions, version_id)
        if model_id is not None and version.model_id != model_id:
            raise NotFound(f"model {model_id} has no version with the id {version_id}", kind=Kind.VERSION, id=version_id)
        return version

    def list_versions(self, caller: Caller, query: ListQuery) -> Awaitable[Page[ModelVersion]]:
        """Versions of all models; scope the query by `model_id` for those of one."""
        return listed(self.database.reader, caller, self._versions, query)

    async def newest_version(self, caller: Caller, model_id: int) -> ModelVersion | None:
        """The version that was created last, archived or not."""
        query = ListQuery(scope=equals("model_id", model_id), sort=SortKey.CREATED, descending=True, limit=1)
        page = await self.list_versions(caller, query)
        return page.items[0] if page.items else None

    @transactional
    async def update_version(
        self,
        unit: Unit,
        caller: Caller,
        version_id: int,
        change: Change[VersionPatch, ModelVersion],
        artifacts: Sequence[ArtifactDraft] = (),
        model_id: int | None = None,
    ) -> ModelVersion:
        """Change a version, and put these artifacts, each named, under it. `model_id` as in `lock_version`."""
        before = await self.lock_version(unit, caller, version_id, model_id)
        patch = asked(change, before)
        if patch.state is not UNSET and (patch.state is ModelState.ARCHIVED) is not before.archived:
            # It names its latest version. After its version, which costs the rare two that wait for each other another try.
            await self._models.lock(unit, caller.project, before.model_id)
        version = await self._ledger.update(unit, caller, self._versions, before, patch)
        if artifacts:
            await self._artifacts.put_all(unit, caller, version.id, artifacts)
        return version

    @transactional
    async def trash_version(self, unit: Unit, caller: Caller, version_id: int, revisions: frozenset[int] | None = None) -> Deletion:
        """Move a version to the trash with its serve records, and the artifacts that no other version or run lists."""
        # The model, which counts it, is locked first, as by who moves the model there: else the two would wait for each other.
        await self._models.lock(unit, caller.project, (await self.get_version(caller, version_id)).model_id)
        return await self._ledger.trash(unit, caller, self._versions, version_id, revisions)

    @transactional
    async def put_artifact(self, unit: Unit, caller: Caller, version_id: int, draft: ArtifactDraft, artifact_id: int | None) -> Put:
        """Put an artifact under a version (see `ArtifactService.put`)."""
        version, found = await self._artifacts.lock_for_put(unit, caller, self._versions, version_id, draft, artifact_id)
        return await self._artifacts.put(unit, caller, version.id, draft, found)
