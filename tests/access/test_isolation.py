"""Nothing of one project shows in another: there every id of it is unknown, on every route, by whatever way the project is chosen.

Nor does it show to those in the project who have roles on other models and experiments of it only.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import pytest

from modelyard.access.entities import Grant, Principal
from modelyard.access.memory_directory import MemoryDirectory
from modelyard.access.permissions import OF_EVERYONE, OF_RECORDS, OF_THE_SERVER, Role
from modelyard.api.http.edge import Edge
from modelyard.context import DEFAULT_PROJECT, ProjectId
from modelyard.records.kinds import Kind
from modelyard.settings import Settings
from tests.access.routes import UNKNOWN_ID, Route, routes
from tests.dialects.registry import unique
from tests.inprocess import Answer, call, running
from tests.servers.sql import execute

KUBEFLOW, JFROG, NATIVE = "/api/model_registry/v1alpha3", "/ml/api/v1", "/api/v1"
LAB = ProjectId(7)
MARK = "only-in-the-lab"
"""Part of every name in the lab."""

WAYS: Mapping[str, tuple[str, str]] = {"by the home of a token": ("", "ann"), "by the path": ("/p/default", "root")}
"""How somebody comes to be in the other project: what their paths begin with, and who they are."""

NARROW = {**WAYS, "by roles on other records": ("", "ola")}

ENDLESS = "streamEvents"

NAMES_A_PLACE = "createEnvironmentInferenceService"
"""Whoever may deploy a model may do so in any environment of the project, so that there the model is what is not found."""

BODIES: Mapping[str, dict[str, Any]] = {
    "upsertModelVersionArtifact": {"artifactType": "doc-artifact"},
    "upsertExperimentRunArtifact": {"artifactType": "doc-artifact"},
    "updateArtifact": {"artifactType": "model-artifact"},
    "createRegisteredModelVersion": {"name": "x", "registeredModelId": UNKNOWN_ID},
    "createExperimentExperimentRun": {"experimentId": UNKNOWN_ID},
    "createInferenceServiceServe": {"modelVersionId": UNKNOWN_ID},
    "createEnvironmentInferenceService": {"registeredModelId": UNKNOWN_ID},
    "updateModel": {"name": "x"},
    "createModelVersion": {"version": "x"},
    "logPoints": [{"name": "loss", "value": 1.0}],  # type: ignore[dict-item]  # the one body that is an array
}
"""Of routes whose body must say something before an id is looked at."""


class Lab(NamedTuple):
    """The application, and the ids of what is in its other project, by kind."""

    edge: Edge
    ids: Mapping[str, str]

    async def ask(self, who: str, method: str, target: str, body: Any = None) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        return await call(self.edge, method, target, {"authorization": f"Bearer {who}"}, content)


@pytest.fixture(scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    settings = Settings(data_dir=str(tmp_path_factory.mktemp("store")))
    directory = MemoryDirectory()
    directory.projects["lab"] = LAB
    directory.add(Principal("ann", DEFAULT_PROJECT, (Grant(Role.ADMIN, DEFAULT_PROJECT),)), "ann")
    directory.add(Principal("lea", LAB, (Grant(Role.ADMIN, LAB),)), "lea")
    directory.add(Principal("root", LAB, (Grant(Role.ADMIN),)), "root")
    async with running(settings) as edge:
        execute(settings.database, f"INSERT INTO project (id, name, archived, created_at) VALUES ({LAB}, 'lab', 0, 0)")  # noqa: S608 - a number of ours
        edge._keeper._directory = directory
        lab = Lab(edge, {})
        ids = await fill(lab)
        # After all else, so that no id of any sequence is one of these.
        model, experiment = await others(lab)
        grants = (Grant(Role.ADMIN, LAB, Kind.MODEL, model), Grant(Role.ADMIN, LAB, Kind.EXPERIMENT, experiment))
        directory.add(Principal("ola", LAB, grants), "ola")
        yield lab._replace(ids=ids)


async def others(lab: Lab) -> tuple[int, int]:
    """A model and an experiment of the lab that have no mark."""
    made = [await lab.ask("lea", "POST", KUBEFLOW + path, {"name": "other"}) for path in ("/registered_models", "/experiments")]
    return int(made[0].json["id"]), int(made[1].json["id"])


async def fill(lab: Lab) -> dict[str, str]:
    """One thing of every kind, in the lab: made through Kubeflow's API and through JFrog's; and one deletion in its trash."""

    async def made(path: str, prefix: str = KUBEFLOW, **body: Any) -> str:
        named = {"version": f"{MARK}-j"} if path.endswith("/versions") else {"name": f"{MARK}-{path.rpartition('/')[2]}"}
        answer = await lab.ask("lea", "POST", prefix + path, {**named, **body})
        assert answer.status in (200, 201), answer.text
        return str(answer.json["id"])

    ids = {"model": await made("/registered_models", externalId=f"{MARK}-m")}
    ids["version"] = await made("/model_versions", registeredModelId=ids["model"])
    ids["artifact"] = await made(f"/model_versions/{ids['version']}/artifacts", artifactType="model-artifact")
    ids["free artifact"] = await made("/artifacts", artifactType="model-artifact")
    ids["experiment"] = await made("/experiments")
    ids["run"] = await made("/experiment_runs", experimentId=ids["experiment"])
    ids["metric"] = await made(f"/experiment_runs/{ids['run']}/artifacts", artifactType="metric", value=1.0)
    ids["environment"] = await made("/serving_environments")
    ids["service"] = await made(
        f"/serving_environments/{ids['environment']}/inference_services", registeredModelId=ids["model"], modelVersionId=ids["version"]
    )
    ids["serve"] = await made(f"/inference_services/{ids['service']}/serves", modelVersionId=ids["version"])
    model = ids["JFrog model"] = await made("/models", JFROG, tags=["a"])
    version = ids["JFrog version"] = await made(f"/models/{model}/versions", JFROG, metrics={"m": 1}, artifact_path="s3://x")
    ids["JFrog experiment"] = await made("/experiments", JFROG, model_id=model, parameters={"p": "x"})
    ids["JFrog deployment"] = await made("/deployments", JFROG, model_id=model, model_version_id=version)
    gone = await made("/models", JFROG, name=f"{MARK}-gone")
    assert (await lab.ask("lea", "DELETE", f"{JFROG}/models/{gone}")).status == 204
    (deletion,) = (await lab.ask("lea", "GET", f"{NATIVE}/trash")).json["deletions"]
    assert deletion["name"] == f"{MARK}-gone"
    ids["in the trash"], ids["deletion"] = gone, str(deletion["id"])
    return ids


async def contents(lab: Lab) -> dict[str, str]:
    """All that its own people see of the lab."""
    seen = {}
    for route in of_projects(lab, "by the path"):
        if route.method == "GET" and route.id != ENDLESS:
            for ids in of_route(lab, route):
                answer = await lab.ask("lea", "GET", route.with_ids(*ids))
                seen[f"{route.path} {ids}"] = answer.text.replace(answer.headers["x-request-id"], "REQUEST")
    return seen


def of_route(lab: Lab, route: Route) -> list[tuple[str, ...]]:
    """What to ask a route with: ids of everything in the lab, and where one id stands within another, the two that belong together."""
    if "{" not in route.path:
        return [("",)]
    within = [(lab.ids["model"], lab.ids["version"]), (lab.ids["JFrog model"], lab.ids["JFrog version"])]
    return [*[(record_id,) for record_id in set(lab.ids.values())], *(within if route.path.count("{") > 1 else [])]


def in_dialects(lab: Lab) -> list[Route]:
    return [route for route in routes(lab.edge) if route.dialect != "ops"]


def of_projects(lab: Lab, way: str) -> list[Route]:
    """Those that concern a project, and not the whole server or whoever asks; for roles on records, those that such roles may give."""
    found = [route for route in in_dialects(lab) if route.permission not in OF_THE_SERVER | OF_EVERYONE]
    return found if way in WAYS else [route for route in found if route.permission in OF_RECORDS]


def told(answer: Answer, *ids: str) -> tuple[int, str]:
    """What an answer says, but for the ids that were asked for and the request's own."""
    text = answer.text.replace(answer.headers["x-request-id"], "REQUEST")
    return answer.status, re.sub(rf"\b({'|'.join((*ids, UNKNOWN_ID))})\b", "ID", text)


