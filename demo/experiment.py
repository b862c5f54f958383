"""Trains every setting of the grid and logs it as a run: parameters, metrics of each epoch, outcome."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from demo.logbook import Logbook
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


def run_all(log: Logbook, screen: Screen, data: Patients, folder: Path) -> tuple[str, tuple[Result, ...]]:
    """Returns the experiment's id and what came of each setting."""
    experiment_id = log.start_experiment("breast-cancer-tuning")
    progress: dict[Setting, list[Scores]] = {}
    results: list[Result] = []
    with screen.live(lambda: _drawn(progress, results)):
        for setting in GRID:
            result = _run(log, setting, data, folder, progress.setdefault(setting, []))
            results.append(result)
    return experiment_id, tuple(results)


def _run(log: Logbook, setting: Setting, data: Patients, folder: Path, history: list[Scores]) -> Result:
    run_id = log.start_run(setting.name)
    log.parameters(setting._asdict())
    training = Training(setting, data)
    for epoch, reached in enumerate(training.epochs(), 1):
        history.append(reached)
        log.metrics(reached._asdict(), epoch)
    unseen = scores(training.model, *data.unseen)
    log.finish_run(unseen._asdict())
    path = folder / f"{setting.name}.skops"
    sha256 = hashlib.sha256(save(training.model, path)).hexdigest()
    return Result(setting, run_id, tuple(history), unseen, training.weights, path, sha256)


def check(rest: Rest, screen: Screen, results: tuple[Result, ...]) -> None:
    """Read all of it back and compare it with what was measured."""
    runs = {run["id"]: run for run in rest.get("/experiment_runs", pageSize=100)["items"]}
    screen.check("Every run is there, by its name, finished, and with its outcome",
                 {id_: (run["name"], run["status"], run["customProperties"]) for id_, run in runs.items()},
                 {result.run_id: (result.setting.name, "FINISHED", _outcome(result)) for result in results})  # fmt: skip
    for field in Scores._fields:
        screen.check(
            f"The history of [bold]{field}[/] is what was measured, epoch by epoch, to the last digit",
            {result.run_id: _history(rest, result.run_id, field) for result in results},
            {result.run_id: [(step, getattr(one, field)) for step, one in enumerate(result.history, 1)] for result in results},
        )
    parameters = {result.run_id: _parameters(rest, result.run_id) for result in results}
    wanted = {result.run_id: {name: str(value) for name, value in result.setting._asdict().items()} for result in results}
    screen.check("Every run knows what it tried", parameters, wanted)


def _outcome(result: Result) -> dict[str, object]:
    return {name: number(value) for name, value in result.unseen._asdict().items()}


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
