"""The figures of one run side by side: ours with MLflow's, one process with several."""

from collections.abc import Iterator, Sequence
from itertools import product

import msgspec

from perf.bench import Costs
from perf.costs import Cost
from perf.mlflow.operations import counterpart
from perf.products import MLFLOW, MODELYARD


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One call on one database. CPU in microseconds."""

    database: str
    call: str
    operation: str
    """Ours that the call is compared with."""
    times: int
    """So many of ours do what one call to MLflow does; our figures are of all of them."""
    server: float
    of_database: float
    mlflow_server: float
    mlflow_database: float

    @property
    def ratio(self) -> float:
        """How much more MLflow spends, server and database together."""
        return (self.mlflow_server + self.mlflow_database) / (self.server + self.of_database)


def with_mlflow(measured: Sequence[Costs]) -> Iterator[Compared]:
    """Both with one process."""
    ours = [costs for costs in measured if costs.product == MODELYARD.name and costs.workers == 1]
    theirs = [costs for costs in measured if costs.product == MLFLOW.name]
    for our, their in product(ours, theirs):
        if our.store is their.store:
            yield from _calls(our, their)


def _calls(ours: Costs, theirs: Costs) -> Iterator[Compared]:
    for cost in theirs.costs:
        operation, times = counterpart(cost.operation)
        if our := ours.of(operation):
            yield Compared(
                database=ours.database,
                call=cost.operation,
                operation=operation,
                times=times,
                server=our.server_cpu * times,
                of_database=our.database_cpu * times,
                mlflow_server=cost.server_cpu,
                mlflow_database=cost.database_cpu,
            )


def workers(measured: Sequence[Costs]) -> Iterator[tuple[Costs, Costs, Sequence[tuple[Cost, Cost]]]]:
    """One process and several on the same database, and what each operation cost with the one and with the other."""
    for one, several in product(measured, measured):
        if one.workers == 1 < several.workers and (one.product, one.store) == (several.product, several.store):
            yield one, several, list(zip(one.costs, several.costs, strict=True))
