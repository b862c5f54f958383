"""What comes in by one door is at once what the other shows, and neither loses what it has no word for."""

import pytest

from tests.dialects.jfrog.registry import Jfrog, of_version, refused
from tests.dialects.registry import TRUE, Json, Registry, accepted, double, integer, on_every_database, string, unique
from tests.dialects.registry import refused as kubeflow_refused

pytestmark = on_every_database


def seen(registry: Registry, path: str) -> Json:
    return accepted(registry.get(path), 200)


# ----------------------------------------------------------------------------------------------------------------- models
def test_kubeflow_sees_jfrogs_model(jfrog: Jfrog) -> None:
    model = jfrog.model(description="d", framework="sklearn", task_type="nlp", tags=["b", "a"])

    kubeflow = seen(jfrog.kubeflow, f"/registered_models/{model['id']}")

    same = {"id", "name", "description"}
    assert {key: kubeflow[key] for key in same} == {key: model[key] for key in same}
    assert (kubeflow["libraryName"], kubeflow["tasks"], kubeflow["owner"]) == ("sklearn", ["nlp"], "anonymous")
    assert kubeflow["customProperties"] == {"a": string(""), "b": string("")}
    assert kubeflow["state"] == "LIVE"
    assert accepted(jfrog.kubeflow.get("/registered_model", name=model["name"]), 200) == kubeflow


def test_jfrog_sees_kubeflows_model(jfrog: Jfrog) -> None:
    properties = {"c": string(""), "a": string(""), "text": string("x"), "number": integer(0), "no": {**TRUE, "bool_value": False}}
    kubeflow = jfrog.kubeflow.model(
        description="d", owner="ann", libraryName="torch", tasks=["one", "two"], language=["en"], customProperties=properties
    )

    model = jfrog.read(f"/models/{kubeflow['id']}")

    assert {key: model[key] for key in model.keys() - {"created_at", "updated_at"}} == {
        "id": kubeflow["id"],
        "name": kubeflow["name"],
        "description": "d",
        "framework": "torch",
        "task_type": "one",
        "tags": ["a", "c"],
        "versions_count": 0,
        "created_by": "ann",
    }


@pytest.mark.parametrize("way", ["put", "patch"])
def test_what_only_kubeflow_knows_of_a_model_survives_jfrog(jfrog: Jfrog, way: str) -> None:
    properties = {"tag": string(""), "text": string("x"), "float": double(0.5), "int": integer(7), "yes": TRUE}
    card = {
        "readme": "# r",
        "maturity": "beta",
        "provider": "p",
        "logo": "l",
        "license": "mit",
        "licenseLink": "k",
        "language": ["en", "de"],
    }
    kubeflow = jfrog.kubeflow.model(
        externalId=unique(), owner="ann", state="ARCHIVED", tasks=["one", "two", "three"], customProperties=properties, **card
    )
    model = jfrog.read(f"/models/{kubeflow['id']}")
    body = {key: model[key] for key in ("name", "task_type", "tags")}

    change = jfrog.put if way == "put" else jfrog.patch
    accepted(change(f"/models/{kubeflow['id']}", body | {"task_type": "new", "tags": ["tag", "more"]}), 200)

    after = seen(jfrog.kubeflow, f"/registered_models/{kubeflow['id']}")
    assert after == kubeflow | {
        "tasks": ["new", "two", "three"],
        "customProperties": {**properties, "more": string("")},
        "lastUpdateTimeSinceEpoch": after["lastUpdateTimeSinceEpoch"],
    }


def test_a_tag_cannot_be_the_name_of_a_property(jfrog: Jfrog) -> None:
    kubeflow = jfrog.kubeflow.model(customProperties={"gpu": integer(1)})
    path = f"/models/{kubeflow['id']}"

    refused(jfrog.patch(path, {"tags": ["gpu"]}), 422, "tags")
    refused(jfrog.put(path, {"name": kubeflow["name"], "tags": ["a", "gpu"]}), 422, "tags")
    assert seen(jfrog.kubeflow, f"/registered_models/{kubeflow['id']}") == kubeflow


