"""Asking for what must not be seen."""

import sys

import typer


def secret(what: str, *, confirm: bool = False) -> str:
    """Unseen, from the terminal; or a line of standard input, where that is something else."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=confirm, err=True))
    return sys.stdin.readline().rstrip("\r\n")
