"""Logging in and out."""

import os
import platform
from typing import Annotated

import typer

from modelyard.cli import show
from modelyard.cli.ask import secret
from modelyard.cli.credentials import Credentials, Login, UnreadableCredentials
from modelyard.cli.server import AsJson, Server, check_token, check_url, connected, fail, told
from modelyard.client import environment

_DAYS = 30
_DAY = 24 * 3600


def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server, such as http://127.0.0.1:8080.")],
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Log in by name and password, which is asked for.", show_default=False)
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, help="With --user: how long the login lasts.")] = _DAYS,
    insecure: Annotated[bool, typer.Option("--insecure", help="Send the token unencrypted beyond this machine.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Log in to a server: by a token, which is asked for, or by name and password.

    Then `whoami`, `token`, `user`, `grant` and `project` talk to it.
    """
    url = check_url(url, insecure=insecure)
    from modelyard.client.connection import Connection  # noqa: PLC0415 - an HTTP client takes long to import

    found = _by_password(url, user, days) if user else _by_token(url)
    with told(), Connection(url, token=found.token) as server:
        name = server.get("/me")["name"]
    try:
        credentials = Credentials(os.environ)
        credentials.keep(found)
    except (OSError, UnreadableCredentials) as error:
        fail(f"the login cannot be kept: {error}")
    typer.echo(f"Logged in to {url} as {name}. The token is kept in {credentials.path}.")


def logout(server: Server = None) -> None:
    """Forget the login to a server, and revoke its token if logging in made it."""
    from modelyard.client.connection import CannotReach, Connection, Refused  # noqa: PLC0415 - as above

    try:
        credentials = Credentials(os.environ)
        found = credentials.find(server)
        if found is None:
            fail("nobody has logged in" + (f" to {server}" if server else ""))
        credentials.forget(found.url)
    except (OSError, UnreadableCredentials) as error:
        fail(f"the login cannot be forgotten: {error}")
    if found.token_id is not None:
        try:
            with Connection(found.url, token=found.token) as connection:
                connection.delete(f"/me/tokens/{found.token_id}")
        except (CannotReach, Refused) as error:
            fail(f"The login is forgotten here, and its token could not be revoked: {error}")
    typer.echo(f"Logged out of {found.url}.")


def whoami(server: Server = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """Show who one is to the server, and which roles one has."""
    with connected(server) as connection:
        me = connection.get("/me")
    if as_json:
        show.thing(me, "", as_json=True)
        return
    scope = f", at most as {me['scope']}" if me["scope"] else ""
    typer.echo(f"{me['name']}, at home in the project {me['home']}{scope}")
    if me["grants"]:
        show.rows(me["grants"], ("role", "project", "kind", "record_id"), as_json=False)
    else:
        typer.echo("No role: an admin may grant one, with `modelyard grant add`.")


def _by_token(url: str) -> Login:
    return Login(url, check_token((os.environ.get(environment.TOKEN) or secret("Token")).strip()))


def _by_password(url: str, user: str, days: int) -> Login:
    from modelyard.client.connection import Connection  # noqa: PLC0415 - as above

    password = secret(f"Password of {user}")
    with told(), Connection(url, password=(user, password)) as connection:
        order = {"label": f"login on {platform.node()}", "expires_in": days * _DAY}
        made = connection.post("/me/tokens", order)
    return Login(url, made["token"], made["id"])
