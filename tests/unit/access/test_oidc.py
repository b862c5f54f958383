"""What is believed of an identity provider's tokens, and when its keys are fetched."""

import asyncio
import base64
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from modelyard.access.directory import Mapped
from modelyard.access.oidc import HOURLY, PAUSE, Oidc, Provider, mapping
from modelyard.access.permissions import Role
from modelyard.errors import Unavailable
from tests.unit.access.people import HandSeconds

ISSUER = "https://login.example.org/realms/ml"
AUDIENCE = "modelyard"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
ROLES = ("ml=contributor@fraud", "cn=admins,ou=x=admin", "everyone = viewer")


def public(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    shown: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return {**shown, **({"kid": kid} if kid else {}), **more}


class Site:
    """What the provider publishes, and how often it was asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.about: Any = {"issuer": ISSUER, "jwks_uri": ISSUER + "/keys"}
        self.keys: Any = {"keys": list(keys)}
        self.fetched: list[str] = []
        self.away = False

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        await asyncio.sleep(0)
        if self.away:
            raise httpx.ConnectError("nobody there")
        return json.dumps(self.about if url.endswith("openid-configuration") else self.keys).encode()


def provider(site: Site, seconds: HandSeconds | None = None, groups_claim: str = "groups") -> Oidc:
    return Oidc(Provider(ISSUER, AUDIENCE, groups_claim, ROLES), site.fetch, seconds or HandSeconds())


DAY = 86_400
"""Seconds: tokens that parametrize tests are made when these are collected, and must be what they are until the last of all has run."""


def token(key: Any = RSA, kid: str | None = "one", algorithm: str = "RS256", **claims: Any) -> str:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "s-1", "exp": int(time.time()) + DAY, "groups": ["ml"], **claims}
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


async def test_a_good_token_is_a_name_and_roles_until_it_ends() -> None:
    ends = int(time.time()) + 600
    text = token(preferred_username="zoe", exp=ends, groups=["ml", "golf", "everyone"])
    assert await provider(Site(public(RSA, "one"))).verify(text) == Mapped(
        "oidc:zoe",
        ((Role.CONTRIBUTOR, "fraud"), (Role.VIEWER, None)),
        ends * 1000,  # type: ignore[arg-type]  # milliseconds
    )


async def test_without_a_user_name_it_is_the_subject() -> None:
    found = await provider(Site(public(RSA, "one"))).verify(token(aud=["x", AUDIENCE]))
    assert found is not None
    assert found.name == "oidc:s-1"


@pytest.mark.parametrize(
    "text",
    [
        token(iss="https://login.example.org/realms/other"),
        token(iss=ISSUER + "/"),
        token(aud="another"),
        token(aud=None),
        token(aud=[]),
        token(exp=int(time.time()) - 60),
        token(exp=None),
        token(sub=None),
        token(nbf=int(time.time()) + DAY // 2),
        token(OTHER),
        token(OTHER, kid=None),
        token("k" * 32, algorithm="HS256"),
        token("", algorithm="none"),
        token(algorithm="PS256", kid="pinned"),
        token(preferred_username="a\nb"),
        token(preferred_username="x" * 201),
        token(preferred_username=["zoe"]),
        token()[:-6] + "AAAAAA",
        "no.token.atall",
        "",
    ],
)
async def test_tokens_that_are_not_believed(text: str) -> None:
    site = Site(public(RSA, "one"), public(RSA, "pinned", alg="RS256"))
    assert await provider(site).verify(text) is None


async def test_a_public_key_makes_no_token() -> None:
    """The old trick: a token signed with the published key's text as if it were a shared secret."""
    shown = public(RSA, "one")
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = token().split(".")[1].encode()
    signed = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=") + b"." + body
    seal = base64.urlsafe_b64encode(hmac.digest(pem, signed, "sha256")).rstrip(b"=")
    assert await provider(Site(shown)).verify((signed + b"." + seal).decode()) is None
    shared = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "one"}
    with pytest.raises(Unavailable):
        await provider(Site(shared)).verify(token())


async def test_clocks_may_differ_by_half_a_minute() -> None:
    checked = provider(Site(public(RSA, "one")))
    assert await checked.verify(token(exp=int(time.time()) - 25)) is not None
    assert await checked.verify(token(nbf=int(time.time()) + 25)) is not None


async def test_other_algorithms_and_keys_without_an_id_will_do() -> None:
    assert await provider(Site(public(CURVE, "ec"))).verify(token(CURVE, "ec", "ES256")) is not None
    assert await provider(Site(public(RSA, None))).verify(token(kid=None, algorithm="PS512")) is not None
    assert await provider(Site(public(RSA, "one"))).verify(token(kid=None)) is not None
    assert await provider(Site(public(RSA, "one"), public(OTHER, "two"))).verify(token(kid=None)) is None, "which one?"


