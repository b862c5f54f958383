"""Reference §3: ids, names, external ids, parents."""

from collections.abc import Callable

import httpx
import pytest

from tests.conftest import NewDatabase, Serve
from tests.dialects.registry import Json, Registry, accepted, on_every_database, refused, unique

PATHS = {
    "model": "registered_models",
    "version": "model_versions",
    "experiment": "experiments",
    "run": "experiment_runs",
    "environment": "serving_environments",
    "service": "inference_services",
}

# -------------------------------------------------------------------------------------------------------------------- ids


@pytest.mark.parametrize(
    "flavour",
    [
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.servers),
        pytest.param("mysql", id="mariadb", marks=pytest.mark.servers),
    ],
)
def test_three_sequences_start_at_one(new_database: NewDatabase, serve: Serve, flavour: str) -> None:
    with httpx.Client(timeout=30) as client:
        registry = Registry(client, serve(new_database(flavour)))
        model = registry.model()
        version = registry.version(model)
        environment = registry.environment()
        service = registry.service(environment, model)
        experiment = registry.experiment()
        run = registry.run(experiment)
        contexts = [thing["id"] for thing in (model, version, environment, service, experiment, run)]
        assert contexts == ["1", "2", "3", "4", "5", "6"]
        assert [registry.artifact(kind)["id"] for kind in ("model-artifact", "metric", "parameter")] == ["1", "2", "3"]
        assert [registry.serve_model(service, version)["id"] for _ in range(2)] == ["1", "2"]


@on_every_database
def test_all_contexts_share_one_sequence(registry: Registry) -> None:
    things = [getattr(registry, kind)() for kind in PATHS for _ in range(2)]
    ids = [int(thing["id"]) for thing in things]
    assert ids == sorted(set(ids))


@on_every_database
def test_metric_history_takes_ids_from_the_artifacts(registry: Registry) -> None:
    run = registry.run()
    first = registry.artifact("metric", f"/experiment_runs/{run['id']}")
    (record,) = registry.items(f"/experiment_runs/{run['id']}/metric_history")
    second = registry.artifact("doc-artifact")
    assert len({first["id"], record["id"], second["id"]}) == 3
    assert int(first["id"]) < int(second["id"])
    assert int(record["id"]) < int(second["id"])


# ------------------------------------------------------------------------------------------------------------------ names

Create = Callable[[Registry, Json, str], httpx.Response]


def _version(registry: Registry, parent: Json, name: str) -> httpx.Response:
    return registry.post("/model_versions", {"name": name, "registeredModelId": parent["id"]})


def _run(registry: Registry, parent: Json, name: str) -> httpx.Response:
    return registry.post("/experiment_runs", {"name": name, "experimentId": parent["id"]})


def _service(registry: Registry, parent: Json, name: str) -> httpx.Response:
    return registry.post("/inference_services", {"name": name, "servingEnvironmentId": parent["id"], "registeredModelId": "1"})


def _serve(registry: Registry, parent: Json, name: str) -> httpx.Response:
    body = {"name": name, "modelVersionId": registry.version()["id"]}
    return registry.post(f"/inference_services/{parent['id']}/serves", body)


def _of_a_version(artifact_type: str) -> Create:
    def create(registry: Registry, parent: Json, name: str) -> httpx.Response:
        return registry.post(f"/model_versions/{parent['id']}/artifacts", {"artifactType": artifact_type, "name": name})

    return create


def _of_a_run(artifact_type: str) -> Create:
    def create(registry: Registry, parent: Json, name: str) -> httpx.Response:
        return registry.post(f"/experiment_runs/{parent['id']}/artifacts", {"artifactType": artifact_type, "name": name})

    return create


SCOPED: list[tuple[str, str, Create]] = [
    ("versions of a model", "model", _version),
    ("runs of an experiment", "experiment", _run),
    ("services of an environment", "environment", _service),
    ("serve records of a service", "service", _serve),
    ("model artifacts of a version", "version", _of_a_version("model-artifact")),
    ("doc artifacts of a version", "version", _of_a_version("doc-artifact")),
    ("data sets of a version", "version", _of_a_version("dataset-artifact")),
    ("model artifacts of a run", "run", _of_a_run("model-artifact")),
    ("doc artifacts of a run", "run", _of_a_run("doc-artifact")),
    ("data sets of a run", "run", _of_a_run("dataset-artifact")),
]
scoped = pytest.mark.parametrize(("parent", "create"), [row[1:] for row in SCOPED], ids=[row[0] for row in SCOPED])

