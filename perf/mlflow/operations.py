"""What MLflow is asked: the calls that both have. `counterpart` says which of our operations does the same."""

import itertools
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from perf import requests as r
from perf.operations import OPERATIONS, Stream, fresh_names, thousand
from perf.seed import Seeded

API = "/api/2.0/mlflow"
BATCH = 100
"""Metrics logged by one request."""
LOG_METRICS = f"log {BATCH} metrics"
BULK = f"{BATCH} points in bulk"
"""Our operation for them."""


class Counterpart(NamedTuple):
    """`times` of our `operation` do what one request to MLflow does."""

    operation: str
    times: int


def new_model(model: str, random: Random) -> bytes:
    """Ours of that name, as far as MLflow has a place for it. Its tags are texts."""
    tags = [{"key": key, "value": _text(value)} for key, value in r.five_properties(random).items()]
    return r.post("/registered-models/create", {"name": model, "description": r.DESCRIPTION, "tags": tags}, api=API)


def _text(value: Mapping[str, Any]) -> str:
    return next(str(held) for key, held in value.items() if key != "metadataType")


def page(token: str) -> bytes:
    """20 models in MLflow's own order, which is that of their names."""
    more = {"page_token": token} if token else {}
    return r.get("/registered-models/search", api=API, max_results=20, **more)


def log_batch(run: str, first_step: int, random: Random) -> bytes:
    """The next points of one metric."""
    steps = range(first_step, first_step + BATCH)
    metrics = [{"key": "loss", "value": random.random(), "step": step, "timestamp": 1_700_000_000_000 + step} for step in steps]
    return r.post("/runs/log-batch", {"run_id": run, "metrics": metrics}, api=API)


def _get(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield r.get("/registered-models/get", api=API, name=random.choice(seeded.models))


def _list_20(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        yield page(random.choice(seeded.model_pages))


def _filter(seeded: Seeded, random: Random) -> Iterator[bytes]:
    while True:
        query = f"name LIKE '{thousand(seeded, random)}%' AND tags.framework = '{random.choice(r.FRAMEWORKS)}'"
        yield r.get("/registered-models/search", api=API, filter=query, max_results=20)


def _create(_: Seeded, random: Random) -> Iterator[bytes]:
    return (new_model(fresh, random) for fresh in fresh_names(random))


def _log_metrics(seeded: Seeded, random: Random) -> Iterator[bytes]:
    for step in itertools.count(step=BATCH):
        yield log_batch(random.choice(seeded.fresh_runs), step, random)


MLFLOW_OPERATIONS: Mapping[str, Stream] = {
    "get": _get,
    "list of 20": _list_20,
    "filter on name and property": _filter,
    "create": _create,
    LOG_METRICS: _log_metrics,
}


def counterpart(call: str) -> Counterpart:
    """What of ours the call is compared with. While we have no operation for many metrics at once, that is as many of the one for one."""
    if call != LOG_METRICS:
        return Counterpart(call, 1)
    return Counterpart(BULK, 1) if BULK in OPERATIONS else Counterpart("metric on a run", BATCH)
