"""Reference §9: experiments and runs."""

import pytest

from tests.dialects.registry import Json, Registry, accepted, refused, unique


def test_an_experiment_name_is_unique_in_the_registry(registry: Registry) -> None:
    experiment = registry.experiment()
    refused(registry.post("/experiments", {"name": experiment["name"]}), 409, f"experiment with name {experiment['name']} already exists")


@pytest.mark.parametrize(
    "times",
    [
        {"startTimeSinceEpoch": "1000", "endTimeSinceEpoch": "2000"},
        {"startTimeSinceEpoch": "1000", "endTimeSinceEpoch": "1000"},
        {"startTimeSinceEpoch": "-5", "endTimeSinceEpoch": "-5"},
        {"startTimeSinceEpoch": "-9223372036854775808", "endTimeSinceEpoch": "9223372036854775807"},
        {"startTimeSinceEpoch": "1000"},
        {"endTimeSinceEpoch": "1000"},
        {"startTimeSinceEpoch": "0", "endTimeSinceEpoch": "0"},
    ],
    ids=str,
)
def test_times_are_stored_as_given(registry: Registry, times: Json) -> None:
    run = registry.run(**times)
    assert run == run | times
    assert registry.get(f"/experiment_runs/{run['id']}").json() == run


def test_an_end_before_the_start_is_refused(registry: Registry) -> None:
    message = "EndTimeSinceEpoch (1000) cannot be less than StartTimeSinceEpoch (2000): bad request"
    body = {"experimentId": registry.experiment()["id"], "startTimeSinceEpoch": "2000"}
    assert refused(registry.post("/experiment_runs", {**body, "endTimeSinceEpoch": "1000"}), 400) == message
    run = registry.run(startTimeSinceEpoch="2000")
    path = f"/experiment_runs/{run['id']}"
    assert refused(registry.patch(path, {"endTimeSinceEpoch": "1000"}), 400) == message
    assert registry.get(path).json() == run
    assert accepted(registry.patch(path, {"endTimeSinceEpoch": "10000"}), 200)["endTimeSinceEpoch"] == "10000"


@pytest.mark.parametrize("text", ["abc", "1.5", "9223372036854775808", "1e3", " 1", "2024-01-01T00:00:00Z"])
@pytest.mark.parametrize("field", ["startTimeSinceEpoch", "endTimeSinceEpoch"])
def test_a_time_is_a_number_even_when_alone(registry: Registry, field: str, text: str) -> None:
    label = field[0].upper() + field[1:]
    body = {"experimentId": registry.experiment()["id"], field: text}
    refused(registry.post("/experiment_runs", body), 400, f"invalid {label} value")
    if field == "endTimeSinceEpoch":
        run = registry.run()
        refused(registry.patch(f"/experiment_runs/{run['id']}", {field: text}), 400, f"invalid {label} value")


def test_the_end_is_read_first(registry: Registry) -> None:
    body = {"experimentId": registry.experiment()["id"], "startTimeSinceEpoch": "abc", "endTimeSinceEpoch": "abc"}
    refused(registry.post("/experiment_runs", body), 400, "invalid EndTimeSinceEpoch value: strconv.ParseInt: ")


@pytest.mark.parametrize("field", ["startTimeSinceEpoch", "endTimeSinceEpoch"])
def test_a_time_is_no_json_number(registry: Registry, field: str) -> None:
    refused(
        registry.post("/experiment_runs", {"experimentId": registry.experiment()["id"], field: 1000}), 400, "json: cannot unmarshal number"
    )


def test_the_start_is_only_settable_on_create(registry: Registry) -> None:
    run = registry.run()
    refused(registry.patch(f"/experiment_runs/{run['id']}", {"startTimeSinceEpoch": "1"}), 400, 'unknown field "startTimeSinceEpoch"')


def test_any_status_follows_any_and_sets_no_time(registry: Registry) -> None:
    run = registry.run()
    path = f"/experiment_runs/{run['id']}"
    for status in ("FINISHED", "RUNNING", "KILLED", "SCHEDULED", "FAILED", "FINISHED"):
        patched = accepted(registry.patch(path, {"status": status}), 200)
        assert patched["status"] == status
        assert "endTimeSinceEpoch" not in patched


def test_the_status_survives_a_patch_of_something_else(registry: Registry) -> None:
    run = registry.run(status="FINISHED", state="ARCHIVED")
    patched = accepted(registry.patch(f"/experiment_runs/{run['id']}", {"description": "d"}), 200)
    assert (patched["status"], patched["state"]) == ("FINISHED", "ARCHIVED")


def test_a_run_cannot_move(registry: Registry) -> None:
    run, elsewhere = registry.run(), registry.experiment()
    refused(registry.patch(f"/experiment_runs/{run['id']}", {"experimentId": elsewhere["id"]}), 400)
    body = {"id": run["id"], "experimentId": elsewhere["id"]}
    refused(registry.post(f"/experiments/{elsewhere['id']}/experiment_runs", body), 400)
    assert registry.items(f"/experiments/{elsewhere['id']}/experiment_runs") == []


def test_archiving_hides_nothing(registry: Registry) -> None:
    experiment = registry.experiment()
    run = registry.run(experiment)
    accepted(registry.patch(f"/experiments/{experiment['id']}", {"state": "ARCHIVED"}), 200)
    accepted(registry.patch(f"/experiment_runs/{run['id']}", {"state": "ARCHIVED"}), 200)
    assert registry.ids(f"/experiments/{experiment['id']}/experiment_runs") == [run["id"]]
    assert registry.get("/experiment", name=experiment["name"]).json()["state"] == "ARCHIVED"


def test_what_a_tracking_client_does(registry: Registry) -> None:
    run = registry.run(startTimeSinceEpoch="1000")
    path = f"/experiment_runs/{run['id']}"
    data = registry.artifact("dataset-artifact", path, name="train", uri="s3://train", digest="sha")
    registry.artifact("parameter", path, name="lr", value="0.1", parameterType="number")
    for step in range(3):
        response = registry.post(f"{path}/artifacts", {"artifactType": "metric", "name": "loss", "value": 1 / (step + 1), "step": step})
        assert response.status_code == (200 if step else 201)
    model = registry.artifact("model-artifact", path, name=unique(), uri="s3://model")
    accepted(registry.patch(path, {"status": "FINISHED", "endTimeSinceEpoch": "2000"}), 200)
    names = ["train", "lr", "loss", model["name"]]
    assert registry.names(f"{path}/artifacts") == names
    assert registry.items(f"{path}/artifacts", artifactType="dataset-artifact") == [data]
    assert [record["step"] for record in registry.items(f"{path}/metric_history", name="loss")] == [0, 1, 2]
