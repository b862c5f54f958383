"""Runs for clients that know no experiments: each run is in the experiment that is named after its model, which is made if need be."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType, ParameterType
from modelyard.artifacts.service import ArtifactService
from modelyard.audit.ledger import Ledger, locked
from modelyard.context import Caller
from modelyard.experiments.entities import Experiment, NewExperiment, NewPoint, NewRun, Run, RunPatch, RunStatus
from modelyard.experiments.metrics import MetricService
from modelyard.models.service import ModelService
from modelyard.records.repository import Records
from modelyard.records.trash import Deletion
from modelyard.store.database import Database, Unit, transactional

WITHOUT_MODEL = "default"
"""The experiment of runs that work on no model."""

UNDER_WAY = (RunStatus.RUNNING, RunStatus.SCHEDULED)


class TrackingRecords(NamedTuple):
    """The repositories of this service."""

    experiments: Records[Experiment]
    runs: Records[Run]


class NewTrackedRun(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str | None = None
    model_id: int | None = None
    parameters: Mapping[str, str] = {}


class TrackedChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changes of a run. Metrics and parameters that are not given stay. `revisions` as in `RecordPatch`."""

    status: RunStatus | None = None
    metrics: Mapping[str, float] = {}
    parameters: Mapping[str, str] = {}
    revisions: frozenset[int] | None = None


class TrackingService:
    """Errors, everywhere: `NotFound`, `AlreadyExists`, `Stale`, `Invalid` as in `ModelService`."""

    def __init__(
        self,
        database: Database,
        records: TrackingRecords,
        models: ModelService,
        artifacts: ArtifactService,
        metrics: MetricService,
    ) -> None:
        self.database = database
        self._experiments, self._runs = records
        self._models = models
        self._artifacts = artifacts
        self._metrics = metrics

    @property
    def _ledger(self) -> Ledger:
        return self._artifacts.ledger

    @transactional
    async def begin(self, unit: Unit, caller: Caller, new: NewTrackedRun) -> Run:
        """A run that starts now. `NotFound` for a model that is not there."""
        name = WITHOUT_MODEL
        if new.model_id is not None:
            name = (await self._models.hold_model(unit, caller, new.model_id)).name
        experiment = await self._ledger.find_or_create(
            unit, caller, self._experiments, Experiment, NewExperiment(name=name, owner=caller.name)
        )
        command = NewRun(
            experiment_id=experiment.id,
            name=new.name,
            description=new.description,
            owner=caller.name,
            started_at=self._ledger.later_than(),
            model_id=new.model_id,
        )
        run = await self._ledger.create(unit, caller, self._runs, Run, command, referred=bool(new.parameters))
        if new.parameters:
            await self._put(unit, caller, run, new.parameters, new_run=True)
        return run

    @transactional
    async def change(self, unit: Unit, caller: Caller, run_id: int, change: TrackedChange) -> Run:
        """All of it or nothing. A run that is no longer under way has ended now, if its end was not told before."""
        before = await locked(unit, caller, self._runs, run_id)
        patch = _patch(before, change, self._ledger.later_than(before))
        run = await self._ledger.update(unit, caller, self._runs, before, patch)
        if change.parameters:
            await self._put(unit, caller, run, change.parameters)
        if change.metrics:
            points = [NewPoint(name, value, timestamp=run.updated_at) for name, value in change.metrics.items()]
            await self._metrics.log(caller, run.id, points)
        return run

    @transactional
    async def trash(self, unit: Unit, caller: Caller, run_id: int, revisions: frozenset[int] | None = None) -> Deletion:
        """Move a run to the trash with its metric history, and the artifacts that no other version or run lists."""
        return await self._ledger.trash(unit, caller, self._runs, run_id, revisions)

    async def _put(self, unit: Unit, caller: Caller, run: Run, values: Mapping[str, str], *, new_run: bool = False) -> None:
        links = {"experiment_id": run.experiment_id, "run_id": run.id}
        await self._artifacts.put_all(unit, caller, run.id, parameters(values), new_parent=new_run, **links)


def parameters(values: Mapping[str, str]) -> list[ArtifactDraft]:
    return [
        ArtifactDraft(type=ArtifactType.PARAMETER, name=name, text_value=value, parameter_type=ParameterType.STRING)
        for name, value in values.items()
    ]


def _patch(before: Run, change: TrackedChange, now: int) -> RunPatch:
    status = change.status
    if status is None or status is before.status or (status is RunStatus.RUNNING and before.status in UNDER_WAY):
        return RunPatch(revisions=change.revisions)
    if status is RunStatus.RUNNING:
        return RunPatch(status=status, ended_at=None, revisions=change.revisions)
    # A run may be said to begin in the future.
    ended_at = max(now, before.started_at or 0) if before.ended_at is None else before.ended_at
    return RunPatch(status=status, ended_at=ended_at, revisions=change.revisions)