def test_a_renamed_model_has_its_new_name_everywhere(jfrog: Jfrog) -> None:
    model, name = jfrog.model(), unique()
    accepted(jfrog.put(f"/models/{model['id']}", {"name": name}), 200)

    assert accepted(jfrog.kubeflow.get("/registered_model", name=name), 200)["id"] == model["id"]
    kubeflow_refused(jfrog.kubeflow.get("/registered_model", name=model["name"]), 404)


def test_names_are_taken_in_both(jfrog: Jfrog) -> None:
    kubeflow_refused(jfrog.kubeflow.post("/registered_models", {"name": jfrog.model()["name"]}), 409)
    refused(jfrog.post("/models", {"name": jfrog.kubeflow.model()["name"]}), 409, "name")


def test_what_jfrog_deletes_is_gone_for_kubeflow(jfrog: Jfrog) -> None:
    version = jfrog.version(metrics={"m": 1}, artifact_path="s3://x")
    (artifact, _) = jfrog.kubeflow.items(f"/model_versions/{version['id']}/artifacts")

    jfrog.gone(f"/models/{version['model_id']}")

    for path in (f"/registered_models/{version['model_id']}", f"/model_versions/{version['id']}", f"/artifacts/{artifact['id']}"):
        kubeflow_refused(jfrog.kubeflow.get(path), 404)


# --------------------------------------------------------------------------------------------------------------- versions
def test_kubeflow_sees_jfrogs_version(jfrog: Jfrog) -> None:
    version = jfrog.version(description="d", metrics={"m": 0}, parameters={"p": ""}, artifact_path="s3://x")

    kubeflow = seen(jfrog.kubeflow, f"/model_versions/{version['id']}")
    artifacts = jfrog.kubeflow.items(f"/model_versions/{version['id']}/artifacts")

    assert (kubeflow["name"], kubeflow["registeredModelId"]) == (version["version"], version["model_id"])
    assert (kubeflow["description"], kubeflow["author"], kubeflow["state"]) == ("d", "anonymous", "LIVE")
    assert kubeflow["customProperties"] == {}
    told = [{key: artifact[key] for key in ("artifactType", "name", "uri", "value") if key in artifact} for artifact in artifacts]
    assert told == [
        {"artifactType": "model-artifact", "name": "model", "uri": "s3://x"},
        {"artifactType": "metric", "name": "m", "value": 0},
        {"artifactType": "parameter", "name": "p", "value": ""},
    ]
    found = jfrog.kubeflow.items("/model_artifacts", filterQuery="uri = 's3://x' AND name = 'model'", sortOrder="DESC")
    assert found[0] == artifacts[0]


def test_jfrog_sees_kubeflows_version(jfrog: Jfrog) -> None:
    kubeflow = jfrog.kubeflow.version(description="d", author="ann", customProperties={"stage": string("production")})
    under = f"/model_versions/{kubeflow['id']}"
    jfrog.kubeflow.artifact("metric", under, name="m", value=0.5)
    jfrog.kubeflow.artifact("parameter", under, name="p", value="x", parameterType="string")
    jfrog.kubeflow.artifact("model-artifact", under, name="model", uri="s3://x")
    jfrog.kubeflow.artifact("model-artifact", under, name="other", uri="s3://y")
    jfrog.kubeflow.artifact("doc-artifact", under, name="m", uri="s3://z")

    version = jfrog.read(f"/models/{kubeflow['registeredModelId']}/versions/{kubeflow['id']}")

    assert {key: version[key] for key in version.keys() - {"created_at"}} == {
        "id": kubeflow["id"],
        "model_id": kubeflow["registeredModelId"],
        "version": kubeflow["name"],
        "description": "d",
        "status": "production",
        "artifact_path": "s3://x",
        "metrics": {"m": 0.5},
        "parameters": {"p": "x"},
        "created_by": "ann",
    }
    assert jfrog.read(f"/models/{kubeflow['registeredModelId']}/versions")["versions"] == [version]
    assert jfrog.read(f"/models/{kubeflow['registeredModelId']}")["latest_version"] == kubeflow["name"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "draft"),
        ({"customProperties": {"stage": string("staging")}}, "staging"),
        ({"customProperties": {"stage": string("champion")}}, "draft"),
        ({"customProperties": {"stage": string("archived")}}, "draft"),
        ({"customProperties": {"stage": integer(1)}}, "draft"),
        ({"state": "ARCHIVED", "customProperties": {"stage": string("staging")}}, "archived"),
    ],
)
def test_state_and_stage_are_one_status(jfrog: Jfrog, fields: Json, status: str) -> None:
    kubeflow = jfrog.kubeflow.version(**fields)

    assert jfrog.read(f"/models/{kubeflow['registeredModelId']}/versions/{kubeflow['id']}")["status"] == status


