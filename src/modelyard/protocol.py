"""uvicorn's HTTP protocol with a shorter way for answers that are whole: one write, and so one system call, for head and body.

uvicorn takes an answer as ASGI messages and writes each by itself. The edge hands a whole answer to `_Exchange.write` instead; what it
streams, and what it answers before it has read the body, goes the ordinary way.
"""

from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from modelyard.api.http.edge import Edge
from modelyard.api.http.message import Header


class Protocol(HttpToolsProtocol):
    """One connection."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Where uvicorn hands a request to the application."""
        if not isinstance(app, Edge):  # its own refusal, when there are more connections than it may have
            super()._start_asgi_task(cycle, app)
            return
        task = self.loop.create_task(_Exchange(cycle, app).run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def shutdown(self) -> None:
        """Called of each connection when the server begins to stop; it waits for the answers that are under way."""
        super().shutdown()
        if isinstance(self.app, Edge) and self.app.stop is not None:
            self.app.stop()


class _Exchange:
    """One request and its answer."""

    __slots__ = ("_cycle", "_edge")

    def __init__(self, cycle: RequestResponseCycle, edge: Edge) -> None:
        self._cycle = cycle
        self._edge = edge

    async def run(self) -> None:
        await self._cycle.run_asgi(self._app)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        await self._edge.serve(scope, receive, send, self.write)

    def write(self, status: int, headers: Sequence[Header], body: bytes) -> bool:
        """Send all of an answer. False, and nothing is sent, while the client does not keep up with what was sent before."""
        cycle = self._cycle
        if cycle.disconnected:
            return True
        if cycle.flow.write_paused:
            return False
        lines = [*cycle.default_headers, *headers]
        if not cycle.keep_alive:
            lines.append((b"connection", b"close"))
        parts = [STATUS_LINE[status]]
        for name, value in lines:
            parts += (name, b": ", value, b"\r\n")
        head = b"".join(parts)
        if head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1:
            raise ValueError(f"a header of this answer holds a line break: {lines}")
        cycle.transport.write(b"".join((head, b"\r\n", b"" if cycle.scope["method"] == "HEAD" else body)))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True
