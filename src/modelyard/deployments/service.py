"""The rules of environments, inference services and serve records."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple

from modelyard.audit.ledger import Ledger, existing, found, held, held_by_any, listed, locked
from modelyard.context import Caller
from modelyard.deployments.entities import (
    Environment,
    EnvironmentPatch,
    InferenceService,
    InferenceServicePatch,
    NewEnvironment,
    NewInferenceService,
    NewServeRecord,
    ServeRecord,
)
from modelyard.errors import Invalid, NotFound
from modelyard.models.entities import Model, ModelVersion
from modelyard.models.service import ModelService
from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties
from modelyard.records.repository import Records
from modelyard.records.trash import Deletion
from modelyard.search.page import ListQuery, Page
from modelyard.store.database import Database, Unit, transactional


class DeploymentRecords(NamedTuple):
    """The repositories of this domain."""

    environments: Records[Environment]
    services: Records[InferenceService]
    serves: Records[ServeRecord]


class DeploymentService:
    """Create, read, change and delete where versions are served.

    Errors, everywhere: `NotFound`, `AlreadyExists`, `Stale`, `Invalid` as in `ModelService`.
    """

    def __init__(self, database: Database, records: DeploymentRecords, models: ModelService, ledger: Ledger) -> None:
        self.database = database
        self._environments, self._services, self._serves = records
        self._models = models
        self._ledger = ledger

    @transactional
    async def create_environment(self, unit: Unit, caller: Caller, new: NewEnvironment) -> Environment:
        return await self._ledger.create(unit, caller, self._environments, Environment, new)

    def get_environment(self, caller: Caller, environment_id: int) -> Awaitable[Environment]:
        return existing(self.database.reader, caller, self._environments, environment_id)

    def find_environments(self, caller: Caller, values: Mapping[str, str | int]) -> Awaitable[Sequence[Environment]]:
        """Those of a name or external id (see `Records.find`)."""
        return found(self.database.reader, caller, self._environments, values)

    def list_environments(self, caller: Caller, query: ListQuery) -> Awaitable[Page[Environment]]:
        return listed(self.database.reader, caller, self._environments, query)

    @transactional
    async def update_environment(self, unit: Unit, caller: Caller, environment_id: int, patch: EnvironmentPatch) -> Environment:
        before = await locked(unit, caller, self._environments, environment_id)
        return await self._ledger.update(unit, caller, self._environments, before, patch)

    @transactional
    async def trash_environment(self, unit: Unit, caller: Caller, environment_id: int) -> Deletion:
        """Move an environment to the trash with its inference services and their serve records."""
        return await self._ledger.trash(unit, caller, self._environments, environment_id)

    @transactional
    async def create_service(self, unit: Unit, caller: Caller, new: NewInferenceService) -> InferenceService:
        """The environment must exist; whether the model and version do is not asked (see the table).

        An environment is only a place: whoever may deploy a model may do so in any.
        """
        await held_by_any(unit, caller, self._environments, new.environment_id)
        if caller.reach is not None:
            await self._models.hold_model(unit, caller, new.model_id)
        return await self._ledger.create(unit, caller, self._services, InferenceService, new)

    def get_service(self, caller: Caller, service_id: int) -> Awaitable[InferenceService]:
        return existing(self.database.reader, caller, self._services, service_id)

    def find_services(self, caller: Caller, values: Mapping[str, str | int]) -> Awaitable[Sequence[InferenceService]]:
        """Those of a name or external id (see `Records.find`)."""
        return found(self.database.reader, caller, self._services, values)

    def list_services(self, caller: Caller, query: ListQuery) -> Awaitable[Page[InferenceService]]:
        """Services of all environments; scope the query by `environment_id` for those of one."""
        return listed(self.database.reader, caller, self._services, query)

    @transactional
    async def update_service(self, unit: Unit, caller: Caller, service_id: int, patch: InferenceServicePatch) -> InferenceService:
        before = await locked(unit, caller, self._services, service_id)
        return await self._ledger.update(unit, caller, self._services, before, patch)

    @transactional
    async def trash_service(self, unit: Unit, caller: Caller, service_id: int) -> Deletion:
        """Move an inference service to the trash with its serve records."""
        return await self._ledger.trash(unit, caller, self._services, service_id)

    async def get_served_model(self, caller: Caller, service_id: int) -> Model:
        service = await self.get_service(caller, service_id)
        return await self._models.get_model(caller, service.model_id)

    async def get_served_version(self, caller: Caller, service_id: int) -> ModelVersion:
        """The version that the service names, or else the newest of its model."""
        service = await self.get_service(caller, service_id)
        if service.version_id:
            return await self._models.get_version(caller, service.version_id)
        newest = await self._models.newest_version(caller, service.model_id)
        if newest is None:
            raise NotFound(
                f"model {service.model_id} of inference service {service_id} has no version yet", kind=Kind.VERSION, service=service_id
            )
        return newest

    @transactional
    async def create_serve(self, unit: Unit, caller: Caller, new: NewServeRecord) -> ServeRecord:
        version = await self._models.hold_version(unit, caller, new.version_id)
        await held(unit, caller, self._services, new.service_id)
        check_public(version.properties)
        return await self._ledger.create(unit, caller, self._serves, ServeRecord, new)

    def get_serve(self, caller: Caller, serve_id: int) -> Awaitable[ServeRecord]:
        return existing(self.database.reader, caller, self._serves, serve_id)

    @transactional
    async def trash_serve(self, unit: Unit, caller: Caller, serve_id: int) -> Deletion:
        """Move a serve record to the trash."""
        return await self._ledger.trash(unit, caller, self._serves, serve_id)

    def list_serves(self, caller: Caller, query: ListQuery) -> Awaitable[Page[ServeRecord]]:
        """Serve records of all services; scope the query by `service_id` for those of one."""
        return listed(self.database.reader, caller, self._serves, query)


def check_public(properties: Properties) -> None:
    """Refuse versions that a cluster could not download: importers mark gated and private repositories of the Hugging Face hub so."""
    gated = properties.get("hf_gated")
    if isinstance(gated, str) and gated not in ("", "false"):
        raise Invalid(f"cannot deploy gated HuggingFace model: hf_gated is {gated!r}; accept its terms and register a copy of the files")
    if properties.get("hf_private") == "true":
        raise Invalid("cannot deploy private HuggingFace model: hf_private is 'true'; register a copy of the files")
