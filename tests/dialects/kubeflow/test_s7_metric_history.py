"""Reference §7.6: every value a metric ever had."""

import pytest

from tests.dialects.registry import Json, Registry, accepted, on_pairs_too, refused, string, unique

pytestmark = on_pairs_too

ALL_RUNS = "/experiment_runs/metric_history"


@pytest.fixture
def run(registry: Registry) -> str:
    """The path of a fresh run."""
    return f"/experiment_runs/{registry.run()['id']}"


def log(registry: Registry, run: str, value: float, name: str = "loss", **fields: object) -> Json:
    response = registry.post(f"{run}/artifacts", {"artifactType": "metric", "name": name, "value": value, **fields})
    assert response.status_code in {200, 201}, response.text
    metric: Json = response.json()
    return metric


def values(registry: Registry, run: str, **query: str) -> list[float]:
    return [record["value"] for record in registry.items(f"{run}/metric_history", **query)]


def test_each_post_of_a_metric_adds_a_record(registry: Registry, run: str) -> None:
    for value in (0.9, 0.5, 0.5, 0.1):
        log(registry, run, value)
    assert values(registry, run) == [0.9, 0.5, 0.5, 0.1]
    assert [metric["value"] for metric in registry.items(f"{run}/artifacts")] == [0.1]


def test_a_post_with_an_id_adds_a_record(registry: Registry, run: str) -> None:
    metric = registry.artifact("metric", value=1)
    accepted(registry.post(f"{run}/artifacts", {"artifactType": "metric", "id": metric["id"], "value": 2}), 200)
    (record,) = registry.items(f"{run}/metric_history")
    assert (record["value"], record["name"]) == (2, metric["name"])


def test_nothing_else_adds_one(registry: Registry, run: str) -> None:
    metric = log(registry, run, 0.5)
    accepted(registry.patch(f"/artifacts/{metric['id']}", {"artifactType": "metric", "value": 0.1}), 200)
    refused(registry.post(f"{run}/artifacts", {"artifactType": "metric", "name": "loss"}), 400)
    registry.artifact("parameter", run, value="x")
    accepted(
        registry.post(f"/model_versions/{registry.version()['id']}/artifacts", {"artifactType": "metric", "id": metric["id"], "value": 7}),
        200,
    )
    assert values(registry, run) == [0.5]


def test_a_record_is_a_copy_of_the_merged_metric(registry: Registry, run: str) -> None:
    properties = {"split": string("val")}
    log(
        registry,
        run,
        0.9,
        step=1,
        timestamp="17",
        description="d",
        state="LIVE",
        customProperties=properties,
        externalId=unique("external"),
    )
    metric = log(registry, run, 0.5)
    first, second = registry.items(f"{run}/metric_history")
    copied = [
        "artifactType",
        "name",
        "value",
        "step",
        "timestamp",
        "description",
        "state",
        "customProperties",
        "experimentId",
        "experimentRunId",
    ]
    assert {key: second[key] for key in copied} == {key: metric[key] for key in copied}
    assert first["value"] == 0.9
    assert first.keys() == second.keys() == {*copied, "id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"}
    assert len({first["id"], second["id"], metric["id"]}) == 3
    assert first["createTimeSinceEpoch"] == first["lastUpdateTimeSinceEpoch"]


def test_a_name_with_underscores_is_shown_whole(registry: Registry, run: str) -> None:
    for name in ("a__b", "__", "x__1700000000000", "a:b"):
        log(registry, run, 1, name=name)
    assert registry.names(f"{run}/metric_history") == ["a__b", "__", "x__1700000000000", "a:b"]


