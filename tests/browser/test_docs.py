"""The documents' page, as someone who wants to try an API sees it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

from tests.conftest import NewDatabase, Serve
from tests.servers.modelyard import serving

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def base(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(new_database("sqlite"), home=tmp_path_factory.mktemp("docs")) as server:
        yield server.url


def answer(page: Page) -> Locator:
    """What came back. The rest of the page has the same words: in the form, the curl command and the list of answers."""
    return page.get_by_role("region", name="Answer")


def test_shows_every_document_and_loads_nothing_from_outside(base: str, page: Page) -> None:
    asked: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("request", note)
    page.on("console", complain)
    page.goto(f"{base}/docs")
    expect(page.locator("#document option")).to_have_count(4)
    expect(page.get_by_role("navigation", name="Operations and schemas").get_by_text("Register a model", exact=True)).to_be_visible()
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(base).netloc}
    assert complaints == []


def test_search_finds_an_operation_and_try_it_really_does_it(base: str, page: Page) -> None:
    page.goto(f"{base}/docs")
    page.locator("#search").fill("createRegisteredModel")
    page.locator("#list a").first.click()
    expect(page.locator("main h2")).to_have_text("Register a model")
    page.locator("#main textarea").fill('{"name": "made in the page"}')
    page.get_by_role("button", name="Send").click()
    expect(answer(page)).to_contain_text("201")
    expect(answer(page)).to_contain_text('"name": "made in the page"')
    found = page.request.get(f"{base}/api/model_registry/v1alpha3/registered_model?name=made%20in%20the%20page")
    assert found.status == 200


def test_a_refusal_is_shown_as_it_came(base: str, page: Page) -> None:
    page.goto(f"{base}/docs")
    page.locator("#search").fill("createRegisteredModel")
    page.locator("#list a").first.click()
    page.locator("#main textarea").fill("{}")
    page.get_by_role("button", name="Send").click()
    expect(answer(page)).to_contain_text("required field 'name' is zero value.")


def test_a_stream_is_shown_as_far_as_it_came_and_left(base: str, page: Page) -> None:
    page.goto(f"{base}/docs")
    page.locator("#document").select_option("Modelyard API v1")
    page.locator("#search").fill("streamEvents")
    page.locator("#list a").first.click()
    expect(page.locator("main h2")).to_have_text("Follow audit events")
    page.request.post(f"{base}/api/model_registry/v1alpha3/registered_models", data={"name": "was there before"})
    page.locator("#query-after").fill("0")
    page.get_by_role("button", name="Send").click()
    expect(answer(page)).to_contain_text("A stream, which goes on")
    expect(answer(page)).to_contain_text('data: {"id":1,')
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


def test_the_landing_page_leads_to_it(base: str, page: Page) -> None:
    page.goto(f"{base}/")
    page.get_by_role("link", name="/docs").or_(page.locator("a[href$='docs']")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("API")


def test_the_example_of_an_artifact_says_its_type(base: str, page: Page) -> None:
    page.goto(f"{base}/docs")
    page.locator("#search").fill("createArtifact")
    page.locator("#list a").first.click()
    expect(page.locator("#main textarea")).to_have_value(re.compile('"artifactType": "model-artifact"'))


def test_it_works_under_a_path_prefix(serve: Serve, new_database: NewDatabase, page: Page) -> None:
    base = serve(new_database("sqlite"), env={"MODELYARD_PATH_PREFIX": "/registry"}) + "/registry"
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.goto(base)  # without a slash at the end
    page.get_by_role("link", name="API documentation").click()
    page.locator("#search").fill("createRegisteredModel")
    page.locator("#list a").first.click()
    page.locator("#main textarea").fill('{"name": "made under a prefix"}')
    page.get_by_role("button", name="Send").click()
    expect(answer(page)).to_contain_text('"name": "made under a prefix"')
    assert [url for url in asked if not url.startswith(base)] == []


def test_it_tries_with_a_token(new_database: NewDatabase, serve: Serve, page: Page) -> None:
    """Without one the refusal is shown, and the browser does not ask for a password of its own."""
    database_url = new_database("sqlite")
    command = [sys.executable, "-m", "modelyard", "admin", "init", "--database-url", database_url]
    token = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    page.goto(f"{serve(database_url)}/docs")
    page.locator("#search").fill("createRegisteredModel")
    page.locator("#list a").first.click()
    page.locator("#main textarea").fill('{"name": "made with a token"}')
    page.get_by_role("button", name="Send").click()
    expect(answer(page)).to_contain_text('"code": "Unauthorized"')
    page.locator("#token").fill(token)
    expect(page.locator("#main .curl")).to_contain_text("Authorization: Bearer")
    page.get_by_role("button", name="Send").click()
    expect(answer(page)).to_contain_text('"name": "made with a token"')
