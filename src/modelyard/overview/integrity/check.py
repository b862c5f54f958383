"""All checks, in order, on one moment of the store."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from modelyard.errors import Unavailable
from modelyard.overview.integrity import accounts, audit, blocks, bookkeeping, counts, index, measured, structure, trash
from modelyard.overview.integrity.finding import MOST, Find, Finding, Looked
from modelyard.store.database import Database, Reader
from modelyard.store.schema import HEAD, schema_version


class Check(NamedTuple):
    """`name` is what it looks at."""

    name: str
    find: Find


CHECKS = (
    Check("references", structure.references),
    Check("uniqueness", structure.uniqueness),
    Check("rows", structure.rows),
    Check("trash", trash.trash),
    Check("claims on external ids", bookkeeping.claims),
    Check("id sequences", bookkeeping.sequences),
    Check("kept answers", bookkeeping.kept_answers),
    Check("versions of models", counts.versions),
    Check("metric histories", structure.history),
    Check("metric blocks", blocks.blocks),
    Check("events of records", audit.events_of_records),
    Check("records of events", audit.records_of_events),
    Check("metrics of batches", measured.batches),
    Check("events of accounts", accounts.accounts),
    Check("index entries", index.strays),
    Check("indexed values", index.gaps),
)
"""A further check is one more function and a line here. The first, of the engine itself, is apart: where it fails, no other means much."""

ENGINE = Check("the database's own", structure.engine)


class Repaired(NamedTuple):
    """How many index entries were removed and added, of how many runs the blocks of metric points were made anew, and of how many models
    the versions counted.
    """

    removed: int
    added: int
    rebuilt: int
    counted: int


class Verdict(msgspec.Struct, frozen=True):
    """What each check found. Of the checks in `cut`, only the first hundred findings are here."""

    findings: tuple[Finding, ...]
    looked: dict[str, int]
    """How many rows each check looked at."""
    cut: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.findings


Watch = Callable[[str, int], None]
"""Told the name of the check that is at work, and how many rows it has looked at."""


async def check(database: Database, watch: Watch) -> Verdict:
    """Look at everything. Servers may go on: what is looked at is one moment of the store. Raises `Unavailable`."""
    await refuse_other_schemas(database)
    async with database.snapshot() as reader:
        return await look(reader, watch)


async def look(reader: Reader, watch: Watch) -> Verdict:
    """Look at everything that this reader sees."""
    findings: list[Finding] = []
    looked: dict[str, int] = {}
    cut: list[str] = []
    for name, find in (ENGINE, *CHECKS):
        found, more = await _first(find(reader, _counted(name, looked, watch)))
        findings += found
        cut += [name] * more
        if findings and find is ENGINE.find:
            break
    return Verdict(tuple(findings), looked, tuple(cut))


async def mend(database: Database, watch: Watch) -> Repaired:
    """Bring in step with the records what is made of them: the property index, metric blocks, and how many versions models have.

    Raises `Unavailable`.
    """
    await refuse_other_schemas(database)
    removed, added = await index.repair(database, _counted("mending the index", {}, watch))
    rebuilt = await blocks.repair(database, _counted("mending metric blocks", {}, watch))
    return Repaired(removed, added, rebuilt, await counts.repair(database, _counted("counting versions", {}, watch)))


async def refuse_other_schemas(database: Database) -> None:
    """Raises `Unavailable` where the store's schema is not this program's."""
    version = await schema_version(database)
    if version != HEAD:
        found = "no schema" if version is None else f"schema {version}"
        remedy = "start a server of this version on it first" if version is None or version < HEAD else "check it with that version"
        raise Unavailable(f"the store has {found}, and this program checks schema {HEAD}: {remedy}")


async def _first(found: AsyncGenerator[Finding]) -> tuple[list[Finding], bool]:
    """The findings up to the limit, and whether there are more."""
    findings: list[Finding] = []
    async with aclosing(found):
        async for finding in found:
            if len(findings) == MOST:
                return findings, True
            findings.append(finding)
    return findings, False


def _counted(name: str, looked: dict[str, int], watch: Watch) -> Looked:
    looked[name] = 0
    watch(name, 0)

    def count(rows: int) -> None:
        looked[name] += rows
        watch(name, looked[name])

    return count
