"""What the demo shows, and how. Where it is no terminal, the same text without colours."""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table

from demo.server import DemoError

WIDTH = 118
_BLOCKS = "▁▂▃▄▅▆▇█"


class Screen:
    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = WIDTH
        self._chapters = itertools.count(1)

    def chapter(self, title: str) -> None:
        self._console.print()
        self._console.print(Rule(f"[bold]{next(self._chapters)}  {title}[/]", align="left", style="cyan"))

    def say(self, text: str) -> None:
        """A paragraph, with rich's markup."""
        self._console.print(_inset(text))

    def show(self, what: RenderableType) -> None:
        self._console.print(_inset(what))

    def ask(self, path: str, meaning: str) -> None:
        """A question that is put to the registry: in words, and as it is sent."""
        self._console.print(f"\n  {meaning}")
        self._console.print(f"  [cyan]GET {escape(path)}[/]", soft_wrap=True)

    def check(self, promise: str, got: object, wanted: object) -> None:
        """Tick the promise off, or raise `DemoError` if it is broken."""
        if got != wanted:
            raise DemoError(f"{promise}: no.\nExpected: {wanted!r}\nGot:      {got!r}")
        self._console.print(f"  [green]✓[/] {promise}")

    @contextlib.contextmanager
    def live(self, draw: Callable[[], RenderableType]) -> Iterator[None]:
        """Keep what `draw` makes up to date on the screen until the block ends; where it is no terminal, show it then."""
        if self._console.is_terminal:
            with Live(get_renderable=lambda: _inset(draw()), console=self._console, refresh_per_second=12):
                yield
        else:
            yield
            self.show(draw())

    def fail(self, message: str) -> None:
        self._console.print(f"\n[bold red]The demo failed.[/] {escape(message)}", soft_wrap=True)

    def plain(self, text: str) -> None:
        """Lines to copy: never wrapped, no markup."""
        self._console.print(text, markup=False, soft_wrap=True)


def table(*columns: str, rows: Iterable[Sequence[str]]) -> Table:
    """Columns whose name begins with `>` are set to the right."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        made.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made


def sparkline(values: Sequence[float], low: float, high: float) -> str:
    """One block per value: the lowest for `low`, the highest for `high`, by ratio between them. All are above 0."""
    span = math.log(high / low) or 1.0
    return "".join(_BLOCKS[round(math.log(value / low) / span * (len(_BLOCKS) - 1))] for value in values)


def _inset(what: RenderableType) -> Padding:
    return Padding(what, (0, 2), expand=False)
