"""Reference §7.1 to §7.5: one artifact under several routes, upserts, links to runs."""

import pytest

from tests.dialects.registry import Json, Registry, accepted, on_every_database, refused, string, unique

pytestmark = on_every_database

KINDS = ["model-artifact", "doc-artifact", "dataset-artifact", "metric", "parameter"]
NAMED_ONCE = ["model-artifact", "doc-artifact", "dataset-artifact"]
UPSERTED = ["metric", "parameter"]


@pytest.fixture(params=["version", "run"])
def parent(request: pytest.FixtureRequest, registry: Registry) -> str:
    """The path of a fresh version, then of a fresh run: artifacts hang under both alike."""
    thing = getattr(registry, request.param)()
    return f"/{'model_versions' if request.param == 'version' else 'experiment_runs'}/{thing['id']}"


def body_of(artifact_type: str, **fields: object) -> Json:
    return {"artifactType": artifact_type, **({"value": 1.5} if artifact_type == "metric" else {}), **fields}


def upsert(registry: Registry, parent: str, status: int, body: Json) -> Json:
    return accepted(registry.post(f"{parent}/artifacts", body), status)


# ------------------------------------------------------------------------------------------------------------ polymorphism


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_is_in_every_answer(registry: Registry, parent: str, kind: str) -> None:
    artifact = registry.artifact(kind, parent)
    assert artifact["artifactType"] == kind
    assert registry.get(f"/artifacts/{artifact['id']}").json() == artifact
    assert registry.items(f"{parent}/artifacts") == [artifact]
    assert accepted(registry.patch(f"/artifacts/{artifact['id']}", {"artifactType": kind}), 200)["artifactType"] == kind


def test_a_metric_needs_a_value(registry: Registry, parent: str) -> None:
    message = "metric value is required: bad request"
    for body in ({"artifactType": "metric"}, {"artifactType": "metric", "value": None}):
        assert refused(registry.post("/artifacts", body), 400) == message
        assert refused(registry.post(f"{parent}/artifacts", body), 400) == message
    metric = registry.artifact("metric", parent, value=0)
    assert metric["value"] == 0
    assert refused(registry.post(f"{parent}/artifacts", {"artifactType": "metric", "id": metric["id"]}), 400) == message
    assert refused(registry.post(f"{parent}/artifacts", {"artifactType": "metric", "name": metric["name"]}), 400) == message


# ---------------------------------------------------------------------------------------------------------- upsert, no id


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_artifact_is_201_whatever_its_type(registry: Registry, parent: str, kind: str) -> None:
    upsert(registry, parent, 201, body_of(kind, name=unique()))
    upsert(registry, parent, 201, body_of(kind))


@pytest.mark.parametrize("kind", NAMED_ONCE)
def test_a_taken_name_is_409_and_no_upsert(registry: Registry, parent: str, kind: str) -> None:
    artifact = registry.artifact(kind, parent, uri="s3://first")
    label = "dataset artifact" if kind == "dataset-artifact" else kind.replace("-", " ")
    message = refused(registry.post(f"{parent}/artifacts", body_of(kind, name=artifact["name"], uri="s3://second")), 409)
    assert message == f"{label} with name {artifact['name']} already exists: conflict"
    assert registry.items(f"{parent}/artifacts") == [artifact]


@pytest.mark.parametrize("kind", UPSERTED)
def test_a_metric_or_parameter_is_updated_by_its_name(registry: Registry, parent: str, kind: str) -> None:
    first = registry.artifact(kind, parent, description="kept")
    value: object = 0.25 if kind == "metric" else "new"
    second = upsert(registry, parent, 200, body_of(kind, name=first["name"], value=value))
    assert second == first | {"value": value, "lastUpdateTimeSinceEpoch": second["lastUpdateTimeSinceEpoch"]}
    assert registry.items(f"{parent}/artifacts") == [second]


