"""The successor's prefix: `/api/model_registry/v1` serves the 40 operations without experiments, from the same store."""

import pytest

from tests.dialects.kubeflow.test_s1_operations import OPERATIONS, model_tree
from tests.dialects.registry import V1, Json, Registry, accepted, refused, unique

SERVED = [row for row in OPERATIONS if "experiment" not in row[2]]
DROPPED = [row for row in OPERATIONS if "experiment" in row[2]]


@pytest.fixture
def v1(registry: Registry) -> Registry:
    return registry.under(V1)


def test_forty_and_sixteen(registry: Registry) -> None:
    assert (len(SERVED), len(DROPPED)) == (40, 16)
    documents = [registry.under("").get(f"/openapi/{name}.json").json()["paths"] for name in ("kubeflow", "kubeflow-v1")]
    counts = [sum(method in {"get", "post", "patch"} for path in paths.values() for method in path) for paths in documents]
    assert counts == [56, 40]


def run_operation(registry: Registry, tree: Json, method: str, path: str, body: Json | None) -> int:
    target = path.format(**tree)
    filled = None if body is None else {key: value.format(**tree) for key, value in body.items()}
    response = (
        registry.get(target) if method == "GET" else registry.post(target, filled) if method == "POST" else registry.patch(target, filled)
    )
    return response.status_code


@pytest.mark.parametrize(("method", "path", "body", "status"), [row[1:] for row in SERVED], ids=[f"#{row[0]}" for row in SERVED])
def test_an_operation_without_experiments_is_served(
    registry: Registry, v1: Registry, method: str, path: str, body: Json | None, status: int
) -> None:
    assert run_operation(v1, model_tree(registry) | {"new": unique()}, method, path, body) == status


@pytest.mark.parametrize(("method", "path", "body"), [row[1:4] for row in DROPPED], ids=[f"#{row[0]}" for row in DROPPED])
def test_an_operation_on_experiments_is_the_plain_404(registry: Registry, v1: Registry, method: str, path: str, body: Json | None) -> None:
    tree = model_tree(registry) | {"new": unique()}
    assert run_operation(v1, tree, method, path, body) == 404
    answer = v1.raw(method, path.format(**tree).partition("?")[0])
    assert answer.body == b"404 page not found\n"


def test_both_prefixes_show_the_same_store(registry: Registry, v1: Registry) -> None:
    model = v1.model(owner="me")
    version = registry.version(model)
    artifact = v1.artifact("model-artifact", f"/model_versions/{version['id']}", uri="s3://m")
    for path in (f"/registered_models/{model['id']}", f"/registered_models/{model['id']}/versions", f"/artifacts/{artifact['id']}"):
        assert registry.get(path).json() == v1.get(path).json()
    refused(registry.post("/registered_models", {"name": model["name"]}), 409)


def test_artifacts_show_no_experiment(registry: Registry, v1: Registry) -> None:
    run = registry.run()
    artifact = registry.artifact("model-artifact", f"/experiment_runs/{run['id']}")
    assert {"experimentId", "experimentRunId"} <= artifact.keys()
    shown = accepted(v1.get(f"/artifacts/{artifact['id']}"), 200)
    assert shown == {key: value for key, value in artifact.items() if key not in {"experimentId", "experimentRunId"}}


@pytest.mark.parametrize("step", [0, 7, -1, 2**63 - 1])
def test_a_step_is_a_text_here(registry: Registry, v1: Registry, step: int) -> None:
    """The generated models of the v1 clients take nothing else; in v1alpha3 it is a number."""
    version = registry.version()
    path = f"/model_versions/{version['id']}"
    metric = v1.artifact("metric", path, step=str(step))
    assert metric["step"] == str(step)
    assert [item["step"] for item in v1.items(f"{path}/artifacts")] == [str(step)]
    assert registry.get(f"/artifacts/{metric['id']}").json()["step"] == step
    patched = accepted(v1.patch(f"/artifacts/{metric['id']}", {"artifactType": "metric", "step": "5"}), 200)
    assert patched["step"] == "5"


@pytest.mark.parametrize("step", ["", "x", "1.5", str(2**63)])
def test_a_step_that_is_no_int64_is_refused(v1: Registry, step: str) -> None:
    refused(v1.post("/artifacts", {"artifactType": "metric", "value": 1, "step": step}), 400)


def test_strictness_is_the_same(v1: Registry) -> None:
    refused(v1.post("/registered_models", {}), 422, "required field 'name' is zero value.")
    refused(v1.post("/registered_models", {"name": unique(), "foo": 1}), 400, 'unknown field "foo"')
    refused(v1.get("/registered_models/2147483646"), 404)
    answer = v1.raw("DELETE", "/registered_models/1")
    assert (answer.status, set(answer.lines("allow"))) == (405, {"GET", "PATCH"})
