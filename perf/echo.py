"""`python -m perf.echo READY_FILE`: the server's own edge with one operation, which answers the same model to everything."""

import asyncio
import json
import os
import sys
from pathlib import Path

import uvicorn

from modelyard import logs
from modelyard.access.memory_directory import MemoryDirectory
from modelyard.access.permissions import Permission
from modelyard.api.http.cors import Cors
from modelyard.api.http.edge import Edge
from modelyard.api.http.hosts import Hosts
from modelyard.api.http.limits import Limits
from modelyard.api.http.message import Request, Response
from modelyard.api.http.operation import Dialect, DocumentInfo, Operation
from modelyard.connections import ConnectionLimits, watched
from modelyard.server import bind
from modelyard.settings import LogFormat, LogLevel
from perf.requests import API

_BODY = json.dumps({"id": "1", "name": "echo", "description": "x" * 800, "state": "LIVE"}).encode() + b"\n"


async def _answer(_: Request) -> Response:
    return Response(200, _BODY)


def _unexpected(_: Request, error: Exception) -> Response:
    return Response(500, str(error).encode())


def edge() -> Edge:
    operations = (
        Operation(id="getEcho", method="GET", path="/echo/{id}", permission=Permission.PUBLIC, handler=_answer),
        Operation(id="postEcho", method="POST", path="/echo", permission=Permission.PUBLIC, handler=_answer),
    )
    document = DocumentInfo(title="Echo", version="1", url="/openapi/echo.json")
    dialect = Dialect(name="echo", prefix=API, operations=operations, render_error=_unexpected, document=document)
    return Edge(
        [dialect], limits=Limits(), cors=Cors(), hosts=Hosts(), logger=logs.logger(), access=logs.access_log(), directory=MemoryDirectory()
    )


def main() -> None:
    logs.configure(LogLevel.INFO, LogFormat.JSON)
    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        edge(),
        loop="uvloop",
        http=watched(ConnectionLimits()),
        ws="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    # Requests wait in the socket until the server runs, so it may be announced now.
    draft = Path(sys.argv[1] + ".draft")
    draft.write_text(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "pid": os.getpid()}))
    draft.replace(sys.argv[1])
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main()
