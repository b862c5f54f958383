"""Which server a command talks to, and how it says what went wrong."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from modelyard.cli.credentials import Credentials, UnreadableCredentials
from modelyard.client import environment

if TYPE_CHECKING:
    from modelyard.client.connection import Connection

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help=f"Another server than the one logged in to last. \\[env: {environment.SERVER}, {environment.TOKEN}]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Tell everything as JSON.")]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def fail(message: str, code: int = 1) -> NoReturn:
    typer.secho(message, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


@contextmanager
def connected(url: str | None) -> Iterator["Connection"]:
    """A connection as whoever logged in. What a server refuses ends the command with its reason, and exit code 1."""
    from modelyard.client.connection import Connection  # noqa: PLC0415 - an HTTP client takes long to import

    try:
        login = Credentials(os.environ).find(url)
    except UnreadableCredentials as error:
        fail(str(error))
    if login is None:
        where = f" to {url}" if url else ""
        fail(f"nobody has logged in{where}: run `modelyard login {url or 'URL'}`, or set {environment.SERVER} and {environment.TOKEN}")
    check_url(login.url, insecure=True)  # `login` asked; who sets the variables for a program knows its network
    check_token(login.token)
    remedy = f"correct {environment.TOKEN}, or unset it" if os.environ.get(environment.TOKEN) else "log in again with `modelyard login`"
    with told(f"; {remedy}"), Connection(login.url, token=login.token) as connection:
        yield connection


@contextmanager
def told(when_unknown: str = "") -> Iterator[None]:
    """Ends the command with the reason when the server cannot be reached, or refuses; `when_unknown` is added where it knows nobody."""
    from modelyard.client.connection import CannotReach, Refused  # noqa: PLC0415 - as above

    try:
        yield
    except CannotReach as error:
        fail(str(error))
    except Refused as error:
        fail(error.message + (when_unknown if error.status == 401 else ""))


def check_token(token: str) -> str:
    """The token. Refuses what is none before it is sent."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        fail("the token is empty, or has spaces or characters that none has: give it as it was shown when it was made", code=2)
    return token


def check_url(url: str, *, insecure: bool) -> str:
    """The server's URL. Refuses one over which others could read the token."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        fail(f"{url!r} is no URL of a server: write it as in https://registry.example.org or http://127.0.0.1:8080", code=2)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not insecure:
        fail(f"{url} is not encrypted: whoever is on the way could read the token. Use https, or allow it with --insecure", code=2)
    return url.rstrip("/")
