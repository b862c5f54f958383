import pytest

from modelyard.api.http.cors import Cors
from tests.unit.api.http.toy import PREFIX, Toys

ASK = "access-control-request-method"
ALLOW_ORIGIN = "access-control-allow-origin"
TOYS = f"{PREFIX}/toys"


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080", "http://ui.localhost"])
async def test_pages_of_this_machine_may_call(origin: str) -> None:
    answer = await Toys().call("GET", TOYS, {"Origin": origin})
    assert answer.status == 200
    assert answer.header(ALLOW_ORIGIN) == origin
    assert answer.header("access-control-expose-headers") == "Link, ETag, X-Request-Id, Idempotency-Replayed"
    assert answer.header("access-control-allow-credentials") is None
    assert answer.all("vary") == ["Origin"]


async def test_the_servers_own_pages_may_call_under_the_name_it_is_reached_by() -> None:
    headers = {"Host": "registry.example.org:8080", "Origin": "https://registry.example.org:8080"}
    assert (await Toys(hosts=["registry.example.org"]).call("POST", TOYS, headers)).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", ["https://evil.example", "https://localhost.evil.example", "null", "http://", "chrome-extension://abc"])
async def test_other_pages_may_not_not_even_with_a_simple_request(method: str, origin: str) -> None:
    answer = await Toys().call(method, TOYS, {"Origin": origin, "Content-Type": "text/plain", ASK: "POST"}, b"{}")
    assert answer.status == 403
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert origin in answer.text
    assert "cors_origins" in answer.text
    assert answer.header(ALLOW_ORIGIN) is None


async def test_configured_origins_may_call_exactly_as_written() -> None:
    toys = Toys(cors=["https://ui.example.org"])
    assert (await toys.call("GET", TOYS, {"Origin": "https://ui.example.org"})).status == 200
    for other in ["http://ui.example.org", "https://ui.example.org:444", "https://a.ui.example.org"]:
        assert (await toys.call("GET", TOYS, {"Origin": other})).status == 403


async def test_with_a_star_every_page_may_call_as_in_the_original() -> None:
    toys = Toys(cors=["*"])
    answer = await toys.call("POST", TOYS, {"Origin": "https://any.example"})
    assert answer.header(ALLOW_ORIGIN) == "https://any.example"
    # Not refused, and not allowed to read the answer either.
    answer = await toys.call("POST", TOYS, {"Origin": "null"})
    assert (answer.status, answer.header(ALLOW_ORIGIN)) == (200, None)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_preflight_is_answered_on_every_path(method: str) -> None:
    for path in (TOYS, "/unknown"):
        answer = await Toys().call(
            "OPTIONS", path, {"Origin": "http://localhost:3000", ASK: method, "Access-Control-Request-Headers": "content-type, If-Match"}
        )
        assert (answer.status, answer.body) == (200, b"")
        assert answer.all(ALLOW_ORIGIN) == ["http://localhost:3000"]
        assert answer.header("access-control-allow-methods") == "GET, POST, PUT, PATCH, DELETE, OPTIONS"
        assert answer.header("access-control-allow-headers") == "content-type, If-Match"
        assert answer.header("access-control-max-age") == "300"
        assert answer.all("vary") == ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"]


@pytest.mark.parametrize("asked", [{ASK: "TRACE"}, {ASK: "POST", "Access-Control-Request-Headers": "X-Unknown"}])
async def test_a_preflight_for_more_than_is_allowed_gets_no_allowing_header(asked: dict[str, str]) -> None:
    answer = await Toys().call("OPTIONS", TOYS, {"Origin": "http://localhost:3000", **asked})
    assert answer.status == 200
    assert not [name for name, _ in answer.headers if name.startswith("access-control")]


async def test_options_without_a_preflight_is_a_wrong_method() -> None:
    answer = await Toys().call("OPTIONS", TOYS, {"Origin": "http://localhost:3000"})
    assert (answer.status, answer.all("allow")) == (405, ["GET", "POST"])


async def test_a_change_from_an_element_of_another_site_is_refused() -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await Toys().call("POST", TOYS, headers)).status == 403
    assert (await Toys().call("GET", TOYS, headers)).status == 200
    assert (await Toys().call("POST", TOYS, {"Sec-Fetch-Site": "none"})).status == 200


@pytest.mark.parametrize("origin", ["ui.example.org", "https://ui.example.org/", "ftp://ui.example.org", "https://UI.example.org", ""])
def test_a_setting_that_no_browser_would_send_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="cors_origins"):
        Cors([origin])
