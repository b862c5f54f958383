"""The Go original, Kubeflow's own server: what the same requests cost it. Measured once, elsewhere; not a part of a run."""

from collections.abc import Mapping
from typing import NamedTuple

SOURCE = (
    "The Go original, measured that way on PostgreSQL 15 with 10 thousand models and as many versions, 5 custom properties each, "
    "8 connections (server + database, µs per request)"
)
"""The words that the figures came with. They name no machine, so it may well be another than yours: compare orders of magnitude."""


class Original(NamedTuple):
    """CPU in microseconds per request."""

    server: float
    database: float


ORIGINAL: Mapping[str, Original] = {
    "get": Original(616, 1_631),
    "find by name": Original(653, 1_565),
    "create": Original(1_791, 2_904),
    "list of 20": Original(4_328, 6_196),
    "list of 100 versions": Original(12_722, 11_752),
    "filter on two properties": Original(4_172, 9_622),
    "patch": Original(2_306, 3_836),
    "metric on a version": Original(1_465, 3_198),
    "metric on a run": Original(3_092, 5_190),
    "history of 100": Original(5_489, 7_083),
}
"""By the name of the operation."""
