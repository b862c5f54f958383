"""The rules of experiments, runs and metric histories."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType, Put
from modelyard.artifacts.service import ArtifactService
from modelyard.audit.ledger import Ledger, existing, found, held, listed, locked
from modelyard.context import Caller
from modelyard.errors import Invalid
from modelyard.experiments.entities import Experiment, ExperimentPatch, MetricPoint, NewExperiment, NewRun, Run, RunPatch, point_of
from modelyard.experiments.series import Series
from modelyard.records.repository import Records
from modelyard.records.trash import Deletion
from modelyard.search.page import ListQuery, Page
from modelyard.store.database import Database, Unit, transactional


class ExperimentRecords(NamedTuple):
    """The repositories of this domain."""

    experiments: Records[Experiment]
    runs: Records[Run]
    points: Records[MetricPoint]
    series: Series


class ExperimentService:
    """Create, read, change and delete experiments and runs, and what runs produced.

    Errors, everywhere: `NotFound`, `AlreadyExists`, `Stale`, `Invalid` as in `ModelService`.
    """

    def __init__(self, database: Database, records: ExperimentRecords, artifacts: ArtifactService, ledger: Ledger) -> None:
        self.database = database
        self._experiments, self._runs, self._points, self._series = records
        self._artifacts = artifacts
        self._ledger = ledger

    @transactional
    async def create_experiment(self, unit: Unit, caller: Caller, new: NewExperiment) -> Experiment:
        return await self._ledger.create(unit, caller, self._experiments, Experiment, new)

    def get_experiment(self, caller: Caller, experiment_id: int) -> Awaitable[Experiment]:
        return existing(self.database.reader, caller, self._experiments, experiment_id)

    def find_experiments(self, caller: Caller, values: Mapping[str, str | int]) -> Awaitable[Sequence[Experiment]]:
        """Those of a name or external id (see `Records.find`)."""
        return found(self.database.reader, caller, self._experiments, values)

    def list_experiments(self, caller: Caller, query: ListQuery) -> Awaitable[Page[Experiment]]:
        return listed(self.database.reader, caller, self._experiments, query)

    @transactional
    async def update_experiment(self, unit: Unit, caller: Caller, experiment_id: int, patch: ExperimentPatch) -> Experiment:
        before = await locked(unit, caller, self._experiments, experiment_id)
        return await self._ledger.update(unit, caller, self._experiments, before, patch)

    @transactional
    async def trash_experiment(self, unit: Unit, caller: Caller, experiment_id: int) -> Deletion:
        """Move an experiment to the trash with its runs, and what goes with each of these."""
        return await self._ledger.trash(unit, caller, self._experiments, experiment_id)

    @transactional
    async def create_run(self, unit: Unit, caller: Caller, new: NewRun) -> Run:
        await held(unit, caller, self._experiments, new.experiment_id)
        _check_times(new.started_at, new.ended_at)
        return await self._ledger.create(unit, caller, self._runs, Run, new)

    def get_run(self, caller: Caller, run_id: int) -> Awaitable[Run]:
        return existing(self.database.reader, caller, self._runs, run_id)

    def find_runs(self, caller: Caller, values: Mapping[str, str | int]) -> Awaitable[Sequence[Run]]:
        """Those of a name or external id (see `Records.find`)."""
        return found(self.database.reader, caller, self._runs, values)

    def list_runs(self, caller: Caller, query: ListQuery) -> Awaitable[Page[Run]]:
        """Runs of all experiments; scope the query by `experiment_id` for those of one."""
        return listed(self.database.reader, caller, self._runs, query)

    @transactional
    async def update_run(self, unit: Unit, caller: Caller, run_id: int, patch: RunPatch) -> Run:
        before = await locked(unit, caller, self._runs, run_id)
        _check_times(before.started_at, before.ended_at if patch.ended_at is UNSET else patch.ended_at)
        return await self._ledger.update(unit, caller, self._runs, before, patch)

    @transactional
    async def trash_run(self, unit: Unit, caller: Caller, run_id: int) -> Deletion:
        """Move a run to the trash with its metric history, and the artifacts that no other version or run lists."""
        return await self._ledger.trash(unit, caller, self._runs, run_id)

    @transactional
    async def put_artifact(self, unit: Unit, caller: Caller, run_id: int, draft: ArtifactDraft, artifact_id: int | None) -> Put:
        """Put an artifact under a run (see `ArtifactService.put`). Each metric put also becomes a point of the run's history."""
        run, found = await self._artifacts.lock_for_put(unit, caller, self._runs, run_id, draft, artifact_id)
        put = await self._artifacts.put(unit, caller, run.id, draft, found, experiment_id=run.experiment_id, run_id=run.id)
        if draft.type is ArtifactType.METRIC:
            point = await self._points.insert(unit, point_of(put.artifact, run))
            await self._series.follow(unit, point, put.artifact.revision, begins=put.created or artifact_id is not None)
        return put

    def list_points(self, caller: Caller, query: ListQuery) -> Awaitable[Page[MetricPoint]]:
        """The metric history of all runs; scope the query by `run_id` and `name`."""
        return listed(self.database.reader, caller, self._points, query)


def _check_times(started_at: int | None, ended_at: int | None) -> None:
    if started_at is not None and ended_at is not None and ended_at < started_at:
        raise Invalid(f"EndTimeSinceEpoch ({ended_at}) cannot be less than StartTimeSinceEpoch ({started_at})")
