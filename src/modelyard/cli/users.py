"""Accounts, for admins."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from modelyard.cli import show
from modelyard.cli.ask import secret
from modelyard.cli.server import AsJson, Server, connected

app = typer.Typer(name="user", help="Look after accounts: for admins.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.command()
def create(
    name: Name,
    service: Annotated[bool, typer.Option("--service", help="A program: it has tokens, and no password.")] = False,  # noqa: FBT002 - a flag
    password: Annotated[bool, typer.Option("--password", help="Give it a password, which is asked for.")] = False,  # noqa: FBT002 - a flag
    home: Annotated[
        str | None, typer.Option("--home", metavar="PROJECT", help="The project of its requests that name none.", show_default=False)
    ] = None,
    server: Server = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Create an account. It may do nothing until it is granted a role: `modelyard grant add`."""
    body: dict[str, Any] = {"name": name, "kind": "service" if service else "user", "home": home}
    if password:
        body["password"] = secret("Password", confirm=True)
    with connected(server) as connection:
        made = connection.post("/users", body)
    show.thing(made, f"{made['name']} is there, and may do nothing yet.", as_json=as_json)


@app.command("list")
def list_all(server: Server = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List accounts."""
    with connected(server) as connection:
        found = list(connection.every("/users", "users"))
    show.rows(found, ("name", "kind", "home", "disabled", "has_password", "created_at"), as_json=as_json)


@app.command()
def disable(name: Name, server: Server = None) -> None:
    """Let an account do nothing any more, and keep it."""
    _change(server, name, {"disabled": True})
    typer.echo(f"{name} is disabled.")


@app.command()
def enable(name: Name, server: Server = None) -> None:
    """Let a disabled account in again."""
    _change(server, name, {"disabled": False})
    typer.echo(f"{name} is enabled.")


@app.command()
def password(name: Name, server: Server = None) -> None:
    """Give an account a new password, which is asked for."""
    _change(server, name, {"password": secret("New password", confirm=True)})
    typer.echo(f"{name} has a new password.")


@app.command()
def move(name: Name, project: Annotated[str, typer.Argument(metavar="PROJECT")], server: Server = None) -> None:
    """Make a project an account's home: that of its requests that name none."""
    _change(server, name, {"home": project})
    typer.echo(f"{name} is at home in {project}.")


@app.command()
def remove(name: Name, server: Server = None) -> None:
    """Remove an account for good, with its tokens and grants."""
    with connected(server) as connection:
        connection.delete(_path(name))
    typer.echo(f"{name} is removed.")


def _change(server: str | None, name: str, change: dict[str, Any]) -> None:
    with connected(server) as connection:
        connection.patch(_path(name), change)


def _path(name: str) -> str:
    return f"/users/{quote(name, safe='')}"
