"""The audit log of a world: reading it, sealing it, and how far it is settled."""

from modelyard.audit.events import Action, Event
from modelyard.audit.horizon import Horizon, MemoryLook, sql_horizon
from modelyard.audit.log import EventLog, MemoryEventLog, SqlEventLog
from modelyard.audit.sealing import Sealing
from modelyard.audit.seals import MemorySeals, Seals, SqlSeals
from modelyard.audit.verification import Attestation, verify
from modelyard.store.memory import MemoryDatabase
from tests.unit.world import ANN, NOON, World


def log_of(world: World) -> EventLog:
    return MemoryEventLog(world.database) if isinstance(world.database, MemoryDatabase) else SqlEventLog()


def seals_of(world: World) -> Seals:
    return MemorySeals(world.database) if isinstance(world.database, MemoryDatabase) else SqlSeals(world.database)


def horizon_of(world: World) -> Horizon:
    """One that looks whenever it is asked, as another server's would."""
    if isinstance(world.database, MemoryDatabase):
        return Horizon(MemoryLook(world.database), pause=0)
    return sql_horizon(world.database, pause=0)


def sealing_of(world: World) -> Sealing:
    return Sealing(world.database, log_of(world), seals_of(world), horizon_of(world), world.clock)


async def verified(world: World, expect: str | None = None) -> Attestation:
    async with world.database.snapshot() as reader:
        return await verify(reader, log_of(world), seals_of(world), lambda _name, _rows: None, expect)


def event(number: int = 1) -> Event:
    """One that nothing but its record's id tells from another."""
    return Event(ANN.project, NOON, ANN.name, ANN.dialect, ANN.request_id, Action.CREATED, 1, number, None, "{}")
