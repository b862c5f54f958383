"""Keeps the chain of seals."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from sqlalchemy import bindparam, func, insert, select

from modelyard.audit.chain import START, Head, Seal
from modelyard.audit.log import Logged, SqlEventLog
from modelyard.audit.tables import AUDIT_EVENT, AUDIT_SEAL
from modelyard.context import DEFAULT_PROJECT
from modelyard.store.columns import ID
from modelyard.store.database import Database, Reader, UniqueViolationError, Unit
from modelyard.store.memory import MemoryDatabase
from modelyard.store.statements import Statement
from modelyard.store.tables import PROJECT


class Seals(Protocol):
    async def head(self, reader: Reader) -> Head:
        """The newest seal, or `START`."""
        ...

    async def after(self, reader: Reader, number: int) -> Sequence[Seal]:
        """Some of the seals after this one, in order."""
        ...

    async def add(self, seal: Seal, last: Logged) -> bool:
        """Make it the newest. False where another has come first, or where `last`, the last event that it seals, is gone."""
        ...

    async def unsealed(self, reader: Reader, last_id: int) -> int:
        """How many events come after this one."""
        ...


_SEAL = AUDIT_SEAL.c
_COLUMNS = [_SEAL[name] for name in Seal.__struct_fields__]
AT_ONCE = 10
"""Seals read by one statement."""

_HEAD = Statement("newest seal", select(*[_SEAL[name] for name in Head.__struct_fields__]).order_by(_SEAL.number.desc()).limit(1))
_AFTER = Statement("read seals", select(*_COLUMNS).where(_SEAL.number > bindparam("after", type_=ID)).order_by(_SEAL.number).limit(AT_ONCE))
_ADD = Statement("insert audit_seal", insert(AUDIT_SEAL).values({column.name: bindparam(column.name) for column in _COLUMNS}).inline())
_UNSEALED = Statement("count unsealed events", select(func.count()).where(AUDIT_EVENT.c.id > bindparam("after", type_=ID)), slow=True)
# Whoever empties the store waits for this lock, or has finished when it is given.
_HOLD = Statement(
    "hold the store", select(PROJECT.c.id).where(PROJECT.c.id == DEFAULT_PROJECT).with_for_update(read=True, key_share=True), locks=True
)


class SqlSeals:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = SqlEventLog()

    async def head(self, reader: Reader) -> Head:
        row = await reader.row(_HEAD, {})
        return START if row is None else Head(*row)

    async def after(self, reader: Reader, number: int) -> Sequence[Seal]:
        return [Seal(*row) for row in await reader.rows(_AFTER, {"after": number})]

    async def add(self, seal: Seal, last: Logged) -> bool:
        async def work(unit: Unit) -> bool:
            await unit.row(_HOLD, {})
            if await self._log.stretch(unit, last.id - 1, last.id, 1) != [last]:
                return False
            await unit.execute(_ADD, msgspec.structs.asdict(seal))
            return True

        try:
            return await self._database.write(work)
        except UniqueViolationError:
            return False

    async def unsealed(self, reader: Reader, last_id: int) -> int:
        row = await reader.row(_UNSEALED, {"after": last_id})
        return 0 if row is None else int(row[0])


class MemorySeals:
    """For tests."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def head(self, reader: Reader) -> Head:
        found = await self.after(reader, 0)
        return Head.of(found[-1]) if found else START

    async def after(self, reader: Reader, number: int) -> Sequence[Seal]:
        del reader
        seals: list[Seal] = list(self._database.tables["audit seal"].values())
        return seals[number:]

    async def add(self, seal: Seal, last: Logged) -> bool:
        del last
        return self._database.tables["audit seal"].setdefault(seal.number, seal) is seal

    async def unsealed(self, reader: Reader, last_id: int) -> int:
        del reader
        return len(self._database.tables["audit event"]) - last_id
