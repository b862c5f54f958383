"""Deployments: the inference services that this server itself looks after, in an environment of their own.

There is no serving backend yet: a deployment that should run is kept, and ends as failed.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, NoReturn

import msgspec

from modelyard.audit.ledger import Ledger, locked
from modelyard.context import Caller
from modelyard.deployments.entities import (
    DesiredState,
    Environment,
    InferenceService,
    InferenceServicePatch,
    NewEnvironment,
    NewInferenceService,
    NewServeRecord,
    ServePatch,
    ServeRecord,
    ServeState,
)
from modelyard.deployments.service import DeploymentRecords, check_public
from modelyard.errors import InUse, NotFound, invalid
from modelyard.models.service import ModelService
from modelyard.records.kinds import Kind
from modelyard.records.trash import Deletion
from modelyard.search.page import ListQuery
from modelyard.search.tree import Expr, Field, In, both, equals
from modelyard.store.connection import ConflictError
from modelyard.store.database import Database, Unit, transactional

ENVIRONMENT = "modelyard"
"""The environment whose inference services are deployments."""

NO_BACKEND = "no serving backend is configured: the deployment is kept, and nothing serves it"


NOTHING_RUNS = "nothing of it runs: its version was deleted, or nobody has begun to serve it"


class Progress(StrEnum):
    DEPLOYING = "deploying"
    ACTIVE = "active"
    STOPPED = "stopped"
    FAILED = "failed"


_PROGRESS = {
    ServeState.UNKNOWN: Progress.DEPLOYING,
    ServeState.NEW: Progress.DEPLOYING,
    ServeState.RUNNING: Progress.ACTIVE,
    ServeState.CACHED: Progress.ACTIVE,
    ServeState.COMPLETE: Progress.STOPPED,
    ServeState.CANCELED: Progress.STOPPED,
    ServeState.FAILED: Progress.FAILED,
}


class NewDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """Quantities as in `InferenceService`."""

    name: str
    model_id: int
    version_id: int
    replicas: int = 1
    cpu: str | None = None
    memory: str | None = None
    gpu: int | None = None


class Deployment(NamedTuple):
    """`last` is what was last known of its newest serve record; None if it has none."""

    service: InferenceService
    last: ServeState | None

    @property
    def progress(self) -> Progress:
        """What is really so, whatever is desired. Of what nobody has begun to serve, or whose version is deleted, nothing runs."""
        return Progress.STOPPED if self.last is None else _PROGRESS[self.last]

    @property
    def reason(self) -> str | None:
        """Why it failed, or is stopped though nobody has said so."""
        if self.last is None:
            return NOTHING_RUNS
        return self.service.message if self.progress is Progress.FAILED else None


class ManagedDeployments:
    """Errors, everywhere: `NotFound`, `AlreadyExists`, `Stale`, `Invalid` as in `ModelService`."""

    def __init__(self, database: Database, records: DeploymentRecords, models: ModelService, ledger: Ledger) -> None:
        self.database = database
        self._environments, self._services, self._serves = records
        self._models = models
        self._ledger = ledger

    @transactional
    async def deploy(self, unit: Unit, caller: Caller, new: NewDeployment) -> Deployment:
        """Keep a deployment; returns it as it begins. Raises `NotFound` for the model or version, `Invalid` for another model's version."""
        model = await self._models.hold_model(unit, caller, new.model_id)
        version = await self._models.hold_version(unit, caller, new.version_id)
        if version.model_id != model.id:
            invalid("version_id", str(version.id), f"it is a version of model {version.model_id}, not of model {model.id}")
        check_public(version.properties)
        environment = await self._ledger.find_or_create(unit, caller, self._environments, Environment, NewEnvironment(name=ENVIRONMENT))
        state = DesiredState.DEPLOYED if new.replicas else DesiredState.UNDEPLOYED
        command = NewInferenceService(environment_id=environment.id, desired_state=state, **msgspec.structs.asdict(new))
        service = await self._ledger.create(unit, caller, self._services, InferenceService, command, referred=True)
        first = ServeState.NEW if new.replicas else ServeState.COMPLETE
        revision = NewServeRecord(name="revision-1", service_id=service.id, version_id=version.id, last_known_state=first)
        serve = await self._ledger.create(unit, caller, self._serves, ServeRecord, revision, referred=True)
        if new.replicas:
            service = await self._fail(unit, caller, service.id, serve.id, NO_BACKEND)
        return Deployment(service, first)

    async def _fail(self, unit: Unit, caller: Caller, service_id: int, serve_id: int, message: str) -> InferenceService:
        serve = await locked(unit, caller, self._serves, serve_id)
        await self._ledger.update(unit, caller, self._serves, serve, ServePatch(last_known_state=ServeState.FAILED))
        service = await locked(unit, caller, self._services, service_id)
        return await self._ledger.update(unit, caller, self._services, service, InferenceServicePatch(message=message))

    @transactional
    async def remove(self, unit: Unit, caller: Caller, service_id: int, revisions: frozenset[int] | None = None) -> Deletion:
        """Move a deployment to the trash. `NotFound` for an inference service that is none."""
        service = await locked(unit, caller, self._services, service_id)
        if service.environment_id != await self._environment(unit, caller):
            no_deployment(service_id)
        return await self._ledger.trash(unit, caller, self._services, service_id, revisions)

    @transactional
    async def retire_model(self, unit: Unit, caller: Caller, model_id: int, revisions: frozenset[int] | None = None) -> Deletion:
        """Move a model to the trash with its versions. Raises `InUse` while a deployment of it is neither stopped nor failed."""
        await self._models.lock_model(unit, caller, model_id)
        of_it = equals("model_id", model_id)
        deployed = await self._refuse_deployed(unit, caller, of_it, f"model {model_id}")
        deletion = await self._models.trash_model(caller, model_id, revisions)
        await self._look_again(unit, caller, of_it, deployed)
        return deletion

    @transactional
    async def retire_version(
        self, unit: Unit, caller: Caller, model_id: int, version_id: int, revisions: frozenset[int] | None = None
    ) -> Deletion:
        """Likewise a version of the model."""
        await self._models.lock_version(unit, caller, version_id, model_id)
        of_it = equals("version_id", version_id)
        deployed = await self._refuse_deployed(unit, caller, of_it, f"version {version_id}")
        deletion = await self._models.trash_version(caller, version_id, revisions)
        await self._look_again(unit, caller, of_it, deployed)
        return deletion

    async def _refuse_deployed(self, unit: Unit, caller: Caller, scope: Expr, what: str) -> set[int]:
        """Raise `InUse` if any in the scope is neither stopped nor failed; else the ids of all of them."""
        deployed = await self._deployed(unit, caller, scope)
        if not deployed:
            return set()
        serves = ListQuery(scope=In(Field("service_id"), tuple([service.id for service in deployed])))
        last = {serve.service_id: serve.last_known_state for serve in (await self._serves.page(unit, caller.project, serves)).items}
        for service in deployed:
            progress = Deployment(service, last.get(service.id)).progress
            if progress not in (Progress.STOPPED, Progress.FAILED):
                raise InUse(f"deployment {service.name} ({service.id}) of {what} is {progress}: delete it, or wait until it has stopped")
        return {service.id for service in deployed}

    async def _look_again(self, unit: Unit, caller: Caller, scope: Expr, known: set[int]) -> None:
        """Who was deploying when it was looked has held what is in the trash since, and so is done. Whoever comes later finds it gone."""
        if any(service.id not in known for service in await self._deployed(unit, caller, scope)):
            raise ConflictError("it was deployed while it was being deleted")

    async def _deployed(self, unit: Unit, caller: Caller, scope: Expr) -> Sequence[InferenceService]:
        environment = await self._environment(unit, caller)
        if environment is None:
            return []
        inside = ListQuery(scope=both(equals("environment_id", environment), scope))
        return (await self._services.page(unit, caller.project, inside)).items

    async def _environment(self, unit: Unit, caller: Caller) -> int | None:
        found = await self._environments.page(unit, caller.project, ListQuery(scope=equals("name", ENVIRONMENT), limit=1))
        return found.items[0].id if found.items else None


def no_deployment(service_id: int) -> NoReturn:
    raise NotFound(f"no deployment has the id {service_id}", kind=Kind.SERVICE, id=service_id)
