"""Trains every setting of the grid and logs it as a run: parameters, metrics of each epoch, outcome."""

import hashlib
import time
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from demo.screen import Screen, sparkline, table
from demo.server import Rest, number
from demo.training import GRID, Patients, Scores, Setting, Training, save, scores


class Result(NamedTuple):
    """One training: the run it was logged as, its scores after each epoch and on unseen patients, and the file of its model."""

    setting: Setting
    run_id: str
    history: tuple[Scores, ...]
    unseen: Scores
    weights: int
    path: Path
    sha256: str


def best_of(results: tuple[Result, ...]) -> Result:
    return min(results, key=lambda result: result.unseen.log_loss)


def worst_of(results: tuple[Result, ...]) -> Result:
    return max(results, key=lambda result: result.unseen.log_loss)


def run_all(rest: Rest, screen: Screen, data: Patients, folder: Path) -> tuple[str, tuple[Result, ...]]:
    """Returns the experiment's id and what came of each setting."""
    experiment = rest.post("/experiments", {"name": "breast-cancer-tuning", "description": "Which small network tells tumours apart?"})
    progress: dict[Setting, list[Scores]] = {}
    results: list[Result] = []
    with screen.live(lambda: _drawn(progress, results)):
        for setting in GRID:
            result = _run(rest, experiment["id"], setting, data, folder, progress.setdefault(setting, []))
            results.append(result)
    return experiment["id"], tuple(results)


def _run(rest: Rest, experiment_id: str, setting: Setting, data: Patients, folder: Path, history: list[Scores]) -> Result:
    run = rest.post("/experiment_runs", {"experimentId": experiment_id, "name": setting.name, "startTimeSinceEpoch": _now()})
    artifacts = f"/experiment_runs/{run['id']}/artifacts"
    for name, value in setting._asdict().items():
        kind = "string" if isinstance(value, str) else "number"
        rest.post(artifacts, {"artifactType": "parameter", "name": name, "value": str(value), "parameterType": kind})
    training = Training(setting, data)
    for epoch, reached in enumerate(training.epochs(), 1):
        history.append(reached)
        for name, value in reached._asdict().items():
            rest.post(artifacts, {"artifactType": "metric", "name": name, "value": value, "step": epoch, "timestamp": _now()})
    unseen = scores(training.model, *data.unseen)
    outcome = {name: number(value) for name, value in unseen._asdict().items()}
    rest.patch(f"/experiment_runs/{run['id']}", {"status": "FINISHED", "endTimeSinceEpoch": _now(), "customProperties": outcome})
    path = folder / f"{setting.name}.skops"
    sha256 = hashlib.sha256(save(training.model, path)).hexdigest()
    return Result(setting, run["id"], tuple(history), unseen, training.weights, path, sha256)


def check(rest: Rest, screen: Screen, results: tuple[Result, ...]) -> None:
    """Read all of it back and compare it with what was measured."""
    runs = {run["id"]: run for run in rest.get("/experiment_runs", pageSize=100)["items"]}
    screen.check("Every run is there, by its name, and finished",
                 {id_: (run["name"], run["status"]) for id_, run in runs.items()},
                 {result.run_id: (result.setting.name, "FINISHED") for result in results})  # fmt: skip
    for field in Scores._fields:
        screen.check(
            f"The history of [bold]{field}[/] is what was measured, epoch by epoch, to the last digit",
            {result.run_id: _history(rest, result.run_id, field) for result in results},
            {result.run_id: [(step, getattr(one, field)) for step, one in enumerate(result.history, 1)] for result in results},
        )
    parameters = {result.run_id: _parameters(rest, result.run_id) for result in results}
    wanted = {result.run_id: {name: str(value) for name, value in result.setting._asdict().items()} for result in results}
    screen.check("Every run knows what it tried", parameters, wanted)


def _history(rest: Rest, run_id: str, name: str) -> list[tuple[int, float]]:
    points = rest.get(f"/experiment_runs/{run_id}/metric_history", name=name, pageSize=100)["items"]
    return sorted((point["step"], point["value"]) for point in points)


def _parameters(rest: Rest, run_id: str) -> dict[str, Any]:
    items = rest.get(f"/experiment_runs/{run_id}/artifacts", artifactType="parameter", pageSize=100)["items"]
    return {item["name"]: item["value"] for item in items}


def _drawn(progress: dict[Setting, list[Scores]], results: list[Result]) -> Table:
    done = {result.setting: result for result in results}
    losses = [one.log_loss for history in progress.values() for one in history]
    rows = []
    for setting, history in progress.items():
        curve = sparkline([one.log_loss for one in history], min(losses), max(losses)) if history else ""
        result = done.get(setting)
        end = [result.run_id, *_written(result.unseen)] if result else ["", "", "", ""]
        rows.append((setting.name, str(setting.hidden_units), f"{setting.learning_rate:g}", curve, *end))
    return table("run", ">hidden units", ">rate", "log-loss by epoch", ">id", ">accuracy", ">F1", ">log-loss, unseen", rows=rows)


def _written(scores_: Scores) -> list[str]:
    return [f"{scores_.accuracy:.1%}", f"{scores_.f1:.3f}", f"{scores_.log_loss:.3f}"]


def _now() -> str:
    """Milliseconds since 1970, as text."""
    return str(time.time_ns() // 1_000_000)
