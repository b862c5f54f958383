"""A path prefix, and proxies: whose word is taken, and for what."""

import pytest

from modelyard.api.http.docs import docs_routes
from modelyard.api.http.front import Front
from modelyard.api.ops.landing import landing_routes
from tests.unit.api.http.toy import PREFIX, Toys, dialect

TOYS = dialect()
ROUTES = (*docs_routes([TOYS]), *landing_routes([TOYS]))
BROWSER = {"Accept": "text/html"}
FORWARDED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "models.example.org",
    "X-Forwarded-Prefix": "/registry",
}


def site(*, prefix: str = "", trusted: tuple[str, ...] = (), peer: str = "10.0.0.7", hosts: tuple[str, ...] = ()) -> Toys:
    return Toys(TOYS, routes=ROUTES, front=Front(prefix, trusted), peer=peer, hosts=hosts)


async def servers(toys: Toys, headers: dict[str, str] | None = None, path: str = "/openapi/toys.json") -> list[dict[str, str]]:
    answer = await toys.call("GET", path, headers)
    assert answer.status == 200, answer.text
    return list(answer.json["servers"])


# --- the prefix


@pytest.mark.parametrize("path", [f"{PREFIX}/toys/a%2Fb", f"/registry{PREFIX}/toys/a%2Fb"])
async def test_a_prefix_is_taken_off_where_a_request_has_it(path: str) -> None:
    answer = await site(prefix="/registry").call("GET", path)
    assert answer.json["params"] == {"toyId": "a/b"}


@pytest.mark.parametrize("path", [f"/registry/registry{PREFIX}/toys", f"/registryx{PREFIX}/toys", f"/%72egistry{PREFIX}/toys"])
async def test_it_is_taken_off_once_and_as_whole_segments(path: str) -> None:
    assert (await site(prefix="/registry").call("GET", path)).status == 404


async def test_every_link_carries_the_prefix() -> None:
    toys = site(prefix="/registry")
    assert await servers(toys, path="/registry/openapi/toys.json") == [{"url": "/registry"}]
    for path in ("/registry", "/registry/", "/"):
        page = (await toys.call("GET", path, BROWSER)).text
        assert 'href="/registry/docs"' in page
        assert 'href="/registry/openapi/toys.json"' in page
        assert 'href="docs' not in page


async def test_without_a_prefix_links_say_nothing_of_one() -> None:
    toys = Toys(TOYS, routes=ROUTES)
    assert await servers(toys, FORWARDED) == [{"url": "/"}]
    assert 'href="docs"' in (await toys.call("GET", "/", BROWSER)).text


# --- whose word is taken


@pytest.mark.parametrize("peer", ["10.0.0.7", "::ffff:10.0.0.7", "2001:db8::1"])
async def test_a_trusted_proxy_tells_where_the_server_is(peer: str) -> None:
    toys = site(trusted=("10.0.0.0/8", "2001:db8::1"), peer=peer, hosts=("models.example.org",))
    assert await servers(toys, FORWARDED) == [{"url": "https://models.example.org/registry"}]
    assert toys.log.of("request")[0]["client"] == "203.0.113.9"


@pytest.mark.parametrize("peer", ["10.0.0.8", "127.0.0.1", "2001:db8::2", "::ffff:10.0.0.8", ""])
async def test_anyone_else_is_not_believed(peer: str) -> None:
    toys = site(trusted=("10.0.0.7",), peer=peer)
    assert await servers(toys, FORWARDED) == [{"url": "/"}]
    assert toys.log.of("request")[0].get("client", "") == peer


async def test_without_trusted_proxies_nobody_is_believed() -> None:
    toys = site(prefix="/own")
    assert await servers(toys, FORWARDED) == [{"url": "/own"}]
    assert toys.log.of("request")[0]["client"] == "10.0.0.7"


async def test_documents_of_two_places_do_not_mix() -> None:
    toys = site(trusted=("10.0.0.7",), hosts=("models.example.org", "other.example.org"))
    for host in ("models.example.org", "other.example.org", "models.example.org"):
        assert await servers(toys, {**FORWARDED, "X-Forwarded-Host": host}) == [{"url": f"https://{host}/registry"}]
    first = await toys.call("GET", "/openapi/toys.json", FORWARDED)
    second = await toys.call("GET", "/openapi/toys.json", {**FORWARDED, "X-Forwarded-Proto": "http"})
    assert first.header("etag") != second.header("etag")


