"""Models say how many versions they have, and which is the latest; and are told anew where they do not."""

import functools
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, literal_column, select, update

from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.overview.integrity.finding import Finding, Looked
from modelyard.overview.integrity.subjects import WINDOW, windows
from modelyard.records.table import latest_of
from modelyard.store.columns import ID
from modelyard.store.database import Database, Reader, Unit
from modelyard.store.statements import Statement

_LIVE: Any = literal_column("0")
_THERE: Any = (
    select(func.count())
    .select_from(MODEL_VERSION)
    .where(MODEL_VERSION.c.model_id == MODEL.c.id, MODEL_VERSION.c.trashed == _LIVE)
    .correlate(MODEL)
    .scalar_subquery()
)
_LATEST = latest_of(MODEL, MODEL_VERSION, "model_id")
_IT = (MODEL.c.id == bindparam("id", type_=ID), MODEL.c.trashed == _LIVE)

# What is in the trash may be half purged.
_WINDOW = Statement(
    "check versions of models",
    select(MODEL.c.id, MODEL.c.versions, _THERE, MODEL.c.latest, _LATEST)
    .where(MODEL.c.id > bindparam("after", type_=ID), MODEL.c.trashed == _LIVE)
    .order_by(MODEL.c.id)
    .limit(WINDOW),
)
_LOCK = Statement("lock model", select(MODEL.c.id).where(*_IT).with_for_update(), locks=True)
_RECOUNT = Statement("recount versions", update(MODEL).values(versions=_THERE, latest=_LATEST).where(*_IT))


class Wrong(NamedTuple):
    model_id: int
    said: int
    there: int
    latest_said: str | None
    latest: str | None

    @property
    def problem(self) -> str:
        """Empty where all is well."""
        if self.said != self.there:
            return f"it says that it has {self.said} versions, and there are {self.there}"
        if self.latest_said != self.latest:
            return f"it says that {self.latest_said!r} is its latest version, and that is {self.latest!r}"
        return ""


async def versions(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Each live model has as many live versions as it says, and its latest is the one that it names."""
    async for wrong in _wrong(reader, looked):
        yield Finding("versions", MODEL.name, wrong.model_id, wrong.problem, "Run modelyard check --repair-index")


async def repair(database: Database, looked: Looked) -> int:
    """Count the versions of models that say wrong numbers; of how many models. Servers may go on."""
    async with database.snapshot() as reader:
        models = [wrong.model_id async for wrong in _wrong(reader, looked)]
    return sum([await database.write(functools.partial(_recount, model_id=model_id)) for model_id in models])


async def _recount(unit: Unit, model_id: int) -> int:
    """Locked by a statement of its own: the one that counts must see what those who had it locked before have done."""
    if await unit.row(_LOCK, {"id": model_id}) is None:
        return 0
    return await unit.execute(_RECOUNT, {"id": model_id})


async def _wrong(reader: Reader, looked: Looked) -> AsyncIterator[Wrong]:
    async for rows in windows(reader, _WINDOW, looked):
        for row in rows:
            wrong = Wrong(*row)
            if wrong.problem:
                yield wrong
