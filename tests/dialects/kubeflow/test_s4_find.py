"""Reference §4: the find endpoints, singular paths that answer one thing or 404."""

import pytest

from tests.dialects.registry import Json, Registry, accepted, on_every_database, refused, unique

pytestmark = on_every_database

UNSCOPED = [("registered_model", "model"), ("experiment", "experiment"), ("serving_environment", "environment")]
SCOPED = [
    ("model_version", "version", "registeredModelId", "name and parentResourceId"),
    ("experiment_run", "run", "experimentId", "name and experimentId"),
    ("inference_service", "service", "servingEnvironmentId", "name and parentResourceId"),
]
ARTIFACTS = ["artifact", "model_artifact"]
AWKWARD = ["v%", "v_1", "val_loss", "back\\slash", "\\%", "a:b", "it's", '"q"', "Ünï", "a b", "100%", "😀", "ns/uid"]


def under(registry: Registry, path: str = "") -> tuple[Json, str]:
    version = registry.version()
    return version, f"/model_versions/{version['id']}{path}"


# -------------------------------------------------------------------------------------------------------- what one may ask


@pytest.mark.parametrize(("find", "kind"), UNSCOPED)
def test_by_name_or_external_id(registry: Registry, find: str, kind: str) -> None:
    thing = getattr(registry, kind)(externalId=unique("external"))
    for query in ({"name": thing["name"]}, {"externalId": thing["externalId"]}, {"name": thing["name"], "externalId": "ignored"}):
        assert accepted(registry.get(f"/{find}", **query), 200) == thing
    message = "invalid parameters call, supply either name or externalId"
    for empty in ({}, {"name": ""}, {"externalId": ""}, {"name": "", "externalId": ""}):
        refused(registry.get(f"/{find}", **empty), 400, message)


@pytest.mark.parametrize(("find", "kind", "parent", "legal"), SCOPED)
def test_by_name_and_parent_or_external_id(registry: Registry, find: str, kind: str, parent: str, legal: str) -> None:
    thing = getattr(registry, kind)(externalId=unique("external"))
    name, external_id, parent_id = thing["name"], thing["externalId"], thing[parent]
    for query in (
        {"name": name, "parentResourceId": parent_id},
        {"externalId": external_id},
        {"externalId": external_id, "parentResourceId": parent_id},
        {"name": name, "externalId": "ignored", "parentResourceId": parent_id},
    ):
        assert accepted(registry.get(f"/{find}", **query), 200) == thing
    for query in (
        {},
        {"name": name},
        {"parentResourceId": parent_id},
        {"name": name, "parentResourceId": ""},
        {"name": "", "externalId": ""},
    ):
        refused(registry.get(f"/{find}", **query), 400, f"supply either ({legal}), or externalId")


@pytest.mark.parametrize("find", ARTIFACTS)
def test_artifacts_by_name_and_parent_or_external_id(registry: Registry, find: str) -> None:
    version, path = under(registry)
    artifact = registry.artifact("model-artifact", path, externalId=unique("external"))
    name, external_id = artifact["name"], artifact["externalId"]
    for query in (
        {"name": name, "parentResourceId": version["id"]},
        {"externalId": external_id},
        {"externalId": external_id, "parentResourceId": version["id"]},
    ):
        assert accepted(registry.get(f"/{find}", **query), 200) == artifact
    for query in ({}, {"name": name}, {"parentResourceId": version["id"]}):
        refused(registry.get(f"/{find}", **query), 400, "supply either (artifactName and parentResourceId), or externalId")


@pytest.mark.parametrize(("find", "kind"), UNSCOPED)
def test_a_name_wins_over_the_external_id(registry: Registry, find: str, kind: str) -> None:
    other = getattr(registry, kind)(externalId=unique("external"))
    refused(registry.get(f"/{find}", name=unique("nobody"), externalId=other["externalId"]), 404)


@pytest.mark.parametrize("find", ["model_version", "experiment_run", "inference_service", "artifact", "model_artifact"])
def test_an_external_id_without_a_name_may_stand_alone_but_a_bad_parent_is_400(registry: Registry, find: str) -> None:
    refused(registry.get(f"/{find}", name="x", parentResourceId="abc"), 400)
    refused(registry.get(f"/{find}", externalId="x", parentResourceId="abc"), 400)
    refused(registry.get(f"/{find}", name="x", parentResourceId="2147483648"), 400)
    refused(registry.get(f"/{find}", name="x", parentResourceId="2147483646"), 404)


@pytest.mark.parametrize(("find", "kind", "parent", "legal"), SCOPED)
def test_a_parent_always_restricts(registry: Registry, find: str, kind: str, parent: str, legal: str) -> None:
    thing, stranger = getattr(registry, kind)(externalId=unique("external")), getattr(registry, kind)()
    assert legal
    refused(registry.get(f"/{find}", name=thing["name"], parentResourceId=stranger[parent]), 404)
    refused(registry.get(f"/{find}", externalId=thing["externalId"], parentResourceId=stranger[parent]), 404)


@pytest.mark.parametrize("find", ["registered_model", "experiment", "serving_environment"])
def test_other_parameters_are_ignored(registry: Registry, find: str) -> None:
    thing = getattr(registry, dict(UNSCOPED)[find])()
    query = {"name": thing["name"], "parentResourceId": "abc", "pageSize": "abc", "filterQuery": "((", "nothing": "1"}
    assert accepted(registry.get(f"/{find}", **query), 200) == thing


