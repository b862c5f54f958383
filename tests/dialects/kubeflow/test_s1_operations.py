"""Reference §1.3: the 56 operations, what each answers when all is well, and the words of 404, 409 and 400."""

from collections.abc import Callable

import pytest

from tests.dialects.registry import Json, Registry, accepted, refused, unique

# --------------------------------------------------------------------------------------------------------------- the table

Build = Callable[[Registry], Json]


def model_tree(registry: Registry) -> Json:
    """One of everything, by its short name."""
    model = registry.model()
    version = registry.version(model)
    experiment = registry.experiment()
    run = registry.run(experiment)
    environment = registry.environment()
    service = registry.service(environment, model)
    return {
        "rm": model,
        "mv": version,
        "ex": experiment,
        "ru": run,
        "se": environment,
        "is": service,
        "sm": registry.serve_model(service, version),
        "ma": registry.artifact("model-artifact", f"/model_versions/{version['id']}"),
        "me": registry.artifact("metric", f"/experiment_runs/{run['id']}"),
    }


OPERATIONS: list[tuple[int, str, str, Json | None, int]] = [
    (1, "GET", "/artifact?name={ma[name]}&parentResourceId={mv[id]}", None, 200),
    (2, "GET", "/artifacts?pageSize=1", None, 200),
    (3, "POST", "/artifacts", {"artifactType": "doc-artifact", "name": "{new}"}, 201),
    (4, "GET", "/artifacts/{ma[id]}", None, 200),
    (5, "PATCH", "/artifacts/{ma[id]}", {"artifactType": "model-artifact"}, 200),
    (6, "GET", "/experiment?name={ex[name]}", None, 200),
    (7, "GET", "/experiment_run?name={ru[name]}&parentResourceId={ex[id]}", None, 200),
    (8, "GET", "/experiment_runs?pageSize=1", None, 200),
    (9, "POST", "/experiment_runs", {"name": "{new}", "experimentId": "{ex[id]}"}, 201),
    (10, "GET", "/experiment_runs/metric_history?pageSize=1", None, 200),
    (11, "GET", "/experiment_runs/{ru[id]}", None, 200),
    (12, "PATCH", "/experiment_runs/{ru[id]}", {}, 200),
    (13, "GET", "/experiment_runs/{ru[id]}/artifacts", None, 200),
    (14, "POST", "/experiment_runs/{ru[id]}/artifacts", {"artifactType": "doc-artifact", "name": "{new}"}, 201),
    (15, "GET", "/experiment_runs/{ru[id]}/metric_history", None, 200),
    (16, "GET", "/experiments?pageSize=1", None, 200),
    (17, "POST", "/experiments", {"name": "{new}"}, 201),
    (18, "GET", "/experiments/{ex[id]}", None, 200),
    (19, "PATCH", "/experiments/{ex[id]}", {}, 200),
    (20, "GET", "/experiments/{ex[id]}/experiment_runs", None, 200),
    (21, "POST", "/experiments/{ex[id]}/experiment_runs", {"name": "{new}", "experimentId": "{ex[id]}"}, 201),
    (22, "GET", "/inference_service?name={is[name]}&parentResourceId={se[id]}", None, 200),
    (23, "GET", "/inference_services?pageSize=1", None, 200),
    (24, "POST", "/inference_services", {"name": "{new}", "servingEnvironmentId": "{se[id]}", "registeredModelId": "{rm[id]}"}, 201),
    (25, "GET", "/inference_services/{is[id]}", None, 200),
    (26, "PATCH", "/inference_services/{is[id]}", {}, 200),
    (27, "GET", "/inference_services/{is[id]}/model", None, 200),
    (28, "GET", "/inference_services/{is[id]}/serves", None, 200),
    (29, "POST", "/inference_services/{is[id]}/serves", {"name": "{new}", "modelVersionId": "{mv[id]}"}, 201),
    (30, "GET", "/inference_services/{is[id]}/version", None, 200),
    (31, "GET", "/model_artifact?name={ma[name]}&parentResourceId={mv[id]}", None, 200),
    (32, "GET", "/model_artifacts?pageSize=1", None, 200),
    (33, "POST", "/model_artifacts", {"name": "{new}"}, 201),
    (34, "GET", "/model_artifacts/{ma[id]}", None, 200),
    (35, "PATCH", "/model_artifacts/{ma[id]}", {}, 200),
    (36, "GET", "/model_version?name={mv[name]}&parentResourceId={rm[id]}", None, 200),
    (37, "GET", "/model_versions?pageSize=1", None, 200),
    (38, "POST", "/model_versions", {"name": "{new}", "registeredModelId": "{rm[id]}"}, 201),
    (39, "GET", "/model_versions/{mv[id]}", None, 200),
    (40, "PATCH", "/model_versions/{mv[id]}", {}, 200),
    (41, "GET", "/model_versions/{mv[id]}/artifacts", None, 200),
    (42, "POST", "/model_versions/{mv[id]}/artifacts", {"artifactType": "doc-artifact", "name": "{new}"}, 201),
    (43, "GET", "/registered_model?name={rm[name]}", None, 200),
    (44, "GET", "/registered_models?pageSize=1", None, 200),
    (45, "POST", "/registered_models", {"name": "{new}"}, 201),
    (46, "GET", "/registered_models/{rm[id]}", None, 200),
    (47, "PATCH", "/registered_models/{rm[id]}", {}, 200),
    (48, "GET", "/registered_models/{rm[id]}/versions", None, 200),
    (49, "POST", "/registered_models/{rm[id]}/versions", {"name": "{new}", "registeredModelId": "{rm[id]}"}, 201),
    (50, "GET", "/serving_environment?name={se[name]}", None, 200),
    (51, "GET", "/serving_environments?pageSize=1", None, 200),
    (52, "POST", "/serving_environments", {"name": "{new}"}, 201),
    (53, "GET", "/serving_environments/{se[id]}", None, 200),
    (54, "PATCH", "/serving_environments/{se[id]}", {}, 200),
    (55, "GET", "/serving_environments/{se[id]}/inference_services", None, 200),
    (
        56,
        "POST",
        "/serving_environments/{se[id]}/inference_services",
        {"name": "{new}", "servingEnvironmentId": "{se[id]}", "registeredModelId": "{rm[id]}"},
        201,
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), [row[1:] for row in OPERATIONS], ids=[f"#{row[0]}" for row in OPERATIONS])
def test_each_operation_answers(registry: Registry, method: str, path: str, body: Json | None, status: int) -> None:
    tree = model_tree(registry) | {"new": unique()}
    target = path.format(**tree)
    match method:
        case "GET":
            response = registry.get(target)
        case "POST":
            assert body is not None
            response = registry.post(target, {key: value.format(**tree) for key, value in body.items()})
        case _:
            response = registry.patch(target, body)
    assert response.status_code == status, response.text


