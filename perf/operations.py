"""What is measured: a name for each operation, and its endless stream of requests."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from random import Random

from perf import requests as r
from perf.seed import PAGES, Seeded, name, page

BATCH = 100
"""Points sent in bulk at once."""

Stream = Callable[[Seeded, Random], Iterator[bytes]]


def _get(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.get(f"/registered_models/{random.choice(seeded.models)}")


def _find(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.get("/registered_model", name=name(random.randrange(len(seeded.models))))


def _create(_: Seeded, random: Random) -> Iterator[bytes]:
    return (r.new_model(fresh, random) for fresh in fresh_names(random))


def fresh_names(random: Random) -> Iterator[str]:
    """That no model has yet."""
    series = random.randbytes(4).hex()
    return (f"{series}-{number}" for number in itertools.count())


def _list_20(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield page("/registered_models", 20, random.choice(seeded.model_pages))


def _list_100(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield page("/model_versions", 100, random.choice(seeded.version_pages))


def _filter(_: Seeded, random: Random) -> Iterator[bytes]:
    """From 2 % down to a few of all models, 20 of them at a time."""
    while True:
        query = f"accuracy > {random.uniform(0.9, 0.995):.4f} AND framework = '{random.choice(r.FRAMEWORKS)}'"
        yield r.get("/registered_models", filterQuery=query, pageSize=20)


def _filter_name(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        query = f"name LIKE '{thousand(seeded, random)}%' AND framework = '{random.choice(r.FRAMEWORKS)}'"
        yield r.get("/registered_models", filterQuery=query, pageSize=20)


def thousand(seeded: Seeded, random: Random) -> str:
    """How the names of a thousand models begin, any thousand of them."""
    return name(random.randrange(len(seeded.models)))[:-3]


def _patch(seeded: Seeded, random: Random) -> Iterator[bytes]:
    for number in itertools.count():
        changes = {"description": f"changed {number}", "customProperties": r.five_properties(random)}
        yield r.patch(f"/registered_models/{random.choice(seeded.models)}", changes)


def _version_metric(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.metric(f"/model_versions/{random.choice(seeded.versions)}", "f1", random.random())


def _run_metric(seeded: Seeded, random: Random) -> Iterator[bytes]:
    for step in itertools.count():
        run = random.choice(seeded.fresh_runs)
        yield r.metric(f"/experiment_runs/{run}", "loss", random.random(), step=step, timestamp=str(1_700_000_000_000 + step))


def _points(seeded: Seeded, random: Random) -> Iterator[bytes]:
    for first in itertools.count(0, BATCH):
        yield r.points(random.choice(seeded.fresh_runs), "loss", first, BATCH, random)


def _history(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.get(f"/experiment_runs/{random.choice(seeded.finished_runs)}/metric_history", name="loss", pageSize=100)


def _jfrog_get(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.get(f"/models/{random.choice(seeded.models)}", api=r.JFROG)


def _jfrog_list_20(_: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.get("/models", api=r.JFROG, limit=20, offset=20 * random.randrange(PAGES))


def _jfrog_create(_: Seeded, random: Random) -> Iterator[bytes]:
    return (r.new_jfrog_model(f"jfrog-{fresh}", random) for fresh in fresh_names(random))


# Reads first: they find the registry as it was seeded.
OPERATIONS: Mapping[str, Stream] = {
    "get": _get,
    "find by name": _find,
    "list of 20": _list_20,
    "get, JFrog": _jfrog_get,
    "list of 20, JFrog": _jfrog_list_20,
    "list of 100 versions": _list_100,
    "filter on two properties": _filter,
    "filter on name and property": _filter_name,
    "history of 100": _history,
    "create": _create,
    "create, JFrog": _jfrog_create,
    "patch": _patch,
    "metric on a version": _version_metric,
    "metric on a run": _run_metric,
    "100 points in bulk": _points,
}


def echo_get(_: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.get(f"/echo/{random.randrange(10_000)}")


def echo_post(_: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.new_model("echo", random).replace(b"/registered_models", b"/echo", 1)


ECHOES: Mapping[str, Stream] = {"bare echo, GET": echo_get, "bare echo, POST": echo_post}
"""What the edge alone costs, log line included: the yardstick for the others."""
READS = frozenset(
    {
        "get",
        "find by name",
        "list of 20",
        "get, JFrog",
        "list of 20, JFrog",
        "list of 100 versions",
        "filter on two properties",
        "filter on name and property",
        "history of 100",
    }
)
"""Compared with the echo of a GET; the others with that of a POST."""