@pytest.mark.parametrize("way", NARROW)
async def test_ids_out_of_reach_are_unknown_on_every_route(lab: Lab, way: str) -> None:
    start, who = NARROW[way]
    before, looked, asked = await contents(lab), [], 0
    assert sum(MARK in text for text in before.values()) > 50
    for route in of_projects(lab, way):
        if "{" not in route.path or (way not in WAYS and route.id == NAMES_A_PLACE):
            continue
        body = BODIES.get(route.id, {}) if route.method in ("POST", "PUT", "PATCH") else None
        unknown = told(await lab.ask(who, route.method, start + route.with_ids(UNKNOWN_ID), body), UNKNOWN_ID)
        for ids in of_route(lab, route):
            answer = await lab.ask(who, route.method, start + route.with_ids(*ids), body)
            asked += 1
            assert told(answer, *ids) == unknown, (route, ids)
            assert MARK not in answer.text
        if not (unknown[0] == 404 or (unknown[0] == 200 and route.method == "GET")):
            looked.append((route.id, *unknown))
    # If the request were refused for something else, equal answers would say nothing.
    assert not looked, looked
    assert asked > 300
    assert await contents(lab) == before


@pytest.mark.parametrize("way", NARROW)
async def test_lists_and_lookups_have_nothing_that_is_out_of_reach(lab: Lab, way: str) -> None:
    start, who = NARROW[way]
    looked = 0
    for route in of_projects(lab, way):
        if "{" in route.path or route.method != "GET":
            continue
        for query in (
            "",
            f"?name={MARK}-registered_models",
            f"?externalId={MARK}-m",
            f"?name={MARK}-1&parentResourceId={lab.ids['model']}",
        ):
            answer = await lab.ask(who, "GET", start + route.path + query)
            nobodys = await lab.ask(who, "GET", start + route.path + query.replace(MARK, "of-nobody"))
            assert answer.status == nobodys.status
            assert answer.text.replace(MARK, "of-nobody") == nobodys.text, route
            looked += 1
    assert looked > 80


