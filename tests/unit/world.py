"""The domain put together for a test: its services, a clock moved by hand, and the audit events they left."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from modelyard.artifacts.entities import Artifact
from modelyard.artifacts.fields import ARTIFACT_FIELDS
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
from modelyard.records.memory import MemoryLinks, MemoryRecords
from modelyard.records.memory_trash import MemoryTrash
from modelyard.records.repository import Links, Records
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
    parents: Links
    trash: Trash
    series: Series


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


def memory_world() -> World:
    database = MemoryDatabase()
    events = MemoryEvents(database)

    async def read() -> list[Event]:
        return events.events

    return World(database, memory_repositories(database), events, read)


def memory_repositories(database: MemoryDatabase) -> Repositories:
    parents = MemoryLinks(database, "artifact_parent")
    nouns = (
        MemoryRecords[Model](database, Kind.MODEL, MODEL_FIELDS),
        MemoryRecords[ModelVersion](database, Kind.VERSION, VERSION_FIELDS, ("model_id",)),
        MemoryRecords[Experiment](database, Kind.EXPERIMENT, EXPERIMENT_FIELDS),
        MemoryRecords[Run](database, Kind.RUN, RUN_FIELDS, ("experiment_id",)),
        MemoryRecords[MetricPoint](database, Kind.METRIC_POINT, POINT_FIELDS, None),
        MemoryRecords[Artifact](database, Kind.ARTIFACT, ARTIFACT_FIELDS, ("owner_id", "type"), parents),
        MemoryRecords[Environment](database, Kind.ENVIRONMENT, ENVIRONMENT_FIELDS),
        MemoryRecords[InferenceService](database, Kind.SERVICE, SERVICE_FIELDS, ("environment_id",)),
        MemoryRecords[ServeRecord](database, Kind.SERVE, SERVE_FIELDS, ("service_id",)),
    )
    return Repositories(*nouns, parents, MemoryTrash(database, nouns, parents), MemorySeries(database, nouns[4]))
