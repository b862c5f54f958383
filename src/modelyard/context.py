"""What every service call is handed besides its data: who asks, and what time it is."""

import time
from collections.abc import Callable
from typing import NewType

import msgspec

Millis = NewType("Millis", int)
"""A moment: milliseconds since 1970-01-01T00:00:00Z. An integer because both the wire and the store keep it so."""

ProjectId = NewType("ProjectId", int)
DEFAULT_PROJECT = ProjectId(1)
NO_PROJECT = ProjectId(0)
"""Of audit events that concern the whole server: accounts and their tokens, roles on everything, and projects as such."""

Clock = Callable[[], Millis]


def system_clock() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


class Reach(msgspec.Struct, frozen=True):
    """The records of a project that a caller reaches who does not reach all of it: these, and what belongs to them."""

    models: frozenset[int] = frozenset()
    experiments: frozenset[int] = frozenset()


ANONYMOUS = "anonymous"
"""The name of every caller where nobody is asked who they are. No account has it."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, in which project, through which dialect: what the audit writes down."""

    name: str = ANONYMOUS
    project: ProjectId = DEFAULT_PROJECT
    dialect: str
    """The front door's folder name: `kubeflow`, `jfrog`, `native`."""
    request_id: str
    reach: Reach | None = None
    """The records that it may do with what it asks for; None: any of the project."""
    sight: Reach | None = None
    """The records that it may read, `reach` among them; None: any of the project."""
