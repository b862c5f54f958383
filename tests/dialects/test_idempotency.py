"""Every POST of every dialect heeds an `Idempotency-Key`, but those with secrets in them."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
import pytest

from modelyard.access.permissions import Role
from modelyard.api.http.edge import Edge
from modelyard.settings import Settings
from tests.access.accounts import PASSWORD, Accounts, role
from tests.access.routes import Route, routes
from tests.dialects.registry import V1ALPHA3, unique
from tests.inprocess import Answer, call, running

JFROG, NATIVE = "/ml/api/v1", "/api/v1"


class Here(NamedTuple):
    """A registry that asks who one is, and the token of its admin."""

    edge: Edge
    token: str

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        return await call(self.edge, method, path, headers, b"" if body is None else msgspec.json.encode(body))

    async def made(self, path: str, **body: Any) -> str:
        answer = await self.ask("POST", path, {"name": unique(), **body})
        assert answer.status in (200, 201), answer.text
        return str(answer.json["id"])


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Here]:
    settings = Settings(data_dir=str(tmp_path_factory.mktemp("store")))
    async with running(settings) as edge:
        yield Here(edge, await Accounts(settings.database).add("root", role("root", Role.ADMIN), password=PASSWORD))


async def requests(here: Here) -> dict[str, tuple[str, Any]]:
    """What `{...}` in its path is, and a good body, for each operation that is a POST; a new name each time that it is asked for."""
    model = await here.made(f"{V1ALPHA3}/registered_models")
    version = await here.made(f"{V1ALPHA3}/model_versions", registeredModelId=model)
    experiment = await here.made(f"{V1ALPHA3}/experiments")
    run = await here.made(f"{V1ALPHA3}/experiment_runs", experimentId=experiment)
    environment = await here.made(f"{V1ALPHA3}/serving_environments")
    service = await here.made(f"{V1ALPHA3}/inference_services", registeredModelId=model, servingEnvironmentId=environment)
    assert (await here.ask("DELETE", f"{JFROG}/models/{await here.made(f'{JFROG}/models')}")).status == 204
    deletion = str((await here.ask("GET", f"{NATIVE}/trash")).json["deletions"][0]["id"])
    name = {"name": unique("x").lower()}
    artifact = {**name, "artifactType": "model-artifact"}
    user = unique("user")
    assert (await here.ask("POST", f"{NATIVE}/users", {"name": user})).status == 201
    return {
        "jfrog createModel": ("", name),
        "jfrog createModelVersion": (model, {"version": unique(), "metrics": {"m": 1}}),
        "jfrog createExperiment": ("", {**name, "model_id": model}),
        "jfrog createDeployment": ("", {**name, "model_id": model, "model_version_id": version}),
        "kubeflow createArtifact": ("", artifact),
        "kubeflow createModelArtifact": ("", artifact),
        "kubeflow upsertModelVersionArtifact": (version, artifact),
        "kubeflow upsertExperimentRunArtifact": (run, artifact),
        "kubeflow createRegisteredModel": ("", name),
        "kubeflow createModelVersion": ("", {**name, "registeredModelId": model}),
        "kubeflow createRegisteredModelVersion": (model, {**name, "registeredModelId": model}),
        "kubeflow createExperiment": ("", name),
        "kubeflow createExperimentRun": ("", {**name, "experimentId": experiment}),
        "kubeflow createExperimentExperimentRun": (experiment, {**name, "experimentId": experiment}),
        "kubeflow createServingEnvironment": ("", name),
        "kubeflow createInferenceService": ("", {**name, "registeredModelId": model, "servingEnvironmentId": environment}),
        "kubeflow createEnvironmentInferenceService": (environment, {**name, "registeredModelId": model}),
        "kubeflow createInferenceServiceServe": (service, {**name, "modelVersionId": version}),
        "native createGrant": ("", {"user": user, "role": "viewer"}),
        "native createProject": ("", name),
        "native logPoints": (run, [{"name": "loss", "value": 0.5}]),
        "native restore": (deletion, {}),
        "native purgeTrash": ("", {"older_than_days": 0}),
    }


async def last_events(here: Here) -> list[Any]:
    """Of the project, and of the server itself."""
    return [(await here.ask("GET", f"{NATIVE}/events?limit=1&of={of}")).json for of in ("project", "server")]


def posts(edge: Edge) -> list[Route]:
    return [route for route in routes(edge) if route.method == "POST"]


def secret(edge: Edge) -> set[str]:
    return {f"{door.name} {one.id}" for door in edge._doors for one in door.dialect.operations if one.secret}


async def test_every_post_sent_again_changes_nothing_and_is_answered_the_same(here: Here) -> None:
    for route in posts(here.edge):
        called = f"{route.dialect} {route.id}"
        if called in secret(here.edge):
            continue
        within, body = (await requests(here))[called]
        key = unique("key")
        first = await here.ask("POST", route.with_ids(within), body, key)
        assert first.status in (200, 201), (route, first.text)
        assert "idempotency-replayed" not in first.headers

        events = await last_events(here)
        again = await here.ask("POST", route.with_ids(within), body, key)

        assert (again.status, again.body, again.headers.get("idempotency-replayed")) == (first.status, first.body, "true"), route
        assert await last_events(here) == events


async def test_only_these_ignore_the_key_for_it_would_keep_a_secret(here: Here) -> None:
    assert secret(here.edge) == {"native createUser", "native createToken", "native createOwnToken", "native changePassword"}
    key = unique("key")
    for path in ("/me/tokens", "/users/root/tokens"):
        texts = {(await here.ask("POST", f"{NATIVE}{path}", {}, key)).json["token"] for _ in range(2)}
        assert len(texts) == 2
