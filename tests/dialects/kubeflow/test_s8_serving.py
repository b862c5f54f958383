"""Reference §8: environments, inference services, serve records."""

import pytest

from tests.dialects.registry import FALSE, TRUE, Json, Registry, accepted, refused, string, unique


@pytest.fixture
def service(registry: Registry) -> Json:
    return registry.service(desiredState="UNDEPLOYED", runtime="ovms")


def test_model_is_the_services_model(registry: Registry) -> None:
    model = registry.model()
    service = registry.service(model=model)
    assert accepted(registry.get(f"/inference_services/{service['id']}/model"), 200) == model


def test_a_dangling_model_is_404(registry: Registry) -> None:
    service = registry.service(registeredModelId="2147483646")
    refused(registry.get(f"/inference_services/{service['id']}/model"), 404)
    version = registry.version()
    other = registry.service(registeredModelId=version["id"])
    refused(registry.get(f"/inference_services/{other['id']}/model"), 404)


def test_version_is_the_services_version(registry: Registry) -> None:
    version = registry.version()
    registry.version({"id": version["registeredModelId"]})
    service = registry.service(registeredModelId=version["registeredModelId"], modelVersionId=version["id"])
    assert accepted(registry.get(f"/inference_services/{service['id']}/version"), 200) == version


def test_without_a_version_it_is_the_newest_of_the_model_archived_or_not(registry: Registry) -> None:
    model = registry.model()
    service = registry.service(model=model)
    path = f"/inference_services/{service['id']}/version"
    refused(registry.get(path), 404, f"no model versions found for id {service['id']}")
    first = registry.version(model)
    assert registry.get(path).json() == first
    second = registry.version(model, state="ARCHIVED")
    assert registry.get(path).json() == second
    accepted(registry.patch(f"/model_versions/{first['id']}", {"description": "touched"}), 200)
    assert registry.get(path).json() == second
    zero = registry.service(model=model, modelVersionId="0")
    assert registry.get(f"/inference_services/{zero['id']}/version").json() == second


def test_a_dangling_version_is_404(registry: Registry) -> None:
    service = registry.service(modelVersionId="2147483646")
    refused(registry.get(f"/inference_services/{service['id']}/version"), 404, "no model version found for id 2147483646")


def test_a_services_version_can_be_changed_but_not_cleared(registry: Registry, service: Json) -> None:
    path = f"/inference_services/{service['id']}"
    version = registry.version()["id"]
    assert accepted(registry.patch(path, {"modelVersionId": version}), 200)["modelVersionId"] == version
    for body in ({}, {"modelVersionId": None}):
        assert accepted(registry.patch(path, body), 200)["modelVersionId"] == version
    for bad in ("", "abc", "2147483648"):
        refused(registry.patch(path, {"modelVersionId": bad}), 400)
    assert registry.get(path).json()["modelVersionId"] == version


def test_the_desired_state_survives_a_patch_of_something_else(registry: Registry, service: Json) -> None:
    patched = accepted(registry.patch(f"/inference_services/{service['id']}", {"description": "d"}), 200)
    assert (patched["desiredState"], patched["runtime"]) == ("UNDEPLOYED", "ovms")


def test_serves_are_a_log(registry: Registry, service: Json) -> None:
    version = registry.version()
    records = [registry.serve_model(service, version, lastKnownState=state) for state in ("NEW", "RUNNING")]
    assert registry.items(f"/inference_services/{service['id']}/serves") == records
    assert all("inferenceServiceId" not in record for record in records)
    for method in ("GET", "PATCH"):
        assert registry.raw(method, f"/inference_services/{service['id']}/serves/{records[0]['id']}").status == 404


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"hf_gated": string("true")}, "cannot deploy gated HuggingFace model"),
        ({"hf_gated": string("auto")}, "cannot deploy gated HuggingFace model"),
        ({"hf_gated": string("False")}, "cannot deploy gated HuggingFace model"),
        ({"hf_private": string("true")}, "cannot deploy private HuggingFace model"),
        ({"hf_gated": string(""), "hf_private": string("true")}, "cannot deploy private HuggingFace model"),
    ],
)
def test_a_gated_or_private_model_cannot_be_served(registry: Registry, service: Json, properties: Json, message: str) -> None:
    version = registry.version(customProperties=properties)
    refused(registry.post(f"/inference_services/{service['id']}/serves", {"modelVersionId": version["id"]}), 400, message)
    assert registry.items(f"/inference_services/{service['id']}/serves") == []


@pytest.mark.parametrize(
    "properties",
    [
        {"hf_gated": string("")},
        {"hf_gated": string("false")},
        {"hf_gated": TRUE},
        {"hf_private": TRUE},
        {"hf_private": FALSE},
        {"hf_private": string("false")},
        {"hf_private": string("True")},
        {"hf_private": string("yes")},
    ],
    ids=str,
)
def test_only_those_texts_guard(registry: Registry, service: Json, properties: Json) -> None:
    registry.serve_model(service, registry.version(customProperties=properties))


def test_what_the_kubernetes_controller_does(registry: Registry) -> None:
    """It finds or makes the environment of a namespace and the service `<name>/<uid>`, notes the URL, and undeploys at the end."""
    namespace, name = unique("namespace"), "my-isvc/7b1c1c1e-0000-4000-8000-000000000000"
    assert registry.get("/serving_environment", name=namespace).status_code == 404
    environment = accepted(registry.post("/serving_environments", {"name": namespace}), 201)
    query = {"name": name, "parentResourceId": environment["id"]}
    assert registry.get("/inference_service", **query).status_code == 404
    service = registry.service(environment, name=name)
    assert registry.get("/inference_service", **query).json() == service
    path = f"/inference_services/{service['id']}"
    url = {"url": string("http://isvc.example")}
    assert accepted(registry.patch(path, {"customProperties": url}), 200)["customProperties"] == url
    undeployed = accepted(registry.patch(path, {"desiredState": "UNDEPLOYED"}), 200)
    assert (undeployed["desiredState"], undeployed["customProperties"]) == ("UNDEPLOYED", url)