# ------------------------------------------------------------------------------------------------------------ what matches


@pytest.mark.parametrize("name", AWKWARD)
def test_a_name_is_found_exactly(registry: Registry, name: str) -> None:
    stem = unique()
    full = stem + name
    assert registry.model(name=full) == registry.get("/registered_model", name=full).json()
    model, run = registry.model(), registry.run()
    version = registry.version(model, name=name)
    assert registry.get("/model_version", name=name, parentResourceId=model["id"]).json() == version
    artifact = registry.artifact("doc-artifact", f"/experiment_runs/{run['id']}", name=name)
    assert registry.get("/artifact", name=name, parentResourceId=run["id"]).json() == artifact


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("v1", "v%"),
        ("v1", "v_"),
        ("val-loss", "val_loss"),
        ("x:vb", "vb"),
        ("v1", "V1"),
        ("v1", "v1 "),
        ("v1 ", "v1"),
        ("é", "e"),
        ("v1", "\\v1"),
        ("%", "v"),
        ("v1", "%"),
    ],
)
def test_nothing_else_is_found(registry: Registry, stored: str, asked: str) -> None:
    stem = unique()
    registry.model(name=stem + stored)
    refused(registry.get("/registered_model", name=stem + asked), 404)
    model, run = registry.model(), registry.run()
    registry.version(model, name=stored)
    refused(registry.get("/model_version", name=asked, parentResourceId=model["id"]), 404)
    registry.artifact("model-artifact", f"/experiment_runs/{run['id']}", name=stored)
    for find in ARTIFACTS:
        refused(registry.get(f"/{find}", name=asked, parentResourceId=run["id"]), 404)


@pytest.mark.parametrize(
    ("find", "message"),
    [
        ("registered_model", "no registered models found for name=X, externalId="),
        ("experiment", "no experiments found for name=X, externalId="),
        ("serving_environment", "no serving environment found for name=X, externalId="),
        ("model_version", "no model versions found for name=X, parentResourceId=2147483646, externalId="),
        ("experiment_run", "no experiment runs found for name=X, experimentId=2147483646, externalId="),
        ("inference_service", "no inference service found for name=X, parentResourceId=2147483646, externalId="),
        ("artifact", "no artifacts found for "),
        ("model_artifact", "no model artifacts found for "),
    ],
)
def test_the_words_when_nothing_matches(registry: Registry, find: str, message: str) -> None:
    name = unique("nobody")
    said = refused(registry.get(f"/{find}", name=name, parentResourceId="2147483646"), 404, ": not found")
    assert said.startswith(message.replace("X", name))


# ------------------------------------------------------------------------------------------------------- several, and types


def test_several_matches_are_404(registry: Registry) -> None:
    version, path = under(registry)
    name = unique()
    registry.artifact("doc-artifact", path, name=name)
    registry.artifact("model-artifact", path, name=name)
    refused(registry.get("/artifact", name=name, parentResourceId=version["id"]), 404, "multiple ")


def test_a_model_artifact_is_found_among_others_of_its_name(registry: Registry) -> None:
    version, path = under(registry)
    name = unique()
    registry.artifact("doc-artifact", path, name=name)
    artifact = registry.artifact("model-artifact", path, name=name)
    assert accepted(registry.get("/model_artifact", name=name, parentResourceId=version["id"]), 200) == artifact


def test_a_doc_artifact_is_not_found_as_a_model_artifact(registry: Registry) -> None:
    version, path = under(registry)
    doc = registry.artifact("doc-artifact", path, externalId=unique("external"))
    refused(registry.get("/model_artifact", name=doc["name"], parentResourceId=version["id"]), 404)
    refused(registry.get("/model_artifact", externalId=doc["externalId"]), 404)
    assert accepted(registry.get("/artifact", externalId=doc["externalId"]), 200) == doc


def test_free_standing_artifacts_are_found_by_external_id_only(registry: Registry) -> None:
    artifact = registry.artifact("model-artifact", externalId=unique("external"))
    assert accepted(registry.get("/model_artifact", externalId=artifact["externalId"]), 200) == artifact
    refused(registry.get("/model_artifact", name=artifact["name"], parentResourceId=registry.version()["id"]), 404)


def test_an_artifact_with_two_parents_is_found_under_both(registry: Registry) -> None:
    version, path = under(registry)
    run = registry.run()
    artifact = registry.artifact("model-artifact", path)
    body = {"artifactType": "model-artifact", "id": artifact["id"]}
    accepted(registry.post(f"/experiment_runs/{run['id']}/artifacts", body), 200)
    for parent in (version, run):
        assert registry.get("/model_artifact", name=artifact["name"], parentResourceId=parent["id"]).json()["id"] == artifact["id"]


@pytest.mark.parametrize(("find", "kind"), UNSCOPED)
def test_archived_things_are_found(registry: Registry, find: str, kind: str) -> None:
    thing = getattr(registry, kind)(**({} if kind == "environment" else {"state": "ARCHIVED"}))
    assert accepted(registry.get(f"/{find}", name=thing["name"]), 200) == thing
