import pytest

from tests.dialects.jfrog.registry import Jfrog, of_version, refused
from tests.dialects.jfrog.test_models import UNKNOWN
from tests.dialects.registry import accepted, on_every_database, string, unique

pytestmark = on_every_database


def test_without_a_backend_a_deployment_begins_and_fails(jfrog: Jfrog) -> None:
    version = jfrog.version()
    body = {"name": unique(), "model_id": version["model_id"], "model_version_id": version["id"], "replicas": 2}

    made = jfrog.created("/deployments", {**body, "resources": {"cpu": "500m", "memory": "512Mi", "gpu": 1}})

    times = {"created_at": made["created_at"], "updated_at": made["updated_at"]}
    assert made == {**body, **times, "id": made["id"], "status": "deploying"}
    found = jfrog.read(f"/deployments/{made['id']}")
    assert found == made | {"status": "failed", "message": found["message"]}
    assert "no serving backend is configured" in found["message"]
    assert found in jfrog.read("/deployments")["deployments"]


def test_one_of_no_replicas_is_stopped(jfrog: Jfrog) -> None:
    made = jfrog.deployment(replicas=0)

    assert (made["status"], made["replicas"]) == ("stopped", 0)
    assert jfrog.read(f"/deployments/{made['id']}") == made


def test_one_replica_where_nothing_is_said(jfrog: Jfrog) -> None:
    assert jfrog.deployment()["replicas"] == 1


def test_a_name_is_taken_until_its_deployment_is_deleted(jfrog: Jfrog) -> None:
    version, name = jfrog.version(), unique()
    made = jfrog.deployment(version, name=name)
    body = {"name": name, "model_id": version["model_id"], "model_version_id": version["id"]}

    assert refused(jfrog.post("/deployments", body), 409, "name")["detail"].startswith("deployment with name")
    jfrog.gone(f"/deployments/{made['id']}")
    refused(jfrog.get(f"/deployments/{made['id']}"), 404)
    jfrog.deployment(version, name=name)


@pytest.mark.parametrize("unknown", ["2147483646", "abc", ""])
def test_model_and_version_must_be_there(jfrog: Jfrog, unknown: str) -> None:
    version = jfrog.version()
    good = {"name": unique(), "model_id": version["model_id"], "model_version_id": version["id"]}

    refused(jfrog.post("/deployments", good | {"model_id": unknown}), 422, "model_id")
    refused(jfrog.post("/deployments", good | {"model_version_id": unknown}), 422, "model_version_id")


def test_the_version_must_be_the_models(jfrog: Jfrog) -> None:
    body = {"name": unique(), "model_id": jfrog.model()["id"], "model_version_id": jfrog.version()["id"]}

    refused(jfrog.post("/deployments", body), 422, "model_version_id")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"replicas": -1}, "replicas"),
        ({"resources": {"cpu": "half"}}, "resources.cpu"),
        ({"resources": {"memory": "2 GB"}}, "resources.memory"),
        ({"resources": {"gpu": -1}}, "resources.gpu"),
        ({"resources": {"disk": "1Gi"}}, "resources.disk"),
    ],
)
def test_what_no_deployment_can_have_is_refused(jfrog: Jfrog, fields: dict[str, object], field: str) -> None:
    refused(jfrog.post("/deployments", {"name": "x", "model_id": "1", "model_version_id": "1", **fields}), 422, field)


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_no_id_is_the_id_of_nothing(jfrog: Jfrog, unknown: str) -> None:
    refused(jfrog.get(f"/deployments/{unknown}"), 404)
    refused(jfrog.delete(f"/deployments/{unknown}"), 404)


def test_kubeflow_sees_it_with_its_environment_and_what_was_done(jfrog: Jfrog) -> None:
    made = jfrog.deployment()

    service = accepted(jfrog.kubeflow.get(f"/inference_services/{made['id']}"), 200)
    environment = accepted(jfrog.kubeflow.get(f"/serving_environments/{service['servingEnvironmentId']}"), 200)
    (serve,) = jfrog.kubeflow.items(f"/inference_services/{made['id']}/serves")

    assert (service["name"], service["desiredState"]) == (made["name"], "DEPLOYED")
    assert (service["registeredModelId"], service["modelVersionId"]) == (made["model_id"], made["model_version_id"])
    assert environment["name"] == "modelyard"
    assert (serve["modelVersionId"], serve["lastKnownState"]) == (made["model_version_id"], "FAILED")


@pytest.mark.parametrize(
    ("state", "status"),
    [("NEW", "deploying"), ("RUNNING", "active"), ("COMPLETE", "stopped"), ("CANCELED", "stopped"), ("FAILED", "failed")],
)
def test_what_kubeflow_notes_is_its_status(jfrog: Jfrog, state: str, status: str) -> None:
    made = jfrog.deployment()
    jfrog.kubeflow.serve_model(made, {"id": made["model_version_id"]}, lastKnownState=state)

    assert jfrog.read(f"/deployments/{made['id']}")["status"] == status


def test_a_service_of_another_environment_is_no_deployment(jfrog: Jfrog) -> None:
    service = jfrog.kubeflow.service()

    refused(jfrog.get(f"/deployments/{service['id']}"), 404)
    refused(jfrog.delete(f"/deployments/{service['id']}"), 404)
    assert accepted(jfrog.kubeflow.get(f"/inference_services/{service['id']}"), 200)


def test_what_is_deployed_cannot_be_deleted(jfrog: Jfrog) -> None:
    version = jfrog.version()
    made = jfrog.deployment(version)
    jfrog.kubeflow.serve_model(made, version, lastKnownState="RUNNING")

    assert made["name"] in refused(jfrog.delete(f"/models/{version['model_id']}"), 409)["detail"]
    refused(jfrog.delete(of_version(version)), 409)
    assert jfrog.read(of_version(version)) == version
    jfrog.kubeflow.serve_model(made, version, lastKnownState="COMPLETE")
    jfrog.gone(of_version(version))
    assert jfrog.read(f"/deployments/{made['id']}")["status"] == "stopped"
    jfrog.gone(f"/models/{version['model_id']}")


def test_what_failed_keeps_no_model(jfrog: Jfrog) -> None:
    made = jfrog.deployment()

    jfrog.gone(f"/models/{made['model_id']}")
    found = jfrog.read(f"/deployments/{made['id']}")
    assert (found["model_id"], found["status"]) == (made["model_id"], "stopped")
    assert "its version was deleted" in found["message"]


def test_a_gated_model_is_not_deployed(jfrog: Jfrog) -> None:
    version = jfrog.version()
    accepted(jfrog.kubeflow.patch(f"/model_versions/{version['id']}", {"customProperties": {"hf_gated": string("auto")}}), 200)
    body = {"name": unique(), "model_id": version["model_id"], "model_version_id": version["id"]}

    assert "gated" in refused(jfrog.post("/deployments", body), 422)["detail"]


def test_a_page_of_deployments(jfrog: Jfrog) -> None:
    made = [jfrog.deployment()["id"] for _ in range(3)]
    total = jfrog.read("/deployments")["total_count"]

    page = jfrog.read("/deployments", limit=2, offset=total - 3)
    assert ([one["id"] for one in page["deployments"]], page["total_count"]) == (made[:2], total)
    assert jfrog.read("/deployments", offset=total) == {"deployments": [], "total_count": total}
