"""The demo's chapters, in order."""

import time
from pathlib import Path

from rich.markup import escape

from demo import experiment, questions, registering, training, two_doors
from demo.logbook import VERSION, logbook
from demo.screen import Screen
from demo.server import Rest

API = "/api/model_registry/v1alpha3"
JFROG_API = "/ml/api/v1"


def tell(screen: Screen, url: str, folder: Path) -> None:
    started = time.monotonic()
    rest = Rest(url + API)
    screen.chapter("A registry of your own")
    screen.say(f"Modelyard listens on [bold cyan]{url}[/]; its records are in one SQLite file, [dim]{escape(str(folder))}/modelyard.db[/].")

    screen.chapter("Four trainings, logged while they run")
    data = training.patients()
    learn, watch, unseen = data.counts
    screen.say(
        f"Benign or malignant? scikit-learn's breast-cancer data: {learn} patients to learn from, {watch} to watch while learning, "
        f"{unseen} kept unseen. Small neural networks, {training.EPOCHS} epochs each.\n"
    )
    with logbook(url) as log:
        experiment_id, results = experiment.run_all(log, screen, data, folder)
    screen.say(
        f"\nExperiment {experiment_id}, logged through Kubeflow's own client, model-registry {VERSION}; read back through plain REST:\n"
        f"[dim]Why not its newest release? That has no experiments any more: {VERSION} is the last one.[/]\n"
    )
    experiment.check(rest, screen, results)

    screen.chapter("Registered through Kubeflow's newest client")
    client = registering.connect(url)
    screen.say(f"{registering.CLIENT}, as it is on PyPI: it speaks v1 where the one above speaks v1alpha3, to the same records.\n")
    registering.register_all(client, registering.artifacts_of(url), screen, results)
    screen.say("")
    registering.check(client, rest, screen, results, data)

    screen.chapter("The same model through JFrog's API")
    jfrog, model_id = Rest(url + JFROG_API), client.get_registered_model(registering.MODEL).id
    screen.say("JFrog ML's REST API, at another address of the same server: more is said of the model there, and a version is added.\n")
    two_doors.register(jfrog, model_id, results)
    two_doors.compare(jfrog, rest, screen, model_id, results)

    screen.chapter("Asked")
    questions.ask_all(rest, screen, experiment_id, results)
    screen.say(f"\n[bold green]All as it should be[/], in {time.monotonic() - started:.1f} seconds.")


def where_next(screen: Screen, url: str, *, keep: bool) -> None:
    screen.chapter("Where to look next")
    if keep:
        screen.plain(f"  {url}/docs   every operation, with a form to try it")
        screen.plain(f"  curl -s '{url}{API}/model_versions?orderBy=ID'")
        screen.say("\nThe registry of this demo stays until Ctrl-C.")
        return
    screen.plain("  make demo ARGS=--keep   the same, and the registry stays, to look around in it")
    screen.plain("  make serve              a registry that keeps its records, with documentation at http://127.0.0.1:8080/docs")
    screen.plain("  docs/guides/kubeflow-client.md, docs/guides/jfrog.md   Kubeflow's client and JFrog's API with it")
