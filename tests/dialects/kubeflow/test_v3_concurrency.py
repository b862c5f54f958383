"""Reference §3.4, last line, and §7.3(c), with nothing lost: many clients at once, on every database, and on two servers sharing it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.dialects.registry import Json, Registry, accepted, on_pairs_too, string, unique

pytestmark = on_pairs_too

CLIENTS = 50


def at_once(work: Callable[[int], httpx.Response], times: int = CLIENTS) -> list[httpx.Response]:
    """Run the work that many times in parallel, each on a connection of its own where needed; answers in the order of the numbers."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


def statuses(responses: list[httpx.Response]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


@pytest.mark.parametrize("collection", ["registered_models", "experiments", "serving_environments"])
def test_of_racing_creates_of_one_name_one_wins(registry: Registry, collection: str) -> None:
    name = unique()
    responses = at_once(lambda _: registry.post(f"/{collection}", {"name": name}))
    assert statuses(responses) == {201: 1, 409: CLIENTS - 1}


def test_of_racing_creates_under_one_parent_one_wins(registry: Registry) -> None:
    model, run = registry.model(), registry.run()
    body = {"name": unique(), "registeredModelId": model["id"]}
    assert statuses(at_once(lambda _: registry.post("/model_versions", body))) == {201: 1, 409: CLIENTS - 1}
    assert len(registry.items(f"/registered_models/{model['id']}/versions")) == 1
    path, artifact = f"/experiment_runs/{run['id']}/artifacts", {"artifactType": "dataset-artifact", "name": unique()}
    assert statuses(at_once(lambda _: registry.post(path, artifact))) == {201: 1, 409: CLIENTS - 1}
    assert len(registry.items(path)) == 1


def test_of_racing_creates_with_one_external_id_one_wins(registry: Registry) -> None:
    external_id = unique("external")
    responses = at_once(lambda _: registry.post("/registered_models", {"name": unique(), "externalId": external_id}))
    assert statuses(responses) == {201: 1, 409: CLIENTS - 1}


FIELDS = ["owner", "readme", "maturity", "provider", "logo", "license", "licenseLink", "libraryName", "description"]


def test_parallel_patches_of_different_fields_lose_none(registry: Registry) -> None:
    model = registry.model()
    bodies: list[Json] = [{field: f"the {field}"} for field in FIELDS]
    bodies += [{"tasks": ["t"]}, {"language": ["en"]}, {"state": "ARCHIVED"}, {"externalId": unique("external")}]
    bodies += [{"customProperties": {"k": string("v")}}]
    bodies += [bodies[number % len(FIELDS)] for number in range(CLIENTS - len(bodies))]
    path = f"/registered_models/{model['id']}"
    assert statuses(at_once(lambda number: registry.patch(path, bodies[number]))) == {200: CLIENTS}
    final = registry.get(path).json()
    for body in bodies:
        assert final == final | body


def test_parallel_patches_of_one_metric_and_posts_lose_none(registry: Registry) -> None:
    run = registry.run()
    path = f"/experiment_runs/{run['id']}/artifacts"
    metric = accepted(registry.post(path, {"artifactType": "metric", "name": "m", "value": 0}), 201)

    def work(number: int) -> httpx.Response:
        if number % 2:
            return registry.patch(f"/artifacts/{metric['id']}", {"artifactType": "metric", "description": "kept"})
        return registry.post(path, {"artifactType": "metric", "name": "m", "value": number, "step": number})

    assert statuses(at_once(work)) == {200: CLIENTS}
    assert registry.get(f"/artifacts/{metric['id']}").json()["description"] == "kept"
    assert len(registry.items(f"/experiment_runs/{run['id']}/metric_history")) == 1 + CLIENTS // 2


@pytest.mark.parametrize("kind", ["metric", "parameter"])
def test_parallel_first_posts_of_one_name_make_one_artifact(registry: Registry, kind: str) -> None:
    run = registry.run()
    path = f"/experiment_runs/{run['id']}"
    values: list[object] = [number if kind == "metric" else str(number) for number in range(CLIENTS)]
    responses = at_once(lambda number: registry.post(f"{path}/artifacts", {"artifactType": kind, "name": "m", "value": values[number]}))
    assert statuses(responses) == {201: 1, 200: CLIENTS - 1}
    (artifact,) = registry.items(f"{path}/artifacts")
    assert {response.json()["id"] for response in responses} == {artifact["id"]}
    assert artifact["value"] in values
    history = registry.items(f"{path}/metric_history")
    assert sorted(record["value"] for record in history) == (values if kind == "metric" else [])
    if history:
        assert history[-1]["value"] == artifact["value"]


def test_parallel_posts_of_many_metrics_keep_them_all(registry: Registry) -> None:
    run = registry.run()
    path = f"/experiment_runs/{run['id']}"
    responses = at_once(
        lambda number: registry.post(f"{path}/artifacts", {"artifactType": "metric", "name": f"m{number}", "value": number})
    )
    assert statuses(responses) == {201: CLIENTS}
    assert sorted(registry.names(f"{path}/artifacts")) == sorted(f"m{number}" for number in range(CLIENTS))
    assert len(registry.items(f"{path}/metric_history")) == CLIENTS


def test_readers_see_whole_changes_while_others_write(registry: Registry) -> None:
    model = registry.model(owner="0", description="0")
    path = f"/registered_models/{model['id']}"

    def work(number: int) -> httpx.Response:
        if number % 2:
            return registry.get(path)
        return registry.patch(path, {"owner": str(number), "description": str(number)})

    for response in at_once(work):
        body = accepted(response, 200)
        assert body["owner"] == body["description"]


def test_pages_hold_still_while_others_insert(registry: Registry) -> None:
    model = registry.model()
    path = f"/registered_models/{model['id']}/versions"
    before = [registry.version(model)["id"] for _ in range(10)]
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(registry.version, model) for _ in range(20)]
        walked = [item["id"] for page in registry.pages(path, pageSize="3") for item in page]
        written = [writer.result()["id"] for writer in writers]
    assert len(walked) == len(set(walked))
    assert set(before) <= set(walked) <= {*before, *written}
    assert walked == sorted(walked, key=int)
