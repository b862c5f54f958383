"""Who asks: from the header `Authorization` to a principal.

`Bearer <token>` and `Basic <name:password>`; a token may stand in for the password, for clients that know only the latter.
"""

import base64
import binascii
from typing import Protocol

from modelyard.access.entities import Principal
from modelyard.context import ProjectId
from modelyard.errors import Unauthenticated

_BEARER = b"Bearer "

NOT_ASKED = "it is not known who is asking: send `Authorization: Bearer <token>`, or a name and password (Basic)"
BAD_TOKEN = "the token is not known here, or is not valid any more: send another one"  # noqa: S105 - what is said of one
BAD_PASSWORD = "the name or the password is wrong"  # noqa: S105 - likewise
BAD_HEADER = "the header Authorization cannot be read: send `Bearer <token>`, or `Basic` and name:password in base64"


class Directory(Protocol):
    """What the edge asks of the directory of accounts (see `access.directory`)."""

    @property
    def fresh(self) -> bool: ...

    async def refresh(self) -> None: ...

    @property
    def open(self) -> bool: ...

    def known(self, text: str, /) -> Principal | None: ...

    async def by_token(self, text: str, /) -> Principal | None: ...

    def known_password(self, name: str, password: str, /) -> Principal | None: ...

    async def by_password(self, name: str, password: str, address: str, /) -> Principal | None: ...

    def known_project(self, name: str, /) -> ProjectId | None: ...

    async def project(self, name: str, /) -> ProjectId | None: ...


def known(directory: Directory, header: bytes) -> Principal | None:
    """The principal of a token that has been shown before, at once; None says nothing: see `identify`."""
    if header.startswith(_BEARER):
        return directory.known(header[len(_BEARER) :].decode("latin-1"))
    return None


async def identify(directory: Directory, header: bytes, address: str) -> Principal:
    """The principal whose credentials these are. Raises `Unauthenticated`, and `TooMany` after repeated failures.

    `address` is that of the client.
    """
    scheme, _, credentials = header.strip().decode("latin-1").partition(" ")
    match scheme.lower():
        case "bearer":
            principal, refusal = await directory.by_token(credentials.strip()), BAD_TOKEN
        case "basic":
            name, password = _name_and_password(credentials.strip())
            principal = directory.known_password(name, password) or await directory.by_password(name, password, address)
            refusal = BAD_PASSWORD
        case _:
            raise Unauthenticated(BAD_HEADER)
    if principal is None:
        raise Unauthenticated(refusal)
    return principal


def _name_and_password(encoded: str) -> tuple[str, str]:
    """RFC 7617: the name has no colon, the password may have some."""
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Unauthenticated(BAD_HEADER) from error
    if not colon:
        raise Unauthenticated(BAD_HEADER)
    return name, password
