"""What the clients were promised: every state of every thing, when it was sent and when it was acknowledged."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

Content = Mapping[str, Any]
"""The fields that the writer said, as the server shows them."""
EVER = float("inf")


class State(msgspec.Struct):
    """A thing's content once a write was done, None once it was deleted; a deletion is one state of all that it takes.

    The marks are positions in time; `acked` is None while there is no answer.
    """

    content: Content | None
    sent: float
    acked: float | None = None


class Thing(msgspec.Struct):
    """Something that one writer makes and changes, one write after the other."""

    kind: str
    name: str
    parent: str = ""
    """The id of the model, version or run that it is under."""
    id: str = ""
    """Known once a write was acknowledged that tells it."""
    before: int = 0
    """How many states came before those in `states`: its revision is this plus the number of the state."""
    states: list[State] = []
    retry: bytes = b""
    """Its first request, where that had an idempotency key."""
    uncertain: bool = False
    """A write of it had no answer: nothing more is written to it before it was looked at."""

    @property
    def content(self) -> Content:
        """The newest that it was given."""
        return next(state.content for state in reversed(self.states) if state.content is not None)

    def possible(self, at: float) -> Iterator[tuple[int, Content | None]]:
        """What it may be when time ended at this mark: revision and content, None for absent. The first is what was acknowledged."""
        # What is deleted may have had a write without an answer before.
        acknowledged = max((n for n, state in enumerate(self.states, 1) if state.acked is not None and state.acked <= at), default=0)
        sent = sum(state.sent <= at for state in self.states)
        if acknowledged + self.before == 0:
            yield 0, None
        for number in range(max(acknowledged, 1), sent + 1):
            content = self.states[number - 1].content
            yield (0, None) if content is None else (self.before + number, content)

    def settle(self, revision: int, content: Content) -> None:
        """It was looked at: this is what it is."""
        self.before, self.states, self.uncertain = revision - 1, [State(content, 0, 0)], False


class Journal:
    """`Thing`s by kind, and how many of their writes were acknowledged, refused or left without an answer."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.touched: list[Thing] = []
        """Written to since the last look."""
        self.acknowledged = 0
        self.unanswered = 0
        self.refused = 0
        self.complaints: list[str] = []
        """Answers that make no sense."""

    async def reaches(self, acknowledged: int, storm: "asyncio.Task[None]") -> None:
        """Wait until so many were acknowledged, or the storm is over."""
        while self.acknowledged < acknowledged and not storm.done():  # noqa: ASYNC110 - an event would cost something with every answer
            await asyncio.sleep(0.001)

    def forget(self, things: Sequence[Thing]) -> None:
        """These turned out not to be there, and need not be."""
        gone = {id(thing) for thing in things}
        self.things = [thing for thing in self.things if id(thing) not in gone]