DIFFERENT = [
    ("name", "Name"),
    ("e", "é"),
    ("é", "e\u0301"),
    ("name", "name "),
    ("name", " name"),
    ("😀", "😁"),
    ("ß", "ss"),
    ("a", "\uff41"),
    ("v_1", "v-1"),
    ("v%", "v1"),
    ("i", "İ"),
]


@on_every_database
@scoped
def test_a_name_is_unique_within_its_parent(registry: Registry, parent: str, create: Create) -> None:
    first, second, name = getattr(registry, parent)(), getattr(registry, parent)(), unique()
    accepted(create(registry, first, name), 201)
    refused(create(registry, first, name), 409, name)
    accepted(create(registry, second, name), 201)


@on_every_database
@pytest.mark.parametrize("path", ["/registered_models", "/experiments", "/serving_environments"])
def test_a_name_without_a_parent_is_unique_within_its_type(registry: Registry, path: str) -> None:
    name = unique()
    accepted(registry.post(path, {"name": name}), 201)
    refused(registry.post(path, {"name": name}), 409, name)


@on_every_database
def test_things_of_different_types_may_share_a_name(registry: Registry) -> None:
    name = unique()
    model = registry.model(name=name)
    registry.experiment(name=name)
    registry.environment(name=name)
    version = registry.version(model, name=name)
    for artifact_type in ("model-artifact", "doc-artifact", "dataset-artifact", "metric", "parameter"):
        registry.artifact(artifact_type, f"/model_versions/{version['id']}", name=name)
    assert len(registry.items(f"/model_versions/{version['id']}/artifacts", name=name)) == 5


@on_every_database
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_are_compared_exactly(registry: Registry, one: str, other: str) -> None:
    stem = unique()
    for path in ("/registered_models", "/experiments", "/serving_environments"):
        for end in (one, other):
            created = accepted(registry.post(path, {"name": stem + end}), 201)
            assert created["name"] == stem + end
    for kind in ("model", "experiment", "environment"):
        find = PATHS[kind].removesuffix("s")
        assert registry.get(f"/{find}", name=stem + one).json()["name"] == stem + one
        assert registry.get(f"/{find}", name=stem + other).json()["name"] == stem + other
    model = registry.model()
    ids = [registry.version(model, name=end)["id"] for end in (one, other)]
    assert [registry.get("/model_version", name=end, parentResourceId=model["id"]).json()["id"] for end in (one, other)] == ids


@on_every_database
def test_a_parents_spelling_makes_no_other_parent(registry: Registry) -> None:
    model = registry.model()
    version = registry.version(model)
    refused(registry.post("/model_versions", {"name": version["name"], "registeredModelId": "0" + model["id"]}), 409)
    refused(registry.post(f"/registered_models/0{model['id']}/versions", {"name": version["name"], "registeredModelId": "x"}), 409)


@on_every_database
@pytest.mark.parametrize("route", ["/artifacts", "/model_artifacts"])
def test_free_standing_artifacts_may_share_names(registry: Registry, route: str) -> None:
    body = {"artifactType": "model-artifact", "name": unique()}
    first, second = accepted(registry.post(route, body), 201), accepted(registry.post(route, body), 201)
    assert first["name"] == second["name"] == body["name"]
    assert first["id"] != second["id"]


@on_every_database
@pytest.mark.parametrize("name", ["a:b", ":", "a:", ":a", "1:v", "a:b:c"])
def test_a_name_may_hold_colons(registry: Registry, name: str) -> None:
    model, run = registry.model(), registry.run()
    assert registry.version(model, name=name)["name"] == name
    refused(registry.get("/model_version", name=name.rpartition(":")[2] or "x", parentResourceId=model["id"]), 404)
    metric = registry.artifact("metric", f"/experiment_runs/{run['id']}", name=name)
    assert registry.get(f"/artifacts/{metric['id']}").json()["name"] == name
    assert registry.names(f"/experiment_runs/{run['id']}/metric_history") == [name]