def test_the_table_is_whole() -> None:
    assert [row[0] for row in OPERATIONS] == list(range(1, 57))


# -------------------------------------------------------------------------------------------------------------- reads agree


def test_what_a_create_answered_is_what_get_and_find_answer(registry: Registry) -> None:
    tree = model_tree(registry)
    for key, path in (
        ("rm", "registered_models"),
        ("mv", "model_versions"),
        ("ex", "experiments"),
        ("ru", "experiment_runs"),
        ("se", "serving_environments"),
        ("is", "inference_services"),
        ("ma", "artifacts"),
        ("ma", "model_artifacts"),
        ("me", "artifacts"),
    ):
        assert registry.get(f"/{path}/{tree[key]['id']}").json() == tree[key]
    for key, find in (("rm", "registered_model"), ("ex", "experiment"), ("se", "serving_environment")):
        assert registry.get(f"/{find}", name=tree[key]["name"]).json() == tree[key]
    for key, find, parent in (
        ("mv", "model_version", "rm"),
        ("ru", "experiment_run", "ex"),
        ("is", "inference_service", "se"),
        ("ma", "model_artifact", "mv"),
        ("ma", "artifact", "mv"),
        ("me", "artifact", "ru"),
    ):
        assert registry.get(f"/{find}", name=tree[key]["name"], parentResourceId=tree[parent]["id"]).json() == tree[key]


