"""Registers every trained model through Kubeflow's own Python client, as it is on PyPI."""

import hashlib
import logging
import os
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import mr_openapi
import sklearn
from model_registry import ModelRegistry
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import ModelVersionState

from demo import training
from demo.experiment import Result, best_of, worst_of
from demo.screen import Screen, table
from demo.server import Rest, number, plain

CLIENT = f"model-registry {version('model-registry')}"
MODEL = "tumour-classifier"


def connect(url: str) -> Any:
    os.environ["no_proxy"] = "127.0.0.1"  # the client would send even this to a proxy that the shell names
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "User access token is missing")  # none is needed on this machine
        return ModelRegistry(url, author="ann", log_level=logging.ERROR)


def artifacts_of(url: str) -> Any:
    """The same client one floor below, where metrics of a version can be logged."""
    parts = urlsplit(url)
    return ModelRegistryAPIClient.insecure_connection(f"{parts.scheme}://{parts.hostname}", parts.port)


def register_all(client: Any, artifacts: Any, screen: Screen, results: tuple[Result, ...]) -> None:
    """One version for each training, with the file of its model; the best one is marked by changing it, the worst one archived."""
    for result in results:
        client.register_model(
            MODEL,
            result.path.as_uri(),
            version=result.setting.name,
            version_description=f"{result.setting.hidden_units} hidden units, {result.weights} weights",
            model_format_name="skops",
            model_format_version=version("skops"),
            model_source_kind="experiment-run",
            model_source_id=result.run_id,
            model_source_name=result.setting.name,
            metadata=_facts(result),
        )
        measured = client.get_model_version(MODEL, result.setting.name)
        for name, value in result.unseen._asdict().items():
            client.async_runner(_log_metric(artifacts, measured.id, name, value))
    best = client.get_model_version(MODEL, best_of(results).setting.name)
    best.custom_properties["stage"] = "production"
    client.update(best)
    worst = client.get_model_version(MODEL, worst_of(results).setting.name)
    worst.state = ModelVersionState.ARCHIVED
    client.update(worst)
    _show(client, screen, results)


async def _log_metric(artifacts: Any, version_id: str, name: str, value: float) -> None:
    """By the client's API layer: its own `Metric` cannot be sent, for it has a number as step where its API wants text."""
    metric = mr_openapi.Metric(artifactType="metric", name=name, value=value)
    async with artifacts.get_client() as api:
        await api.upsert_model_version_artifact(version_id, mr_openapi.Artifact(metric))


def _facts(result: Result) -> dict[str, Any]:
    setting = {"hidden_units": result.setting.hidden_units, "learning_rate": result.setting.learning_rate}
    file = {"sha256": result.sha256, "bytes": result.path.stat().st_size}
    return {**result.unseen._asdict(), **setting, **file, "weights": result.weights, "sklearn": sklearn.__version__}


def _show(client: Any, screen: Screen, results: tuple[Result, ...]) -> None:
    rows = []
    for result in results:
        found, artifact = (ask(MODEL, result.setting.name) for ask in (client.get_model_version, client.get_model_artifact))
        mark = found.custom_properties.get("stage", "archived" if str(found.state.value) == "ARCHIVED" else "")
        rows.append((found.name, found.id, artifact.id, Path(artifact.uri).name, f"{result.path.stat().st_size / 1024:.0f} KiB",
                     f"{result.sha256[:16]}…", mark))  # fmt: skip
    screen.show(table("version", ">id", ">artifact", "file", ">size", "SHA-256", "", rows=rows))


def check(client: Any, rest: Rest, screen: Screen, results: tuple[Result, ...], data: training.Patients) -> None:
    """Read it back through REST and through the client; then take the best model's file from where the registry says it is."""
    model = rest.get("/registered_model", name=MODEL)
    screen.check("REST knows the model that the client registered", model["id"], client.get_registered_model(MODEL).id)
    versions = rest.get(f"/registered_models/{model['id']}/versions", pageSize=100)["items"]
    facts = {one["name"]: plain(one["customProperties"]) for one in versions}
    facts[best_of(results).setting.name].pop("stage")
    screen.check("Every version carries its facts, numbers as numbers", facts, {one.setting.name: _facts(one) for one in results})
    walked = [one.name for one in client.get_model_versions(MODEL).page_size(3).order_by_creation_time()]
    screen.check("The client pages through them in order", walked, [result.setting.name for result in results])
    best = best_of(results)
    found = next(one for one in versions if one["name"] == best.setting.name)
    metrics = rest.get(f"/model_versions/{found['id']}/artifacts", artifactType="metric", pageSize=100)["items"]
    screen.check("The best version's metrics are its scores", {one["name"]: one["value"] for one in metrics}, best.unseen._asdict())
    artifact = client.get_model_artifact(MODEL, best.setting.name)
    run = rest.get(f"/experiment_runs/{artifact.model_source_id}")
    outcome = {name: number(value) for name, value in best.unseen._asdict().items()}
    screen.check("Its artifact leads back to the run that made it", (run["name"], run["customProperties"]), (best.setting.name, outcome))
    content = Path(unquote(urlsplit(artifact.uri).path)).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    screen.check("The file it points to has the SHA-256 that was registered", digest, facts[best.setting.name]["sha256"])
    again = training.scores(training.load(content), *data.unseen)
    screen.check(f"Loaded from there, it judges {data.counts[2]} unseen patients as well as before", again, best.unseen)
