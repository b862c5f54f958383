import re

import pytest

from modelyard import __version__
from modelyard.api.http.docs import docs_routes
from modelyard.api.ops.landing import landing_routes
from tests.unit.api.http.toy import Toys, dialect

TOYS = dialect(title="Toys & <more>")
SITE = Toys(TOYS, routes=(*landing_routes([TOYS]), *docs_routes([TOYS])))

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


async def test_a_browser_is_greeted() -> None:
    answer = await SITE.call("GET", "/", BROWSER)
    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")
    assert __version__ in answer.text
    assert "Toys &amp; &lt;more&gt;" in answer.text
    assert "Accept" in answer.all("vary")
    assert "default-src 'none'" in (answer.header("content-security-policy") or "")


async def test_the_pages_links_lead_somewhere() -> None:
    answer = await SITE.call("GET", "/", BROWSER)
    links = set(re.findall(r'href="([^"]+)"', answer.text)) - {"readyz"}
    assert {"docs", "openapi/toys.json"} < links
    for link in links:
        assert (await SITE.call("GET", f"/{link}")).status == 200


@pytest.mark.parametrize(
    ("method", "headers"), [("GET", {}), ("GET", {"Accept": "*/*"}), ("GET", {"Accept": "application/json"}), ("POST", BROWSER)]
)
async def test_anyone_else_gets_the_plain_404(method: str, headers: dict[str, str]) -> None:
    answer = await SITE.call(method, "/", headers)
    assert (answer.status, answer.text) == (404, "404 page not found\n")


async def test_the_version_is_told() -> None:
    assert (await SITE.call("GET", "/version")).json == {"name": "modelyard", "version": __version__}
