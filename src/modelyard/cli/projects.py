"""Projects: tenants of one server. For admins."""

from typing import Annotated
from urllib.parse import quote

import typer

from modelyard.cli import show
from modelyard.cli.server import AsJson, Server, connected

app = typer.Typer(name="project", help="Look after projects: for admins.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.command()
def create(name: Name, server: Server = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """Create a project. Every API works in it, below /p/NAME."""
    with connected(server) as connection:
        made = connection.post("/projects", {"name": name})
    show.thing(made, f"The project {name} is there, below /p/{name}.", as_json=as_json)


@app.command("list")
def list_all(server: Server = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List projects."""
    with connected(server) as connection:
        found = list(connection.every("/projects", "projects"))
    show.rows(found, ("name", "archived", "created_at"), as_json=as_json)


@app.command()
def archive(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back out of the archive.")] = False,  # noqa: FBT002 - a flag
    server: Server = None,
) -> None:
    """Let a project answer as if it were not there. Nothing of it is lost."""
    with connected(server) as connection:
        connection.patch(f"/projects/{quote(name, safe='')}", {"archived": not undo})
    typer.echo(f"The project {name} is {'back' if undo else 'archived'}.")