def test_archiving_keeps_the_stage_and_a_status_sets_both(jfrog: Jfrog) -> None:
    version = jfrog.version(status="production")
    path = f"/model_versions/{version['id']}"

    accepted(jfrog.patch(of_version(version), {"status": "archived"}), 200)
    archived = seen(jfrog.kubeflow, path)
    assert (archived["state"], archived["customProperties"]) == ("ARCHIVED", {"stage": string("production")})
    accepted(jfrog.kubeflow.patch(path, {"state": "LIVE"}), 200)
    assert jfrog.read(of_version(version))["status"] == "production"
    accepted(jfrog.patch(of_version(version), {"status": "staging"}), 200)
    staged = seen(jfrog.kubeflow, path)
    assert (staged["state"], staged["customProperties"]) == ("LIVE", {"stage": string("staging")})


def test_what_only_kubeflow_knows_of_a_version_survives_jfrog(jfrog: Jfrog) -> None:
    kubeflow = jfrog.kubeflow.version(externalId=unique(), author="ann", customProperties={"text": string("x"), "empty": string("")})
    under = f"/model_versions/{kubeflow['id']}"
    metric = jfrog.kubeflow.artifact("metric", under, name="m", value=1, step=3, timestamp="17", customProperties={"unit": string("s")})
    artifact = jfrog.kubeflow.artifact("model-artifact", under, name="model", uri="s3://x", modelFormatName="onnx", storageKey="k")
    path = f"/models/{kubeflow['registeredModelId']}/versions/{kubeflow['id']}"

    accepted(jfrog.patch(path, {"status": "staging", "metrics": {"m": 2}, "artifact_path": "s3://y"}), 200)

    def changed(before: Json, after: Json, **fields: object) -> bool:
        return after == before | fields | {"lastUpdateTimeSinceEpoch": after["lastUpdateTimeSinceEpoch"]}

    assert changed(kubeflow, seen(jfrog.kubeflow, under), customProperties={**kubeflow["customProperties"], "stage": string("staging")})
    assert changed(metric, seen(jfrog.kubeflow, f"/artifacts/{metric['id']}"), value=2)
    assert changed(artifact, seen(jfrog.kubeflow, f"/artifacts/{artifact['id']}"), uri="s3://y")


