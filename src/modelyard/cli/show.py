"""Lists and things as people read them, or as programs do."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

_MOMENT = "_at"


def rows(things: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """As a table with these fields, or as a JSON array with all of them."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(list(things))).decode())
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.removesuffix(_MOMENT).replace("_", " "), overflow="fold")
    for thing in things:
        table.add_row(*[_text(column, thing[column]) for column in columns])
    Console().print(table, highlight=False, markup=False)


def thing(told: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(told)).decode() if as_json else sentence)


def _text(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.endswith(_MOMENT):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
    return str(value)
