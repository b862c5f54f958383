"""`max_page_size`: a server whose lists are bounded."""

import httpx
import pytest

from tests.conftest import NewDatabase, Serve

pytestmark = pytest.mark.servers
MODELS = "/api/model_registry/v1alpha3/registered_models"


@pytest.fixture
def models(serve: Serve, new_database: NewDatabase) -> str:
    base = serve(new_database("sqlite"), env={"MODELYARD_MAX_PAGE_SIZE": "3"})
    for number in range(5):
        assert httpx.post(base + MODELS, json={"name": f"m{number}"}).status_code == 201
    return base + MODELS


def test_a_list_without_a_page_size_comes_in_pages(models: str) -> None:
    first = httpx.get(models).json()
    assert [item["name"] for item in first["items"]] == ["m0", "m1", "m2"]
    assert first["pageSize"] == 0
    rest = httpx.get(models, params={"nextPageToken": first["nextPageToken"]}).json()
    assert [item["name"] for item in rest["items"]] == ["m3", "m4"]
    assert rest["nextPageToken"] == ""


def test_a_larger_page_is_refused_with_the_limit(models: str) -> None:
    answer = httpx.get(models, params={"pageSize": "4"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("pageSize is 4: this server gives at most 3 items")


@pytest.mark.parametrize("size", ["1", "3"])
def test_up_to_the_limit_the_page_is_as_asked(models: str, size: str) -> None:
    assert httpx.get(models, params={"pageSize": size}).json()["size"] == int(size)