# ------------------------------------------------------------------------------------------------------------------- runs
def test_kubeflow_sees_jfrogs_experiment_as_a_run(jfrog: Jfrog) -> None:
    model = jfrog.model()
    experiment = jfrog.experiment(description="d", model_id=model["id"], parameters={"lr": "0.1"})
    path = f"/experiments/{experiment['id']}"
    accepted(jfrog.patch(path, {"metrics": {"loss": 2}}), 200)
    accepted(jfrog.patch(path, {"metrics": {"loss": 1}, "status": "cancelled"}), 200)

    run = seen(jfrog.kubeflow, f"/experiment_runs/{experiment['id']}")
    parent = seen(jfrog.kubeflow, f"/experiments/{run['experimentId']}")
    artifacts = jfrog.kubeflow.items(f"/experiment_runs/{experiment['id']}/artifacts")
    history = jfrog.kubeflow.items(f"/experiment_runs/{experiment['id']}/metric_history", name="loss")

    assert (run["name"], run["description"], run["owner"], run["status"]) == (experiment["name"], "d", "anonymous", "KILLED")
    assert int(run["startTimeSinceEpoch"]) <= int(run["endTimeSinceEpoch"])
    assert parent["name"] == model["name"]
    assert [(one["artifactType"], one["name"], one["value"]) for one in artifacts] == [("parameter", "lr", "0.1"), ("metric", "loss", 1)]
    assert {(one["experimentId"], one["experimentRunId"]) for one in artifacts} == {(run["experimentId"], run["id"])}
    assert [point["value"] for point in history] == [2, 1]


def test_runs_without_a_model_are_in_the_default_experiment(jfrog: Jfrog) -> None:
    run = seen(jfrog.kubeflow, f"/experiment_runs/{jfrog.experiment()['id']}")

    assert seen(jfrog.kubeflow, f"/experiments/{run['experimentId']}")["name"] == "default"


def test_an_experiment_that_is_there_is_used(jfrog: Jfrog) -> None:
    model = jfrog.model()
    there = jfrog.kubeflow.experiment(name=model["name"], owner="ann")

    run = seen(jfrog.kubeflow, f"/experiment_runs/{jfrog.experiment(model_id=model['id'])['id']}")
    assert run["experimentId"] == there["id"]


@pytest.mark.parametrize(
    ("status", "shown"),
    [("RUNNING", "running"), ("SCHEDULED", "running"), ("FINISHED", "completed"), ("FAILED", "failed"), ("KILLED", "cancelled")],
)
def test_jfrog_sees_kubeflows_run(jfrog: Jfrog, status: str, shown: str) -> None:
    run = jfrog.kubeflow.run(status=status, owner="ann", startTimeSinceEpoch="1000", endTimeSinceEpoch="1700000000123")
    jfrog.kubeflow.artifact("metric", f"/experiment_runs/{run['id']}", name="m", value=0.25)

    experiment = jfrog.read(f"/experiments/{run['id']}")

    assert (experiment["name"], experiment["status"], experiment["created_by"]) == (run["name"], shown, "ann")
    assert experiment["metrics"] == {"m": 0.25}
    assert experiment.get("completed_at") == (None if shown == "running" else "2023-11-14T22:13:20.123000Z")
    assert experiment in jfrog.read("/experiments", limit=1000)["experiments"]


@pytest.mark.parametrize("end", [str(2**63 - 1), "253402300800000"])
def test_an_end_that_no_calendar_has_is_not_shown(jfrog: Jfrog, end: str) -> None:
    run = jfrog.kubeflow.run(status="FINISHED", endTimeSinceEpoch=end)

    assert "completed_at" not in jfrog.read(f"/experiments/{run['id']}")


def test_what_only_kubeflow_knows_of_a_run_survives_jfrog(jfrog: Jfrog) -> None:
    run = jfrog.kubeflow.run(
        externalId=unique(), customProperties={"a": integer(1)}, status="SCHEDULED", startTimeSinceEpoch="9000000000000", state="ARCHIVED"
    )
    path = f"/experiments/{run['id']}"

    accepted(jfrog.patch(path, {"status": "running", "parameters": {"p": "1"}}), 200)
    after = seen(jfrog.kubeflow, f"/experiment_runs/{run['id']}")
    assert after == run | {"lastUpdateTimeSinceEpoch": after["lastUpdateTimeSinceEpoch"]}
    accepted(jfrog.patch(path, {"status": "failed"}), 200)
    ended = seen(jfrog.kubeflow, f"/experiment_runs/{run['id']}")
    assert (ended["status"], ended["endTimeSinceEpoch"]) == ("FAILED", "9000000000000")
