"""Removing tokens that ended some time ago, which nobody will ask about any more: a job of the server's."""

import uuid

from modelyard.access.service import TokenService
from modelyard.context import Caller, Clock, Millis

KEPT_DAYS = 30
"""How long a token is still listed after it has ended."""
EVERY = 3600.0
"""Seconds between two looks."""

_DAY = 86_400_000


async def remove_old(tokens: TokenService, clock: Clock) -> int:
    """Remove the tokens that ended more than so many days ago; returns how many. It may run anywhere, any number of times at once.

    Its events have the actor `modelyard`, the dialect `jobs`, and one request id for each run.
    """
    janitor = Caller(name="modelyard", dialect="jobs", request_id=f"tokens-{uuid.uuid4()}")
    return await tokens.remove_ended(janitor, Millis(clock() - KEPT_DAYS * _DAY))
