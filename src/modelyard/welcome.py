"""What `modelyard serve` says when it is ready: where it listens, where the data is, where to look next."""

import sys

import rich
from rich.console import Console
from rich.markup import escape

from modelyard import __version__
from modelyard.settings import redact_url
from modelyard.settings_sources import Loaded

EXAMPLE = """curl -s {url}/api/model_registry/v1alpha3/registered_models \\
  {token}-d '{{"name": "churn", "description": "Who leaves next month"}}'"""
_AS_SOMEBODY = '-H "Authorization: Bearer $TOKEN" '


OPEN = "nobody is asked who they are: everyone who reaches this port may read and change everything"
CLOSE = "make the first account by `modelyard admin init`, and everybody is asked from then on"


def show(url: str, loaded: Loaded, console: Console | None = None, *, open_: bool = False) -> None:
    """Write it to standard output: plain where that is no terminal. `open_`: there are no accounts."""
    url += loaded.settings.path_prefix
    out = console or rich.get_console()
    out.print(f"\n[bold]Modelyard {__version__}[/] is ready.\n", highlight=False)
    for label, text in _facts(url, loaded):
        out.print(f"[dim]{label:<15}[/]{text}", highlight=False, soft_wrap=True)
    out.print("\nTry it:\n", highlight=False)
    out.print(EXAMPLE.format(url=url, token="" if open_ else _AS_SOMEBODY), highlight=False, markup=False, soft_wrap=True)
    out.print("\n[dim]Ctrl-C stops it.[/]\n", highlight=False)
    told = [(OPEN, CLOSE), *cautions(loaded)] if open_ else cautions(loaded)
    for note in (*loaded.notes, *(f"{caution}; {remedy}." for caution, remedy in told)):
        out.print(f"[yellow]Note:[/] {escape(note)}", highlight=False, soft_wrap=True)


def show_token(account: str, text: str, store: str) -> None:
    """The token alone on standard output, for programs; what to say of it beside, on standard error."""
    aside = Console(stderr=True)
    aside.print(f"[bold]{escape(account)}[/] may do everything in {escape(store)}.", highlight=False, soft_wrap=True)
    aside.print("This is its token. It is shown this once, and is nowhere else:\n", highlight=False)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    aside.print(
        "\nLog in with it: [bold]modelyard login URL[/]; or send it with every request: [bold]Authorization: Bearer …[/]", soft_wrap=True
    )


def _facts(url: str, loaded: Loaded) -> list[tuple[str, str]]:
    settings = loaded.settings
    store = escape(redact_url(settings.database_url) or f"SQLite, in {settings.data_dir}")
    return [
        ("listening on", f"[bold cyan]{url}[/]"),
        ("records in", store),
        ("documentation", f"{url}/docs"),
        ("OpenAPI", f"{url}/openapi/kubeflow.json"),
    ]


def cautions(loaded: Loaded) -> list[tuple[str, str]]:
    """What the settings allow that one should know of, each with what to do."""
    settings = loaded.settings
    found = []
    if "*" in settings.accepted_hosts and "*" not in settings.allowed_hosts:
        others = "name the right ones by MODELYARD_ALLOWED_HOSTS to keep others out"
        found.append(("requests under any host name are answered", others))
    return found
