"""The domain put together for a test: its services, a clock moved by hand, and the audit events they left."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from modelyard.access.journal import Journal
from modelyard.access.memory import MemoryRegister
from modelyard.access.repository import Register
from modelyard.access.service import access_services
from modelyard.artifacts.entities import Artifact
from modelyard.artifacts.fields import ARTIFACT_FIELDS
from modelyard.artifacts.memory import MemoryArtifactParents
from modelyard.artifacts.parents import Parents
from modelyard.artifacts.service import ArtifactService
from modelyard.audit.events import Event
from modelyard.audit.ledger import Ledger
from modelyard.audit.repository import Events, MemoryEvents
from modelyard.context import Caller, Millis, ProjectId
from modelyard.deployments.entities import Environment, InferenceService, ServeRecord
from modelyard.deployments.fields import ENVIRONMENT_FIELDS, SERVE_FIELDS, SERVICE_FIELDS
from modelyard.deployments.managed import ManagedDeployments
from modelyard.deployments.service import DeploymentRecords, DeploymentService
from modelyard.experiments.entities import Experiment, MetricPoint, Run
from modelyard.experiments.fields import EXPERIMENT_FIELDS, POINT_FIELDS, RUN_FIELDS
from modelyard.experiments.memory import MemorySeries
from modelyard.experiments.metrics import MetricService
from modelyard.experiments.series import Series
from modelyard.experiments.service import ExperimentRecords, ExperimentService
from modelyard.experiments.tracking import TrackingRecords, TrackingService
from modelyard.models.entities import Model, ModelVersion
from modelyard.models.fields import MODEL_FIELDS, VERSION_FIELDS
from modelyard.models.service import ModelRecords, ModelService
from modelyard.records.kinds import Kind
from modelyard.records.memory import Linked, MemoryRecords
from modelyard.records.memory_trash import MemoryTrash
from modelyard.records.repository import Records
from modelyard.records.trash import Trash
from modelyard.store.database import Database
from modelyard.store.memory import MemoryDatabase
from modelyard.trash.service import TrashService

NOON = Millis(1_700_000_000_000)
ANN = Caller(name="ann", dialect="kubeflow", request_id="request-1")
STRANGER = Caller(name="sam", dialect="kubeflow", request_id="request-2", project=ProjectId(2))
"""Someone of another project."""


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> Millis:
        return self.now

    def move(self, millis: int) -> None:
        self.now = Millis(self.now + millis)


class Repositories(NamedTuple):
    models: Records[Model]
    versions: Records[ModelVersion]
    experiments: Records[Experiment]
    runs: Records[Run]
    points: Records[MetricPoint]
    artifacts: Records[Artifact]
    environments: Records[Environment]
    services: Records[InferenceService]
    serves: Records[ServeRecord]
    parents: Parents
    trash: Trash
    series: Series
    register: Register


class PlainPasswords:
    """Keeps passwords as they are: quick, and for tests of what is around them only."""

    async def hash(self, password: str) -> str:
        return f"plain {password}"

    async def verify(self, hash_: str | None, password: str) -> bool:
        return hash_ == f"plain {password}"


class World:
    """All services over one database."""

    def __init__(
        self, database: Database, records: Repositories, events: Events, read_events: Callable[[], Awaitable[list[Event]]]
    ) -> None:
        self.clock = HandClock()
        self.database = database
        self.records = records
        self.events = read_events
        ledger = Ledger(events, self.clock, records.trash)
        self.trash = TrashService(database, records.trash, ledger)
        self.artifacts = ArtifactService(database, records.artifacts, records.parents, ledger)
        self.models = ModelService(database, ModelRecords(records.models, records.versions), self.artifacts, ledger)
        self.experiments = ExperimentService(
            database, ExperimentRecords(records.experiments, records.runs, records.points, records.series), self.artifacts, ledger
        )
        self.metrics = MetricService(database, records.runs, records.series, self.artifacts, ledger)
        self.tracking = TrackingService(
            database, TrackingRecords(records.experiments, records.runs), self.models, self.artifacts, self.metrics
        )
        deployment_records = DeploymentRecords(records.environments, records.services, records.serves)
        self.deployments = DeploymentService(database, deployment_records, self.models, ledger)
        self.managed = ManagedDeployments(database, deployment_records, self.models, ledger)
        self.access = access_services(database, Journal(records.register, events, self.clock), PlainPasswords(), self._find)

    async def _find(self, caller: Caller, kind: Kind, record_id: int) -> object:
        get = self.models.get_model if kind is Kind.MODEL else self.experiments.get_experiment
        return await get(caller, record_id)


def memory_world() -> World:
    database = MemoryDatabase()
    events = MemoryEvents(database)

    async def read() -> list[Event]:
        return events.events

    return World(database, memory_repositories(database), events, read)


def memory_repositories(database: MemoryDatabase) -> Repositories:
    parents = MemoryArtifactParents(database, "artifact_parent")
    nouns = (
        MemoryRecords[Model](database, Kind.MODEL, MODEL_FIELDS),
        MemoryRecords[ModelVersion](database, Kind.VERSION, VERSION_FIELDS, ("model_id",)),
        MemoryRecords[Experiment](database, Kind.EXPERIMENT, EXPERIMENT_FIELDS),
        MemoryRecords[Run](database, Kind.RUN, RUN_FIELDS, ("experiment_id",)),
        MemoryRecords[MetricPoint](database, Kind.METRIC_POINT, POINT_FIELDS, None),
        MemoryRecords[Artifact](database, Kind.ARTIFACT, ARTIFACT_FIELDS, ("owner_id", "type"), _owners(database, parents)),
        MemoryRecords[Environment](database, Kind.ENVIRONMENT, ENVIRONMENT_FIELDS),
        MemoryRecords[InferenceService](database, Kind.SERVICE, SERVICE_FIELDS, ("environment_id",)),
        MemoryRecords[ServeRecord](database, Kind.SERVE, SERVE_FIELDS, ("service_id",), _served(database)),
    )
    return Repositories(*nouns, parents, MemoryTrash(database, nouns, parents), MemorySeries(database, nouns[4]), MemoryRegister(database))


def _owners(database: MemoryDatabase, parents: MemoryArtifactParents) -> Linked:
    """What artifacts are linked to: their parents that are not in the trash, and of these the versions' models, the runs' experiments."""

    def through(kind: Kind, field: str) -> Callable[[int], frozenset[int]]:
        def linked(artifact_id: int) -> frozenset[int]:
            owners = database.tables[kind.label]
            return frozenset(getattr(owners[parent], field) for parent in parents.parents(artifact_id) if parent in owners)

        return linked

    return {
        "parent_id": lambda artifact_id: through(Kind.VERSION, "id")(artifact_id) | through(Kind.RUN, "id")(artifact_id),
        "model_id": through(Kind.VERSION, "model_id"),
        "owner_experiment_id": through(Kind.RUN, "experiment_id"),
    }


def _served(database: MemoryDatabase) -> Linked:
    """What serve records are linked to: the models of their services."""

    def model(serve_id: int) -> frozenset[int]:
        serve = database.tables[Kind.SERVE.label][serve_id]
        return frozenset({database.tables[Kind.SERVICE.label][serve.service_id].model_id})

    return {"model_id": model}
