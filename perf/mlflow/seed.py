"""Fills an MLflow server through its front door with as many models as our registry gets."""

from collections.abc import Mapping
from random import Random

import msgspec

from perf import requests as r
from perf.mlflow.operations import API, new_model, page
from perf.seed import RUNS, Progress, Seeded, name, put, walk


class _Info(msgspec.Struct):
    run_id: str


class _Run(msgspec.Struct):
    info: _Info


class _Answer(msgspec.Struct):
    experiment_id: str = ""
    run: _Run | None = None
    next_page_token: str = ""


_DECODER = msgspec.json.Decoder(_Answer)


def totals(models: int) -> Mapping[str, int]:
    """What `seed` makes, and how many of it. No versions: none of the calls measured is about them."""
    return {"models": models, "experiments": 1, "runs": RUNS}


async def seed(port: int, models: int, random: Random, progress: Progress, *, connections: int = 8) -> Seeded:
    """Make `models` models, an experiment and runs. A model's name is its id. Raises `SeedError`."""
    names = [name(number) for number in range(models)]
    await put(port, "models", (new_model(model, random) for model in names), progress, connections=connections)
    experiment = r.post("/experiments/create", {"name": "tuning"}, api=API)
    (made,) = await put(port, "experiments", iter([experiment]), progress, connections=1)
    begun = {"experiment_id": _DECODER.decode(made).experiment_id, "start_time": 1_700_000_000_000}
    new_run = r.post("/runs/create", begun, api=API)
    runs = [_DECODER.decode(body).run for body in await put(port, "runs", iter([new_run] * RUNS), progress, connections=connections)]
    return Seeded(
        models=names,
        versions=[],
        finished_runs=[],
        fresh_runs=[run.info.run_id for run in runs if run],
        model_pages=await walk(port, page, lambda body: _DECODER.decode(body).next_page_token),
        version_pages=[],
    )
