from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from tests.dialects.jfrog.registry import Jfrog, refused
from tests.dialects.jfrog.test_models import UNKNOWN
from tests.dialects.registry import accepted, on_every_database, unique

pytestmark = on_every_database


def test_all_that_a_body_says_is_kept(jfrog: Jfrog) -> None:
    said = {"name": unique(), "description": "d", "model_id": jfrog.model()["id"], "parameters": {"lr": "0.1", "é": ""}}

    experiment = jfrog.created("/experiments", said)

    server = {"id": experiment["id"], "created_at": experiment["created_at"], "created_by": "anonymous"}
    assert experiment == {**said, **server, "status": "running", "metrics": {}}
    assert jfrog.read(f"/experiments/{experiment['id']}") == experiment


def test_one_without_a_model(jfrog: Jfrog) -> None:
    experiment = jfrog.experiment()

    assert experiment.keys() == {"id", "name", "status", "metrics", "parameters", "created_at", "created_by"}
    assert jfrog.read(f"/experiments/{experiment['id']}") == experiment


@pytest.mark.parametrize("unknown", ["2147483646", "abc", ""])
def test_a_model_that_is_not_there_is_refused(jfrog: Jfrog, unknown: str) -> None:
    refused(jfrog.post("/experiments", {"name": unique(), "model_id": unknown}), 422, "model_id")


def test_names_are_unique_for_each_model(jfrog: Jfrog) -> None:
    model, name = jfrog.model(), unique()
    jfrog.experiment(name=name, model_id=model["id"])

    refused(jfrog.post("/experiments", {"name": name, "model_id": model["id"]}), 409, "name")
    jfrog.experiment(name=name, model_id=jfrog.model()["id"])
    jfrog.experiment(name=name)


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_no_id_is_the_id_of_nothing(jfrog: Jfrog, unknown: str) -> None:
    path = f"/experiments/{unknown}"
    refused(jfrog.get(path), 404)
    refused(jfrog.patch(path, {"status": "failed"}), 404)
    refused(jfrog.delete(path), 404)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_it_completes_once(jfrog: Jfrog, status: str) -> None:
    experiment = jfrog.experiment()
    path = f"/experiments/{experiment['id']}"

    done = accepted(jfrog.patch(path, {"status": status}), 200)

    assert done == experiment | {"status": status, "completed_at": done["completed_at"]}
    assert datetime.fromisoformat(done["completed_at"]) >= datetime.fromisoformat(experiment["created_at"])
    assert accepted(jfrog.patch(path, {"status": "failed"}), 200)["completed_at"] == done["completed_at"]
    assert "completed_at" not in accepted(jfrog.patch(path, {"status": "running"}), 200)


def test_metrics_and_parameters_are_added_to_and_changed_by_name(jfrog: Jfrog) -> None:
    experiment = jfrog.experiment(parameters={"p": "1", "q": "2"})
    path = f"/experiments/{experiment['id']}"
    accepted(jfrog.patch(path, {"metrics": {"a": 1, "b": 2}}), 200)

    changed = accepted(jfrog.patch(path, {"metrics": {"b": 3, "c": 4}, "parameters": {"q": "3", "r": "4"}, "status": "completed"}), 200)

    assert changed["metrics"] == {"a": 1, "b": 3, "c": 4}
    assert changed["parameters"] == {"p": "1", "q": "3", "r": "4"}
    assert changed["status"] == "completed"
    assert jfrog.read(path) == changed


def test_a_list_has_those_of_a_model(jfrog: Jfrog) -> None:
    model = jfrog.model()
    made = [jfrog.experiment(model_id=model["id"], parameters={"n": str(number)}) for number in range(5)]
    jfrog.experiment()

    assert jfrog.read("/experiments", model_id=model["id"]) == {"experiments": made, "total_count": 5}
    assert jfrog.read("/experiments", model_id=model["id"], limit=2, offset=1) == {"experiments": made[1:3], "total_count": 5}
    assert jfrog.read("/experiments", model_id=model["id"], offset=5) == {"experiments": [], "total_count": 5}
    everything = jfrog.read("/experiments", limit=1000)
    assert everything["total_count"] == len(everything["experiments"]) > 5
    ids = [int(one["id"]) for one in everything["experiments"]]
    assert ids == sorted(ids)


@pytest.mark.parametrize("unknown", ["2147483646", "abc", "-1"])
def test_of_an_unknown_model_there_are_none(jfrog: Jfrog, unknown: str) -> None:
    assert jfrog.read("/experiments", model_id=unknown) == {"experiments": [], "total_count": 0}


def test_a_deleted_one_is_gone(jfrog: Jfrog) -> None:
    experiment = jfrog.experiment(name=(name := unique()), parameters={"a": "b"})

    jfrog.gone(f"/experiments/{experiment['id']}")

    refused(jfrog.get(f"/experiments/{experiment['id']}"), 404)
    refused(jfrog.delete(f"/experiments/{experiment['id']}"), 404)
    jfrog.experiment(name=name)


def test_the_first_runs_of_a_model_meet_in_one_experiment(jfrog: Jfrog) -> None:
    model = jfrog.model()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: jfrog.post("/experiments", {"name": f"r{number}", "model_id": model["id"]}), range(8)))

    assert {answer.status_code for answer in answers} == {201}
    runs = [jfrog.kubeflow.get(f"/experiment_runs/{answer.json()['id']}").json() for answer in answers]
    assert len({run["experimentId"] for run in runs}) == 1
