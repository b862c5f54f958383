import base64

import msgspec
import pytest

from modelyard.access.entities import Grant, Principal
from modelyard.access.memory_directory import MemoryDirectory
from modelyard.access.permissions import Permission, Role
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.message import Request, Response, json_response, text_response
from modelyard.context import DEFAULT_PROJECT, ProjectId
from modelyard.records.kinds import Kind
from tests.unit.api.http.toy import PREFIX, Answer, Toys, dialect, echo, operation

TOYS = f"{PREFIX}/toys"
LAB, SHUT = ProjectId(7), ProjectId(8)
ANN = Principal("ann", LAB, (Grant(Role.CONTRIBUTOR, LAB), Grant(Role.VIEWER, DEFAULT_PROJECT)))
BOB = Principal("bob", LAB)
"""Has an account, and no role anywhere."""


async def who(request: Request) -> Response:
    """What the doorkeeper told the request."""
    caller = request.caller
    reach, sight = (None if one is None else [sorted(one.models), sorted(one.experiments)] for one in (caller.reach, caller.sight))
    return json_response(200, {"name": caller.name, "project": caller.project, "reach": reach, "sight": sight, "base": request.base})


OPERATIONS = (
    operation("GET", "/toys", who, "listToys"),
    operation("POST", "/toys", who, "createToy", permission=Permission.MODELS_WRITE),
    operation("GET", "/accounts", who, "listAccounts", permission=Permission.ACCOUNTS_MANAGE),
    operation("GET", "/me", who, "me", permission=Permission.SELF),
    operation("GET", "/ping", who, "ping", permission=Permission.PUBLIC),
)


def directory(*principals: Principal) -> MemoryDirectory:
    """Each has the token `<name>'s token` and the password `<name>'s password`."""
    made = MemoryDirectory()
    made.projects |= {"lab": LAB, "shut": SHUT}
    for principal in principals or (ANN, BOB):
        made.add(principal, f"{principal.name}'s token", f"{principal.name}'s password")
    return made


def guarded(*principals: Principal) -> Toys:
    return Toys(dialect(OPERATIONS), directory=directory(*principals))


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}'s token"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def refused(answer: Answer, status: int) -> str:
    """Assert a refusal in the dialect's own shape; returns what it says."""
    assert answer.status == status
    assert answer.json.keys() == {"error"}
    assert answer.all("www-authenticate") == (["Bearer, Basic"] if status == 401 else [])
    said: str = answer.json["error"]
    return said


# --- who


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_says_who_asks(scheme: str) -> None:
    toys = guarded()
    answer = await toys.call("GET", TOYS, {"Authorization": f"{scheme} ann's token"})
    assert answer.json == {"name": "ann", "project": LAB, "reach": None, "sight": None, "base": ""}
    assert toys.log.of("request")[0]["caller"] == "ann"


@pytest.mark.parametrize(("name", "password"), [("ann", "ann's password"), ("ann", "ann's token"), ("any name", "ann's token")])
async def test_so_does_a_name_with_a_password_or_any_name_with_a_token(name: str, password: str) -> None:
    assert (await guarded().call("GET", TOYS, basic(name, password))).json["name"] == "ann"


async def test_a_password_may_hold_colons_and_letters_of_any_language() -> None:
    accounts = directory()
    accounts.add(ANN, "t", "a:b:ü")
    assert (await Toys(dialect(OPERATIONS), directory=accounts).call("GET", TOYS, basic("ann", "a:b:ü"))).status == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nobody",
        "Basic",
        "Basic ???",
        "Basic " + base64.b64encode(b"ann").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"ann:wrong").decode(),
        "Digest username=ann",
        "ann's token",
    ],
)
@pytest.mark.parametrize("path", [TOYS, f"{PREFIX}/me", f"{PREFIX}/nowhere"])
async def test_bad_credentials_are_refused_whether_or_not_anybody_is_asked(header: str, path: str) -> None:
    for toys in (guarded(), Toys(dialect(OPERATIONS))):
        said = refused(await toys.call("GET", path, {"Authorization": header}), 401)
        assert "token" not in header or header not in said


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", [TOYS, f"{PREFIX}/accounts", f"{PREFIX}/me", f"{PREFIX}/nowhere", f"/p/lab{TOYS}", f"/p/nowhere{TOYS}"])
async def test_without_credentials_nothing_is_told(method: str, path: str) -> None:
    assert "Bearer" in refused(await guarded().call(method, path), 401)


