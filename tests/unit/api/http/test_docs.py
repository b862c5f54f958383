import re

import pytest

from modelyard.api.http.docs import PAGE_FILES, docs_routes
from tests.unit.api.http.toy import OPERATIONS, Toys, dialect

TOYS = dialect()
SITE = Toys(TOYS, routes=docs_routes([TOYS]))


async def test_the_document_is_served_where_the_dialect_says() -> None:
    answer = await SITE.call("GET", "/openapi/toys.json")
    assert (answer.status, answer.header("content-type")) == (200, "application/json; charset=UTF-8")
    assert answer.json["openapi"] == "3.0.3"
    assert sum(len(item) for item in answer.json["paths"].values()) == len(OPERATIONS)


async def test_the_page_finds_the_documents_by_a_list() -> None:
    answer = await SITE.call("GET", "/docs/documents.json")
    assert answer.json == [{"title": "Toys", "version": "v1", "url": "/openapi/toys.json"}]


async def test_a_known_document_is_not_sent_again() -> None:
    etag = (await SITE.call("GET", "/openapi/toys.json")).header("etag") or ""
    for known in [etag, f"W/{etag}", f'"other", {etag}', "*"]:
        answer = await SITE.call("GET", "/openapi/toys.json", {"If-None-Match": known})
        assert (answer.status, answer.body, answer.header("etag")) == (304, b"", etag)
        assert answer.header("content-length") is None
    assert (await SITE.call("GET", "/openapi/toys.json", {"If-None-Match": '"other"'})).status == 200


async def test_the_page_may_load_its_own_files_only() -> None:
    answer = await SITE.call("GET", "/docs")
    assert answer.header("content-type") == "text/html; charset=utf-8"
    policy = answer.header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", answer.text)
    for target in re.findall(r'(?:src|href)="([^"#]+)"', answer.text):
        assert (await SITE.call("GET", f"/{target}")).status == 200


@pytest.mark.parametrize("name", PAGE_FILES)
async def test_nothing_comes_from_outside(name: str) -> None:
    answer = await SITE.call("GET", f"/docs/{name}")
    assert answer.status == 200
    assert answer.header("x-content-type-options") == "nosniff"
    outside = answer.text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|@import|url\(|innerHTML|eval\(", outside)


async def test_every_module_that_the_page_imports_is_served() -> None:
    for name in PAGE_FILES:
        text = (await SITE.call("GET", f"/docs/{name}")).text
        for imported in re.findall(r'^import .* from "\./(.+)";$', text, re.MULTILINE):
            assert imported in PAGE_FILES
