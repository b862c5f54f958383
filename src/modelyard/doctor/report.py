"""Findings as people and as machines read them."""

from collections.abc import Sequence

import msgspec
import rich
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from modelyard.doctor.findings import Finding, State, worst

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.BROKEN: "bold red"}
_CONCLUSIONS = {
    State.OK: "Nothing to do.",
    State.WARNING: "It works; the warnings say what would make it better.",
    State.BROKEN: "Something is broken: it is said above what to do.",
}


def as_json(findings: Sequence[Finding]) -> bytes:
    """`{"state": the worst, "findings": [{"check", "state", "found", "remedy"}]}`."""
    return msgspec.json.format(msgspec.json.encode({"state": worst(findings), "findings": findings}), indent=2)


def show(findings: Sequence[Finding], console: Console | None = None) -> None:
    """Write them to standard output: plain where that is no terminal."""
    out = console or rich.get_console()
    table = Table(box=None, show_header=False, pad_edge=False)
    for style in ("dim", "", ""):
        table.add_column(style=style, overflow="fold", no_wrap=style == "dim")
    for finding in findings:
        text = escape(finding.found) + (f"\n[bold]{escape(finding.remedy)}[/]" if finding.remedy else "")
        table.add_row(finding.check, f"[{_COLOURS[finding.state]}]{finding.state}[/]", text)
    out.print(table, highlight=False)
    out.print(f"\n{_CONCLUSIONS[worst(findings)]}")
