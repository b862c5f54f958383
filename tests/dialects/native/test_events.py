"""`/api/v1/events`, over HTTP on every database: lists, and streams of what comes, from whichever server."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import NewDatabase, Serve
from tests.dialects.native.test_metrics import ok, problem
from tests.dialects.registry import Json, Registry, on_every_database, unique
from tests.servers.modelyard import serving
from tests.servers.people import client, first_admin


class TestLists:
    pytestmark = on_every_database

    def events(self, registry: Registry, **query: str) -> list[Json]:
        found: list[Json] = ok(registry.under("/api/v1").get("/events", **query))["events"]
        return found

    def test_a_records_history(self, registry: Registry) -> None:
        request_id = unique("request")
        model = registry.model(description="one")
        patch = registry.under(registry.prefix).patch
        headers = {"X-Request-Id": request_id}
        assert patch(f"/registered_models/{model['id']}", {"description": "two"}, headers=headers).status_code == 200

        updated, created = self.events(registry, kind="model", record_id=model["id"])

        assert (created["action"], created["before"], created["after"]["description"]) == ("created", None, "one")
        assert (updated["action"], updated["before"], updated["after"]["description"]) == ("updated", created["after"], "two")
        assert (updated["kind"], updated["record_id"], updated["actor"]) == ("model", int(model["id"]), "anonymous")
        assert (updated["dialect"], updated["request_id"]) == ("kubeflow", request_id)
        assert (updated["id"] > created["id"], updated["at"] >= created["at"]) == (True, True)
        assert self.events(registry, request_id=request_id) == [updated]
        assert self.events(registry, kind="model", record_id=model["id"], order="oldest") == [created, updated]
        assert self.events(registry, kind="run", record_id=model["id"]) == []
        found = self.events(registry, record_id=model["id"], action="created", dialect="kubeflow", actor="anonymous")
        assert [event for event in found if event["kind"] == "model"] == [created]
        assert {event["record_id"] for event in found} == {int(model["id"])}  # artifacts have ids of their own, this one perhaps
        assert self.events(registry, record_id=model["id"], since=str(updated["at"] + 1)) == []
        assert created in self.events(registry, record_id=model["id"], until=str(created["at"] + 1))

    def test_pages(self, registry: Registry) -> None:
        experiment = registry.experiment()
        for _ in range(4):
            registry.run(experiment)
        since = self.events(registry, kind="experiment", record_id=experiment["id"])[0]["at"]
        query = {"since": str(since), "order": "oldest", "dialect": "kubeflow"}
        whole = self.events(registry, **query)
        assert len(whole) >= 5

        found: list[Json] = []
        page: Json = {"next": None}
        while not found or page["next"]:
            page = ok(registry.under("/api/v1").get("/events", **query, limit="2", **({"after": page["next"]} if found else {})))
            assert len(page["events"]) <= 2
            found += page["events"]

        assert found[: len(whole)] == whole

    @pytest.mark.parametrize(
        "query",
        [
            {"kind": "7"},
            {"kind": "models"},
            {"action": "create"},
            {"record_id": "x"},
            {"since": "2026-11-27"},
            {"limit": "1001"},
            {"order": "up"},
            {"after": "12"},
            {"after": "x.y"},
            {"actor": "\0"},
            {"of": "everything"},
        ],
    )
    def test_a_bad_parameter_is_told(self, registry: Registry, query: Json) -> None:
        told = problem(registry.under("/api/v1").get("/events", **query), 400, "invalid")
        assert told.startswith(f"{next(iter(query))} is '")

    def test_a_stream_takes_the_same_filters(self, registry: Registry) -> None:
        native = registry.under("/api/v1")
        assert "use one of model, model_version" in problem(native.get("/events/stream", kind="7"), 400, "invalid")
        problem(native.get_with({"Last-Event-ID": "x"}, "/events/stream"), 400, "invalid")


def made(response: httpx.Response) -> Json:
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found


class Tail:
    """An open stream of server-sent events, read as a browser would."""

    def __init__(self, response: httpx.Response) -> None:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        self._lines = response.iter_lines()
        self.last_id = ""

    def message(self) -> Json | None:
        """The next message; None for one that only tells how far it is."""
        data = None
        for line in self._lines:
            name, _, value = line.partition(":")
            if not line:
                return data
            if name == "id":
                self.last_id = value.strip()
            elif name == "data":
                data = json.loads(value)
            else:
                assert line == ":"
        raise EOFError

    def event(self) -> Json:
        while (found := self.message()) is None:
            pass
        return found


@contextmanager
def following(url: str, *, last_id: str = "", token: str = "", **query: str) -> Iterator[Tail]:
    """Follows from when the block begins, or after an id."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with httpx.stream("GET", f"{url}/api/v1/events/stream", params=query, headers=headers, timeout=60) as response:
        tail = Tail(response)
        if not last_id:
            assert tail.message() is None
        yield tail


