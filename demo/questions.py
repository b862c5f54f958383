"""Asks the registry in its filter language, and checks the answers against what the demo itself knows."""

from collections.abc import Sequence
from typing import Any

from demo.experiment import Result, best_of, worst_of
from demo.screen import Screen, table
from demo.server import Rest, plain


def ask_all(rest: Rest, screen: Screen, experiment_id: str, results: tuple[Result, ...]) -> None:
    _good_and_small(rest, screen, results)
    _in_production(rest, screen, results)
    _runs(rest, screen, experiment_id, results)
    _moments(rest, screen, results)


def _good_and_small(rest: Rest, screen: Screen, results: tuple[Result, ...]) -> None:
    query = 'accuracy >= 0.97 AND hidden_units <= 8 AND state = "LIVE"'
    found = _asked(rest, screen, "/model_versions", "Which versions are good, yet small?", query, orderBy="CREATE_TIME", sortOrder="DESC")
    _show_versions(screen, found)
    good = [one for one in results if one.unseen.accuracy >= 0.97 and one.setting.hidden_units <= 8]
    screen.check(
        "Just those, the newest first", _names(found), [one.setting.name for one in reversed(good) if one is not worst_of(results)]
    )


def _in_production(rest: Rest, screen: Screen, results: tuple[Result, ...]) -> None:
    query = "stage = 'production' OR name LIKE 'too-s%'"
    found = _asked(rest, screen, "/model_versions", "What is in production? And that one that was too small?", query, orderBy="ID")
    _show_versions(screen, found)
    wanted = [one.setting.name for one in results if one is best_of(results) or one.setting.name.startswith("too-s")]
    screen.check("Both", _names(found), wanted)


def _runs(rest: Rest, screen: Screen, experiment_id: str, results: tuple[Result, ...]) -> None:
    query = "status = 'FINISHED' AND log_loss < 0.1"
    path = f"/experiments/{experiment_id}/experiment_runs"
    found = _asked(rest, screen, path, "Which runs of this experiment ended sure of themselves?", query, orderBy="ID")
    rows = [(one["name"], one["id"], f"{plain(one['customProperties'])['log_loss']:.3f}") for one in found]
    screen.show(table("run", ">id", ">log-loss, unseen", rows=rows))
    screen.check("Just those", _names(found), [one.setting.name for one in results if one.unseen.log_loss < 0.1])


def _moments(rest: Rest, screen: Screen, results: tuple[Result, ...]) -> None:
    meaning = "At which epochs, in any run, was the log-loss on the patients to watch below 0.03?"
    found = _asked(rest, screen, "/experiment_runs/metric_history", meaning, "value < 0.03", name="log_loss", pageSize=100)
    names = {one.run_id: one.setting.name for one in results}
    points = sorted((names[point["experimentRunId"]], point["step"]) for point in found)
    by_run = {name: [str(step) for run, step in points if run == name] for name in dict(points)}
    screen.show(table("run", "epochs", rows=[(name, ", ".join(steps)) for name, steps in by_run.items()]))
    wanted = [(one.setting.name, step) for one in results for step, reached in enumerate(one.history, 1) if reached.log_loss < 0.03]
    screen.check("Just then", points, sorted(wanted))


def _asked(rest: Rest, screen: Screen, path: str, meaning: str, query: str, **more: object) -> list[dict[str, Any]]:
    rest_of_it = "".join(f"&{name}={value}" for name, value in more.items())
    screen.ask(f"{path}?filterQuery={query}{rest_of_it}", meaning)
    items: list[dict[str, Any]] = rest.get(path, filterQuery=query, **more)["items"]
    return items


def _show_versions(screen: Screen, found: Sequence[dict[str, Any]]) -> None:
    rows = []
    for one in found:
        facts = plain(one["customProperties"])
        rows.append(
            (one["name"], one["id"], f"{facts['accuracy']:.1%}", str(facts["hidden_units"]), facts.get("stage", one["state"].lower()))
        )
    screen.show(table("version", ">id", ">accuracy", ">hidden units", "", rows=rows))


def _names(found: Sequence[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in found]
