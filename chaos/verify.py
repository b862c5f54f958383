"""After a restart: is everything there that was acknowledged, and everything else whole or not at all?"""

import asyncio
from collections.abc import Iterator, Sequence

from chaos.client import Client
from chaos.journal import EVER, Content, Journal, Thing
from modelyard import app
from modelyard.settings import Settings
from perf import requests as r

READERS = 4
_PATHS = {"model": "/registered_models/", "version": "/model_versions/", "artifact": "/artifacts/", "metric": "/artifacts/"}
_FINDS = {"model": "/registered_model", "version": "/model_version", "artifact": "/artifact", "metric": "/artifact"}


async def verify(port: int, journal: Journal, things: Sequence[Thing], at: float = EVER) -> list[str]:
    """What is wrong with these things at this mark, as sentences. Each is settled to what it was found to be."""
    waiting, wrong, absent = iter(things), list[str](), list[Thing]()
    await asyncio.gather(*[_look(port, waiting, at, wrong, absent) for _ in range(READERS)])
    journal.forget(absent)
    return wrong


async def _look(port: int, waiting: Iterator[Thing], at: float, wrong: list[str], absent: list[Thing]) -> None:
    async with Client(port) as client:
        for thing in waiting:
            revision, found = await _find(client, thing)
            possible = list(thing.possible(at))
            if (revision, found) not in possible:
                wrong.append(_sentence(thing, revision, found, possible))
            if found is None:
                absent.append(thing)
            else:
                thing.settle(revision, found)


async def _find(client: Client, thing: Thing) -> tuple[int, Content | None]:
    """The revision, and those of its fields that the writer said."""
    if not thing.id:
        scope = {"parentResourceId": thing.parent} if thing.parent else {}
        answer = await client.ask(r.get(_FINDS[thing.kind], name=thing.name, **scope))
        if answer.status == 404:
            return 0, None
        thing.id = answer.body["id"]
    answer = await client.ask(r.get(_PATHS[thing.kind] + thing.id))
    if answer.status == 404:
        return 0, None
    if answer.status != 200:
        return -1, {"status": answer.status, "body": answer.body}
    shown = dict(answer.body)
    if thing.kind == "metric":
        points = await client.ask(r.get(f"/experiment_runs/{thing.parent}/metric_history", name=thing.name, orderBy="ID", pageSize=100_000))
        shown["history"] = [[point["value"], point["step"]] for point in points.body["items"]]
    return int(answer.etag.strip('"')), {name: shown.get(name) for name in thing.content}


def _sentence(thing: Thing, revision: int, found: Content | None, possible: list[tuple[int, Content | None]]) -> str:
    said = " or ".join("absent" if content is None else f"revision {number}: {content}" for number, content in possible)
    shown = "absent" if found is None else f"revision {revision}: {found}"
    return f"{thing.kind} {thing.name} ({thing.id or 'id unknown'}) is {shown[:600]}; it should be {said[:1_200]}"


async def retry(port: int, things: Sequence[Thing]) -> list[str]:
    """Send the first request of these things again, with its idempotency key: there must be one of each afterwards, as sent.

    Returns what is wrong, as sentences.
    """
    wrong = []
    async with Client(port) as client:
        for thing in things:
            known, content = thing.id, thing.content
            answer = await client.ask(thing.retry)
            shown = {name: answer.body.get(name) for name in content}
            if answer.status not in (200, 201) or shown != content or (known and known != answer.body["id"]):
                wrong.append(f"{thing.kind} {thing.name} ({known or 'absent'}), asked for again: {answer.status} {answer.body}")
            thing.id = answer.body.get("id", "")
            thing.settle(1, content)
    return wrong


def check(url: str) -> list[str]:
    """What `modelyard check` and `modelyard audit verify` find."""
    settings = Settings(database_url=url)
    verdict, _ = app.check(settings, lambda _name, _rows: None)
    found = [f"modelyard check: {finding}" for finding in verdict.findings]
    tampering = app.verify_audit(settings, lambda _name, _rows: None).tampering
    return found if tampering is None else [*found, f"modelyard audit verify: {tampering.problem}"]
