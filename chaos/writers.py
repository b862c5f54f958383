"""The write storm: so many clients, each making and changing things of its own, and some things under parents that they share."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import msgspec

from chaos.client import Answer, Client, NoAnswerError
from chaos.journal import Journal, State, Thing
from perf import requests as r

Mark = Callable[[], float]
"""The position in time now."""
METRICS = 3
"""Of each writer, on a run that all of them write to."""


class Storm(msgspec.Struct, frozen=True):
    """What the writers of one storm share. `series` is in every name, `runs` are ids."""

    port: int
    series: str
    runs: Sequence[str]
    journal: Journal
    mark: Mark


async def prepare(port: int, series: str) -> list[str]:
    """Make two runs to write metrics to; their ids."""
    async with Client(port) as client:
        experiment = await client.ask(r.post("/experiments", {"name": f"storm {series}"}))
        runs = [await client.ask(r.post("/experiment_runs", {"experimentId": experiment.body["id"], "name": f"run {n}"})) for n in range(2)]
    return [run.body["id"] for run in runs]


async def blow(storm: Storm, writers: int, random: Random) -> None:
    """Write until the server is gone, or this is cancelled."""
    seeds = [random.randrange(2**32) for _ in range(writers)]
    tasks = [asyncio.create_task(_Writer(storm, number, Random(seed)).write()) for number, seed in enumerate(seeds)]  # noqa: S311 - only chooses what to do; nothing secret comes of it
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Writer:
    def __init__(self, storm: Storm, number: int, random: Random) -> None:
        self._storm = storm
        self._journal = storm.journal
        self._name = f"{storm.series}-{number}"
        self._random = random
        self._count = 0
        self._own: dict[str, list[Thing]] = {"model": [], "version": [], "artifact": []}
        self._metrics = [Thing("metric", f"{self._name}-{n}", storm.runs[n % len(storm.runs)]) for n in range(METRICS)]

    async def write(self) -> None:
        with suppress(OSError, NoAnswerError):
            async with Client(self._storm.port) as client:
                while True:
                    await self._step(client)

    async def _step(self, client: Client) -> None:
        kind = self._random.choices(("model", "version", "artifact", "change", "metric", "delete"), (24, 10, 15, 24, 24, 3))[0]
        if kind == "metric":
            await self._measure(client)
        elif kind == "delete":
            await self._delete(client)
        elif kind == "change":
            await self._change(client)
        else:
            await self._make(client, kind)

    async def _make(self, client: Client, kind: str) -> None:
        parent = self._any({"model": "", "version": "model", "artifact": "version"}[kind])
        if kind != "model" and parent is None:
            kind, parent = "model", None
        self._count += 1
        thing = Thing(kind, f"{self._name}-{self._count}", parent.id if parent else "")
        content: dict[str, Any] = {"name": thing.name, "description": self._text(), "customProperties": r.five_properties(self._random)}
        if self._random.random() < 0.5:
            content["externalId"] = f"external {thing.name}"
        if kind == "model":
            content["tasks"] = ["classification", self._text()[:300]]
            request = r.post("/registered_models", content)
        elif kind == "version":
            request = r.post("/model_versions", {**content, "registeredModelId": thing.parent})
        else:
            content["uri"] = f"s3://{thing.name}"
            request = r.post(f"/model_versions/{thing.parent}/artifacts", {**content, "artifactType": "doc-artifact"})
        if self._random.random() < 0.3:
            request = thing.retry = request.replace(b"\r\n", f"\r\nidempotency-key: {thing.name}\r\n".encode(), 1)
        self._journal.things.append(thing)
        self._own[kind].append(thing)
        await self._ask(client, [thing], request, content)

    async def _change(self, client: Client) -> None:
        thing = self._any(self._random.choice(("model", "version", "artifact")))
        if thing is None:
            await self._make(client, "model")
            return
        changes: dict[str, Any] = {"description": self._text(), "customProperties": r.five_properties(self._random)}
        path = {"model": "registered_models", "version": "model_versions", "artifact": "artifacts"}[thing.kind]
        said = changes if thing.kind != "artifact" else {**changes, "artifactType": "doc-artifact"}
        await self._ask(client, [thing], r.patch(f"/{path}/{thing.id}", said), {**thing.content, **changes})

    async def _measure(self, client: Client) -> None:
        """Put a metric, or log a batch of its points: enough, now and then, to end a block."""
        thing = self._random.choice(self._metrics)
        if thing.uncertain:
            await self._make(client, "model")
            return
        if not thing.states:
            self._journal.things.append(thing)
        count = self._random.choice((1, 1, 2, 20, 150))
        points = [[self._random.random(), self._random.randrange(10**6)] for _ in range(count)]
        value, step = points[-1]
        if count == 1:
            request = r.metric(f"/experiment_runs/{thing.parent}", thing.name, value, step=step)
        else:
            batch = [{"name": thing.name, "value": value, "step": step} for value, step in points]
            request = r.post(f"/runs/{thing.parent}/metrics", batch, api=r.NATIVE)
        content = {"value": value, "step": step, "history": [*(thing.content["history"] if thing.states else []), *points]}
        await self._ask(client, [thing], request, content)

    async def _delete(self, client: Client) -> None:
        """Delete a model, which takes its versions and their artifacts along; also those that may be there or not."""
        models = [thing for thing in self._own["model"] if not thing.uncertain]
        if not models:
            return
        owners = {thing.parent for thing in self._own["version"]}
        model = self._random.choice([thing for thing in models if thing.id in owners] or models)
        versions = [thing for thing in self._own["version"] if thing.parent == model.id]
        parents = {thing.id for thing in versions} - {""}
        gone = [model, *versions, *[thing for thing in self._own["artifact"] if thing.parent in parents]]
        names = {thing.name for thing in gone}
        self._own = {kind: [thing for thing in things if thing.name not in names] for kind, things in self._own.items()}
        await self._ask(client, gone, r.delete(f"/models/{model.id}", api=r.JFROG), None)

    async def _ask(self, client: Client, things: Sequence[Thing], request: bytes, content: dict[str, Any] | None) -> None:
        """Make a write that gives all of these things this content. Raises `NoAnswerError`."""
        thing, state = things[0], State(content, self._storm.mark())
        for one in things:
            one.states = [*one.states, state]
            one.uncertain = True
        self._journal.touched += things
        self._journal.unanswered += 1
        answer = await client.ask(request)
        self._journal.unanswered -= 1
        if answer.status not in (200, 201, 204):
            await self._refused(thing, answer)
            return
        state.acked = self._storm.mark()
        self._journal.acknowledged += 1
        if content is not None:
            # A batch has no id: that of its metric is found when it is looked for.
            thing.id, thing.uncertain = answer.body.get("id", thing.id), False

    async def _refused(self, thing: Thing, answer: Answer) -> None:
        """503 says that the database is gone, and may have taken the write along or not."""
        self._journal.refused += 1
        if answer.status != 503:
            self._journal.complaints.append(f"{thing.kind} {thing.name} was answered with {answer.status}: {answer.body}")
        await asyncio.sleep(0.05)

    def _any(self, kind: str) -> Thing | None:
        certain = [thing for thing in self._own.get(kind, ()) if not thing.uncertain]
        return self._random.choice(certain) if certain else None

    def _text(self) -> str:
        """Short or, now and then, of several pages of a database."""
        return self._random.randbytes(self._random.choice((8, 40, 40, 6_000))).hex()