# ------------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/registered_models/{id}", "no registered model found for id {id}: not found"),
        ("/model_versions/{id}", "no model version found for id {id}: not found"),
        ("/experiments/{id}", "no experiment found for id {id}: not found"),
        ("/experiment_runs/{id}", "no experiment run found for id {id}: not found"),
        ("/serving_environments/{id}", "no serving environment found for id {id}: not found"),
        ("/inference_services/{id}", "no InferenceService found for id {id}: not found"),
        ("/inference_services/{id}/model", "no inference service found for id {id}: not found"),
        ("/inference_services/{id}/version", "no inference service found for id {id}: not found"),
        ("/artifacts/{id}", "no artifact found for id {id}: not found"),
    ],
)
def test_the_words_of_404(registry: Registry, path: str, message: str) -> None:
    nobody = "2147483646"
    assert refused(registry.get(path.format(id=nobody)), 404) == message.format(id=nobody)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/registered_models", {}),
        ("/model_versions", {}),
        ("/experiments", {}),
        ("/experiment_runs", {}),
        ("/serving_environments", {}),
        ("/inference_services", {}),
        ("/model_artifacts", {}),
        ("/artifacts", {"artifactType": "metric"}),
    ],
)
def test_patching_nothing_is_404(registry: Registry, path: str, body: Json) -> None:
    refused(registry.patch(f"{path}/2147483646", body), 404, "2147483646")


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/registered_models/abc", "registered model"),
        ("/model_versions/abc", "model version"),
        ("/experiments/abc", "experiment"),
        ("/experiment_runs/abc", "experiment run"),
        ("/serving_environments/abc", "serving environment"),
        ("/inference_services/abc", "inference service"),
        ("/artifacts/abc", "artifact"),
        ("/registered_models/abc/versions", "registered model"),
        ("/inference_services/abc/serves", "inference service"),
        ("/serving_environments/abc/inference_services", "serving environment"),
        ("/model_versions/abc/artifacts", "parent resource"),
        ("/experiment_runs/abc/artifacts", "parent resource"),
        ("/artifact?name=x&parentResourceId=abc", "parent resource"),
        ("/model_artifact?name=x&parentResourceId=abc", "parent resource"),
    ],
)
def test_the_words_of_a_bad_id(registry: Registry, path: str, label: str) -> None:
    expected = f'invalid {label} ID: strconv.ParseInt: parsing "abc": invalid syntax: bad request'
    assert refused(registry.get(path), 400) == expected


@pytest.mark.parametrize("find", ["model_version", "experiment_run", "inference_service"])
def test_a_find_with_a_bad_parent_says_so_too(registry: Registry, find: str) -> None:
    said = refused(registry.get(f"/{find}", name="x", parentResourceId="abc"), 400)
    assert said.endswith(' ID: strconv.ParseInt: parsing "abc": invalid syntax: bad request')


