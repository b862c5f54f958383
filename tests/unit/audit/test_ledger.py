from typing import Any

import msgspec
import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.audit.events import Action, Event
from modelyard.errors import AlreadyExists, Invalid, Stale
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import ModelPatch, NewModel, NewVersion
from modelyard.records.kinds import Kind
from modelyard.store.database import Unit
from tests.unit.world import ANN, NOON, World


def parsed(text: str | None) -> dict[str, Any]:
    assert text is not None
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


def told(events: list[Event]) -> list[tuple[Action, Kind, int]]:
    return [(event.action, Kind(event.kind), event.record_id) for event in events]


async def test_a_creation_is_remembered_with_who_when_and_what(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud", properties={"accuracy": 0.5}))

    (event,) = await world.events()

    assert (event.actor, event.dialect, event.request_id, event.project_id, event.at) == ("ann", "kubeflow", "request-1", 1, NOON)
    assert (event.action, event.kind, event.record_id) == (Action.CREATED, Kind.MODEL, model.id)
    assert event.before is None
    assert parsed(event.after) == msgspec.to_builtins(model)


async def test_a_change_is_remembered_with_before_and_after(world: World) -> None:
    before = await world.models.create_model(ANN, NewModel(name="fraud"))
    world.clock.move(5)

    after = await world.models.update_model(ANN, before.id, ModelPatch(owner="ann"))

    event = (await world.events())[-1]
    assert (event.action, event.at) == (Action.UPDATED, NOON + 5)
    assert parsed(event.before) == msgspec.to_builtins(before)
    assert parsed(event.after) == msgspec.to_builtins(after)


async def test_attaching_is_remembered_with_the_parent(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel())
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id))
    artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=ArtifactType.MODEL))

    await world.models.put_artifact(ANN, version.id, ArtifactDraft(type=ArtifactType.MODEL, uri="new"), artifact.id)

    events = await world.events()
    assert told(events)[-2:] == [(Action.ATTACHED, Kind.ARTIFACT, artifact.id), (Action.UPDATED, Kind.ARTIFACT, artifact.id)]
    assert (events[-2].before, events[-2].after) == (None, str(version.id))


async def test_a_metric_point_is_part_of_its_metrics_event(world: World) -> None:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    run = await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))

    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=1.0), None)

    assert told(await world.events())[2:] == [(Action.CREATED, Kind.ARTIFACT, 1)]


async def test_what_is_refused_is_not_remembered(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud"))

    with pytest.raises(AlreadyExists):
        await world.models.create_model(ANN, NewModel(name="fraud"))
    with pytest.raises(Stale):
        await world.models.update_model(ANN, model.id, ModelPatch(revisions=frozenset({7})))
    with pytest.raises(Invalid):
        await world.models.update_model(ANN, model.id, ModelPatch(properties={"n": 2**63}))

    assert len(await world.events()) == 1


async def test_a_failed_unit_leaves_neither_change_nor_event(world: World) -> None:
    async def work(unit: Unit) -> None:
        del unit
        model = await world.models.create_model(ANN, NewModel(name="never", external_id="x"))
        await world.models.create_version(ANN, NewVersion(model_id=model.id))
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        await world.database.write(work)

    assert await world.events() == []
    later = await world.models.create_model(ANN, NewModel(name="never", external_id="x"))
    assert later.id > 1
