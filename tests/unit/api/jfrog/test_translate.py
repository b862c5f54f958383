from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from modelyard.api.jfrog import translate, wire
from modelyard.deployments.entities import ServeState
from modelyard.experiments.entities import NewExperiment, NewRun, Run, RunStatus
from modelyard.models.entities import Model, ModelPatch, ModelState, NewModel, NewVersion
from modelyard.overview.measurements import Measurements
from modelyard.overview.registry import VersionView
from modelyard.overview.runs import RunView
from tests.unit.world import ANN, memory_world

NOON = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


async def kept_model(**fields: Any) -> Model:
    return await memory_world().models.create_model(ANN, NewModel(name="fraud", **fields))


async def kept_run(**fields: Any) -> Run:
    world = memory_world()
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    return await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id, name="try", **fields))


def test_a_new_model_is_its_callers() -> None:
    body = wire.ModelRequest("fraud", "d", "sklearn", "nlp", ("b", "a", "b"))

    assert translate.new_model(body, ANN) == NewModel(
        name="fraud", description="d", library_name="sklearn", tasks=("nlp",), properties={"b": "", "a": ""}, owner="ann"
    )


async def test_a_model_is_shown_without_what_there_is_none_of() -> None:
    model = await kept_model()

    assert msgspec.to_builtins(translate.created_model(model), builtin_types=(datetime,)) == {
        "id": "1",
        "name": "fraud",
        "tags": [],
        "versions_count": 0,
        "created_at": NOON,
        "updated_at": NOON,
    }


@pytest.mark.parametrize(
    ("tasks", "said", "after"),
    [
        (None, "a", ("a",)),
        ((), "a", ("a",)),
        (("x",), "a", ("a",)),
        (("x", "y", "z"), "a", ("a", "y", "z")),
        (("x", "y", "z"), "x", ("x", "y", "z")),
        (("x", "y", "z"), "z", ("z", "y")),
        (("x", "y"), UNSET, None),
    ],
)
async def test_a_task_replaces_the_first_and_none_clears_all(tasks: tuple[str, ...] | None, said: Any, after: object) -> None:
    model = await kept_model(tasks=tasks)

    assert translate.replaced(wire.ModelRequest("n", task_type=said), None)(model).tasks == after


async def test_put_clears_what_is_absent_and_patch_leaves_it() -> None:
    model = await kept_model(description="d", library_name="f", tasks=("t",), properties={"tag": "", "kept": 1})

    put = translate.replaced(wire.ModelRequest("n"), frozenset({3}))(model)
    assert put == ModelPatch(name="n", description=None, library_name=None, tasks=None, properties={"kept": 1}, revisions=frozenset({3}))
    assert translate.merged(wire.ModelPatch(), None)(model) == ModelPatch()
    cleared = translate.merged(wire.ModelPatch(description=None, tags=None), None)(model)
    assert cleared == ModelPatch(description=None, properties={"kept": 1})


def test_a_new_version_has_a_stage_only_when_it_is_said() -> None:
    silent = translate.new_version(wire.ModelVersionRequest("1"), 7, ANN)
    said = translate.new_version(wire.ModelVersionRequest("1", status=wire.VersionStatus.STAGING), 7, ANN)
    archived = translate.new_version(wire.ModelVersionRequest("1", status=wire.VersionStatus.ARCHIVED), 7, ANN)

    assert silent == NewVersion(name="1", model_id=7, author="ann")
    assert (said.state, said.properties) == (ModelState.LIVE, {"stage": "staging"})
    assert (archived.state, archived.properties) == (ModelState.ARCHIVED, {})


async def test_a_version_is_shown_with_what_was_measured() -> None:
    world = memory_world()
    model = await world.models.create_model(ANN, NewModel())
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id, name="1", author="ann"))

    shown = translate.version(VersionView(version, Measurements({"m": 0.0}, {"p": ""}, "s3://x")))

    assert msgspec.to_builtins(shown, builtin_types=(datetime,)) == {
        "id": str(version.id),
        "model_id": str(model.id),
        "version": "1",
        "status": "draft",
        "artifact_path": "s3://x",
        "metrics": {"m": 0.0},
        "parameters": {"p": ""},
        "created_at": NOON,
        "created_by": "ann",
    }


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (None, "running"),
        (RunStatus.RUNNING, "running"),
        (RunStatus.SCHEDULED, "running"),
        (RunStatus.FINISHED, "completed"),
        (RunStatus.FAILED, "failed"),
        (RunStatus.KILLED, "cancelled"),
    ],
)
async def test_every_status_of_a_run_has_a_word(status: RunStatus | None, shown: str) -> None:
    run = await kept_run(status=status, ended_at=1_700_000_000_000)
    experiment = translate.run(RunView(run, Measurements({}, {})))

    assert experiment.status == shown
    assert experiment.completed_at == (UNSET if shown == "running" else NOON)


@pytest.mark.parametrize("ended_at", [-1, 253_402_300_800_000, 2**63 - 1, None])
async def test_an_end_that_no_calendar_has_is_left_out(ended_at: int | None) -> None:
    run = await kept_run(status=RunStatus.FINISHED, ended_at=ended_at)

    assert translate.run(RunView(run, Measurements({}, {}))).completed_at is UNSET


async def test_the_last_moment_of_the_calendar() -> None:
    run = await kept_run(status=RunStatus.FINISHED, ended_at=253_402_300_799_999)

    assert b'"completed_at":"9999-12-31T23:59:59.999000Z"' in msgspec.json.encode(translate.run(RunView(run, Measurements({}, {}))))


def test_every_word_of_the_wire_is_one_of_the_domain() -> None:
    assert set(translate.RUN_STATUSES) == set(wire.ExperimentStatus)
    assert {status.value for status in wire.DeploymentStatus} == {"deploying", "active", "stopped", "failed"}
    assert len(ServeState) == 7  # each has its word: see tests/unit/deployments/test_managed.py