# ----------------------------------------------------------------------------------------------------------- external ids


@on_every_database
@pytest.mark.parametrize("kind", PATHS)
def test_an_external_id_is_unique_among_all_contexts(registry: Registry, kind: str) -> None:
    external_id = unique("external")
    getattr(registry, kind)(externalId=external_id)
    bodies: list[tuple[str, Json]] = [
        ("/registered_models", {}),
        ("/experiments", {}),
        ("/serving_environments", {}),
        ("/model_versions", {"registeredModelId": registry.model()["id"]}),
        ("/experiment_runs", {"experimentId": registry.experiment()["id"]}),
        ("/inference_services", {"servingEnvironmentId": registry.environment()["id"], "registeredModelId": "1"}),
    ]
    for path, body in bodies:
        refused(registry.post(path, {**body, "name": unique(), "externalId": external_id}), 409, external_id)


@on_every_database
def test_each_family_has_its_own_external_ids(registry: Registry) -> None:
    external_id = unique("external")
    registry.model(externalId=external_id)
    registry.artifact("doc-artifact", externalId=external_id)
    registry.serve_model(externalId=external_id)
    refused(registry.post("/artifacts", {"artifactType": "metric", "value": 1, "externalId": external_id}), 409, external_id)
    refused(registry.post("/model_artifacts", {"externalId": external_id}), 409, external_id)
    version = registry.version()
    body = {"artifactType": "parameter", "name": unique(), "value": "x", "externalId": external_id}
    refused(registry.post(f"/model_versions/{version['id']}/artifacts", body), 409, external_id)
    serves = f"/inference_services/{registry.service()['id']}/serves"
    refused(registry.post(serves, {"modelVersionId": version["id"], "externalId": external_id}), 409, external_id)


@on_every_database
def test_the_empty_external_id_is_a_value(registry: Registry) -> None:
    first = registry.post("/registered_models", {"name": unique(), "externalId": ""})
    assert first.status_code in {201, 409}  # another test of this session may hold it
    refused(registry.post("/experiments", {"name": unique(), "externalId": ""}), 409)
    model = registry.model()
    refused(registry.patch(f"/registered_models/{model['id']}", {"externalId": ""}), 409)


@on_every_database
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_external_ids_are_compared_exactly(registry: Registry, one: str, other: str) -> None:
    stem = unique()
    things = [registry.model(externalId=stem + end) for end in (one, other)]
    assert [registry.get("/registered_model", externalId=stem + end).json()["id"] for end in (one, other)] == [
        thing["id"] for thing in things
    ]


@on_every_database
def test_no_external_id_is_no_constraint(registry: Registry) -> None:
    assert "externalId" not in registry.model()
    assert "externalId" not in registry.model(externalId=None)


# ---------------------------------------------------------------------------------------------------------------- parents


@on_every_database
def test_a_refused_create_leaves_nothing(registry: Registry) -> None:
    model, taken = registry.model(), unique("external")
    registry.model(externalId=taken)
    name = unique()
    refused(registry.post("/model_versions", {"name": name, "registeredModelId": model["id"], "externalId": taken}), 409)
    assert registry.items(f"/registered_models/{model['id']}/versions") == []
    assert registry.version(model, name=name)["name"] == name


@on_every_database
def test_archived_parents_accept_children(registry: Registry) -> None:
    model = registry.model(state="ARCHIVED")
    experiment = registry.experiment(state="ARCHIVED")
    version, run = registry.version(model, state="ARCHIVED"), registry.run(experiment, state="ARCHIVED")
    registry.artifact("doc-artifact", f"/model_versions/{version['id']}")
    registry.artifact("doc-artifact", f"/experiment_runs/{run['id']}")
    assert registry.ids(f"/registered_models/{model['id']}/versions") == [version["id"]]
    assert registry.ids(f"/experiments/{experiment['id']}/experiment_runs") == [run["id"]]


@on_every_database
def test_a_serve_records_version_need_not_be_of_the_services_model(registry: Registry) -> None:
    stranger = registry.version()
    assert registry.serve_model(registry.service(), stranger)["modelVersionId"] == stranger["id"]
