"""Runs with what they measured, in one statement for one and two for a page."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam

from modelyard.audit.horizon import Horizon
from modelyard.context import Caller
from modelyard.errors import NotFound
from modelyard.experiments.entities import Run
from modelyard.experiments.tables import RUN
from modelyard.overview.measurements import WIDTH, Measurements, measured, measurements, with_measurements
from modelyard.overview.offsets import Counted, OffsetList, Slice, live, of_parent, sees
from modelyard.overview.totals import KindList, Totals
from modelyard.records.kinds import Kind
from modelyard.records.rows import reader as row_reader
from modelyard.store.columns import ID
from modelyard.store.database import Database

_ID: Any = bindparam("id", type_=ID)
_COLUMNS = Run.__struct_fields__
_read = row_reader(Run)

_RUN = with_measurements(RUN, [RUN.c[name] for name in _COLUMNS], RUN.c.id == _ID, live(RUN))
_ALL = KindList(Kind.RUN, RUN, _COLUMNS)
_OF_MODEL = OffsetList(RUN, _COLUMNS, of_parent("model_id"))


class RunView(NamedTuple):
    run: Run
    measurements: Measurements


class RunOverview:
    """Errors: `NotFound`."""

    def __init__(self, database: Database, horizon: Horizon) -> None:
        self._database = database
        self._all = Totals(database, horizon, _ALL)

    async def run(self, caller: Caller, run_id: int) -> RunView:
        rows = await self._database.reader.rows(_RUN, {"project": caller.project, "id": run_id})
        run = _read(rows[0][:-WIDTH]) if rows else None
        if run is None or not sees(caller, Kind.RUN, run):
            raise NotFound(f"no run has the id {run_id}", kind=Kind.RUN, id=run_id)
        return RunView(run, measured(run.id, [row[-WIDTH:] for row in rows]))

    async def runs(self, caller: Caller, part: Slice, model_id: int | None = None) -> Counted[RunView]:
        """Runs of all experiments; those that work on one model, if one is named, be it known or not."""
        reader, values = self._database.reader, {"project": caller.project}
        if model_id is None:
            rows, total = await self._all.page(caller, part)
        else:
            rows, total = await _OF_MODEL.seen(reader, caller, Kind.RUN, {**values, "model_id": model_id}, part)
        runs = [_read(row[: len(_COLUMNS)]) for row in rows]
        found = await measurements(reader, [run.id for run in runs])
        return Counted([RunView(run, found[run.id]) for run in runs], total)
