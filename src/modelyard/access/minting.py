"""The texts of our tokens: made, known again, and never kept.

A token is a JWT, because some clients look into it. Its signature proves nothing to us: it is made with a random key that is thrown
away. What proves a token is that the SHA-256 of its whole text is the one in the store. So nothing in the store can make a token, and
there is no key to lose.
"""

import hashlib
import hmac
import secrets
from typing import Any

from modelyard.access.accounts import Token

ISSUER = "modelyard"
"""What tells our tokens from an identity provider's."""

LONGEST = 8192
"""Characters of a token that anyone looks into."""


def mint(token_id: int, account: str, scope: str, issued_at: int, expires_at: int | None) -> str:
    """The text of a new token. Times are in milliseconds since 1970."""
    claims: dict[str, Any] = {"jti": str(token_id), "sub": account, "iss": ISSUER, "iat": issued_at // 1000, "scp": scope}
    if expires_at is not None:
        claims["exp"] = expires_at // 1000
    import jwt  # noqa: PLC0415 - with cryptography installed it takes ten megabytes, which a server without accounts can do without

    return jwt.encode(claims, secrets.token_bytes(32), algorithm="HS256")


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def proves(text: str, token: Token) -> bool:
    """Whether this is the text of the token. Takes as long whatever differs."""
    return hmac.compare_digest(digest(text).hex(), token.hash)


def looks_like_token(text: str) -> bool:
    return len(text) > 64 and text.count(".") == 2


def claims_of(text: str) -> dict[str, Any]:
    """What a token says of itself, true or not; empty for what is none."""
    if len(text) > LONGEST or not looks_like_token(text):
        return {}
    import jwt  # noqa: PLC0415 - as above

    try:
        return jwt.decode(text, options={"verify_signature": False, "verify_exp": False, "verify_aud": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}


def token_id_of(claims: dict[str, Any]) -> int | None:
    """The id of a token of ours; None for one of others, and for nonsense."""
    said = claims.get("jti")
    if claims.get("iss") != ISSUER or not isinstance(said, str) or not (said.isascii() and said.isdigit() and len(said) <= 18):
        return None
    return int(said)
