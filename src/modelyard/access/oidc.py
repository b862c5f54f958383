"""Tokens of an OpenID Connect provider: proven by its published keys, and translated into a name and roles.

The keys are fetched when they are first needed, again every hour in the background, and when a token is signed with one that is not known,
which is how providers change them. What was proven by a key that they take back is proven no more.
"""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec

from modelyard import logs
from modelyard.access.directory import Mapped
from modelyard.access.permissions import Role
from modelyard.context import Millis
from modelyard.errors import Unavailable
from modelyard.settings import is_loopback

Fetch = Callable[[str], Awaitable[bytes]]
"""The body at a URL. Raises `httpx.HTTPError`."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones: what is published must not be enough to make a token."""

LEEWAY = 30
"""Seconds by which the provider's clock may differ."""

HOURLY = 3600.0
PAUSE = 30.0
"""Seconds between two fetches for keys that are not known: tokens are made up faster than keys."""

TIMEOUT = 10.0
_LARGEST = 1024 * 1024
_LONGEST_NAME = 200
_KEY_TYPES = ("RSA", "EC", "OKP")

FAILURES = (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, ValueError)
"""Why there are no keys to be had."""

Keys = Mapping[str | None, Mapping[str, Any]]


class Provider(msgspec.Struct, frozen=True):
    """What is agreed with it. `roles` are texts `group=role` or `group=role@project`."""

    issuer: str
    audience: str
    groups_claim: str
    roles: Sequence[str]


class _About(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


class _Published(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


_ABOUT, _PUBLISHED = msgspec.json.Decoder(_About), msgspec.json.Decoder(_Published)


class Oidc:
    """An `IdentityProvider`. `seconds` counts from any start."""

    def __init__(self, provider: Provider, fetch: Fetch | None = None, seconds: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._roles = [mapping(text) for text in provider.roles]
        self._fetch = fetch or fetch_over_http
        self._seconds = seconds
        self._keys: Keys = {}
        self._tried = float("-inf")
        self._failed = False
        self._taken_back = 0
        self._fetching = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    @property
    def issuer(self) -> str:
        return self._provider.issuer

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

    def look(self) -> int:
        """How often keys were taken back. Has them fetched again, in the background, when they are an hour old."""
        if self._keys and self._renewing is None and self._seconds() - self._tried > HOURLY:
            # In no request's context: it outlives this one.
            self._renewing = asyncio.get_running_loop().create_task(self._renew(), context=contextvars.Context())
        return self._taken_back

    async def verify(self, text: str) -> Mapped | None:
        """None for a token that is not valid. Raises `Unavailable` when the provider has to be asked and does not answer."""
        try:
            head = jwt.get_unverified_header(text)
        except jwt.PyJWTError:
            return None
        algorithm = head.get("alg")
        if algorithm not in ALGORITHMS:
            return None
        try:
            return self._mapped(await self._proven(text, head.get("kid"), algorithm))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            return None

    async def _proven(self, text: str, kid: str | None, algorithm: str) -> dict[str, Any]:
        key = await self._key(kid)
        try:
            return self._claims(text, key, algorithm)
        except jwt.InvalidSignatureError:
            # Tokens need not name their key, and some providers change one and keep its name.
            newer = await self._again(kid, key)
            if newer == key:
                raise
            return self._claims(text, newer, algorithm)

    def _claims(self, text: str, key: Mapping[str, Any] | None, algorithm: str) -> dict[str, Any]:
        if key is None or key.get("alg", algorithm) != algorithm:
            raise jwt.InvalidKeyError
        return jwt.decode(
            text,
            jwt.PyJWK(dict(key), algorithm=algorithm),
            algorithms=[algorithm],
            audience=self._provider.audience,
            issuer=self._provider.issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _mapped(self, claims: Mapping[str, Any]) -> Mapped | None:
        name = claims.get("preferred_username") or claims["sub"]
        if not isinstance(name, str) or not name.isprintable() or len(name) > _LONGEST_NAME:
            return None
        groups = _groups(claims, self._provider.groups_claim)
        roles = tuple((role, project) for group, role, project in self._roles if group in groups)
        return Mapped(f"oidc:{name}", roles, Millis(int(claims["exp"]) * 1000))

    async def _key(self, kid: str | None) -> Mapping[str, Any] | None:
        key = self._keys.get(kid) or await self._again(kid, None)
        if key is None and self._failed:
            raise Unavailable(f"the identity provider {self.issuer} does not answer, so the token cannot be judged", retry_after=int(PAUSE))
        return key

    async def _again(self, kid: str | None, known: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """The key of this id: fetched, if it is still what is `known`, and the last fetch is a while ago."""
        async with self._fetching:
            if self._keys.get(kid) == known and self._seconds() - self._tried > PAUSE:
                await self._fetch_keys()
        return self._keys.get(kid)

    async def _renew(self) -> None:
        async with self._fetching:
            await self._fetch_keys()
        self._renewing = None

    async def _fetch_keys(self) -> None:
        """Keeps the keys there are when there are none to be had."""
        self._tried = self._seconds()
        try:
            keys = await published_keys(self.issuer, self._fetch)
            self._taken_back += any(keys.get(kid) != key for kid, key in self._keys.items())
            self._keys, self._failed = keys, False
        except FAILURES as error:
            self._failed = True
            reason = str(error) or type(error).__name__
            logs.logger().warning("the keys of the identity provider cannot be fetched", issuer=self.issuer, reason=reason)


async def published_keys(issuer: str, fetch: Fetch) -> Keys:
    """The keys that prove this provider's tokens. Raises one of `FAILURES`."""
    about = _ABOUT.decode(await fetch(issuer.rstrip("/") + "/.well-known/openid-configuration"))
    return _usable(_PUBLISHED.decode(await fetch(_keys_url(about, issuer))))


async def fetch_over_http(url: str) -> bytes:
    """The body at the URL, of at most a megabyte."""
    async with httpx.AsyncClient(timeout=TIMEOUT) as client, client.stream("GET", url) as response:
        response.raise_for_status()
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise ValueError(f"{url} answers with more than {_LARGEST} bytes")
        return body


def mapping(text: str) -> tuple[str, Role, str | None]:
    """`group=role` or `group=role@project`: the group, the role, and the project if it is on one. The group may contain any of these."""
    group, _, granted = text.rpartition("=")
    role, _, project = granted.partition("@")
    return group.strip(), Role(role.strip()), project.strip() or None


def _groups(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The claim of that name or, where there is none, the one that its dots lead to (`realm_access.roles`)."""
    found: Any = claims
    for name in [path] if path in claims else path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(one for one in found if isinstance(one, str)) if isinstance(found, list) else frozenset()


def _usable(published: _Published) -> Keys:
    """The keys that prove tokens, by id. A single one does for tokens that name none, too."""
    keys = [key for key in published.keys if key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"]
    if not keys:
        raise ValueError("it publishes no keys of a sort that is known here")
    found: dict[str | None, Mapping[str, Any]] = {key.get("kid"): key for key in keys}
    return found if len(keys) > 1 else {None: keys[0], **found}


def _keys_url(about: _About, issuer: str) -> str:
    """Where the keys are, by what the provider says about itself. Raises `ValueError`."""
    if about.issuer != issuer:
        raise ValueError(f"it calls itself {about.issuer!r}")
    parts = urlsplit(about.jwks_uri)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError(f"its keys are at {about.jwks_uri!r}, which is not https")
    return about.jwks_uri