def test_what_comes_through_any_server_comes_once_and_a_client_goes_on_where_it_was(database_url: str, serve: Serve) -> None:
    urls = [serve(database_url), serve(database_url)]
    with httpx.Client(timeout=30) as client:
        one, other = (Registry(client, url) for url in urls)
        before = one.model()
        with following(urls[0]) as tail:
            models = [registry.model() for registry in (one, other, one, other)]
            events = [tail.event() for _ in models]
            if events[0]["record_id"] == int(before["id"]):  # what came a moment ago may be in it
                events = [*events[1:], tail.event()]
            assert [event["record_id"] for event in events] == [int(model["id"]) for model in models]
            listed = ok(other.under("/api/v1").get("/events", order="oldest"))["events"]
            assert events == listed[1:]
        missed = other.model()

        with following(urls[1], last_id=tail.last_id) as tail:
            assert tail.event()["record_id"] == int(missed["id"])
            with following(urls[0], last_id=str(events[1]["id"]), kind="model", after="0") as earlier:
                assert [earlier.event()["id"] for _ in range(2)] == [event["id"] for event in events[2:]]
            one.experiment()
            assert tail.event()["kind"] == "experiment"

        with following(urls[0], kind="run") as tail:
            one.model()
            run = one.run()
            assert tail.event()["record_id"] == int(run["id"])


def test_the_servers_own_events_are_for_those_who_manage_it(new_database: NewDatabase, tmp_path: Path) -> None:
    store = new_database("sqlite")
    token = first_admin(store)
    with serving(store, home=tmp_path) as server, client(f"{server.url}/api/v1", token) as admin:
        with following(server.url, token=token, of="server", kind="project") as tail:
            made(admin.post("/users", json={"name": "ann"}))
            made(admin.post("/projects", json={"name": "lab"}))
            made(admin.post("/grants", json={"user": "ann", "role": "admin", "project": "lab"}))
            anns = made(admin.post("/users/ann/tokens", json={"expires_in": 60}))
            assert admin.delete(f"/tokens/{anns['id']}").status_code == 204
            anns = made(admin.post("/users/ann/tokens", json={}))
            assert tail.event()["after"]["name"] == "lab"

        found = ok(admin.get("/events", params={"of": "server", "actor": "admin", "order": "oldest"}))["events"]
        assert [(event["action"], event["kind"]) for event in found] == [
            ("created", "account"),
            ("created", "project"),
            ("created", "token"),
            ("deleted", "token"),
            ("created", "token"),
        ]
        assert ok(admin.get("/events", params={"of": "server", "action": "deleted"}))["events"] == [found[3]]
        assert ok(admin.get("/events", params={"of": "project"})) == ok(admin.get("/events"))
        (granted,) = ok(admin.get(f"{server.url}/p/lab/api/v1/events"))["events"]
        assert (granted["kind"], granted["after"]["project"]) == ("grant", "lab")

        with client(f"{server.url}/p/lab/api/v1", anns["token"]) as ann:
            assert ok(ann.get("/events"))["events"] == [granted], "she is admin there"
            for path in ("/events", "/events/stream"):
                assert "accounts:manage" in problem(ann.get(path, params={"of": "server"}), 403, "forbidden")


def test_nobody_keeps_by_an_open_stream_what_was_taken_back(new_database: NewDatabase, tmp_path: Path) -> None:
    store = new_database("sqlite")
    token = first_admin(store)
    with serving(store, home=tmp_path) as server, client(f"{server.url}/api/v1", token) as admin, ExitStack() as streams:
        tails, tokens, grants = {}, {}, {}
        for name in ("revoked", "disabled", "demoted", "moved"):
            made(admin.post("/users", json={"name": name}))
            made(admin.post("/grants", json={"user": name, "role": "admin", "project": "default"}))
            grants[name] = made(admin.post("/grants", json={"user": name, "role": "admin"}))["id"]
            tokens[name] = made(admin.post(f"/users/{name}/tokens", json={}))
            query = {"of": "server"} if name == "demoted" else {"kind": "model"}
            tails[name] = streams.enter_context(following(server.url, token=tokens[name]["token"], **query))
        made(admin.post("/projects", json={"name": "lab"}))
        while tails["demoted"].event()["kind"] != "project":
            pass  # what came a moment ago may be in it

        assert admin.delete(f"/tokens/{tokens['revoked']['id']}").status_code == 204
        assert admin.patch("/users/disabled", json={"disabled": True}).status_code == 200
        assert admin.delete(f"/grants/{grants['demoted']}").status_code == 204
        assert admin.patch("/users/moved", json={"home": "lab"}).status_code == 200
        made(admin.post(f"{server.url}/ml/api/v1/models", json={"name": "secret"}))

        for name, tail in tails.items():
            with pytest.raises(EOFError):
                pytest.fail(f"{name} is told: {tail.event()}")


def test_where_nobody_is_asked_everybody_sees_the_servers_own_events(serve: Serve, new_database: NewDatabase) -> None:
    with client(f"{serve(new_database('sqlite'))}/api/v1") as anybody:
        made(anybody.post("/projects", json={"name": "lab"}))
        (event,) = ok(anybody.get("/events", params={"of": "server"}))["events"]
        assert (event["action"], event["kind"], event["actor"]) == ("created", "project", "anonymous")


def test_a_stop_ends_it_as_an_answer_ends(tmp_path: Path) -> None:
    """Not by a cut: the client sees the end of the body."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with serving(url, home=tmp_path) as server, following(server.url) as tail:
        with httpx.Client(timeout=30) as client:
            Registry(client, server.url).model()
        tail.event()
        server.child.stop(seconds=60)
        assert server.child.exit_code == 0
        with pytest.raises(EOFError):
            tail.event()
