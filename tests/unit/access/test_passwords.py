"""Real hashes, few of them: each takes its time on purpose."""

import argon2
import pytest

from modelyard.access.passwords import _NOBODYS, MOST_WAITING, ArgonPasswords
from modelyard.errors import Unavailable


async def test_a_password_is_verified_by_its_hash_only() -> None:
    passwords = ArgonPasswords()
    hash_ = await passwords.hash("a long password")
    assert hash_.startswith("$argon2id$")
    assert await passwords.verify(hash_, "a long password")
    assert not await passwords.verify(hash_, "a long passwore")
    assert not await passwords.verify("no hash at all", "a long password")


async def test_who_has_none_is_refused_at_the_same_cost() -> None:
    assert not await ArgonPasswords().verify(None, "a long password")
    usual = argon2.extract_parameters(argon2.PasswordHasher().hash("x"))
    assert argon2.extract_parameters(_NOBODYS) == usual


async def test_more_than_can_be_checked_soon_are_told_to_come_again() -> None:
    passwords = ArgonPasswords()
    passwords._waiting = MOST_WAITING
    with pytest.raises(Unavailable, match="try again"):
        await passwords.verify(None, "a long password")
    passwords._waiting = 0
    await passwords.verify(None, "a long password")
    assert passwords._waiting == 0
