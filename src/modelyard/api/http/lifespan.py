"""The server's start and stop, as ASGI tells of them."""

from collections.abc import Awaitable, Callable

from modelyard.api.http.asgi import Receive, Send
from modelyard.api.http.log import Log

Hook = Callable[[], Awaitable[None]]
Told = Callable[[Exception], None]


async def run_lifespan(
    receive: Receive, send: Send, startup: Hook | None, shutdown: Hook | None, log: Log, failed_start: Told | None = None
) -> None:
    """Run `startup`, wait for the end, run `shutdown`. A failure of either makes the server stop.

    It is logged and told to the server, which logs it too; a failed start is told to `failed_start` instead, if that is given.
    """
    for stage, hook in (("startup", startup), ("shutdown", shutdown)):
        await receive()
        if hook is not None:
            try:
                await hook()
            except Exception as error:
                if stage == "startup" and failed_start is not None:
                    failed_start(error)
                    message = ""
                else:
                    log.exception("lifespan failed", stage=stage)
                    message = f"{type(error).__name__}: {error}"
                await send({"type": f"lifespan.{stage}.failed", "message": message})
                return
        await send({"type": f"lifespan.{stage}.complete"})
