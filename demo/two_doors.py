"""Registers through JFrog's API what Kubeflow's client knows, and shows one model as both APIs tell of it."""

from typing import Any, NamedTuple

from demo.experiment import Result, best_of
from demo.registering import MODEL
from demo.screen import Screen, table
from demo.server import Rest

VERSION = "best, once more"
TAGS = ["medical", "tabular"]
WIDTH = 27
"""Characters of a text that are shown."""


class Seen(NamedTuple):
    """A model and its newest version, in words that both APIs have: what each calls them stands in `show`."""

    name: str
    owner: str
    library: str
    task: str
    tags: list[str]
    versions: int
    newest: str
    status: str
    file: str
    metrics: dict[str, float]


def register(jfrog: Rest, model_id: str, results: tuple[Result, ...]) -> None:
    """Say more of the model that Kubeflow's client registered, and add a version of it: the best one, once more."""
    best = best_of(results)
    jfrog.patch(f"/models/{model_id}", {"framework": "scikit-learn", "task_type": "classification", "tags": TAGS})
    jfrog.post(
        f"/models/{model_id}/versions",
        {
            "version": VERSION,
            "status": "staging",
            "artifact_path": best.path.as_uri(),
            "metrics": best.unseen._asdict(),
            "parameters": {"hidden_units": str(best.setting.hidden_units)},
        },
    )


def compare(jfrog: Rest, kubeflow: Rest, screen: Screen, model_id: str, results: tuple[Result, ...]) -> None:
    here, there = _by_jfrog(jfrog, model_id), _by_kubeflow(kubeflow, model_id)
    rows = [(left, _told(one), right, _told(other)) for (left, right), one, other in zip(_WORDS, here, there, strict=True)]
    screen.show(table("JFrog's words", "", "Kubeflow's words", "", rows=rows))
    screen.check("Both doors show the same model, word for word", there, here)
    best = best_of(results)
    wanted = (MODEL, "ann", TAGS, len(results) + 1, VERSION, best.unseen._asdict())
    screen.check("It is what was said through either of them", (here.name, here.owner, here.tags, *here[5:7], here.metrics), wanted)


def _by_jfrog(jfrog: Rest, model_id: str) -> Seen:
    model = jfrog.get(f"/models/{model_id}")
    versions = jfrog.get(f"/models/{model_id}/versions")["versions"]
    newest = next(one for one in versions if one["version"] == model["latest_version"])
    return Seen(
        model["name"],
        model["created_by"],
        model["framework"],
        model["task_type"],
        model["tags"],
        model["versions_count"],
        model["latest_version"],
        newest["status"],
        newest["artifact_path"],
        newest["metrics"],
    )


def _by_kubeflow(kubeflow: Rest, model_id: str) -> Seen:
    model = kubeflow.get(f"/registered_models/{model_id}")
    newest_first = {"orderBy": "CREATE_TIME", "sortOrder": "DESC", "pageSize": 100}
    versions = kubeflow.get(f"/registered_models/{model_id}/versions", **newest_first)["items"]
    artifacts: list[dict[str, Any]] = kubeflow.get(f"/model_versions/{versions[0]['id']}/artifacts", pageSize=100)["items"]
    return Seen(
        model["name"],
        model["owner"],
        model["libraryName"],
        model["tasks"][0],
        [name for name, value in model["customProperties"].items() if value.get("string_value") == ""],
        len(versions),
        versions[0]["name"],
        versions[0]["customProperties"]["stage"]["string_value"],
        next(one["uri"] for one in artifacts if one["artifactType"] == "model-artifact"),
        {one["name"]: one["value"] for one in artifacts if one["artifactType"] == "metric"},
    )


_WORDS = (
    ("Model.name", "RegisteredModel.name"),
    ("created_by", "owner"),
    ("framework", "libraryName"),
    ("task_type", "tasks[0]"),
    ("tags", "customProperties of empty text"),
    ("versions_count", "how many ModelVersions"),
    ("latest_version", "the newest ModelVersion's name"),
    ("its status", "its customProperties.stage"),
    ("its artifact_path", "its ModelArtifact's uri"),
    ("its metrics", "its Metrics"),
)


def _told(value: object) -> str:
    """So short that two of them fit side by side: of a text its end, of metrics the first two."""
    if isinstance(value, dict):
        first = [f"{name} {number:.2f}" for name, number in value.items()][:2]
        return ", ".join([*first, "…"])
    if isinstance(value, list):
        return ", ".join(value)
    return str(value)[-WIDTH:]
