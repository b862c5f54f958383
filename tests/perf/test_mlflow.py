"""What MLflow is asked, and what is made of its figures. MLflow itself is too large for a test: `make bench` runs it."""

import io
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from rich.console import Console

from perf import bench, compare
from perf.bench import Costs
from perf.costs import Cost
from perf.mlflow import environment
from perf.mlflow.environment import CannotInstallError
from perf.mlflow.operations import BULK, LOG_METRICS, MLFLOW_OPERATIONS, counterpart, log_batch, new_model, page
from perf.operations import OPERATIONS
from perf.original import ORIGINAL
from perf.products import MLFLOW, MODELYARD
from perf.report import Report
from perf.seed import Seeded
from perf.stage import DatabaseName

SEEDED = Seeded(["model-0000000", "model-0000001"], [], [], ["r1"], ["", "next"], [])


def chance() -> Random:
    return Random(1)  # noqa: S311 - not for secrets


def sent(request: bytes) -> tuple[str, str, dict[str, list[str]], Any]:
    """Method, path, query and body."""
    head, _, body = request.partition(b"\r\n\r\n")
    method, target, _ = head.decode().split(" ", 2)
    url = urlsplit(target)
    return method, url.path, parse_qs(url.query), msgspec.json.decode(body) if body else None


def test_a_model_has_our_five_properties_as_tags() -> None:
    method, path, _, body = sent(new_model("churn", chance()))
    assert (method, path, body["name"]) == ("POST", "/api/2.0/mlflow/registered-models/create", "churn")
    tags = {tag["key"]: tag["value"] for tag in body["tags"]}
    assert set(tags) == {"accuracy", "epochs", "gpu", "framework", "team"}
    assert all(isinstance(value, str) for value in tags.values())
    assert 0 <= float(tags["accuracy"]) < 1


def test_a_batch_is_a_hundred_metrics_that_continue_the_last() -> None:
    method, path, _, body = sent(log_batch("r1", 300, chance()))
    assert (method, path, body["run_id"]) == ("POST", "/api/2.0/mlflow/runs/log-batch", "r1")
    assert [metric["step"] for metric in body["metrics"]] == list(range(300, 400))
    assert {metric["key"] for metric in body["metrics"]} == {"loss"}


def test_a_page_begins_at_its_token() -> None:
    assert sent(page(""))[2] == {"max_results": ["20"]}
    assert sent(page("x=="))[2] == {"max_results": ["20"], "page_token": ["x=="]}


def test_the_filter_asks_both_for_the_same_models() -> None:
    def query(requests: Iterator[bytes], parameter: str) -> str:
        (found,) = sent(next(requests))[2][parameter]
        return found

    call = "filter on name and property"
    ours = query(OPERATIONS[call](SEEDED, chance()), "filterQuery")
    theirs = query(MLFLOW_OPERATIONS[call](SEEDED, chance()), "filter")
    assert ours.startswith("name LIKE 'model-0000%' AND framework = '")
    assert theirs == ours.replace(" framework", " tags.framework")


@pytest.mark.parametrize("call", MLFLOW_OPERATIONS)
def test_requests_never_end(call: str) -> None:
    first = list(itertools.islice(MLFLOW_OPERATIONS[call](SEEDED, chance()), 50))
    assert len(first) == 50
    assert {sent(request)[1].rpartition("/")[0] for request in first} <= {"/api/2.0/mlflow/registered-models", "/api/2.0/mlflow/runs"}


@pytest.mark.parametrize("call", MLFLOW_OPERATIONS)
def test_each_call_is_compared_with_an_operation_of_ours(call: str) -> None:
    operation, times = counterpart(call)
    assert operation in OPERATIONS
    assert times == 1 or call == LOG_METRICS


def test_many_metrics_are_compared_with_one_request_as_soon_as_ours_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: stream for name, stream in OPERATIONS.items() if name != BULK}
    monkeypatch.setattr("perf.mlflow.operations.OPERATIONS", without)
    assert counterpart(LOG_METRICS) == ("metric on a run", 100)
    monkeypatch.setattr("perf.mlflow.operations.OPERATIONS", {**without, BULK: OPERATIONS["get"]})
    assert counterpart(LOG_METRICS) == (BULK, 1)


def costs(product: str, database: DatabaseName, *operations: tuple[str, float, float], workers: int = 1) -> Costs:
    """Of operations, each with the CPU of server and database."""
    return Costs(
        product=product,
        store=database,
        database=f"{database} 1",
        workers=workers,
        start_seconds=1.0,
        idle_mib=70.0,
        loaded_mib=80.0,
        costs=tuple(cost(*figures) for figures in operations),
    )


def cost(operation: str, server: float, database: float) -> Cost:
    return Cost(
        operation=operation,
        requests=1_000,
        refused=0,
        per_second=500.0,
        p50=1.0,
        p99=2.0,
        server_cpu=server,
        database_cpu=database,
        client_cpu=30.0,
        workers=(0.5,),
        echoes=2.0,
    )


def test_calls_are_compared_on_the_same_database_with_one_process_each() -> None:
    measured = [
        costs(MODELYARD.name, DatabaseName.SQLITE, ("get", 100.0, 0.0), ("patch", 200.0, 0.0)),
        costs(MLFLOW.name, DatabaseName.SQLITE, ("get", 5_000.0, 0.0), ("create", 9_000.0, 0.0)),
        costs(MODELYARD.name, DatabaseName.POSTGRESQL, ("get", 150.0, 50.0)),
        costs(MODELYARD.name, DatabaseName.POSTGRESQL, ("get", 400.0, 50.0), workers=2),
        costs(MLFLOW.name, DatabaseName.POSTGRESQL, ("get", 7_000.0, 1_000.0)),
    ]
    sqlite, postgresql = compare.with_mlflow(measured)
    assert (sqlite.database, sqlite.call, sqlite.ratio) == ("sqlite 1", "get", 50)
    assert (postgresql.server, postgresql.of_database, postgresql.ratio) == (150, 50, 40)


def test_one_batch_costs_us_as_much_as_the_requests_it_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "counterpart", lambda _: ("metric on a run", 100))
    ours = costs(MODELYARD.name, DatabaseName.POSTGRESQL, ("metric on a run", 300.0, 200.0))
    theirs = costs(MLFLOW.name, DatabaseName.POSTGRESQL, (LOG_METRICS, 50_000.0, 25_000.0))
    (row,) = compare.with_mlflow([ours, theirs])
    assert (row.server, row.of_database, row.ratio) == (30_000, 20_000, 1.5)


def test_the_original_was_asked_what_we_are_asked() -> None:
    assert set(ORIGINAL) <= set(OPERATIONS)


def test_what_is_installed_is_pinned_by_name_and_version_only() -> None:
    assert f"mlflow=={environment.version()}" in environment.pins()
    assert all(pin.count("==") == 1 and " " not in pin for pin in environment.pins())


def test_what_pip_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text("this is no package\n")
    monkeypatch.setattr(environment, "_PINS", pins)
    with pytest.raises(CannotInstallError, match="this is no package"):
        environment._pip(Path(sys.executable), lambda *_: None)


def test_a_run_goes_on_without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    def install(_: object) -> None:
        raise CannotInstallError("no network")

    monkeypatch.setattr(environment, "ready", lambda: False)
    monkeypatch.setattr(environment, "install", install)
    told = io.StringIO()
    assert not bench._installed(Report(Console(file=told)).watch())
    assert "MLflow is left out, because it cannot be installed: no network" in told.getvalue()
