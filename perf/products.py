"""What is measured: for each product how it is started and filled, and what it is asked."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from perf import seed, stage
from perf.mlflow import environment
from perf.mlflow import seed as mlflow_seed
from perf.mlflow.operations import MLFLOW_OPERATIONS
from perf.operations import OPERATIONS, Stream
from perf.seed import Progress, Seeded
from perf.stage import Server


class Start(Protocol):
    def __call__(self, url: str, home: Path, *, workers: int = 1) -> AbstractContextManager[Server]:
        """A server on the database of this URL, ready."""


class Fill(Protocol):
    async def __call__(self, port: int, models: int, random: Random, progress: Progress, *, connections: int = 8) -> Seeded:
        """Make `models` models, and what else the operations need. Raises `SeedError`."""


class Product(NamedTuple):
    name: str
    start: Start
    fill: Fill
    totals: Callable[[int], Mapping[str, int]]
    """What `fill` makes for so many models, and how many of it."""
    operations: Mapping[str, Stream]


MODELYARD = Product("Modelyard", stage.registry, seed.seed, seed.totals, OPERATIONS)
MLFLOW = Product(f"MLflow {environment.version()}", stage.mlflow, mlflow_seed.seed, mlflow_seed.totals, MLFLOW_OPERATIONS)
