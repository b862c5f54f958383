"""Accounts, tokens, grants and projects: each can be read, and is what the audit log tells of it."""

from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table, select

from modelyard.access.accounts import Kept, told
from modelyard.access.repository import Shelf, SqlRegister
from modelyard.access.tables import ACCESS_TOKEN, PRINCIPAL, ROLE_GRANT
from modelyard.context import DEFAULT_PROJECT
from modelyard.overview.integrity.audit import NOBODY_REPAIRS, TRAILS, Trail, rootless, without_record
from modelyard.overview.integrity.finding import RESTORE, Finding, Looked
from modelyard.overview.integrity.subjects import WINDOW
from modelyard.records.kinds import Kind
from modelyard.store.database import Reader
from modelyard.store.statements import Statement
from modelyard.store.tables import ACCESS_STATE, PROJECT

_UNTOLD = frozenset({"last_used_at", "account", "home", "project"})
"""What changes without an event of its own: when a token was used, and names that are other rows'."""


class _Keeping(NamedTuple):
    kind: Kind
    table: Table
    shelf: Shelf[Any]
    rootless: Statement


def _keeping(kind: Kind, table: Table, shelf: Shelf[Any]) -> _Keeping:
    return _Keeping(kind, table, shelf, rootless(kind, table))


_REGISTER = SqlRegister()
_KEPT = (
    _keeping(Kind.PROJECT, PROJECT, _REGISTER.projects),
    _keeping(Kind.PRINCIPAL, PRINCIPAL, _REGISTER.accounts),
    _keeping(Kind.TOKEN, ACCESS_TOKEN, _REGISTER.tokens),
    _keeping(Kind.GRANT, ROLE_GRANT, _REGISTER.grants),
)
_STATE = Statement("check access_state", select(ACCESS_STATE.c.id))


async def accounts(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Every account, token, grant and project is what its events tell, and no event tells of one that never was."""
    if [row[0] for row in await reader.rows(_STATE, {})] != [1]:
        problem = "it has not the one row by which servers notice that accounts were changed"
        yield Finding("rows", ACCESS_STATE.name, None, problem, "Make it one row again, with the id 1 and a revision above any before")
    for keeping in _KEPT:
        async for finding in _disagreements(reader, keeping, looked):
            yield finding
        async for finding in without_record(reader, keeping.kind, keeping.table, keeping.rootless):
            yield finding


async def _disagreements(reader: Reader, keeping: _Keeping, looked: Looked) -> AsyncGenerator[Finding]:
    kind, table, shelf, _ = keeping
    after = 0
    while True:
        try:
            some = await shelf.page(reader, after, WINDOW)
        except ValueError as error:  # of an enum
            yield Finding("rows", table.name, None, f"a row after {after} cannot be read: {error}", RESTORE)
            return
        if not some:
            return
        between = {"kind": int(kind), "low": some[0].id, "high": some[-1].id}
        trails = {row[0]: Trail(*row) for row in await reader.rows(TRAILS, between)}
        for one in some:
            problem = _disagreement(one, trails.get(one.id), first=kind is Kind.PROJECT and one.id == DEFAULT_PROJECT)
            if problem:
                yield Finding("audit", table.name, one.id, problem, NOBODY_REPAIRS)
        looked(len(some))
        after = some[-1].id


def _disagreement(one: Kept, trail: Trail | None, *, first: bool) -> str | None:
    """`first`: it came with the schema, and no event tells of that."""
    created = trail.created if trail else 0
    if created != (0 if first else 1):
        return f"{created or 'no'} audit events tell of its creation"
    if trail is None:
        return None
    try:
        told_then = msgspec.json.decode(trail.after or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return "its newest audit event does not hold it"
    now = told(one)
    differing = [name for name in now if name in told_then and name not in _UNTOLD and now[name] != told_then[name]]
    return f"its newest audit event says otherwise of {', '.join(differing)}" if differing else None
