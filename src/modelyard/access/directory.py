"""Finds out who asks, and remembers it for as long as nothing has changed."""

import asyncio
import contextvars
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

import msgspec

from modelyard.access.accounts import Account
from modelyard.access.backoff import Backoff
from modelyard.access.entities import Grant, Principal
from modelyard.access.last_use import LastUse
from modelyard.access.minting import claims_of, digest, looks_like_token, proves, token_id_of
from modelyard.access.passwords import Passwords
from modelyard.access.permissions import Role
from modelyard.access.repository import Register
from modelyard.context import DEFAULT_PROJECT, Clock, Millis, ProjectId, system_clock
from modelyard.store.database import Database

K = TypeVar("K")
V = TypeVar("V")

LOOK_SECONDS = 1.0
"""How long what is remembered may be used before the store is asked whether anything has changed."""

PASSWORD_MILLIS = 60_000
"""How long it is remembered that a password was right."""

MOST = 10_000
"""Credentials that are remembered, of each sort; beyond, the oldest are forgotten."""

_MOST_GRANTS = 10_000
"""Of one account."""

_NEVER = Millis(2**62)


class Mapped(msgspec.Struct, frozen=True):
    """What an identity provider's token says, translated. Each role is on everything, or on the project of that name."""

    name: str
    roles: tuple[tuple[Role, str | None], ...]
    expires_at: Millis


class IdentityProvider(Protocol):
    @property
    def issuer(self) -> str: ...

    def look(self) -> int:
        """A number that changes when what was proven has to be proven again. To be called once in a while: it sees to the keys."""
        ...

    async def verify(self, text: str) -> Mapped | None:
        """None for a token that is not valid. Raises `Unavailable` when the provider has to be asked and does not answer."""
        ...

    async def close(self) -> None: ...


class _Known(msgspec.Struct, frozen=True):
    principal: Principal
    until: Millis
    token_id: int | None = None


