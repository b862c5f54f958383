"""Writes the table of routes in docs/reference/permissions.md: `python -m tests.access.permission_table` after a route was added."""

from pathlib import Path

from modelyard.app import create
from modelyard.settings import Settings
from tests.access.routes import Route, holders, routes

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
BEGIN, END = "<!-- routes -->\n", "<!-- end of routes -->\n"


def line(route: Route) -> str:
    return f"| `{route.method} {route.path}` | `{route.permission}` | {', '.join(holders(route.permission))} |"


def table(all_routes: list[Route]) -> str:
    return "\n".join(["| route | permission | who |", "|---|---|---|", *map(line, all_routes)]) + "\n"


def main() -> None:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    made = table(routes(create(Settings(data_dir="unused"))))
    DOCUMENT.write_text(f"{before}{BEGIN}{made}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