async def test_what_is_public_asks_nobody() -> None:
    for headers in ({}, bearer("ann"), bearer("nobody")):
        assert (await guarded().call("GET", f"{PREFIX}/ping", headers)).json["name"] == "anonymous"


async def test_where_there_are_no_accounts_everybody_may_do_everything() -> None:
    toys = Toys(dialect(OPERATIONS))
    for method, path in (("GET", TOYS), ("POST", TOYS), ("GET", f"{PREFIX}/accounts"), ("GET", f"{PREFIX}/me")):
        assert (await toys.call(method, path)).json["name"] == "anonymous"


async def test_too_many_wrong_passwords_are_told_when_to_come_back() -> None:
    toys = guarded()
    answers = [await toys.call("GET", TOYS, basic("ann", f"guess {number}")) for number in range(6)]
    assert [answer.status for answer in answers] == [401] * 5 + [429]
    assert answers[-1].header("retry-after") == "1"


async def test_a_token_that_is_revoked_elsewhere_is_refused_after_the_next_look() -> None:
    accounts = directory()
    toys = Toys(dialect(OPERATIONS), directory=accounts)
    assert (await toys.call("GET", TOYS, bearer("ann"))).status == 200
    accounts.revoke("ann's token")
    refused(await toys.call("GET", TOYS, bearer("ann")), 401)
    assert accounts.refreshed == 1


# --- whether they may


async def test_what_is_not_granted_is_denied() -> None:
    toys = guarded()
    assert (await toys.call("POST", TOYS, bearer("ann"))).status == 200
    assert "accounts:manage" in refused(await toys.call("GET", f"{PREFIX}/accounts", bearer("ann")), 403)
    assert "models:read" in refused(await toys.call("GET", TOYS, bearer("bob")), 403)
    assert (await toys.call("GET", f"{PREFIX}/me", bearer("bob"))).json["name"] == "bob"
    assert [line["caller"] for line in toys.log.of("request")] == ["ann", "ann", "bob", "bob"]


async def test_a_path_that_is_not_there_is_told_to_whoever_is_known() -> None:
    toys = guarded()
    assert (await toys.call("GET", f"{PREFIX}/nowhere", bearer("bob"))).text == "404 page not found\n"
    answer = await toys.call("PUT", TOYS, bearer("bob"))
    assert (answer.status, answer.all("allow")) == (405, ["GET", "POST"])


async def test_whoever_may_not_is_refused_before_the_body_is_read() -> None:
    answer = await guarded().call("POST", TOYS, body=b"banned" * 1000)
    refused(answer, 401)
    assert answer.header("connection") == "close"
    answer = await guarded().call("POST", TOYS, bearer("bob"), [b"banned", b"banned"])
    refused(answer, 403)
    assert answer.header("connection") == "close"


async def test_roles_on_records_reach_those_and_see_no_more() -> None:
    ola = Principal("ola", LAB, (Grant(Role.CONTRIBUTOR, LAB, Kind.MODEL, 5), Grant(Role.VIEWER, LAB, Kind.EXPERIMENT, 9)))
    toys = guarded(ola)
    seen = (await toys.call("GET", TOYS, bearer("ola"))).json
    assert (seen["reach"], seen["sight"]) == ([[5], [9]], [[5], [9]])
    changed = (await toys.call("POST", TOYS, bearer("ola"))).json
    assert (changed["reach"], changed["sight"]) == ([[5], []], [[5], [9]])
    refused(await toys.call("GET", f"{PREFIX}/accounts", bearer("ola")), 403)


async def test_whoever_sees_a_project_may_change_only_some_of_it() -> None:
    ola = Principal("ola", LAB, (Grant(Role.VIEWER, LAB), Grant(Role.CONTRIBUTOR, LAB, Kind.MODEL, 5)))
    toys = guarded(ola)
    assert (await toys.call("GET", TOYS, bearer("ola"))).json["reach"] is None
    changed = (await toys.call("POST", TOYS, bearer("ola"))).json
    assert (changed["reach"], changed["sight"]) == ([[5], []], None)


# --- in which project


