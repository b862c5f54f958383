"""Real hashes, few of them: each takes its time on purpose."""

import argon2

from modelyard.access.passwords import _NOBODYS, ArgonPasswords


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
