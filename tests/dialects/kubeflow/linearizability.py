"""Whether what clients saw of one record can be told as a story in which each request happened at one moment.

The search is Wing and Gong's, with Lowe's memory of what was tried: "Testing and Verifying Concurrent Objects", 1993; "Testing for
Linearizability", 2017.
"""

from collections.abc import Sequence
from typing import NamedTuple


class State(NamedTuple):
    """What a record that exists holds."""

    value: str
    revision: int


class Operation(NamedTuple):
    """A request to one record and its answer. `called` and `returned` are on one clock that all clients share."""

    called: int
    returned: int
    method: str
    """`POST` creates the record, `PATCH` changes its value, `GET` reads it."""
    status: int
    value: str = ""
    """What is to be written."""
    expected: int | None = None
    """The revision that a change demands."""
    seen: State | None = None
    """What a success showed."""


def after(operation: Operation, state: State | None) -> State | None:
    """The state that the operation leaves behind. Raises `ValueError` when it cannot have been answered so in this state."""
    status, changed = _answer(operation, state)
    if operation.status != status or (status < 400 and operation.seen != changed):
        raise ValueError
    return changed


def _answer(operation: Operation, state: State | None) -> tuple[int, State | None]:
    if operation.method == "POST":
        return (201, State(operation.value, 1)) if state is None else (409, state)
    if state is None:
        return 404, None
    if operation.method == "GET":
        return 200, state
    if operation.expected not in (None, state.revision):
        return 412, state
    return 200, State(operation.value, state.revision + 1)


def is_linearizable(history: Sequence[Operation]) -> bool:
    """Whether the operations, in some order that respects which ended before which began, explain every answer from nothing on."""
    everything = (1 << len(history)) - 1
    waiting: list[tuple[int, State | None]] = [(0, None)]
    tried = set(waiting)
    while waiting:
        told, state = waiting.pop()
        if told == everything:
            return True
        untold = [number for number in range(len(history)) if not told >> number & 1]
        first_end = min(history[number].returned for number in untold)
        for number in untold:
            if history[number].called > first_end:
                continue
            try:
                step = (told | 1 << number, after(history[number], state))
            except ValueError:
                continue
            if step not in tried:
                tried.add(step)
                waiting.append(step)
    return False