async def test_the_path_may_name_a_project() -> None:
    toys = guarded()
    answer = await toys.call("GET", f"/p/default{TOYS}", bearer("ann"))
    assert answer.json == {"name": "ann", "project": DEFAULT_PROJECT, "reach": None, "sight": None, "base": "/p/default"}
    refused(await toys.call("POST", f"/p/default{TOYS}", bearer("ann")), 403)
    assert (await toys.call("POST", f"/p/lab{TOYS}", bearer("ann"))).json["project"] == LAB
    assert [line["path"] for line in toys.log.of("request")] == [f"/p/default{TOYS}", f"/p/default{TOYS}", f"/p/lab{TOYS}"]


async def test_a_project_that_is_not_there_and_one_that_is_anothers_look_the_same() -> None:
    toys = guarded()
    for path in (TOYS, f"{PREFIX}/me", f"{PREFIX}/nowhere"):
        unknown = refused(await toys.call("GET", f"/p/nowhere{path}", bearer("ann")), 404)
        assert refused(await toys.call("GET", f"/p/shut{path}", bearer("ann")), 404) == unknown.replace("nowhere", "shut")
    for name in ("", "%6cab", "LAB", "..", "%00"):
        refused(await toys.call("GET", f"/p/{name}{TOYS}", bearer("ann")), 404)


async def test_where_nobody_is_asked_the_path_names_a_project_all_the_same() -> None:
    accounts = MemoryDirectory()
    accounts.projects["lab"] = LAB
    toys = Toys(dialect(OPERATIONS), directory=accounts)
    assert (await toys.call("GET", f"/p/lab{TOYS}")).json["project"] == LAB
    refused(await toys.call("GET", f"/p/nowhere{TOYS}"), 404)


async def test_only_dialects_are_in_projects() -> None:
    async def page(_: Request) -> Response:
        return text_response(200, "here")

    toys = Toys(
        dialect([operation("GET", "/toys/{toyId}", echo)]),
        routes=[ColdRoute(id="page", path="/page", handler=page, permission=Permission.PUBLIC)],
        directory=directory(),
    )
    assert (await toys.call("GET", "/page")).status == 200
    for path in ("/p/lab/page", "/p/lab", "/p/lab/", "/p/", "/p", f"/p/lab/p/lab{TOYS}/1"):
        assert (await toys.call("GET", path, bearer("ann"))).text == "404 page not found\n"
    inside = await toys.call("GET", f"/p/lab{TOYS}/a%2Fb", bearer("ann"))
    assert inside.json["params"] == {"toyId": "a/b"}


# --- routes beside the dialects


async def test_a_route_beside_the_dialects_is_guarded_in_plain_text() -> None:
    async def page(_: Request) -> Response:
        return text_response(200, "here")

    routes = [
        ColdRoute(id="page", path="/page", handler=page, permission=Permission.PUBLIC),
        ColdRoute(id="figures", path="/figures", handler=page, permission=Permission.MODELS_READ),
    ]
    toys = Toys(dialect(OPERATIONS), routes=routes, directory=directory())
    assert (await toys.call("GET", "/page", bearer("nobody"))).text == "here"
    assert (await toys.call("GET", "/figures", bearer("ann"))).text == "here"
    for headers, status in (({}, 401), (bearer("nobody"), 401), (bearer("bob"), 403)):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            answer = await toys.call(method, "/figures", headers)
            assert answer.status == status
            assert answer.header("content-type") == "text/plain; charset=utf-8"
            assert answer.all("www-authenticate") == (["Bearer, Basic"] if status == 401 else [])


async def test_a_browser_asks_first_without_credentials() -> None:
    """A preflight carries none, by the Fetch standard."""
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = await guarded().call("OPTIONS", TOYS, asked)
    assert (answer.status, answer.header("access-control-allow-headers")) == (200, "authorization")


@pytest.mark.parametrize("permission", [None, "", "models:write", 7])
async def test_a_route_without_a_permission_keeps_the_application_from_starting(permission: object) -> None:
    unguarded = msgspec.structs.replace(OPERATIONS[0], permission=permission)
    with pytest.raises(ValueError, match="listToys declares no permission"):
        Toys(dialect([unguarded]))
    beside = ColdRoute(id="page", path="/page", handler=who, permission=permission)  # type: ignore[arg-type]  # as above
    with pytest.raises(ValueError, match="page declares no permission"):
        Toys(routes=[beside])
