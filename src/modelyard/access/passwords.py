"""Passwords: hashed by argon2id, which takes memory and time on purpose, in a thread and few at once."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from modelyard.errors import Invalid, Unavailable

T = TypeVar("T")

SHORTEST, LONGEST = 8, 256
AT_ONCE = 2
"""Hashes that are reckoned at a time; each takes 64 MiB."""

MOST_WAITING = 100
"""One more is told to come again: only who signs in by a password waits for this, and not for ever."""

_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$QCW3KOz/f3Cr7cD4WSY17w$mVdzkUs9TmsXYSANbJadH0nSwm+EjmFXzABO7kyT+80"
"""A hash that no password is known for: who has none is looked up at the same cost as who has."""


class Passwords(Protocol):
    """Raises `Unavailable` when too many others wait."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, hash_: str | None, password: str) -> bool:
        """Whether it is the password of this hash; never for None, which takes as long."""
        ...


class ArgonPasswords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        return await self._in_turn(self._hasher.hash, password)

    async def verify(self, hash_: str | None, password: str) -> bool:
        return await self._in_turn(self._verify, hash_ or _NOBODYS, password) and hash_ is not None

    async def _in_turn(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many passwords are being checked at the moment: try again", retry_after=1)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1

    def _verify(self, hash_: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash_, password)
        except (Argon2Error, InvalidHashError):
            return False


def check(field: str, password: str) -> None:
    """Raise `Invalid` unless it can be a password. Its text is not told."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"{field} has {len(password)} characters: use {SHORTEST} to {LONGEST}", field=field)
