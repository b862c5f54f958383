"""Every route, asked with every method as everybody, answers as docs/reference/permissions.md says."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from modelyard.access.entities import Grant, Principal
from modelyard.access.memory_directory import MemoryDirectory
from modelyard.access.permissions import OF_EVERYONE, OF_THE_SERVER, Permission, Role
from modelyard.api.http.edge import Edge
from modelyard.context import DEFAULT_PROJECT
from modelyard.settings import Settings
from tests.access.permission_table import BEGIN, DOCUMENT, END, table
from tests.access.routes import METHODS, Route, routes
from tests.inprocess import Answer, call, running

ADMIN_OF_PROJECT = "admin of the project"
VIEWER_OF_EVERYTHING = "viewer of everything"
NO_ROLE = "account without a role"
PRINCIPALS = {
    NO_ROLE: (),
    "viewer": (Grant(Role.VIEWER, DEFAULT_PROJECT),),
    "contributor": (Grant(Role.CONTRIBUTOR, DEFAULT_PROJECT),),
    "deployer": (Grant(Role.DEPLOYER, DEFAULT_PROJECT),),
    ADMIN_OF_PROJECT: (Grant(Role.ADMIN, DEFAULT_PROJECT),),
    VIEWER_OF_EVERYTHING: (Grant(Role.VIEWER),),
    "admin": (Grant(Role.ADMIN),),
}
STRANGERS: Mapping[str, dict[str, str]] = {
    "nobody": {},
    "a bad token": {"authorization": "Bearer nobody"},
    "unreadable credentials": {"authorization": "Basic ???"},
}


@pytest.fixture(scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """The application, asking the people above."""
    directory = MemoryDirectory()
    for name, grants in PRINCIPALS.items():
        directory.add(Principal(name, DEFAULT_PROJECT, grants), name)
    async with running(Settings(data_dir=str(tmp_path_factory.mktemp("store")))) as edge:
        edge._keeper._directory = directory
        yield edge


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """The permission and the roles of each `METHOD path`, as the document's table has them."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {route.strip("`"): (permission.strip("`"), frozenset(who.split(", "))) for route, permission, who in rows}


def may(who: frozenset[str], name: str, permission: str) -> bool:
    """Whether somebody of the name may call what the document says is for these."""
    if "nobody asked" in who or "every account" in who:
        return True
    role = {ADMIN_OF_PROJECT: "admin", VIEWER_OF_EVERYTHING: "viewer"}.get(name, name)
    return role in who and (permission not in OF_THE_SERVER or name in (VIEWER_OF_EVERYTHING, "admin"))


def as_(name: str) -> dict[str, str]:
    return STRANGERS.get(name) or ({} if name in STRANGERS else {"authorization": f"Bearer {name}"})


def right_shape(route: Route, answer: Answer) -> bool:
    """Whether a refusal is in the words of its dialect."""
    kind = answer.headers["content-type"]
    if answer.status == 401 and answer.headers["www-authenticate"] != "Bearer, Basic":
        return False
    match route.dialect:
        case "kubeflow":
            return answer.json.keys() == {"code", "message"} and kind == "application/json; charset=UTF-8"
        case "ops":
            return kind.startswith("text/plain")
    return answer.json["status"] == answer.status and kind.startswith("application/problem+json")


async def test_the_document_has_every_route_as_it_is(edge: Edge) -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert text == table(routes(edge)), "run `python -m tests.access.permission_table`, and look at what it changes"


async def test_every_route_answers_everybody_as_documented(edge: Edge) -> None:
    table, wrong, asked = documented(), [], 0
    every = routes(edge)
    by_path: dict[str, dict[str, Route]] = {}
    for route in every:
        by_path.setdefault(route.path, {})[route.method] = route
    for declared in by_path.values():
        any_route = next(iter(declared.values()))
        public_path = any_route.dialect == "ops" and any_route.permission is Permission.PUBLIC
        for method in METHODS:
            asked_for = declared.get(method) or next((route for route in every if route.takes(method, any_route.example)), None)
            if any_route.dialect == "ops":
                asked_for = any_route
            permission, who = table[f"{asked_for.method} {asked_for.path}"] if asked_for else ("", frozenset({"every account"}))
            for name in (*STRANGERS, *PRINCIPALS):
                body = b"{}" if method in ("POST", "PUT", "PATCH") else b""
                answer = await call(edge, method, any_route.example, as_(name), body)
                asked += 1
                if public_path or permission == "public":
                    expected = answer.status not in (401, 403)
                elif name in STRANGERS:
                    expected = answer.status == 401 and right_shape(any_route, answer)
                elif may(who, name, permission):
                    expected = answer.status not in (401, 403)
                else:
                    expected = answer.status == 403 and right_shape(any_route, answer)
                if not expected:
                    wrong.append((method, any_route.path, name, answer.status))
    assert wrong == []
    assert asked > 6_500


@pytest.mark.parametrize("name", [*STRANGERS, NO_ROLE])
async def test_a_path_that_is_not_there_tells_nobody_anything(edge: Edge, name: str) -> None:
    for prefix in {door.dialect.prefix for door in edge._doors}:
        for method in METHODS:
            answer = await call(edge, method, f"{prefix}/nowhere", as_(name))
            assert answer.status == (404 if name == NO_ROLE else 401)


def test_the_document_says_of_each_permission_which_roles_have_it() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {row[0].strip(" `"): [cell.strip().startswith("yes") for cell in row[2:]] for row in rows}
    assert told == {permission: [permission in role.permissions for role in Role] for permission in set(Permission) - OF_EVERYONE}
    only_on_everything = {row[0].strip(" `") for row in rows if "on everything" in row[-1]}
    assert only_on_everything == set(OF_THE_SERVER)


async def test_the_table_can_be_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edge: Edge) -> None:
    from tests.access import permission_table  # noqa: PLC0415 - its module's state is changed here

    copy = tmp_path / "permissions.md"
    copy.write_text(DOCUMENT.read_text(encoding="utf-8").replace(table(routes(edge)), "nothing\n"), encoding="utf-8")
    monkeypatch.setattr(permission_table, "DOCUMENT", copy)
    permission_table.main()
    assert copy.read_text(encoding="utf-8") == DOCUMENT.read_text(encoding="utf-8")