def test_the_words_of_409(registry: Registry) -> None:
    tree = model_tree(registry)
    doc = registry.artifact("doc-artifact", f"/model_versions/{tree['mv']['id']}")
    again: list[tuple[str, str, Json, Json]] = [
        ("registered model", "/registered_models", tree["rm"], {}),
        ("model version", "/model_versions", tree["mv"], {"registeredModelId": tree["rm"]["id"]}),
        ("experiment", "/experiments", tree["ex"], {}),
        ("experiment run", "/experiment_runs", tree["ru"], {"experimentId": tree["ex"]["id"]}),
        ("serving environment", "/serving_environments", tree["se"], {}),
        (
            "inference service",
            "/inference_services",
            tree["is"],
            {"servingEnvironmentId": tree["se"]["id"], "registeredModelId": tree["rm"]["id"]},
        ),
        ("serve model", f"/inference_services/{tree['is']['id']}/serves", tree["sm"], {"modelVersionId": tree["mv"]["id"]}),
        ("model artifact", f"/model_versions/{tree['mv']['id']}/artifacts", tree["ma"], {"artifactType": "model-artifact"}),
        ("doc artifact", f"/model_versions/{tree['mv']['id']}/artifacts", doc, {"artifactType": "doc-artifact"}),
    ]
    for label, path, first, body in again:
        message = refused(registry.post(path, {**body, "name": first["name"]}), 409)
        assert message == f"{label} with name {first['name']} already exists: conflict"


def test_a_clash_of_external_ids_says_so(registry: Registry) -> None:
    external_id = unique("external")
    registry.model(externalId=external_id)
    for path in ("/registered_models", "/serving_environments", "/experiments"):
        message = refused(registry.post(path, {"name": unique(), "externalId": external_id}), 409)
        assert external_id in message
        assert "external" in message.lower()


# ----------------------------------------------------------------------------------------------- notes on single operations


def test_a_static_route_wins_over_an_id(registry: Registry) -> None:
    assert accepted(registry.get("/experiment_runs/metric_history", pageSize="1"), 200).keys() == {
        "items",
        "nextPageToken",
        "pageSize",
        "size",
    }


def test_a_metric_history_id_is_no_artifact(registry: Registry) -> None:
    run = registry.run()
    registry.artifact("metric", f"/experiment_runs/{run['id']}")
    (record,) = registry.items(f"/experiment_runs/{run['id']}/metric_history")
    refused(registry.get(f"/artifacts/{record['id']}"), 404, f"no artifact found for id {record['id']}")


@pytest.mark.parametrize("artifact_type", ["doc-artifact", "dataset-artifact", "metric", "parameter"])
def test_another_artifact_is_no_model_artifact(registry: Registry, artifact_type: str) -> None:
    artifact = registry.artifact(artifact_type)
    message = f"artifact with id {artifact['id']} is not a model artifact"
    refused(registry.get(f"/model_artifacts/{artifact['id']}"), 404, message)
    refused(registry.patch(f"/model_artifacts/{artifact['id']}", {"uri": "s3://x"}), 404, message)
    assert registry.get(f"/artifacts/{artifact['id']}").json() == artifact


def test_an_artifacts_type_is_immutable(registry: Registry) -> None:
    artifact = registry.artifact("model-artifact")
    path = f"/artifacts/{artifact['id']}"
    refused(registry.patch(path, {"artifactType": "doc-artifact"}), 400, "cannot change artifact type from 'model-artifact' to ")
    refused(registry.patch(path, {"uri": "s3://x"}), 400, "artifact type is immutable")
    refused(registry.patch(path, {"artifactType": None}), 400, "artifact type is immutable")
    assert registry.get(path).json() == artifact


def test_a_run_of_an_unknown_experiment(registry: Registry) -> None:
    message = "experiment not found: no experiment found for id 2147483646: not found"
    assert refused(registry.post("/experiment_runs", {"experimentId": "2147483646"}), 404) == message
    refused(registry.post("/experiment_runs", {"experimentId": "abc"}), 400)
    refused(registry.post("/experiments/2147483646/experiment_runs", {"experimentId": "1"}), 404)
    refused(registry.post("/experiments/abc/experiment_runs", {"experimentId": "1"}), 400)


@pytest.mark.parametrize("environment", ["2147483646", "abc", "99999999999"])
def test_a_service_in_no_environment_is_404_even_when_the_id_is_no_number(registry: Registry, environment: str) -> None:
    body = {"name": unique(), "servingEnvironmentId": environment, "registeredModelId": registry.model()["id"]}
    refused(registry.post("/inference_services", body), 404)


