"""A dialect of a running registry: requests whose answers the model has foreseen."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, cast
from urllib.parse import urlencode

from modelyard.api.http.edge import Edge
from tests.dialects.two_doors.world import Json, Refused, Thing, Why, World
from tests.inprocess import Answer, call

T = TypeVar("T")


class Door:
    """`project` is the prefix of the project that is the world."""

    PREFIX: ClassVar[str]
    STATUSES: ClassVar[Mapping[Why, int]]

    def __init__(self, edge: Edge, world: World, project: str) -> None:
        self.world = world
        self._edge = edge
        self._there = project + self.PREFIX
        self.answered: list[tuple[Json, Callable[[], Json]]] = []
        """What changes answered, and what they should have: it can be told once the server's choices are known."""

    async def send(self, method: str, path: str, body: Json | None = None) -> Answer:
        return await call(self._edge, method, self._there + path, {}, b"" if body is None else json.dumps(body).encode())

    async def change(
        self, method: str, path: str, body: Json | None, status: int | Callable[[T], int], change: Callable[[], T]
    ) -> tuple[T, Answer] | None:
        """Change the model, then ask the registry to. None where both refuse."""
        changed, why = self._foresee(change)
        foreseen = self.STATUSES[why] if why else status(cast("T", changed)) if callable(status) else status
        answer = await self.send(method, path, body)
        assert answer.status == foreseen, f"{method} {path} {body}: foreseen {foreseen}, {why}; got {answer.status} {answer.text[:300]}"
        return None if why else (cast("T", changed), answer)

    @staticmethod
    def _foresee(change: Callable[[], T]) -> tuple[T | None, Why | None]:
        try:
            return change(), None
        except Refused as refusal:
            return None, refusal.why

    async def changes(
        self, method: str, path: str, body: Json, status: int, change: Callable[[], Thing], show: Callable[[Thing], Json]
    ) -> Thing | None:
        """`change` of one thing, whose answer shows it."""
        done = await self.change(method, path, body, status, change)
        if done is None:
            return None
        thing, answer = done
        if not thing.id:
            thing.id = answer.json["id"]
        self.answered.append((answer.json, lambda: show(thing)))
        return thing

    def check_answers(self) -> None:
        for answer, foreseen in self.answered:
            assert answer == foreseen(), (answer, foreseen())
        self.answered.clear()

    async def shows(self, path: str, foreseen: Any, **query: object) -> None:
        answer = await self.send("GET", _target(path, query))
        assert answer.status == 200, f"{path} {query}: {_told(answer)}"
        assert answer.json == foreseen, (path, query, answer.json, foreseen)

    async def hides(self, path: str, **query: object) -> None:
        answer = await self.send("GET", _target(path, query))
        assert answer.status == 404, f"{path} {query}: {_told(answer)}"

    async def shows_if(self, there: bool, path: str, foreseen: Callable[[], Any], **query: object) -> None:  # noqa: FBT001 - it reads as a sentence: shows, if it is there
        await (self.shows(path, foreseen(), **query) if there else self.hides(path, **query))


def _target(path: str, query: Mapping[str, object]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _told(answer: Answer) -> str:
    return f"{answer.status} {answer.text[:300]}"
