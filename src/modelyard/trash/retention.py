"""Emptying the trash of what has been there for long enough: a job of the server's."""

import uuid

from modelyard.context import Caller, Clock, Millis
from modelyard.trash.service import TrashService

DAY = 86_400_000
"""Milliseconds."""
EVERY = 3600.0
"""Seconds between two looks."""


async def purge_old(trash: TrashService, clock: Clock, days: int) -> int:
    """Remove for good, in every project, what was deleted more than so many days ago. It may run anywhere, any number of times at once.

    Its events have the actor `modelyard`, the dialect `jobs`, and one request id for each run.
    """
    janitor = Caller(name="modelyard", dialect="jobs", request_id=f"trash-{uuid.uuid4()}")
    return await trash.purge_everywhere(janitor, Millis(clock() - days * DAY))