@pytest.mark.parametrize(
    ("stored", "posted"), [("val.acc", "val_acc"), ("abc", "a%"), ("Loss", "loss"), ("x:m", "m"), ("m", "m "), ("é", "e")]
)
def test_only_the_very_name_is_updated(registry: Registry, parent: str, stored: str, posted: str) -> None:
    for kind in UPSERTED:
        first = registry.artifact(kind, parent, name=stored)
        second = upsert(registry, parent, 201, body_of(kind, name=posted))
        assert first["id"] != second["id"]
        assert registry.get(f"/artifacts/{first['id']}").json() == first
        assert upsert(registry, parent, 200, body_of(kind, name=posted))["id"] == second["id"]


def test_a_metric_and_a_parameter_of_one_name_live_side_by_side(registry: Registry, parent: str) -> None:
    ids = {kind: upsert(registry, parent, 201, body_of(kind, name="m"))["id"] for kind in KINDS}
    assert len(set(ids.values())) == 5
    for kind in UPSERTED:
        assert upsert(registry, parent, 200, body_of(kind, name="m"))["id"] == ids[kind]


def test_the_same_name_under_another_parent_is_another_artifact(registry: Registry) -> None:
    runs = [registry.run() for _ in range(2)]
    ids = {upsert(registry, f"/experiment_runs/{run['id']}", 201, body_of("metric", name="m"))["id"] for run in runs}
    assert len(ids) == 2


# --------------------------------------------------------------------------------------------------------- upsert with id


@pytest.mark.parametrize("kind", KINDS)
def test_with_an_id_it_updates_and_attaches(registry: Registry, parent: str, kind: str) -> None:
    free = registry.artifact(kind, description="old", customProperties={"k": string("v")})
    attached = upsert(registry, parent, 200, body_of(kind, id=free["id"], description="new", name="ignored", createTimeSinceEpoch="5"))
    assert (attached["id"], attached["name"], attached["description"]) == (free["id"], free["name"], "new")
    assert attached["customProperties"] == free["customProperties"]
    assert attached["createTimeSinceEpoch"] == free["createTimeSinceEpoch"]
    assert registry.ids(f"{parent}/artifacts") == [free["id"]]


def test_an_artifact_may_have_many_parents(registry: Registry) -> None:
    versions = [f"/model_versions/{registry.version()['id']}" for _ in range(2)]
    run = f"/experiment_runs/{registry.run()['id']}"
    artifact = registry.artifact("model-artifact", versions[0])
    for parent in (versions[1], run, versions[1]):
        upsert(registry, parent, 200, body_of("model-artifact", id=artifact["id"]))
    for parent in (*versions, run):
        assert registry.ids(f"{parent}/artifacts") == [artifact["id"]]
    assert registry.ids("/artifacts", filterQuery=f"id = {artifact['id']}") == [artifact["id"]]


@pytest.mark.parametrize("identity", ["2147483646", "abc", "0", "-1", "99999999999"])
def test_an_id_of_nothing_is_400(registry: Registry, parent: str, identity: str) -> None:
    refused(registry.post(f"{parent}/artifacts", body_of("model-artifact", id=identity)), 400)
    assert registry.items(f"{parent}/artifacts") == []


def test_an_id_of_another_type_is_400(registry: Registry, parent: str) -> None:
    model = registry.artifact("model-artifact")
    message = f"artifact with id {model['id']} is not a doc artifact"
    refused(registry.post(f"{parent}/artifacts", body_of("doc-artifact", id=model["id"])), 400, message)
    assert registry.items(f"{parent}/artifacts") == []


def test_a_metric_history_record_is_no_artifact_to_update(registry: Registry) -> None:
    parent = f"/experiment_runs/{registry.run()['id']}"
    registry.artifact("metric", parent)
    (record,) = registry.items(f"{parent}/metric_history")
    refused(registry.post(f"{parent}/artifacts", body_of("metric", id=record["id"])), 400)


# -------------------------------------------------------------------------------------------------------------- merging


@pytest.mark.parametrize("by", ["name", "id"])
@pytest.mark.parametrize("nulls", [False, True], ids=["omitted", "null"])
def test_what_is_omitted_or_null_survives(registry: Registry, parent: str, by: str, nulls: bool) -> None:  # noqa: FBT001 - pytest fills it from the table; nobody calls it with a bare True
    old: Json = {"step": 3, "timestamp": "17", "description": "d", "state": "LIVE", "customProperties": {"k": string("v")}}
    metric = registry.artifact("metric", parent, externalId=unique("external"), **old)
    body = body_of("metric", value=0.125, **{by: metric[by]}, **(dict.fromkeys([*old, "externalId"]) if nulls else {}))
    merged = upsert(registry, parent, 200, body)
    assert merged == metric | {"value": 0.125, "lastUpdateTimeSinceEpoch": merged["lastUpdateTimeSinceEpoch"]}
    assert registry.get(f"/artifacts/{metric['id']}").json() == merged


