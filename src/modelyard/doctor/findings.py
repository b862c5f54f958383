"""What an examination comes to."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, but not as it should, or not for long."""
    BROKEN = "broken"
    """The server cannot start or cannot do its work."""


class Finding(msgspec.Struct, frozen=True):
    """`check` is what was looked at, `found` what it is, `remedy` what to do; only what is ok may need none."""

    check: str
    state: State
    found: str
    remedy: str = ""


def ok(check: str, found: str, remedy: str = "") -> Finding:
    return Finding(check, State.OK, found, remedy)


def warning(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, State.WARNING, found, remedy)


def broken(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, State.BROKEN, found, remedy)


def worst(findings: Iterable[Finding]) -> State:
    states = {finding.state for finding in findings}
    return next((state for state in (State.BROKEN, State.WARNING) if state in states), State.OK)
