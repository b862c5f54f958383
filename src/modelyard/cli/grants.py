"""Roles that are granted, for admins."""

from typing import Annotated

import typer

from modelyard.cli import show
from modelyard.cli.server import AsJson, Server, connected, fail

app = typer.Typer(name="grant", help="Grant roles, and take them away: for admins.", no_args_is_help=True)

_COLUMNS = ("id", "user", "role", "project", "kind", "record_id", "created_at")


@app.command()
def add(
    user: Annotated[str, typer.Argument(metavar="USER")],
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, contributor, deployer or admin")],
    project: Annotated[
        str | None, typer.Option("--project", metavar="NAME", help="On this project; without, on everything.", show_default=False)
    ] = None,
    model: Annotated[int | None, typer.Option("--model", metavar="ID", help="On one model of the project.", show_default=False)] = None,
    experiment: Annotated[
        int | None, typer.Option("--experiment", metavar="ID", help="On one experiment of the project.", show_default=False)
    ] = None,
    server: Server = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Grant a role: on everything, on a project, or on one model or experiment of it with what belongs to it."""
    if model is not None and experiment is not None:
        fail("a grant is on one record: give --model or --experiment, not both", code=2)
    kind = "model" if model is not None else "experiment" if experiment is not None else None
    order = {"user": user, "role": role, "project": project, "kind": kind, "record_id": experiment if model is None else model}
    with connected(server) as connection:
        made = connection.post("/grants", order)
    show.thing(made, f"Grant {made['id']}: {user} is {role} {_where(made)}.", as_json=as_json)


@app.command("list")
def list_all(
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="What this user has been granted.", show_default=False)] = None,
    server: Server = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List who has which role on what."""
    with connected(server) as connection:
        found = list(connection.every("/grants", "grants", user=user))
    show.rows(found, _COLUMNS, as_json=as_json)


@app.command()
def remove(grant_id: Annotated[int, typer.Argument(metavar="ID")], server: Server = None) -> None:
    """Take a role away again."""
    with connected(server) as connection:
        connection.delete(f"/grants/{grant_id}")
    typer.echo(f"Grant {grant_id} is taken away.")


def _where(made: dict[str, object]) -> str:
    if made["kind"]:
        return f"on the {made['kind']} {made['record_id']} of {made['project']}"
    return f"on the project {made['project']}" if made["project"] else "on everything"
