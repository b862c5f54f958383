"""The documents tell the truth: everything that can be set, called or fail is in them, and every link leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from modelyard import __version__, settings
from modelyard.__main__ import app
from modelyard.api.jfrog import errors as jfrog
from modelyard.api.kubeflow import errors as kubeflow
from modelyard.api.native import errors as native
from modelyard.errors import Code

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def table_rows(name: str) -> dict[str, list[str]]:
    """Each table row of a document by its first cell, without backticks."""
    rows = (line.strip("| ").split(" | ") for line in read(name).splitlines() if line.startswith("| `"))
    return {cells[0].strip("` "): [cell.strip("` ") for cell in cells[1:]] for cells in rows}


@pytest.mark.parametrize("name", settings.FIELDS)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    default, meaning = table_rows("docs/reference/settings.md")[name]
    value = settings.FIELDS[name].default
    shown = {"": "none", "()": "none", "True": "true", "False": "false"}.get(str(value), str(value).removesuffix(".0"))
    assert default == shown
    assert meaning


def test_no_documented_setting_is_gone() -> None:
    rows = {name for name in table_rows("docs/reference/settings.md") if name.islower()}
    assert rows == set(settings.FIELDS)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command with its flags: ("modelyard serve", ["--host", ...])."""
    root = typer.main.get_command(app)
    waiting = [("modelyard", root)]
    while waiting:
        name, command = waiting.pop()
        subcommands = getattr(command, "commands", {})
        waiting += [(f"{name} {sub}", found) for sub, found in subcommands.items()]
        if not subcommands:
            yield name, [flag for parameter in command.params for flag in parameter.opts if flag.startswith("--") and flag != "--help"]


@pytest.mark.parametrize(("command", "flags"), list(commands()))
def test_every_command_and_flag_is_documented(command: str, flags: list[str]) -> None:
    _, found, section = read("docs/reference/cli.md").partition(f"## `{command}`\n")
    assert found
    section = section.partition("\n## ")[0]
    assert [flag for flag in flags if f"`{flag}" not in section] == []


def test_no_documented_flag_is_gone() -> None:
    known = {flag for _, flags in commands() for flag in flags} | {"--help", "--version"}
    assert set(re.findall(r"`[a-z ]*(--[a-z-]+)", read("docs/reference/cli.md"))) <= known


@pytest.mark.parametrize("code", Code)
def test_every_error_code_is_documented(code: Code) -> None:
    meaning, *statuses = table_rows("docs/reference/errors.md")[code]
    assert meaning
    assert [int(status) for status in statuses] == [dialect.STATUSES[code] for dialect in (kubeflow, jfrog, native)]


def test_the_changelog_has_this_version() -> None:
    assert f"## [{__version__}]" in read("CHANGELOG.md")


@pytest.mark.parametrize("folder", ["docs/guides", "docs/reference"])
def test_every_document_is_in_the_index(folder: str) -> None:
    linked = LINK.findall(read("docs/README.md"))
    assert [path.name for path in (ROOT / folder).glob("*.md") if f"{Path(folder).name}/{path.name}" not in linked] == []


def test_every_decision_is_in_the_index() -> None:
    linked = LINK.findall(read("docs/adr/README.md"))
    assert [path.name for path in (ROOT / "docs/adr").glob("0*.md") if path.name not in linked] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    text = CODE_BLOCK.sub("", document.read_text(encoding="utf-8"))
    assert [link for link in LINK.findall(text) if not leads_somewhere(document, link)] == []


def leads_somewhere(document: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.exists():
        return False
    return not anchor or anchor in {slug(heading) for heading in HEADING.findall(CODE_BLOCK.sub("", target.read_text(encoding="utf-8")))}


def slug(heading: str) -> str:
    """A heading's anchor, as code forges make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_a_missing_target_is_noticed() -> None:
    assert not leads_somewhere(ROOT / "README.md", "docs/nowhere.md")
    assert not leads_somewhere(ROOT / "README.md", "docs/reference/settings.md#nowhere")


def test_every_make_target_that_is_mentioned_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", read("Makefile"), re.MULTILINE))
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    mentioned = {name for text in texts for name in re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)}
    assert mentioned
    assert mentioned <= targets