async def test_groups_may_be_further_in_or_only_one() -> None:
    site = Site(public(RSA, "one"))
    inner = provider(site, groups_claim="realm_access.roles")
    for claims in ({"realm_access": {"roles": ["ml"]}}, {"realm_access.roles": "ml"}):
        found = await inner.verify(token(**claims))
        assert found is not None
        assert found.roles == ((Role.CONTRIBUTOR, "fraud"),)
    for nonsense in (None, 7, {"ml": 1}, [["ml"]], "", "ml,x"):
        found = await provider(site).verify(token(groups=nonsense))
        assert found is not None
        assert found.roles == ()


def test_a_group_may_contain_what_divides_the_parts() -> None:
    assert mapping("cn=admins,ou=x=admin") == ("cn=admins,ou=x", Role.ADMIN, None)
    assert mapping("a@b=viewer@fraud") == ("a@b", Role.VIEWER, "fraud")


class TestKeys:
    async def test_are_fetched_once_for_many(self) -> None:
        site = Site(public(RSA, "one"))
        checked = provider(site)
        found = await asyncio.gather(*(checked.verify(token()) for _ in range(10)))
        assert None not in found
        assert site.fetched == [ISSUER + "/.well-known/openid-configuration", ISSUER + "/keys"]

    async def test_new_ones_are_found_when_a_token_names_them(self) -> None:
        site, seconds = Site(public(RSA, "one")), HandSeconds()
        checked = provider(site, seconds)
        await checked.verify(token())
        site.keys = {"keys": [public(OTHER, "two")]}
        assert await checked.verify(token(OTHER, "two")) is None, "not before half a minute has passed"
        seconds.move(PAUSE + 1)
        assert await checked.verify(token(OTHER, "two")) is not None
        assert await checked.verify(token()) is None, "what is not published any more proves nothing"

    @pytest.mark.parametrize("kid", [None, "one"])
    async def test_one_that_is_changed_and_has_no_new_name(self, kid: str | None) -> None:
        site, seconds = Site(public(RSA, kid)), HandSeconds()
        checked = provider(site, seconds)
        await checked.verify(token(kid=kid))
        site.keys = {"keys": [public(OTHER, kid)]}
        assert await checked.verify(token(OTHER, kid)) is None, "not before half a minute has passed"
        seconds.move(PAUSE + 1)
        assert await checked.verify(token(OTHER, kid)) is not None
        assert await checked.verify(token(kid=kid)) is None

    async def test_that_are_taken_back_are_told(self) -> None:
        site, seconds = Site(public(RSA, "one")), HandSeconds()
        checked = provider(site, seconds)
        await checked.verify(token())
        looks = [checked.look()]
        for keys in ([public(RSA, "one")], [public(RSA, "one"), public(OTHER, "two")], [public(OTHER, "two")]):
            site.keys = {"keys": keys}
            seconds.move(PAUSE + 1)
            await checked.verify(token(OTHER, "made up"))
            looks.append(checked.look())
        assert looks[0] == looks[1]
        assert looks[2] != looks[3], "what the first key has proven is to be proven again"

    async def test_made_up_ids_fetch_no_more_than_every_half_minute(self) -> None:
        site, seconds = Site(public(RSA, "one")), HandSeconds()
        checked = provider(site, seconds)
        for number in range(20):
            assert await checked.verify(token(OTHER, f"made up {number}")) is None
            seconds.move(2)
        assert len(site.fetched) == 2 * 2

    async def test_are_renewed_every_hour_while_nobody_waits(self) -> None:
        site, seconds = Site(public(RSA, "one")), HandSeconds()
        checked = provider(site, seconds)
        await checked.verify(token())
        seconds.move(HOURLY + 1)
        site.keys = {"keys": [public(OTHER, "two")]}
        looked = checked.look()
        assert await checked.verify(token()) is not None, "the old ones do meanwhile"
        assert checked._renewing is not None
        await checked._renewing
        assert await checked.verify(token()) is None
        assert checked.look() != looked
        await checked.close()

    @pytest.mark.parametrize("broken", ["away", "issuer", "keys", "no list", "http", "nonsense"])
    async def test_that_cannot_be_had_are_no_reason_to_call_a_token_wrong(self, broken: str) -> None:
        site, seconds = Site(public(RSA, "one")), HandSeconds()
        good = site.about
        if broken == "away":
            site.away = True
        elif broken in ("keys", "no list"):
            site.keys = {"keys": [] if broken == "keys" else 7}
        else:
            site.about = {"issuer": {**good, "issuer": "x"}, "http": {**good, "jwks_uri": "http://x.org/k"}, "nonsense": [1]}[broken]
        checked = provider(site, seconds)
        for _ in range(2):
            with pytest.raises(Unavailable, match="does not answer"):
                await checked.verify(token())
        assert len(site.fetched) <= 2
        site.about, site.away, site.keys = good, False, {"keys": [public(RSA, "one")]}
        seconds.move(PAUSE + 1)
        assert await checked.verify(token()) is not None
