"""Between this dialect's words and the domain's. What it has no word for is left as it is."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import UNSET, UnsetType

from modelyard.api.jfrog import wire
from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.context import Caller
from modelyard.deployments.managed import Deployment, NewDeployment, Progress
from modelyard.experiments.entities import Run, RunStatus
from modelyard.experiments.tracking import NewTrackedRun, TrackedChange, parameters
from modelyard.models.entities import Model, ModelPatch, ModelState, ModelVersion, NewModel, NewVersion, VersionPatch
from modelyard.models.labels import labelled, labels_of
from modelyard.models.stages import Stage, stage_of, staged
from modelyard.overview.measurements import MODEL_FILES, Measurements
from modelyard.overview.registry import ModelView, VersionView
from modelyard.overview.runs import RunView
from modelyard.records.properties import EMPTY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = 4_000_000_000_000
"""The year 2096."""
_from_timestamp = datetime.fromtimestamp
_LAST_MOMENT = 253_402_300_799_999
"""The last millisecond of the year 9999, after which a date and time has no form in JSON."""

RUN_STATUSES: Mapping[wire.ExperimentStatus, RunStatus] = {
    wire.ExperimentStatus.RUNNING: RunStatus.RUNNING,
    wire.ExperimentStatus.COMPLETED: RunStatus.FINISHED,
    wire.ExperimentStatus.FAILED: RunStatus.FAILED,
    wire.ExperimentStatus.CANCELLED: RunStatus.KILLED,
}
_SHOWN_STATUSES: Mapping[RunStatus | None, wire.ExperimentStatus] = {
    **{status: word for word, status in RUN_STATUSES.items()},
    RunStatus.SCHEDULED: wire.ExperimentStatus.RUNNING,
    None: wire.ExperimentStatus.RUNNING,
}
_STAGES = {Stage(word.value): word for word in wire.VersionStatus}
_PROGRESS = {Progress(word.value): word for word in wire.DeploymentStatus}


# ----------------------------------------------------------------------------------------------------------------- models
def new_model(body: wire.ModelRequest, caller: Caller) -> NewModel:
    return NewModel(
        name=body.name,
        description=_given(body.description),
        library_name=_given(body.framework),
        tasks=None if body.task_type is UNSET else (body.task_type,),
        properties=labelled(EMPTY, () if body.tags is UNSET else body.tags),
        owner=caller.name,
    )


def replaced(body: wire.ModelRequest, revisions: frozenset[int] | None) -> Callable[[Model], ModelPatch]:
    """All that the body could say is as it says."""
    tags = () if body.tags is UNSET else body.tags

    def of(before: Model) -> ModelPatch:
        return ModelPatch(
            name=body.name,
            description=_given(body.description),
            library_name=_given(body.framework),
            tasks=_tasks(before, _given(body.task_type)),
            properties=labelled(before.properties, tags),
            revisions=revisions,
        )

    return of


def merged(body: wire.ModelPatch, revisions: frozenset[int] | None) -> Callable[[Model], ModelPatch]:
    def of(before: Model) -> ModelPatch:
        return ModelPatch(
            name=body.name,
            description=body.description,
            library_name=body.framework,
            tasks=UNSET if body.task_type is UNSET else _tasks(before, body.task_type),
            properties=UNSET if body.tags is UNSET else labelled(before.properties, body.tags or ()),
            revisions=revisions,
        )

    return of


def _tasks(before: Model, first: str | None) -> tuple[str, ...] | None:
    """The first one replaced, or none at all."""
    if first is None:
        return None
    return (first, *[task for task in (before.tasks or ())[1:] if task != first])


def model(view: ModelView) -> wire.Model:
    return _model(view, view.latest, view.versions)


def created_model(new: Model) -> wire.Model:
    return _model(new, None, 0)


def _model(kept: Model | ModelView, latest: str | None, versions: int) -> wire.Model:
    return wire.Model(
        str(kept.id),
        kept.name,
        _shown(kept.description),
        _shown(kept.library_name),
        kept.tasks[0] if kept.tasks else UNSET,
        labels_of(kept.properties),
        _shown(latest),
        versions,
        _moment(kept.created_at),
        _moment(kept.updated_at),
        _shown(kept.owner),
    )


# --------------------------------------------------------------------------------------------------------------- versions
def new_version(body: wire.ModelVersionRequest, model_id: int, caller: Caller) -> NewVersion:
    state, properties = (ModelState.LIVE, EMPTY) if body.status is UNSET else staged(EMPTY, Stage(body.status.value))
    return NewVersion(
        name=body.version,
        description=_given(body.description),
        model_id=model_id,
        author=caller.name,
        state=state,
        properties=properties,
    )


def changed_version(body: wire.ModelVersionPatch, revisions: frozenset[int] | None) -> Callable[[ModelVersion], VersionPatch]:
    def of(before: ModelVersion) -> VersionPatch:
        if body.status is UNSET:
            return VersionPatch(description=body.description, revisions=revisions)
        state, properties = staged(before.properties, Stage(body.status.value))
        return VersionPatch(description=body.description, state=state, properties=properties, revisions=revisions)

    return of


def artifacts(body: wire.ModelVersionRequest | wire.ModelVersionPatch) -> list[ArtifactDraft]:
    """What a version is given: where its files are, its metrics, its parameters."""
    drafts = [] if body.artifact_path is UNSET else [ArtifactDraft(type=ArtifactType.MODEL, name=MODEL_FILES, uri=body.artifact_path)]
    if body.metrics is not UNSET:
        drafts += [ArtifactDraft(type=ArtifactType.METRIC, name=name, value=value) for name, value in body.metrics.items()]
    return drafts if body.parameters is UNSET else drafts + parameters(body.parameters)


def given_measurements(body: wire.ModelVersionRequest | wire.ExperimentRequest) -> Measurements:
    """What a new record has, which is what its body said."""
    found = Measurements({}, {} if body.parameters is UNSET else body.parameters)
    if isinstance(body, wire.ModelVersionRequest):
        found.metrics = {} if body.metrics is UNSET else body.metrics
        found.uri = _given(body.artifact_path)
    return found


def version(view: VersionView) -> wire.ModelVersion:
    kept, found = view
    return wire.ModelVersion(
        str(kept.id),
        str(kept.model_id),
        kept.name,
        _shown(kept.description),
        _STAGES[stage_of(kept)],
        _shown(found.uri),
        found.metrics,
        found.parameters,
        _moment(kept.created_at),
        _shown(kept.author),
    )


# ------------------------------------------------------------------------------------------------------------ experiments
def new_run(body: wire.ExperimentRequest, model_id: int | None) -> NewTrackedRun:
    return NewTrackedRun(
        name=body.name,
        description=_given(body.description),
        model_id=model_id,
        parameters={} if body.parameters is UNSET else body.parameters,
    )


def changed_run(body: wire.ExperimentPatch, revisions: frozenset[int] | None) -> TrackedChange:
    return TrackedChange(
        status=None if body.status is UNSET else RUN_STATUSES[body.status],
        metrics={} if body.metrics is UNSET else body.metrics,
        parameters={} if body.parameters is UNSET else body.parameters,
        revisions=revisions,
    )


def run(view: RunView) -> wire.Experiment:
    kept, found = view
    return wire.Experiment(
        str(kept.id),
        kept.name,
        _shown(kept.description),
        _reference(kept.model_id),
        _SHOWN_STATUSES[kept.status],
        found.metrics,
        found.parameters,
        _moment(kept.created_at),
        _completed_at(kept),
        _shown(kept.owner),
    )


def _completed_at(kept: Run) -> wire.Moment:
    """None while it is under way, whatever another dialect foretold; none that no calendar has."""
    if kept.ended_at is None or _SHOWN_STATUSES[kept.status] is wire.ExperimentStatus.RUNNING:
        return UNSET
    return _moment(kept.ended_at) if 0 <= kept.ended_at <= _LAST_MOMENT else UNSET


# ------------------------------------------------------------------------------------------------------------ deployments
def new_deployment(body: wire.DeploymentRequest, model_id: int, version_id: int) -> NewDeployment:
    resources = wire.Resources() if body.resources is UNSET else body.resources
    return NewDeployment(
        name=body.name,
        model_id=model_id,
        version_id=version_id,
        replicas=body.replicas,
        cpu=_given(resources.cpu),
        memory=_given(resources.memory),
        gpu=None if resources.gpu is UNSET else resources.gpu,
    )


def deployment(kept: Deployment) -> wire.Deployment:
    service = kept.service
    return wire.Deployment(
        id=str(service.id),
        name=service.name,
        model_id=str(service.model_id),
        model_version_id=_reference(service.version_id),
        status=_PROGRESS[kept.progress],
        replicas=UNSET if service.replicas is None else service.replicas,
        created_at=_moment(service.created_at),
        updated_at=_moment(service.updated_at),
        message=_shown(kept.reason),
    )


def _given(text: str | None | UnsetType) -> str | None:
    return None if text is UNSET else text


def _shown(text: str | None) -> wire.Text:
    return UNSET if text is None else text


def _reference(record_id: int | None) -> wire.Text:
    return str(record_id) if record_id else UNSET


def _moment(millis: int) -> datetime:
    # The common way takes half the time, but a float has no room for the microseconds of moments that are far away.
    return _from_timestamp(millis / 1000, UTC) if millis < _FAR else _EPOCH + timedelta(milliseconds=millis)
