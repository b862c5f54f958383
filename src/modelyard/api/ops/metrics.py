"""`/metrics`: what the server has done and is doing, for Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from modelyard.access.permissions import Permission
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.message import NOSNIFF, Request, Response
from modelyard.api.ops.figures import Figures, exposition


def metrics_route(figures: Callable[[], Awaitable[Figures]]) -> ColdRoute:
    """Writing the answer takes milliseconds, so a thread does it."""

    async def metrics(_request: Request) -> Response:
        body = await asyncio.to_thread(exposition, await figures())
        return Response(200, body, CONTENT_TYPE_PLAIN_0_0_4.encode(), (NOSNIFF,))

    return ColdRoute(id="metrics", path="/metrics", handler=metrics, permission=Permission.METRICS_READ, any_host=True)