# --- the host


async def test_the_host_check_takes_a_trusted_proxys_host_and_no_other() -> None:
    ask = {"Host": "10.0.0.99:8080", "X-Forwarded-Host": "models.example.org"}
    trusted = site(trusted=("10.0.0.7",), hosts=("models.example.org",))
    assert (await trusted.call("GET", f"{PREFIX}/toys", ask)).status == 200
    assert (await trusted.call("GET", f"{PREFIX}/toys", {**ask, "X-Forwarded-Host": "evil.example"})).status == 403
    forged = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert (await site(trusted=("10.0.0.8",)).call("GET", f"{PREFIX}/toys", forged)).status == 403


async def test_pages_of_the_forwarded_host_are_the_servers_own() -> None:
    toys = site(trusted=("10.0.0.7",), hosts=("models.example.org",))
    ask = {"Host": "10.0.0.7", "X-Forwarded-Host": "models.example.org", "Origin": "https://models.example.org"}
    assert (await toys.call("POST", f"{PREFIX}/toys", ask)).status == 200
    assert (await toys.call("POST", f"{PREFIX}/toys", {**ask, "Origin": "https://evil.example"})).status == 403


async def test_a_proxy_that_leaves_out_the_host_still_says_it() -> None:
    toys = site(trusted=("10.0.0.7",))
    for host, status in (("localhost", 200), ("evil.example", 403)):
        answer = await toys.send("GET", f"{PREFIX}/toys", [("x-forwarded-host", host)], [b""])
        assert answer.status == status


async def test_two_host_lines_stay_two() -> None:
    toys = site(trusted=("10.0.0.7",))
    lines = [("host", "localhost"), ("host", "localhost"), ("x-forwarded-host", "localhost")]
    assert (await toys.call("GET", f"{PREFIX}/toys", lines)).status == 400


# --- what is told wrongly


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("X-Forwarded-Prefix", "//evil.example", "https://localhost"),
        ("X-Forwarded-Prefix", '/a"b', "https://localhost"),
        ("X-Forwarded-Prefix", "/first, /last/", "https://localhost/last"),
        ("X-Forwarded-Proto", "javascript", "/registry"),
        ("X-Forwarded-Proto", "http, https", "https://localhost/registry"),
        ("X-Forwarded-Host", "evil.example, localhost:81", "https://localhost:81/registry"),
    ],
)
async def test_a_malformed_word_is_dropped_and_of_several_the_last_counts(header: str, value: str, expected: str) -> None:
    toys = site(trusted=("10.0.0.7",))
    assert await servers(toys, {**FORWARDED, "X-Forwarded-Host": "localhost", header: value}) == [{"url": expected}]


async def test_a_proxy_that_says_which_prefix_it_took_off_has_none_taken_off_again() -> None:
    toys = site(prefix="/api", trusted=("10.0.0.7",))
    assert (await toys.call("GET", f"{PREFIX}/toys", {"X-Forwarded-Prefix": "/api"})).status == 200


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        (["203.0.113.9:5123"], "203.0.113.9"),
        (["[2001:db8::9]:5123"], "2001:db8::9"),
        (["203.0.113.9, unknown"], "10.0.0.7"),
        (["<script>, 10.0.0.2"], "10.0.0.2"),
        ([], "10.0.0.7"),
    ],
)
async def test_the_client_is_the_nearest_address_that_is_no_proxy(hops: list[str], client: str) -> None:
    toys = site(trusted=("10.0.0.0/8",))
    await toys.call("GET", f"{PREFIX}/toys", [("x-forwarded-for", hop) for hop in hops])
    assert toys.log.of("request")[0]["client"] == client


async def test_peers_from_everywhere_do_not_fill_the_memory() -> None:
    front = Front(trusted=("10.0.0.7",))
    assert not any(front._trusts(f"192.0.{number // 256}.{number % 256}") for number in range(1000))
    assert len(front._judged) <= 256
