"""What JFrog's API costs beside Kubeflow's: `python -m perf.doors 2> /dev/null`, since every request is logged there.

One application in this process is asked for the same models through both, in turn and without a socket: one of them, the first page of
20, and a page of 20 anywhere. CPU time, of this process and of the database's, is compared round by round, so that whatever else the
machine does matters little.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import msgspec
import uvloop

from modelyard import logs
from modelyard.api.http.asgi import Message
from modelyard.api.http.edge import Edge
from modelyard.settings import LogFormat, LogLevel, Settings
from perf import requests as r
from perf.seed import name
from perf.stage import Database, DatabaseName, database, folder
from tests.inprocess import running

PAGE = 20
CONNECTIONS = 8
"""So many requests at a time fill the registry."""
WARMING = 100
REMEMBERING = 2.0
"""Seconds after its first list until JFrog's API remembers how many models there are."""


class Question(NamedTuple):
    """Asked at both doors: requests for the same, to be sent one after the other."""

    name: str
    kubeflow: Sequence[bytes]
    jfrog: Sequence[bytes]


class Cost(NamedTuple):
    """Microseconds of CPU for each request, of one round."""

    server: float
    database: float


class Asker:
    """Sends requests to an application in this process, and meters what they take."""

    def __init__(self, edge: Edge, database: Database) -> None:
        self._edge = edge
        self._database = database

    async def ask(self, request: bytes) -> Any:
        """What the answer says. Raises `RuntimeError` for one that is not good."""
        return msgspec.json.decode(await self._send(*_taken_apart(request)))

    async def round(self, requests: Sequence[bytes]) -> Cost:
        ready = [_taken_apart(request) for request in requests]
        before = self._seconds()
        for scope, body in ready:
            await self._send(scope, body)
        return Cost(*[(after - then) / len(requests) * 1e6 for then, after in zip(before, self._seconds(), strict=True)])

    async def _send(self, scope: MutableMapping[str, Any], body: bytes) -> bytes:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._edge(scope, receive, send)
        answer: bytes = sent[1]["body"]
        if sent[0]["status"] not in (200, 201):
            raise RuntimeError(f"{sent[0]['status']} for {scope['path']}: {answer.decode()}")
        return answer

    def _seconds(self) -> tuple[float, float]:
        tree = self._database.tree
        return time.process_time(), 0.0 if tree is None else tree.cpu_seconds_precisely()


def _taken_apart(request: bytes) -> tuple[MutableMapping[str, Any], bytes]:
    """The ASGI scope and the body, as a server would make them of these bytes."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ")
    path, _, query = target.partition(b"?")
    headers = [tuple(line.split(b": ", 1)) for line in lines]
    scope = {"type": "http", "method": method.decode(), "path": path.decode(), "raw_path": path, "query_string": query}
    return {**scope, "headers": headers, "client": ("127.0.0.1", 50_000)}, body


async def fill(asker: Asker, models: int, random: Random) -> list[str]:
    """So many models, each with five properties and a version; their ids."""
    ids: list[str] = []
    numbers = iter(range(models))

    async def make() -> None:
        for number in numbers:
            model = await asker.ask(r.new_model(name(number), random))
            ids.append(model["id"])
            await asker.ask(r.new_version(model["id"], "v1", random))

    await asyncio.gather(*[make() for _ in range(CONNECTIONS)])
    return ids


async def questions(asker: Asker, ids: Sequence[str], requests: int, random: Random) -> list[Question]:
    """So many requests for each at each door."""
    tokens = [""]
    while token := (await asker.ask(_kubeflow_page(tokens[-1])))["nextPageToken"]:
        tokens.append(token)
    some, places = random.choices(ids, k=requests), random.choices(range(len(tokens)), k=requests)
    return [
        Question("get", [r.get(f"/registered_models/{id_}") for id_ in some], [r.get(f"/models/{id_}", api=r.JFROG) for id_ in some]),
        Question("first page of 20", [_kubeflow_page("")] * requests, [_jfrog_page(0)] * requests),
        Question("page of 20 anywhere", [_kubeflow_page(tokens[place]) for place in places], [_jfrog_page(place) for place in places]),
    ]


def _kubeflow_page(token: str) -> bytes:
    more = {"nextPageToken": token} if token else {}
    return r.get("/registered_models", pageSize=PAGE, **more)


def _jfrog_page(place: int) -> bytes:
    return r.get("/models", api=r.JFROG, limit=PAGE, offset=place * PAGE)


async def measure(database: Database, home: Path, options: argparse.Namespace) -> None:
    random = Random(7)  # noqa: S311 - only makes up what to ask for; nothing secret comes of it
    async with running(Settings(data_dir=str(home), database_url=database.url)) as edge:
        asker = Asker(edge, database)
        ids = await fill(asker, options.models, random)
        database.settle()
        asked = await questions(asker, ids, options.requests, random)
        await asker.ask(_jfrog_page(0))
        await asyncio.sleep(REMEMBERING)
        for question in asked:
            sys.stdout.write(f"{database.name:10} {await compare(asker, question, options.rounds)}\n")
            sys.stdout.flush()


async def compare(asker: Asker, question: Question, rounds: int) -> str:
    for requests in (question.kubeflow, question.jfrog):
        await asker.round(requests[:WARMING])
    costs = [(await asker.round(question.kubeflow), await asker.round(question.jfrog)) for _ in range(rounds)]
    ratio = median(sum(jfrog) / sum(kubeflow) for kubeflow, jfrog in costs)
    medians = [" + ".join(f"{median(part):5.1f}" for part in zip(*one, strict=True)) for one in zip(*costs, strict=True)]
    return f"{question.name:20} {medians[0]} {medians[1]}   {ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m perf.doors", description="What JFrog's API costs beside Kubeflow's.")
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=300, help="at each door, in each round")
    parser.add_argument("--database", action="append", choices=[one.value for one in DatabaseName], help="may be repeated; all but MariaDB")
    options = parser.parse_args()
    logs.configure(LogLevel.INFO, LogFormat.JSON)
    sys.stdout.write("microseconds of CPU, server + database: Kubeflow's API, JFrog's; the ratio's median over the rounds\n")
    for database_name in options.database or (DatabaseName.SQLITE, DatabaseName.POSTGRESQL):
        with (
            folder() as home,
            database(DatabaseName(database_name), home) as one,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(measure(one, home, options))


if __name__ == "__main__":
    main()
