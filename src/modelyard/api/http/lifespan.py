"""The server's start and stop, as ASGI tells of them."""

from collections.abc import Awaitable, Callable

from modelyard.api.http.asgi import Receive, Send
from modelyard.api.http.log import Log

Hook = Callable[[], Awaitable[None]]


async def run_lifespan(receive: Receive, send: Send, startup: Hook | None, shutdown: Hook | None, log: Log) -> None:
    """Run `startup`, wait for the end, run `shutdown`. A failure of either is logged and told to the server, which then stops."""
    for stage, hook in (("startup", startup), ("shutdown", shutdown)):
        await receive()
        if hook is not None:
            try:
                await hook()
            except Exception as error:
                log.exception("lifespan failed", stage=stage)
                await send({"type": f"lifespan.{stage}.failed", "message": f"{type(error).__name__}: {error}"})
                return
        await send({"type": f"lifespan.{stage}.complete"})