class Directory:
    """What a server has learnt of accounts and projects. Its memory is right for at most a second after the last look at the store.

    A request first sees to it that the memory is `fresh`, by `refresh` if it is not; then `open`, `known` and `known_project` answer
    from it at once, and what they do not know is asked for by the methods that wait.
    """

    def __init__(
        self,
        database: Database,
        register: Register,
        passwords: Passwords,
        provider: IdentityProvider | None = None,
        clock: Clock = system_clock,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._register = database, register
        self._argon, self._provider = passwords, provider
        self._clock, self._seconds = clock, seconds
        self._backoff = Backoff(seconds)
        self._last_use = LastUse(database, register)
        self._key = secrets.token_bytes(32)
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._changes = 0
        self._revision = (-1, 0)  # of the store, and the provider's
        self._accounts = True  # until it is known that there are none
        self._tokens: dict[bytes, _Known] = {}
        self._passwords: dict[bytes, _Known] = {}
        self._projects: dict[str, ProjectId] = {}
        self._checking: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        """Before the database is closed."""
        await self._last_use.close()
        if self._provider is not None:
            await self._provider.close()

    @property
    def fresh(self) -> bool:
        """Whether the store was looked at within the last second."""
        return self._seconds() - self._looked < LOOK_SECONDS

    def forget(self) -> None:
        """Something was changed by this process, and is committed: nobody is answered from memory again before a look at the store."""
        self._changes += 1
        self._looked = float("-inf")
        self._looking = None  # it may have seen what was there before

    async def refresh(self) -> None:
        """Look whether anything has changed, and forget all that was learnt if so. Raises `Unavailable`.

        One look at a time: all who ask meanwhile wait for it, and are told if it fails, lest each waits for a store that is away in turn.
        """
        if self._looking is None:
            # In no request's context, since it is not for one only.
            self._looking = asyncio.get_running_loop().create_task(self._look(), context=contextvars.Context())
            self._looking.add_done_callback(self._has_looked)
        await asyncio.shield(self._looking)

    @property
    def open(self) -> bool:
        """Nobody is asked who they are: there are no accounts, and no identity provider."""
        return not self._accounts and self._provider is None

    def known(self, text: str) -> Principal | None:
        """The principal of a token that has been shown before. None says nothing: ask `by_token`."""
        known = self._tokens.get(digest(text))
        if known is None:
            return None
        now = self._clock()
        if known.until <= now:
            return None
        if known.token_id is not None:
            self._last_use.note(known.token_id, now)
        return known.principal

    async def by_token(self, text: str) -> Principal | None:
        """The principal of a token, of ours or of the identity provider; None when it is not valid, or not any more."""
        await self._freshen()
        principal = self.known(text)
        if principal is not None:
            return principal
        revision, claims = self._revision, claims_of(text)
        token_id = token_id_of(claims)
        if token_id is not None:
            found = await self._of_ours(token_id, text)
        elif self._provider is not None and claims.get("iss") == self._provider.issuer:
            found = await self._of_provider(self._provider, text)
        else:
            return None
        if found is None:
            return None
        self._remember(self._tokens, digest(text), found, revision)
        if found.token_id is not None:
            self._last_use.note(found.token_id, self._clock())
        return found.principal

    def known_password(self, name: str, password: str) -> Principal | None:
        """As `known`, of a name and password that were right within the last minute."""
        known = self._passwords.get(self._sealed(name, password))
        return None if known is None or known.until <= self._clock() else known.principal

    async def by_password(self, name: str, password: str, address: str) -> Principal | None:
        """The principal of a name and password, or of any name and a token as the password; None when they are wrong.

        `address` is that of the client. Raises `TooMany` after repeated failures of the name or the address.
        """
        if looks_like_token(password):
            return await self.by_token(password)
        await self._freshen()
        key = self._sealed(name, password)
        # A client's many requests at the start are one attempt.
        async with self._checking.setdefault(key, asyncio.Lock()):
            known = self.known_password(name, password)
            return known if known is not None else await self._check(key, name, password, address)

    def known_project(self, name: str) -> ProjectId | None:
        """The id of a project that has been asked for before. None says nothing: ask `project`."""
        return self._projects.get(name)

    async def project(self, name: str) -> ProjectId | None:
        """The id of the project; None when there is none of that name, or it is archived."""
        await self._freshen()
        if name in self._projects:
            return self._projects[name]
        revision = self._revision
        project = await self._register.projects.named(self._database.reader, name)
        if project is None or project.archived:
            return None
        self._remember(self._projects, name, project.id, revision)
        return project.id

    async def _look(self) -> None:
        started, changes = self._seconds(), self._changes
        state = await self._register.state(self._database.reader)
        if changes != self._changes:
            return
        revision = (state.revision, 0 if self._provider is None else self._provider.look())
        if revision != self._revision:
            for memory in (self._tokens, self._passwords, self._projects):
                memory.clear()
        self._revision, self._accounts, self._looked = revision, state.accounts, started

    def _has_looked(self, look: asyncio.Task[None]) -> None:
        if self._looking is look:
            self._looking = None
        if not look.cancelled():
            look.exception()  # whoever waited has it; if nobody did, it is nobody's concern

    async def _freshen(self) -> None:
        if not self.fresh:
            await self.refresh()

    async def _of_ours(self, token_id: int, text: str) -> _Known | None:
        reader = self._database.reader
        token = await self._register.tokens.get(reader, token_id)
        if token is None or not proves(text, token):
            return None
        until = _NEVER if token.expires_at is None else token.expires_at
        account = await self._register.accounts.get(reader, token.account_id)
        if until <= self._clock() or account is None or account.disabled:
            return None
        return _Known(await self._principal(account, token.scope), until, token_id)

    async def _of_provider(self, provider: IdentityProvider, text: str) -> _Known | None:
        mapped = await provider.verify(text)
        if mapped is None:
            return None
        ids = {name: await self.project(name) for _, name in mapped.roles if name is not None}
        grants = [Grant(role, None if name is None else ids[name]) for role, name in mapped.roles if name is None or ids[name] is not None]
        places = {grant.project for grant in grants}
        home = places.pop() if len(places) == 1 else None
        return _Known(Principal(mapped.name, home or DEFAULT_PROJECT, tuple(grants)), mapped.expires_at)

    async def _check(self, key: bytes, name: str, password: str, address: str) -> Principal | None:
        self._backoff.attempt(name, address)
        revision = self._revision
        account = await self._register.accounts.named(self._database.reader, name)
        hash_ = None if account is None or account.disabled else account.password_hash
        if not await self._argon.verify(hash_, password) or account is None:
            return None
        self._backoff.succeeded(name, address)
        principal = await self._principal(account)
        self._remember(self._passwords, key, _Known(principal, Millis(self._clock() + PASSWORD_MILLIS)), revision)
        return principal

    async def _principal(self, account: Account, cap: Role | None = None) -> Principal:
        grants = await self._register.grants.of_account(self._database.reader, account.id, 0, _MOST_GRANTS)
        return Principal(account.name, account.home_id, tuple(grant.grant for grant in grants), cap, account.id)

    def _sealed(self, name: str, password: str) -> bytes:
        """What stands for a name and password in memory. Of no use to other processes."""
        return hmac.digest(self._key, f"{len(name)} {name} {password}".encode(), "sha256")

    def _remember(self, memory: dict[K, V], key: K, value: V, revision: tuple[int, int]) -> None:
        """Unless something has changed since the value was begun to be read: it may be from before."""
        if revision != self._revision:
            return
        memory[key] = value
        if len(memory) > MOST:
            del memory[next(iter(memory))]
