"""`/api/v1/trash`, over HTTP on every database."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator

from tests.conftest import NewDatabase
from tests.dialects.native.test_metrics import ok, problem
from tests.dialects.native.test_trashed_runs import beside
from tests.dialects.registry import Json, Registry, unique
from tests.servers.modelyard import serving
from tests.unit.world import ANN, NOON, World


class Trash:
    """A server's registry, and what no dialect offers yet: deleting."""

    def __init__(self, registry: Registry, database_url: str) -> None:
        self.registry = registry
        self.native = registry.under("/api/v1")
        self.database_url = database_url

    def delete(self, *models: Json) -> list[int]:
        """Move models to the trash, a day apart; returns the ids of their deletions."""

        async def work(world: World) -> list[int]:
            found = []
            for model in models:
                found.append((await world.models.trash_model(ANN, int(model["id"]))).id)
                world.clock.move(86_400_000)
            return found

        return beside(self.database_url, work)

    def names(self, **query: str) -> list[str]:
        return [one["name"] for one in ok(self.native.get("/trash", **query))["deletions"]]

    def purge_one(self, deletion: int | str) -> httpx.Response:
        return self.registry.http.delete(f"{self.registry.base_url}/api/v1/trash/{deletion}")


@pytest.fixture(scope="module", params=["sqlite", *(pytest.param(name, marks=pytest.mark.servers) for name in ("postgresql", "mysql"))])
def server(request: pytest.FixtureRequest, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trash]:
    url = new_database(request.param)
    env = {"MODELYARD_TRASH_RETENTION_DAYS": "0"}  # what these tests delete is from years ago
    with serving(url, home=tmp_path_factory.mktemp("trash"), env=env) as running, httpx.Client(timeout=30) as client:
        yield Trash(Registry(client, running.url), url)


@pytest.fixture
def trash(server: Trash) -> Trash:
    """One for all tests of a database, found empty by each."""
    assert server.native.post("/trash/purge", {"older_than_days": 0}).status_code == 200
    return server


def test_the_newest_deletion_comes_first_in_pages(trash: Trash) -> None:
    models = [trash.registry.model(name=f"page {name}") for name in ("a", "b", "c")]
    ids = trash.delete(*models)

    whole = ok(trash.native.get("/trash"))
    assert whole["deletions"] == [
        {
            "id": ids[place],
            "kind": "model",
            "record_id": int(models[place]["id"]),
            "name": models[place]["name"],
            "deleted_at": NOON + place * 86_400_000,
            "actor": "ann",
        }
        for place in (2, 1, 0)
    ]
    assert whole["next"] is None
    first = ok(trash.native.get("/trash", limit="2"))
    assert [one["name"] for one in first["deletions"]] == ["page c", "page b"]
    assert trash.names(limit="2", after=first["next"]) == ["page a"]


def test_restoring(trash: Trash) -> None:
    model = trash.registry.model()
    version = trash.registry.version(model)
    (deletion,) = trash.delete(model)
    path = f"/trash/{deletion}/restore"
    assert trash.registry.get(f"/model_versions/{version['id']}").status_code == 404

    restored = ok(trash.native.post(path, content=b""))

    assert (restored["id"], restored["kind"], restored["record_id"]) == (deletion, "model", int(model["id"]))
    assert restored["name"] == model["name"]
    assert trash.registry.get(f"/model_versions/{version['id']}").json() == version
    assert trash.names() == []
    problem(trash.native.post(path, {}), 404, "not_found")


def test_restoring_into_a_taken_name_asks_for_a_new_one(trash: Trash) -> None:
    name, other = unique("taken"), unique("free")
    model = trash.registry.model(name=name)
    (deletion,) = trash.delete(model)
    trash.registry.model(name=name)
    path = f"/trash/{deletion}/restore"

    assert f"model with name {name} already exists: choose another name" in problem(trash.native.post(path, {}), 409, "already_exists")
    assert ok(trash.native.post(path, {"name": other}))["name"] == other

    assert trash.registry.get(f"/registered_models/{model['id']}").json()["name"] == other
    (updated,) = ok(trash.native.get("/events", kind="model", record_id=model["id"], action="updated"))["events"]
    assert (updated["before"]["name"], updated["after"]["name"]) == (name, other)
    (trashed,) = ok(trash.native.get("/events", kind="model", record_id=model["id"], action="trashed"))["events"]
    assert (trashed["before"], trashed["after"]) == (None, deletion)


def test_a_bad_body(trash: Trash) -> None:
    (deletion,) = trash.delete(trash.registry.model())
    long = f'{{"name": "{"x" * 256}"}}'
    for body in ("{", "[]", '{"name": ""}', '{"name": 1}', '{"nom": "x"}', '{"name": "\\u0000"}', long):
        problem(trash.native.post(f"/trash/{deletion}/restore", content=body.encode()), 400, "invalid")
    assert len(trash.names()) == 1


def test_purging_one(trash: Trash) -> None:
    models = [trash.registry.model() for _ in range(2)]
    trash.registry.version(models[0])
    ids = trash.delete(*models)

    assert ok(trash.purge_one(ids[0])) == {"removed": 2}

    problem(trash.purge_one(ids[0]), 404, "not_found")
    problem(trash.native.post(f"/trash/{ids[0]}/restore", {}), 404, "not_found")
    assert trash.names() == [models[1]["name"]]


def test_purging_what_is_old(trash: Trash) -> None:
    trash.delete(*[trash.registry.model() for _ in range(2)])

    assert ok(trash.native.post("/trash/purge", {"older_than_days": 36500})) == {"removed": 0}
    problem(trash.native.post("/trash/purge", {"older_than_days": -1}), 400, "invalid")
    problem(trash.native.post("/trash/purge", {}), 422, "missing")
    assert len(trash.names()) == 2
    assert ok(trash.native.post("/trash/purge", {"older_than_days": 0})) == {"removed": 2}
    assert trash.names() == []


def test_what_is_not_there_or_no_number(trash: Trash) -> None:
    problem(trash.native.post("/trash/999999/restore", {}), 404, "not_found")
    problem(trash.purge_one("x"), 400, "invalid")
    for query in ({"limit": "0"}, {"limit": "1001"}, {"after": "x"}):
        problem(trash.native.get("/trash", **query), 400, "invalid")


def test_answers_are_what_the_document_says(trash: Trash) -> None:
    document: Any = trash.registry.http.get(f"{trash.registry.base_url}/openapi/native.json").json()
    deletion, other = trash.delete(trash.registry.model(), trash.registry.model())
    answers = {
        ("get", "/trash"): [trash.native.get("/trash"), trash.native.get("/trash", limit="x")],
        ("post", "/trash/{id}/restore"): [trash.native.post(f"/trash/{number}/restore", {}) for number in (deletion, 999_999)],
        ("delete", "/trash/{id}"): [trash.purge_one(other)],
        ("post", "/trash/purge"): [trash.native.post("/trash/purge", content=body) for body in (b'{"older_than_days": 0}', b"{}", b"[]")],
        ("get", "/events"): [trash.native.get("/events"), trash.native.get("/events", kind="x")],
    }
    for (method, path), responses in answers.items():
        declared = document["paths"]["/api/v1" + path][method]["responses"]
        for response in responses:
            ((media_type, content),) = declared[str(response.status_code)]["content"].items()
            assert response.headers["content-type"].partition(";")[0] == media_type
            OAS30Validator({**content["schema"], "components": document["components"]}).validate(response.json())
