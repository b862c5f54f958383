"""`/api/v1`: accounts, tokens, grants and projects over HTTP, at servers that ask who one is."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from openapi_schema_validator import OAS30Validator

from tests.conftest import NewDatabase
from tests.dialects.registry import Json, Registry, unique
from tests.servers.modelyard import serving
from tests.servers.people import client, first_admin

MODELS = "/api/model_registry/v1alpha3/registered_models"
PASSWORD = "a long password"


class Place(NamedTuple):
    """Two servers on one store, and its admin at each."""

    urls: tuple[str, str]
    admin: httpx.Client
    elsewhere: httpx.Client


@pytest.fixture(scope="module")
def place(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    store = new_database("sqlite")
    token = first_admin(store, "--name", "root")
    with ExitStack() as running:
        one, two = [running.enter_context(serving(store, home=tmp_path_factory.mktemp("accounts"))).url for _ in range(2)]
        yield Place(
            (one, two), running.enter_context(client(one + "/api/v1", token)), running.enter_context(client(two + "/api/v1", token))
        )


def ok(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def refused(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    problem = response.json()
    assert problem["code"] == code
    return str(problem["detail"])


def new_user(place: Place, **more: Any) -> str:
    name = unique("user")
    ok(place.admin.post("/users", json={"name": name, **more}), 201)
    return name


def new_token(place: Place, user: str, **order: Any) -> Json:
    made: Json = ok(place.admin.post(f"/users/{user}/tokens", json=order), 201)
    return made


def granted(place: Place, user: str, role: str, **on: Any) -> int:
    return int(ok(place.admin.post("/grants", json={"user": user, "role": role, **on}), 201)["id"])


def test_the_first_admin_is_let_in(place: Place) -> None:
    me = ok(place.admin.get("/me"))
    everything = {"role": "admin", "project": None, "kind": None, "record_id": None}
    assert me == {"name": "root", "account": True, "home": "default", "scope": None, "grants": [everything]}
    with client(place.urls[0]) as stranger:
        assert refused(stranger.get("/api/v1/me"), 401, "unauthenticated")


def test_where_nobody_is_asked_there_is_nobody_to_make(registry: Registry) -> None:
    native = registry.under("/api/v1")
    me = ok(native.get("/me"))
    assert (me["name"], me["account"], [grant["role"] for grant in me["grants"]]) == ("anonymous", False, ["admin"])
    assert "modelyard admin init" in refused(native.post("/users", {"name": "ann"}), 403, "forbidden")
    refused(native.get("/me/tokens"), 404, "not_found")
    assert ok(native.get("/projects"))["projects"][0]["name"] == "default"


def test_a_user_signs_in_by_password_and_changes_it(place: Place) -> None:
    name = new_user(place, password=PASSWORD)
    with client(place.urls[0] + "/api/v1", auth=(name, PASSWORD)) as user:
        assert ok(user.get("/me"))["grants"] == []
        assert refused(user.post("/me/password", json={"old_password": "wrong", "new_password": "another password"}), 403, "forbidden")
        ok(user.post("/me/password", json={"old_password": PASSWORD, "new_password": "another password"}), 204)
    with client(place.urls[0] + "/api/v1", auth=(name, "another password")) as user:
        assert ok(user.get("/me"))["name"] == name


def test_a_user_makes_shows_and_revokes_tokens_of_its_own(place: Place) -> None:
    name = new_user(place)
    with client(place.urls[0] + "/api/v1", new_token(place, name, label="first")["token"]) as user:
        made = ok(user.post("/me/tokens", json={"label": "second", "scope": "viewer", "expires_in": 3600}), 201)
        assert made["expires_at"] == made["created_at"] + 3_600_000
        shown = ok(user.get("/me/tokens"))
        assert [(token["label"], token["scope"]) for token in shown["tokens"]] == [("first", None), ("second", "viewer")]
        assert made["token"] not in str(shown)
        ok(user.delete(f"/me/tokens/{made['id']}"), 204)
        assert len(ok(user.get("/me/tokens"))["tokens"]) == 1
        other = new_token(place, "root")
        assert refused(user.delete(f"/me/tokens/{other['id']}"), 404, "not_found")
        ok(place.admin.delete(f"/tokens/{other['id']}"), 204)


def test_a_token_with_a_scope_makes_no_tokens(place: Place) -> None:
    with client(place.urls[0] + "/api/v1", new_token(place, "root", scope="contributor")["token"]) as capped:
        assert ok(capped.get("/me"))["scope"] == "contributor"
        refused(capped.post("/me/tokens"), 403, "forbidden")
        refused(capped.get("/users"), 403, "forbidden")


def test_a_role_lets_in_where_it_was_granted(place: Place) -> None:
    name, project = new_user(place), unique("p").lower()
    ok(place.admin.post("/projects", json={"name": project}), 201)
    with client(place.urls[0], new_token(place, name)["token"]) as user:
        assert user.get(MODELS).status_code == 403
        grant = granted(place, name, "contributor", project=project)
        assert user.get(MODELS).status_code == 403
        assert user.post(f"/p/{project}{MODELS}", json={"name": "fraud"}).status_code == 201
        model = place.admin.get(f"{place.urls[0]}/p/{project}{MODELS}").json()["items"][0]
        assert model["name"] == "fraud"
        assert [one["id"] for one in ok(place.admin.get("/grants", params={"user": name}))["grants"]] == [grant]
        ok(place.admin.delete(f"/grants/{grant}"), 204)
        assert user.get(f"/p/{project}{MODELS}").status_code == 404
        narrow = granted(place, name, "viewer", project=project, kind="model", record_id=int(model["id"]))
        assert ok(place.admin.get("/grants", params={"user": name}))["grants"][0]["record_id"] == int(model["id"])
        assert user.get(f"/p/{project}{MODELS}/{model['id']}").status_code == 200
        ok(place.admin.delete(f"/grants/{narrow}"), 204)


def test_a_server_knows_at_once_what_was_changed_through_it(place: Place) -> None:
    """However often it was asked before, and when the change is kept under a key for retries, which makes it one transaction with that."""
    name = new_user(place)
    with client(place.urls[0], new_token(place, name)["token"]) as user:
        for _ in range(10):
            assert user.get(MODELS).status_code == 403
            order, key = {"user": name, "role": "viewer"}, {"Idempotency-Key": unique("key")}
            grant = ok(place.admin.post("/grants", json=order, headers=key), 201)
            assert user.get(MODELS).status_code == 200
            ok(place.admin.delete(f"/grants/{grant['id']}"), 204)


def test_a_revoked_token_is_refused_by_every_server_within_two_seconds(place: Place) -> None:
    name = new_user(place)
    made = new_token(place, name)
    with client(place.urls[0] + "/api/v1", made["token"]) as here, client(place.urls[1] + "/api/v1", made["token"]) as there:
        assert ok(here.get("/me"))["name"] == ok(there.get("/me"))["name"] == name
        ok(place.elsewhere.delete(f"/tokens/{made['id']}"), 204)
        time.sleep(2)
        for user in (here, there):
            refused(user.get("/me"), 401, "unauthenticated")


def test_a_disabled_user_is_out_and_back(place: Place) -> None:
    name = new_user(place, password=PASSWORD)
    with client(place.urls[0] + "/api/v1", auth=(name, PASSWORD)) as user:
        ok(user.get("/me"))
        assert ok(place.admin.patch(f"/users/{name}", json={"disabled": True}))["disabled"]
        refused(user.get("/me"), 401, "unauthenticated")
        ok(place.admin.patch(f"/users/{name}", json={"disabled": False}))
        ok(user.get("/me"))
    ok(place.admin.delete(f"/users/{name}"), 204)
    refused(place.admin.get(f"/users/{name}/tokens"), 404, "not_found")


def test_guessing_is_slowed_down_for_the_one_who_is_guessed_at(place: Place) -> None:
    name, other = new_user(place, password=PASSWORD), new_user(place, password=PASSWORD)
    with client(place.urls[1] + "/api/v1") as guesser:
        answers = [guesser.get("/me", auth=(name, f"guess {number}")) for number in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert answers[-1].headers["retry-after"] == "1"
        assert guesser.get("/me", auth=(other, PASSWORD)).status_code == 429, "the address is slowed down, too"
        time.sleep(1.1)
        assert ok(guesser.get("/me", auth=(other, PASSWORD)))["name"] == other
    assert ok(place.elsewhere.get("/me"))["name"] == "root", "who has a token is not affected"


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/users", {"name": "a b"}, 400, "letters"),
        ("/users", {"name": "x", "password": "short"}, 400, "8 to 256"),
        ("/users", {"name": "x", "kind": "robot"}, 400, "robot"),
        ("/users", {"name": "x", "home": "nowhere"}, 404, "project"),
        ("/users", {"nam": "x"}, 400, "nam"),
        ("/users", {}, 422, "name"),
        ("/users", {"name": "root"}, 409, "root"),
        ("/users/root/tokens", {"scope": "king"}, 400, "king"),
        ("/users/root/tokens", {"expires_in": 0}, 400, "expires_in"),
        ("/users/nobody/tokens", {}, 404, "nobody"),
        ("/grants", {"user": "root", "role": "viewer", "kind": "model"}, 422, "both"),
        ("/grants", {"user": "root", "role": "viewer", "project": "default", "kind": "model", "record_id": 999999}, 404, "999999"),
        ("/grants", {"user": "root", "role": "admin"}, 409, "already"),
        ("/projects", {"name": "Big"}, 400, "lower-case"),
        ("/projects", {"name": "default"}, 409, "default"),
        ("/me/password", {"old_password": PASSWORD, "new_password": "short"}, 400, "8 to 256"),
    ],
)
def test_what_is_refused_says_why(place: Place, path: str, body: Json, status: int, word: str) -> None:
    response = place.admin.post(path, json=body)
    assert response.status_code == status, response.text
    assert word in response.json()["detail"]
    assert PASSWORD not in response.text


def test_the_last_admin_cannot_be_lost(place: Place) -> None:
    (grant,) = ok(place.admin.get("/grants", params={"user": "root"}))["grants"]
    for response in (
        place.admin.delete("/users/root"),
        place.admin.patch("/users/root", json={"disabled": True}),
        place.admin.delete(f"/grants/{grant['id']}"),
    ):
        assert "last admin" in refused(response, 409, "in_use")


def test_projects_are_archived_and_taken_back(place: Place) -> None:
    name = unique("p").lower()
    made = ok(place.admin.post("/projects", json={"name": name}), 201)
    assert ok(place.admin.patch(f"/projects/{name}", json={"archived": True})) == {**made, "archived": True}
    assert place.admin.get(f"{place.urls[0]}/p/{name}{MODELS}").status_code == 404
    assert ok(place.admin.patch(f"/projects/{name}", json={"archived": False})) == made
    refused(place.admin.patch("/projects/default", json={"archived": True}), 409, "in_use")


def test_lists_come_in_pages(place: Place) -> None:
    names = [new_user(place) for _ in range(3)]
    found: list[str] = []
    after: Json = {}
    while True:
        page = ok(place.admin.get("/users", params={"limit": 2, **after}))
        assert len(page["users"]) <= 2
        found += [user["name"] for user in page["users"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found[-3:] == names
    assert len(set(found)) == len(found)
    refused(place.admin.get("/users", params={"limit": 1001}), 400, "invalid")


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/grants?user=a%00", "user"),
        ("GET", "/users/a%00/tokens", "name"),
        ("POST", "/users/a%00/tokens", "name"),
        ("PATCH", "/users/a%00", "name"),
        ("DELETE", "/users/a%00", "name"),
        ("PATCH", "/projects/a%00", "name"),
        ("GET", "/runs/1/metrics/a%00", "name"),
    ],
)
def test_a_name_with_nul_is_refused(place: Place, method: str, path: str, field: str) -> None:
    body = {"archived": True} if path.startswith("/projects") else {}
    told = refused(place.admin.request(method, path, json=body), 400, "invalid")
    assert told == rf"{field} is 'a\x00': use text without NUL"


def test_postgresql_is_asked_for_an_account_with_nul(new_database: NewDatabase, tmp_path: Path) -> None:
    """It takes no such text from anyone: what looks for one is told, here who says that this is their name."""
    store = new_database("postgresql")
    first_admin(store, "--name", "root")
    with serving(store, home=tmp_path) as server:
        told = refused(httpx.get(server.url + "/api/v1/trash", auth=("a\0", PASSWORD)), 400, "invalid")
        assert "U+0000" in told


def test_secrets_are_not_kept_for_retries(place: Place) -> None:
    """An idempotency key would keep the answer, with the token in it, in the store."""
    key = {"Idempotency-Key": unique("key")}
    first, second = [place.admin.post("/users/root/tokens", json={}, headers=key) for _ in range(2)]
    assert ok(first, 201)["token"] != ok(second, 201)["token"]
    project = unique("p").lower()
    answers = [place.admin.post("/projects", json={"name": project}, headers=key) for _ in range(2)]
    assert ok(answers[0], 201) == ok(answers[1], 201)
    document = httpx.get(place.urls[0] + "/openapi/native.json").json()["paths"]
    takes_key = {path for path, methods in document.items() if "Idempotency-Key" in str(methods.get("post", {}).get("parameters"))}
    assert {"/api/v1/projects", "/api/v1/grants"} <= takes_key
    assert takes_key.isdisjoint({"/api/v1/users", "/api/v1/users/{name}/tokens", "/api/v1/me/tokens", "/api/v1/me/password"})
    for made in (first, second):
        ok(place.admin.delete(f"/tokens/{made.json()['id']}"), 204)


def test_answers_are_what_the_document_says(place: Place) -> None:
    document = httpx.get(place.urls[0] + "/openapi/native.json").json()
    for path in ("/me", "/me/tokens", "/users", "/users/root/tokens", "/grants", "/projects"):
        template = path.replace("root", "{name}")
        schema = document["paths"][f"/api/v1{template}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        OAS30Validator({**schema, "components": document["components"]}).validate(ok(place.admin.get(path)))