def test_custom_properties_given_replace(registry: Registry, parent: str) -> None:
    metric = registry.artifact("metric", parent, customProperties={"k": string("v"), "l": string("w")})
    for given in ({"k": string("new")}, {}):
        assert upsert(registry, parent, 200, body_of("metric", name=metric["name"], customProperties=given))["customProperties"] == given


def test_a_refused_update_attaches_nothing(registry: Registry, parent: str) -> None:
    taken = registry.artifact("doc-artifact", externalId=unique("external"))
    free = registry.artifact("doc-artifact")
    refused(registry.post(f"{parent}/artifacts", body_of("doc-artifact", id=free["id"], externalId=taken["externalId"])), 409)
    assert registry.items(f"{parent}/artifacts") == []
    assert registry.get(f"/artifacts/{free['id']}").json() == free


# ------------------------------------------------------------------------------------------------------ links to the run


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_sets_the_run_and_its_experiment(registry: Registry, kind: str) -> None:
    run = registry.run()
    links = {"experimentId": run["experimentId"], "experimentRunId": run["id"]}
    artifact = registry.artifact(
        kind, f"/experiment_runs/{run['id']}", experimentId="7", experimentRunId="8", customProperties={"k": string("v")}
    )
    assert artifact == artifact | links
    assert artifact["customProperties"] == {"k": string("v")}
    assert registry.items(f"/experiment_runs/{run['id']}/artifacts") == [artifact]
    registry.items("/artifacts", filterQuery=f"experimentRunId = {run['id']}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_does_not_lose_the_links(registry: Registry, kind: str) -> None:
    run = registry.run()
    artifact = registry.artifact(kind, f"/experiment_runs/{run['id']}")
    bodies: list[Json] = [{}, {"description": "d"}, {"customProperties": {"k": string("v")}}, {"customProperties": {}}]
    for body in bodies:
        patched = accepted(registry.patch(f"/artifacts/{artifact['id']}", {"artifactType": kind, **body}), 200)
        assert (patched["experimentId"], patched["experimentRunId"]) == (run["experimentId"], run["id"])
    if kind == "model-artifact":
        patched = accepted(registry.patch(f"/model_artifacts/{artifact['id']}", {"uri": "s3://x"}), 200)
        assert (patched["experimentId"], patched["experimentRunId"]) == (run["experimentId"], run["id"])
    assert registry.ids(f"/experiment_runs/{run['id']}/artifacts", filterQuery=f"experimentRunId = {run['id']}") == [artifact["id"]]


@pytest.mark.parametrize("kind", UPSERTED)
def test_a_second_post_without_properties_keeps_them(registry: Registry, kind: str) -> None:
    parent = f"/experiment_runs/{registry.run()['id']}"
    artifact = registry.artifact(kind, parent, customProperties={"k": string("v")})
    assert upsert(registry, parent, 200, body_of(kind, name=artifact["name"]))["customProperties"] == {"k": string("v")}


def test_an_artifact_of_a_version_has_no_links(registry: Registry) -> None:
    artifact = registry.artifact("metric", f"/model_versions/{registry.version()['id']}", experimentId="7")
    assert not {"experimentId", "experimentRunId"} & artifact.keys()


def test_attaching_to_a_run_sets_the_links(registry: Registry) -> None:
    run = registry.run()
    artifact = registry.artifact("model-artifact", f"/model_versions/{registry.version()['id']}")
    attached = upsert(registry, f"/experiment_runs/{run['id']}", 200, body_of("model-artifact", id=artifact["id"]))
    assert (attached["experimentId"], attached["experimentRunId"]) == (run["experimentId"], run["id"])
    assert registry.get(f"/artifacts/{artifact['id']}").json() == attached
