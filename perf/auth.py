"""What it costs a request to say who asks: `python -m perf.auth 2> /dev/null`, since every request is logged there.

Two applications in this process, one with an account in its store and one without, are asked for a model in turn, without a socket. CPU
time is compared round by round, so that whatever else the machine does matters little.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from modelyard import logs
from modelyard.api.http.edge import Edge
from modelyard.app import admit_admin
from modelyard.settings import LogFormat, LogLevel, Settings
from tests.inprocess import call, running

MODELS = "/api/model_registry/v1alpha3/registered_models"
ROUNDS, REQUESTS = 20, 2_000


class Asking:
    """Somebody who asks one application for one model, again and again. `costs` are microseconds of CPU per request, by round."""

    def __init__(self, edge: Edge, headers: dict[str, str]) -> None:
        self._edge, self._headers = edge, headers
        self._path = ""
        self.costs: list[float] = []

    async def begin(self) -> None:
        made = await call(self._edge, "POST", MODELS, self._headers, b'{"name": "asked for"}')
        self._path = f"{MODELS}/{made.json['id']}"

    async def ask(self) -> None:
        started = time.process_time()
        for _ in range(REQUESTS):
            await call(self._edge, "GET", self._path, self._headers)
        self.costs.append((time.process_time() - started) / REQUESTS * 1e6)


async def measure(open_: Settings, guarded: Settings, token: str) -> tuple[list[float], list[float]]:
    async with AsyncExitStack() as stack:
        nobody = Asking(await stack.enter_async_context(running(open_)), {"x-padding": f"Bearer {token}"})
        known = Asking(await stack.enter_async_context(running(guarded)), {"authorization": f"Bearer {token}"})
        for one in (nobody, known):
            await one.begin()
        for _ in range(ROUNDS):
            await nobody.ask()
            await known.ask()
        return nobody.costs, known.costs


def main() -> None:
    logs.configure(LogLevel.INFO, LogFormat.JSON)
    with tempfile.TemporaryDirectory() as folder:
        open_, guarded = (Settings(data_dir=str(Path(folder, name))) for name in ("open", "guarded"))
        Path(guarded.data_dir).mkdir()
        token = admit_admin(guarded, "admin", again=False).text
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            nobody, known = runner.run(measure(open_, guarded, token))
    more = statistics.median(with_ - without for with_, without in zip(known, nobody, strict=True))
    sys.stdout.write(f"without auth {statistics.median(nobody):.1f} us, with a token {statistics.median(known):.1f} us: {more:+.1f} us\n")


if __name__ == "__main__":
    main()