def test_a_version_of_no_model(registry: Registry) -> None:
    body = {"name": unique(), "registeredModelId": "2147483646"}
    refused(registry.post("/model_versions", body), 404, "no registered model found for id 2147483646")
    refused(registry.post("/registered_models/2147483646/versions", body), 404, "no registered model found for id 2147483646")
    refused(registry.post("/model_versions", {**body, "registeredModelId": "abc"}), 400)
    refused(registry.post("/model_versions", {**body, "registeredModelId": registry.experiment()["id"]}), 404)


def test_a_serve_record_looks_for_the_version_first(registry: Registry) -> None:
    service, version = registry.service(), registry.version()
    refused(registry.post("/inference_services/2147483646/serves", {"modelVersionId": "2147483645"}), 404, "2147483645")
    refused(registry.post("/inference_services/2147483646/serves", {"modelVersionId": version["id"]}), 404, "2147483646")
    refused(registry.post(f"/inference_services/{service['id']}/serves", {"modelVersionId": "abc"}), 400)
    refused(registry.post(f"/inference_services/{service['id']}/serves", {"modelVersionId": service["id"]}), 404)


@pytest.mark.parametrize("field", ["registeredModelId", "modelVersionId"])
def test_what_a_service_names_must_be_an_id_but_need_not_exist(registry: Registry, field: str) -> None:
    environment = registry.environment()
    body = {"servingEnvironmentId": environment["id"], "registeredModelId": "1", field: "2147483646"}
    assert accepted(registry.post("/inference_services", body), 201)[field] == "2147483646"
    refused(registry.post("/inference_services", {**body, field: "abc"}), 400)
    refused(registry.post("/inference_services", {**body, field: "2147483648"}), 400)


def test_an_upsert_under_no_parent_is_404(registry: Registry) -> None:
    body = {"artifactType": "doc-artifact", "name": unique()}
    version, run = registry.version(), registry.run()
    for path in (
        "/model_versions/2147483646",
        "/experiment_runs/2147483646",
        f"/model_versions/{run['id']}",
        f"/experiment_runs/{version['id']}",
    ):
        refused(registry.post(f"{path}/artifacts", body), 404)
        refused(registry.post(f"{path}/artifacts", {"name": "no type"}), 404)
    refused(registry.post(f"/model_versions/{version['id']}/artifacts", {"name": "no type"}), 400, "invalid artifact type")


# ---------------------------------------------------------------------------------------------------------- nested creates


@pytest.mark.parametrize("spelling", ["other", "abc", "2147483646", " "])
def test_the_path_wins_over_the_body_in_a_nested_create(registry: Registry, spelling: str) -> None:
    tree = model_tree(registry)
    nested: list[tuple[str, str, Json, str]] = [
        ("rm", "versions", {}, "registeredModelId"),
        ("ex", "experiment_runs", {}, "experimentId"),
        ("se", "inference_services", {"registeredModelId": tree["rm"]["id"]}, "servingEnvironmentId"),
    ]
    collections = {"rm": "registered_models", "ex": "experiments", "se": "serving_environments"}
    for key, child, body, field in nested:
        path = f"/{collections[key]}/{tree[key]['id']}/{child}"
        assert accepted(registry.post(path, {**body, "name": unique(), field: spelling}), 201)[field] == tree[key]["id"]


def test_a_service_takes_its_environment_from_the_path(registry: Registry) -> None:
    environment, model = registry.environment(), registry.model()
    path = f"/serving_environments/{environment['id']}/inference_services"
    bodies: list[Json] = [{}, {"servingEnvironmentId": ""}, {"servingEnvironmentId": None}]
    for body in bodies:
        created = accepted(registry.post(path, {"registeredModelId": model["id"], **body}), 201)
        assert created["servingEnvironmentId"] == environment["id"]
    refused(registry.post("/serving_environments/2147483646/inference_services", {"registeredModelId": model["id"]}), 404)
