"""`/api/v1/runs/{id}/metrics`, over HTTP, beside what Kubeflow's API shows of the same run."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from tests.dialects.registry import Json, Registry, on_every_database, unique

pytestmark = on_every_database

POINTS: list[Json] = [
    {"name": "loss", "value": 0.9, "step": 1, "timestamp": 1_700_000_000_000},
    {"name": "acc", "value": 0.1},
    {"name": "loss", "value": 0.5},
    {"name": "val/loss", "value": 2, "step": -3},
    {"name": "loss", "value": 0.25, "step": 0},
]


@pytest.fixture
def native(registry: Registry) -> Registry:
    return registry.under("/api/v1")


@pytest.fixture
def run(registry: Registry) -> str:
    return str(registry.run()["id"])


def log(native: Registry, run: str, points: list[Json], **headers: str) -> httpx.Response:
    lines = "\n".join(json.dumps(point) for point in points)
    return native.post(f"/runs/{run}/metrics", content=lines.encode(), headers={"Content-Type": "application/x-ndjson", **headers})


def ok(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def history(registry: Registry, run: str) -> list[Json]:
    shown = ("name", "value", "step", "timestamp")
    return [{name: item.get(name) for name in shown} for item in registry.items(f"/experiment_runs/{run}/metric_history")]


def test_lines_and_an_array_are_taken_alike(native: Registry, registry: Registry, run: str) -> None:
    other = str(registry.run()["id"])

    counts = {"points": 5, "metrics": {"loss": 3, "acc": 1, "val/loss": 1}}
    assert ok(log(native, run, POINTS)) == counts
    assert ok(native.post(f"/runs/{other}/metrics", POINTS)) == counts

    assert history(registry, run) == history(registry, other)
    assert len(history(registry, run)) == 5


def test_kubeflow_shows_what_it_would_had_they_come_one_by_one(native: Registry, registry: Registry, run: str) -> None:
    other = str(registry.run()["id"])

    ok(log(native, run, POINTS))
    for point in POINTS:
        body = {"artifactType": "metric", **point} | ({"timestamp": str(point["timestamp"])} if "timestamp" in point else {})
        assert registry.post(f"/experiment_runs/{other}/artifacts", body).status_code in {200, 201}

    assert history(registry, run) == history(registry, other)

    def metrics(of: str) -> list[Json]:
        but = {"id", "experimentRunId", "experimentId", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"}
        return [
            {key: value for key, value in item.items() if key not in but} for item in registry.items(f"/experiment_runs/{of}/artifacts")
        ]

    assert sorted(metrics(run), key=str) == sorted(metrics(other), key=str)
    metric = next(item for item in registry.items(f"/experiment_runs/{run}/artifacts") if item["name"] == "loss")
    assert registry.get(f"/artifacts/{metric['id']}").json() == metric
    assert (metric["value"], metric["step"], metric["timestamp"]) == (0.25, 0, "1700000000000")


def test_the_list_of_metrics(native: Registry, run: str) -> None:
    assert ok(native.get(f"/runs/{run}/metrics")) == {"metrics": []}
    ok(log(native, run, POINTS))

    loss = {"name": "loss", "count": 3, "min": 0.25, "max": 0.9, "last": {"value": 0.25, "step": 0, "timestamp": 1_700_000_000_000}}
    found = ok(native.get(f"/runs/{run}/metrics"))["metrics"]
    assert [metric["name"] for metric in found] == ["acc", "loss", "val/loss"]
    assert found[1] == loss
    assert found[0]["last"] == {"value": 0.1, "step": None, "timestamp": None}


def test_reading_one(native: Registry, run: str) -> None:
    ok(log(native, run, POINTS))

    points = [{"value": 0.9, "step": 1}, {"value": 0.5, "step": 1}, {"value": 0.25, "step": 0}]
    whole = [{**point, "timestamp": 1_700_000_000_000} for point in points]
    assert ok(native.get(f"/runs/{run}/metrics/loss")) == {"name": "loss", "count": 3, "points": whole}
    assert ok(native.get(f"/runs/{run}/metrics/loss", from_step="1"))["points"] == whole[:2]
    assert ok(native.get(f"/runs/{run}/metrics/loss", from_step="-9", to_step="0"))["points"] == whole[2:]
    assert ok(native.get(f"/runs/{run}/metrics/val%2Floss"))["points"] == [{"value": 2.0, "step": -3, "timestamp": None}]


def test_reading_a_long_one_thinned(native: Registry, run: str) -> None:
    values = [(step * 7919) % 1000 / 10 for step in range(3_000)]
    ok(log(native, run, [{"name": "loss", "value": value, "step": step} for step, value in enumerate(values)]))

    reading = ok(native.get(f"/runs/{run}/metrics/loss", points="50"))

    assert reading["count"] == 3_000
    points = reading["points"]
    assert 20 < len(points) <= 50
    assert (points[0]["step"], points[-1]["step"]) == (0, 2_999)
    assert all(point["value"] == values[point["step"]] for point in points)
    assert (min(point["value"] for point in points), max(point["value"] for point in points)) == (min(values), max(values))


def problem(response: httpx.Response, status: int, code: str) -> str:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), response.text
    body = response.json()
    assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert (body["status"], body["code"], body["request_id"]) == (status, code, response.headers["x-request-id"])
    return str(body["detail"])


def test_one_bad_point_and_nothing_is_stored(native: Registry, registry: Registry, run: str) -> None:
    told = problem(log(native, run, [*POINTS, {"name": "loss", "value": "high"}]), 400, "invalid")
    assert told == "line 6: value is 'high': use a finite number, or leave the point out"
    problem(log(native, run, [*POINTS, {"name": "loss"}]), 422, "missing")
    assert "nan" in problem(native.post(f"/runs/{run}/metrics", content=b'[{"name": "a", "value": NaN}]'), 400, "invalid")
    problem(native.post(f"/runs/{run}/metrics", []), 400, "invalid")
    assert history(registry, run) == []
    assert registry.items(f"/experiment_runs/{run}/artifacts") == []


def test_more_points_than_one_request_takes(native: Registry, registry: Registry, run: str) -> None:
    point = b'{"name":"a","value":1}\n'
    assert "send at most 10000 at once" in problem(native.post(f"/runs/{run}/metrics", content=point * 10_001), 413, "too_large")
    assert history(registry, run) == []
    assert ok(native.post(f"/runs/{run}/metrics", content=point * 10_000)) == {"points": 10_000, "metrics": {"a": 10_000}}


def test_what_is_not_there(native: Registry, run: str) -> None:
    for path in ("/runs/999999999/metrics", "/runs/999999999/metrics/loss", f"/runs/{run}/metrics/loss"):
        problem(native.get(path), 404, "not_found")
    problem(log(native, "999999999", POINTS), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/runs/x/metrics",
        "/runs/0/metrics",
        "/runs/99999999999999999999/metrics",
        "/runs/1/metrics/a?points=3",
        "/runs/1/metrics/a?points=x",
        "/runs/1/metrics/a?from_step=1.5",
        "/runs/1/metrics/a?to_step=9223372036854775808",
        "/runs/1/metrics/a?x=%zz",
    ],
)
def test_a_bad_number_is_told(native: Registry, path: str) -> None:
    assert problem(native.get(path), 400, "invalid")


def test_a_key_makes_a_batch_count_once(native: Registry, registry: Registry, run: str) -> None:
    key = unique("key")
    first = log(native, run, POINTS, **{"Idempotency-Key": key})
    again = log(native, run, POINTS, **{"Idempotency-Key": key})

    assert ok(again) == ok(first)
    assert again.headers["idempotency-replayed"] == "true"
    assert len(history(registry, run)) == 5
    problem(log(native, run, POINTS[:1], **{"Idempotency-Key": key}), 422, "reused_key")


def test_many_writers_of_one_run_through_both_doors_lose_nothing(native: Registry, registry: Registry, run: str) -> None:
    def write(number: int) -> int:
        if number % 2:
            body = {"artifactType": "metric", "name": "loss", "value": number, "step": 100 * number}
            return registry.post(f"/experiment_runs/{run}/artifacts", body).status_code
        return log(native, run, [{"name": "loss", "value": number, "step": 100 * number + step} for step in range(30)]).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(write, range(20))) <= {200, 201}

    steps = [int(item["step"]) for item in history(registry, run)]
    assert sorted(steps) == sorted(100 * number + step for number in range(20) for step in range(1 if number % 2 else 30))
    for number in range(20):
        own = [step for step in steps if step // 100 == number]
        assert own == sorted(own)
    (metric,) = ok(native.get(f"/runs/{run}/metrics"))["metrics"]
    assert (metric["count"], metric["last"]["step"]) == (len(steps), steps[-1])


class TestDocument:
    """`/openapi/native.json` is valid, and true of what the server takes and answers."""

    def test_it_is_valid_and_listed(self, native: Registry) -> None:
        document = native.http.get(f"{native.base_url}/openapi/native.json").json()
        validate(document)
        listed = native.http.get(f"{native.base_url}/docs/documents.json").json()
        assert {"title": "Modelyard API", "version": "v1", "url": "/openapi/native.json"} in listed
        body = document["paths"]["/api/v1/runs/{id}/metrics"]["post"]["requestBody"]["content"]
        assert body["application/x-ndjson"]["schema"] == body["application/json"]["schema"]["items"]

    def test_what_is_answered_is_what_it_says(self, native: Registry, run: str) -> None:
        document = native.http.get(f"{native.base_url}/openapi/native.json").json()
        ok(log(native, run, POINTS))
        answers = {
            ("post", "/runs/{id}/metrics"): [log(native, run, POINTS), log(native, run, [{"name": ""}]), log(native, "999999999", POINTS)],
            ("get", "/runs/{id}/metrics"): [native.get(f"/runs/{run}/metrics"), native.get("/runs/x/metrics")],
            ("get", "/runs/{id}/metrics/{name}"): [native.get(f"/runs/{run}/metrics/acc"), native.get(f"/runs/{run}/metrics/none")],
        }
        for (method, path), responses in answers.items():
            declared = document["paths"]["/api/v1" + path][method]["responses"]
            for response in responses:
                ((media_type, content),) = declared[str(response.status_code)]["content"].items()
                assert response.headers["content-type"].partition(";")[0] == media_type
                schema = {**content["schema"], "components": document["components"]}
                OAS30Validator(schema).validate(response.json())

    @pytest.mark.parametrize(
        "point",
        [
            *POINTS,
            {},
            {"name": "", "value": 1},
            {"name": "a", "value": "1"},
            {"name": "a", "value": 1, "more": 1},
            {"name": "a" * 256, "value": 1},
        ],
    )
    def test_what_is_taken_is_what_it_says(self, native: Registry, run: str, point: Json) -> None:
        document = native.http.get(f"{native.base_url}/openapi/native.json").json()
        schema = {"$ref": "#/components/schemas/Point", "components": document["components"]}
        assert OAS30Validator(schema).is_valid(point) == (log(native, run, [point]).status_code == 200)