@pytest.mark.parametrize("way", WAYS)
async def test_bodies_cannot_name_what_is_in_another_project(lab: Lab, way: str) -> None:
    start, who = WAYS[way]

    async def mine(path: str, **body: Any) -> str:
        answer = await lab.ask(who, "POST", start + KUBEFLOW + path, {"name": unique(), **body})
        assert answer.status in (200, 201), answer.text
        return str(answer.json["id"])

    model, environment = await mine("/registered_models"), await mine("/serving_environments")
    version = await mine("/model_versions", registeredModelId=model)
    service = await mine("/inference_services", registeredModelId=model, servingEnvironmentId=environment)
    before = await contents(lab)
    for path, field, kind, more in (
        ("/model_versions", "registeredModelId", "model", {}),
        ("/experiment_runs", "experimentId", "experiment", {}),
        ("/inference_services", "servingEnvironmentId", "environment", {"registeredModelId": model}),
        (f"/inference_services/{service}/serves", "modelVersionId", "version", {}),
        (f"/model_versions/{version}/artifacts", "id", "artifact", {"artifactType": "model-artifact"}),
        (f"/model_versions/{version}/artifacts", "id", "free artifact", {"artifactType": "model-artifact"}),
    ):
        theirs = await lab.ask(who, "POST", start + KUBEFLOW + path, {"name": "x", field: lab.ids[kind], **more})
        unknown = await lab.ask(who, "POST", start + KUBEFLOW + path, {"name": "x", field: UNKNOWN_ID, **more})
        assert theirs.status in (400, 404)
        assert told(theirs, lab.ids[kind]) == told(unknown, UNKNOWN_ID)
    for path, field, kind, more in (
        ("/experiments", "model_id", "JFrog model", {}),
        ("/deployments", "model_id", "JFrog model", {"model_version_id": version}),
        ("/deployments", "model_version_id", "JFrog version", {"model_id": model}),
    ):
        theirs = await lab.ask(who, "POST", start + JFROG + path, {"name": "x", field: lab.ids[kind], **more})
        unknown = await lab.ask(who, "POST", start + JFROG + path, {"name": "x", field: UNKNOWN_ID, **more})
        assert theirs.status == 422
        assert told(theirs, lab.ids[kind]) == told(unknown, UNKNOWN_ID)
    assert await contents(lab) == before


async def test_names_and_external_ids_are_free_in_every_project(lab: Lab) -> None:
    taken = {"name": f"{MARK}-registered_models", "externalId": f"{MARK}-m"}
    answer = await lab.ask("ann", "POST", f"{KUBEFLOW}/registered_models", taken)
    assert answer.status == 201
    assert (await lab.ask("lea", "POST", f"{KUBEFLOW}/registered_models", taken)).status == 409
    found = await lab.ask("ann", "GET", f"{KUBEFLOW}/registered_model?externalId={MARK}-m")
    assert found.json["id"] == answer.json["id"] != lab.ids["model"]


async def test_somebody_of_one_project_does_not_get_into_another(lab: Lab) -> None:
    unknown = await lab.ask("ann", "GET", f"/p/nowhere{KUBEFLOW}/registered_models")
    for route in in_dialects(lab):
        answer = await lab.ask("ann", route.method, f"/p/lab{route.with_ids(lab.ids['model'])}")
        assert answer.status == 404
        if route.dialect == "kubeflow":
            assert answer.text == unknown.text.replace("nowhere", "lab")