def test_records_are_hidden_from_the_artifacts(registry: Registry, run: str) -> None:
    tag = {"tag": string(unique("tag"))}
    metric = log(registry, run, 0.9, customProperties=tag)
    log(registry, run, 0.8)
    query = f"tag = '{tag['tag']['string_value']}'"
    assert registry.ids("/artifacts", filterQuery=query) == [metric["id"]]
    for record in registry.items(f"{run}/metric_history"):
        refused(registry.get(f"/artifacts/{record['id']}"), 404)
        refused(registry.patch(f"/artifacts/{record['id']}", {"artifactType": "metric"}), 404)


def test_the_order_is_that_of_the_posts_and_not_of_steps(registry: Registry, run: str) -> None:
    for step in (3, 1, 2):
        log(registry, run, step, step=step, timestamp=str(100 - step))
    assert values(registry, run) == [3, 1, 2]
    assert values(registry, run, sortOrder="DESC") == [2, 1, 3]
    assert values(registry, run, orderBy="CREATE_TIME") == [3, 1, 2]
    pages = registry.pages(f"{run}/metric_history", pageSize="2")
    assert [[record["value"] for record in page] for page in pages] == [[3, 1], [2]]


@pytest.mark.parametrize(
    ("name", "expected"), [("loss", [1]), ("los", []), ("val_loss", [2]), ("%", []), ("val-loss", [3]), ("Loss", []), ("", [1, 2, 3])]
)
def test_a_name_is_exact(registry: Registry, run: str, name: str, expected: list[float]) -> None:
    for value, logged in enumerate(("loss", "val_loss", "val-loss"), start=1):
        log(registry, run, value, name=logged)
    assert values(registry, run, name=name) == expected
    scope = f"experimentRunId = {run.rpartition('/')[2]}"
    assert [record["value"] for record in registry.items(ALL_RUNS, filterQuery=scope, name=name)] == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("1", [1]),
        ("1,3", [1, 3]),
        (" 1 , 3 ", [1, 3]),
        ("1,,3,", [1, 3]),
        (",", [0, 1, 2, 3, -1, 9]),
        ("", [0, 1, 2, 3, -1, 9]),
        ("-1", [-1]),
        ("77", []),
        ("3,1,3", [1, 3]),
    ],
)
def test_step_ids(registry: Registry, run: str, steps: str, expected: list[float]) -> None:
    for step in (0, 1, 2, 3, -1):
        log(registry, run, step, step=step)
    log(registry, run, 9, name="without a step")
    assert values(registry, run, stepIds=steps) == expected


@pytest.mark.parametrize("steps", ["x", "1,x", "1.5", "1;2"])
def test_a_bad_step_id(registry: Registry, run: str, steps: str) -> None:
    bad = steps.rpartition(",")[2]
    for path in (f"{run}/metric_history", ALL_RUNS):
        refused(registry.get(path, stepIds=steps), 400, f"invalid step ID '{bad}': must be a valid integer: bad request")


def test_runs_are_kept_apart_and_can_be_asked_together(registry: Registry) -> None:
    runs = [registry.run()["id"] for _ in range(3)]
    for value, run in enumerate(runs):
        log(registry, f"/experiment_runs/{run}", value)
    assert values(registry, f"/experiment_runs/{runs[1]}") == [1]
    both = registry.items(ALL_RUNS, filterQuery=f"experimentRunId IN ({runs[0]}, {runs[2]})", name="loss")
    assert [(record["value"], record["experimentRunId"]) for record in both] == [(0, runs[0]), (2, runs[2])]


def test_many_writes_at_once_lose_nothing(registry: Registry, run: str) -> None:
    for value in range(100):
        log(registry, run, value)
    assert values(registry, run) == list(range(100))
    assert accepted(registry.get(f"{run}/metric_history", pageSize="10"), 200)["size"] == 10


def test_the_answer_is_the_metric_and_not_its_record(registry: Registry, run: str) -> None:
    metric = log(registry, run, 1)
    (record,) = registry.items(f"{run}/metric_history")
    assert metric["id"] != record["id"]
    assert registry.get(f"/artifacts/{metric['id']}").json() == metric
