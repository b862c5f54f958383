"""Fills a registry through its front door: what is measured later was made by the same code."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec

from perf import requests as r
from perf.load import send_all

POINTS = 120
"""Points in the history of each run that histories are read of."""
RUNS = 20
PAGES = 40
"""Of each list, so many pages' tokens are walked to, to begin reading at any of them."""

Progress = Callable[[str, int], None]
"""Told of what is made, and how many of it just now."""


class SeedError(Exception):
    """The registry did not take the seed. The message holds its answer."""


class Seeded(NamedTuple):
    models: Sequence[str]
    """Ids. The name of the n-th to be sent is `name(n)`; ids are in no order."""
    versions: Sequence[str]
    finished_runs: Sequence[str]
    """Each with a history of `POINTS` points of the metric `loss`."""
    fresh_runs: Sequence[str]
    model_pages: Sequence[str]
    """Tokens at which a page of 20 models in order of creation begins."""
    version_pages: Sequence[str]
    """Likewise for 100 versions."""


class _Answer(msgspec.Struct, rename="camel"):
    id: str = ""
    next_page_token: str = ""


_DECODER = msgspec.json.Decoder(_Answer)


def name(number: int) -> str:
    return f"model-{number:07d}"


def totals(models: int) -> Mapping[str, int]:
    """What `seed` makes, and how many of it."""
    return {
        "models": models,
        "versions": models,
        "metrics": models,
        "experiments": 1,
        "runs": 2 * RUNS,
        "metric points": RUNS * POINTS,
    }


async def seed(port: int, models: int, random: Random, progress: Progress, *, connections: int = 8) -> Seeded:
    """Make `models` models, a version of each with a metric, an experiment and runs. Raises `SeedError`."""

    async def make(what: str, requests: Iterator[bytes]) -> list[str]:
        answers = await put(port, what, requests, progress, connections=connections)
        return [_DECODER.decode(answer).id for answer in answers]

    model_ids = await make("models", (r.new_model(name(number), random) for number in range(models)))
    version_ids = await make("versions", (r.new_version(id_, "v1", random) for id_ in model_ids))
    await make("metrics", (r.metric(f"/model_versions/{id_}", "accuracy", random.random()) for id_ in version_ids))
    (experiment,) = await make("experiments", iter([r.post("/experiments", {"name": "tuning"})]))
    runs = await make("runs", (_run(experiment, number) for number in range(2 * RUNS)))
    points = itertools.product(range(POINTS), runs[:RUNS])
    await make("metric points", (_point(run, step, random) for step, run in points))
    return Seeded(
        models=model_ids,
        versions=version_ids,
        finished_runs=runs[:RUNS],
        fresh_runs=runs[RUNS:],
        model_pages=await walk(port, lambda token: page("/registered_models", 20, token), _next_page),
        version_pages=await walk(port, lambda token: page("/model_versions", 100, token), _next_page),
    )


async def put(port: int, what: str, requests: Iterator[bytes], progress: Progress, *, connections: int) -> list[bytes]:
    """Send them all; returns the bodies of the answers, in the order they came. Raises `SeedError`."""
    answers: list[bytes] = []

    def keep(body: bytes) -> None:
        answers.append(body)
        progress(what, 1)

    load = await send_all(port, requests, keep, connections=connections)
    if load.refused:
        raise SeedError(f"{load.refused} {what} were refused: {load.complaint}")
    return answers


async def walk(port: int, page: Callable[[str], bytes], next_page: Callable[[bytes], str]) -> list[str]:
    """The tokens at which the first pages of a list begin; the first is empty. `page` asks for one, `next_page` reads an answer."""
    tokens = [""]

    def following() -> Iterator[bytes]:
        while len(tokens) <= PAGES:
            yield page(tokens[-1])
            if tokens[-1] == "":
                return

    await send_all(port, following(), lambda body: tokens.append(next_page(body)), connections=1)
    return [token for number, token in enumerate(tokens) if token or not number]


def _next_page(answer: bytes) -> str:
    return _DECODER.decode(answer).next_page_token


def _run(experiment: str, number: int) -> bytes:
    return r.post("/experiment_runs", {"experimentId": experiment, "name": f"run-{number}"})


def _point(run: str, step: int, random: Random) -> bytes:
    return r.metric(f"/experiment_runs/{run}", "loss", random.random(), step=step, timestamp=str(1_700_000_000_000 + step))


def page(path: str, size: int, token: str) -> bytes:
    more: dict[str, Any] = {"nextPageToken": token} if token else {}
    return r.get(path, pageSize=size, orderBy="CREATE_TIME", **more)
