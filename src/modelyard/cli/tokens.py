"""Tokens: one's own, and, for admins, everyone's."""

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from modelyard.cli import show
from modelyard.cli.server import AsJson, Server, connected

app = typer.Typer(name="token", help="Make, list and revoke tokens.", no_args_is_help=True)

_DAY = 24 * 3600

User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Those of this user: for admins.", show_default=False)]


@app.command()
def create(
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    scope: Annotated[
        str | None,
        typer.Option(
            "--scope", metavar="ROLE", help="Let it do no more than a viewer, contributor, deployer or admin may.", show_default=False
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="How long it is good for; without, for ever.", show_default=False)
    ] = None,
    user: User = None,
    server: Server = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Make a token, and show it: once. It is all that goes to standard output."""
    order = {"label": label, "scope": scope, "expires_in": None if days is None else days * _DAY}
    with connected(server) as connection:
        made = connection.post(_path(user), order)
    if as_json:
        show.thing(made, "", as_json=True)
        return
    typer.echo(f"Token {made['id']}. It is shown this once, and is nowhere else:", err=True)
    sys.stdout.write(made["token"] + "\n")


@app.command("list")
def list_all(user: User = None, server: Server = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List tokens, without their texts."""
    with connected(server) as connection:
        found = list(connection.every(_path(user), "tokens"))
    show.rows(found, ("id", "label", "scope", "created_at", "expires_at", "last_used_at"), as_json=as_json)


@app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID")],
    anyone: Annotated[bool, typer.Option("--anyone", help="Whosever it is: for admins.")] = False,  # noqa: FBT002 - a flag
    server: Server = None,
) -> None:
    """Revoke a token. Every server on the store refuses it within two seconds."""
    with connected(server) as connection:
        connection.delete(f"/tokens/{token_id}" if anyone else f"/me/tokens/{token_id}")
    typer.echo(f"Token {token_id} is revoked.")


def _path(user: str | None) -> str:
    return "/me/tokens" if user is None else f"/users/{quote(user, safe='')}/tokens"
