"""Every change leaves exactly one event, in its own transaction, in memory and on every database."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.audit.events import Action, Event
from modelyard.deployments.entities import (
    EnvironmentPatch,
    InferenceServicePatch,
    NewEnvironment,
    NewInferenceService,
    NewServeRecord,
)
from modelyard.errors import AlreadyExists, Invalid, NotFound, Stale
from modelyard.experiments.entities import ExperimentPatch, NewExperiment, NewRun, RunPatch
from modelyard.models.entities import ModelPatch, NewModel, NewVersion, VersionPatch
from modelyard.records.kinds import Kind
from modelyard.records.properties import StructValue
from modelyard.records.record import Record
from modelyard.store.database import Unit
from tests.unit.world import ANN, World


class Changes:
    """Runs changes and looks at what each of them left."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen = 0

    async def of(self, work: Awaitable[Any]) -> tuple[Any, list[Event]]:
        result = await work
        events = await self._world.events()
        new, self._seen = events[self._seen :], len(events)
        return result, new

    async def created(self, work: Awaitable[Any], kind: Kind) -> Any:
        record, (event,) = await self.of(work)
        assert summary(event) == (Action.CREATED, kind, record.id, None, as_kept(record))
        return record

    async def updated(self, work: Awaitable[Any], kind: Kind, before: Record) -> Any:
        record, (event,) = await self.of(work)
        assert summary(event) == (Action.UPDATED, kind, record.id, as_kept(before), as_kept(record))
        assert (record.revision, event.at) == (before.revision + 1, self._world.clock.now)
        return record


def as_kept(record: Record) -> Any:
    return msgspec.json.decode(msgspec.json.encode(record))


def summary(event: Event) -> tuple[Any, ...]:
    assert (event.actor, event.dialect, event.request_id, event.project_id) == (ANN.name, ANN.dialect, ANN.request_id, ANN.project)
    before, after = (None if text is None else msgspec.json.decode(text) for text in (event.before, event.after))
    return event.action, event.kind, event.record_id, before, after


async def test_every_change_of_every_kind(world: World) -> None:
    changes, models, experiments, deployments = Changes(world), world.models, world.experiments, world.deployments
    properties = {"n": 2**53 + 1, "f": 0.1, "t": "é 🦜", "s": StructValue("e30="), "b": True}

    new = NewModel(name="fraud", external_id="x", properties=properties, tasks=("a",))  # type: ignore[arg-type]  # the values of this dict are of several types, which mypy joins to object
    model = await changes.created(models.create_model(ANN, new), Kind.MODEL)
    world.clock.move(1)
    await changes.updated(models.update_model(ANN, model.id, ModelPatch(owner="ann", tasks=None, properties={})), Kind.MODEL, model)
    version = await changes.created(models.create_version(ANN, NewVersion(model_id=model.id)), Kind.VERSION)
    await changes.updated(models.update_version(ANN, version.id, VersionPatch(author="ann")), Kind.VERSION, version)

    experiment = await changes.created(experiments.create_experiment(ANN, NewExperiment()), Kind.EXPERIMENT)
    patch = ExperimentPatch(external_id="y")
    await changes.updated(experiments.update_experiment(ANN, experiment.id, patch), Kind.EXPERIMENT, experiment)
    run = await changes.created(experiments.create_run(ANN, NewRun(experiment_id=experiment.id)), Kind.RUN)
    await changes.updated(experiments.update_run(ANN, run.id, RunPatch(ended_at=5)), Kind.RUN, run)

    environment = await changes.created(deployments.create_environment(ANN, NewEnvironment()), Kind.ENVIRONMENT)
    work = deployments.update_environment(ANN, environment.id, EnvironmentPatch(description="d"))
    await changes.updated(work, Kind.ENVIRONMENT, environment)
    new_service = NewInferenceService(environment_id=environment.id, model_id=model.id)
    service = await changes.created(deployments.create_service(ANN, new_service), Kind.SERVICE)
    await changes.updated(deployments.update_service(ANN, service.id, InferenceServicePatch(runtime="r")), Kind.SERVICE, service)
    await changes.created(deployments.create_serve(ANN, NewServeRecord(service_id=service.id, version_id=version.id)), Kind.SERVE)

    draft = ArtifactDraft(type=ArtifactType.MODEL, name="onnx", uri="s3://b/k")
    artifact = await changes.created(world.artifacts.create_artifact(ANN, draft), Kind.ARTIFACT)
    change = ArtifactDraft(type=ArtifactType.MODEL, uri="new")
    await changes.updated(world.artifacts.update_artifact(ANN, artifact.id, change), Kind.ARTIFACT, artifact)


async def test_puts(world: World) -> None:
    changes = Changes(world)
    experiment, _ = await changes.of(world.experiments.create_experiment(ANN, NewExperiment()))
    run, _ = await changes.of(world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id)))
    metric = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=0.5)

    put, created = await changes.of(world.experiments.put_artifact(ANN, run.id, metric, None))
    again, updated = await changes.of(world.experiments.put_artifact(ANN, run.id, metric, None))
    free, _ = await changes.of(world.artifacts.create_artifact(ANN, metric))
    moved, attached = await changes.of(world.experiments.put_artifact(ANN, run.id, metric, free.id))
    _, known = await changes.of(world.experiments.put_artifact(ANN, run.id, metric, free.id))

    assert [summary(event) for event in created] == [(Action.CREATED, Kind.ARTIFACT, put.artifact.id, None, as_kept(put.artifact))]
    assert [summary(event)[3:] for event in updated] == [(as_kept(put.artifact), as_kept(again.artifact))]
    assert [summary(event) for event in attached] == [
        (Action.ATTACHED, Kind.ARTIFACT, free.id, None, run.id),
        (Action.UPDATED, Kind.ARTIFACT, free.id, as_kept(free), as_kept(moved.artifact)),
    ]
    assert [event.action for event in known] == [Action.UPDATED]


async def test_what_is_refused_leaves_none(world: World) -> None:
    changes = Changes(world)
    model, _ = await changes.of(world.models.create_model(ANN, NewModel(name="fraud", external_id="x")))

    for work, refusal in (
        (world.models.create_model(ANN, NewModel(name="fraud")), AlreadyExists),
        (world.models.create_model(ANN, NewModel(external_id="x")), AlreadyExists),
        (world.experiments.create_experiment(ANN, NewExperiment(external_id="x")), AlreadyExists),
        (world.models.update_model(ANN, model.id, ModelPatch(revisions=frozenset({9}))), Stale),
        (world.models.update_model(ANN, 99, ModelPatch()), NotFound),
        (world.models.create_model(ANN, NewModel(name="n" * 256)), Invalid),
    ):
        with pytest.raises(refusal):
            await work

    _, left = await changes.of(world.models.get_model(ANN, model.id))
    assert left == []


async def test_a_unit_that_is_undone_leaves_none(world: World) -> None:
    async def work(_: Unit) -> None:
        model = await world.models.create_model(ANN, NewModel(name="fraud"))
        await world.models.update_model(ANN, model.id, ModelPatch(owner="ann"))
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        await world.database.write(work)

    assert await world.events() == []


async def test_concurrent_changes_leave_one_each_and_a_chain_without_gaps(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel())

    await asyncio.gather(*(world.models.update_model(ANN, model.id, ModelPatch(owner=str(number))) for number in range(15)))

    kept = sorted((summary(event)[3:] for event in (await world.events())[1:]), key=lambda pair: pair[1]["revision"])
    assert [after["revision"] for _, after in kept] == list(range(2, 17))
    assert all(before == after for (before, _), (_, after) in zip(kept[1:], kept[:-1], strict=True))
