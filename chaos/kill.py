"""Rounds of a write storm that ends with kill -9, of the registry, of its database, or of both."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec

from chaos import verify
from chaos.journal import Journal
from chaos.stage import Mariadb, Postgres, Registry, database_server, new_database
from chaos.writers import Storm, blow, prepare
from perf.stage import DatabaseName

ROUNDS_PER_STORE = 10
"""Then an empty one is begun, whose migration is killed, too."""


class Plan(msgspec.Struct, frozen=True):
    database: DatabaseName
    rounds: int
    seed: int
    writers: int = 12
    writes: int = 500
    """So many are acknowledged at most before the kill, on a random number of them."""


class Round(msgspec.Struct, frozen=True):
    """What came of one round. `wrong` are sentences; there must be none."""

    number: int
    killed: str
    acknowledged: int
    unanswered: int
    refused: int
    wrong: list[str]


def run(plan: Plan, home: Path) -> Iterator[Round]:
    """Every round as it ends."""
    random = Random(plan.seed)  # noqa: S311 - only chooses what to do; nothing secret comes of it
    with database_server(plan.database) as server:
        for first in range(0, plan.rounds, ROUNDS_PER_STORE):
            numbers = range(first, min(first + ROUNDS_PER_STORE, plan.rounds))
            store = _Store(plan, server, home / f"store-{first}", random)
            try:
                store.begin_and_be_killed()
                for number in numbers:
                    yield store.round(number, last=number == numbers[-1])
            finally:
                store.registry.kill()


class _Store:
    """One store and what is promised of it."""

    def __init__(self, plan: Plan, server: Postgres | Mariadb | None, home: Path, random: Random) -> None:
        home.mkdir()
        self._plan = plan
        self._server = server
        self._random = random
        self._journal = Journal()
        data = home / "data"
        self.registry = Registry(new_database(server, data), home, data)

    def begin_and_be_killed(self) -> None:
        """Start, and be killed somewhere in the middle, twice: the first time an empty database is migrated."""
        for _ in range(2):
            self.registry.begin()
            self._pause(1.5)
            self.registry.kill()

    def round(self, number: int, *, last: bool) -> Round:
        journal = self._journal
        acknowledged, unanswered, refused = journal.acknowledged, journal.unanswered, journal.refused
        if self._random.random() < 0.25:
            self.registry.begin()
            self._pause(1.0)
            self.registry.kill()
        port = self.registry.start()
        killed = self._random.choice(("registry", "database", "both") if self._server else ("registry",))
        asyncio.run(self._storm(port, f"s{self._plan.seed}-{number}", killed))
        if killed != "registry" and self._server:
            self._server.start()
        if killed != "database":
            port = self.registry.start()
        wrong = asyncio.run(self._look(port, everything=last))
        self.registry.kill()
        wrong += verify.check(self.registry.url)
        return Round(
            number=number,
            killed=killed,
            acknowledged=journal.acknowledged - acknowledged,
            unanswered=journal.unanswered - unanswered,
            refused=journal.refused - refused,
            wrong=wrong,
        )

    async def _storm(self, port: int, series: str, killed: str) -> None:
        runs = await prepare(port, series)
        storm = asyncio.create_task(blow(Storm(port, series, runs, self._journal, lambda: 0), self._plan.writers, self._random))
        await self._moment(storm)
        kills: list[Callable[[], None]] = []
        if killed != "registry" and self._server:
            kills.append(self._server.kill_all)
        if killed != "database":
            kills.append(self.registry.kill)
        self._random.shuffle(kills)
        for kill in kills:
            await asyncio.to_thread(kill)
        if killed == "database":
            storm.cancel()
        await asyncio.gather(storm, return_exceptions=True)

    async def _moment(self, storm: "asyncio.Task[None]") -> None:
        """Wait for the moment to kill: some time after a random number of writes were acknowledged."""
        target = self._journal.acknowledged + self._random.randrange(self._plan.writes)
        await self._journal.reaches(target, storm)
        await asyncio.sleep(self._random.uniform(0, 0.02))

    async def _look(self, port: int, *, everything: bool) -> list[str]:
        journal = self._journal
        things = {id(thing): thing for thing in (journal.things if everything else journal.touched)}.values()
        retried = [thing for thing in things if thing.uncertain and thing.retry and thing.before + len(thing.states) == 1]
        journal.touched = []
        wrong = await verify.verify(port, journal, list(things))
        wrong += await verify.retry(port, retried)
        known = {id(thing) for thing in journal.things}
        journal.things += [thing for thing in retried if id(thing) not in known]
        wrong += journal.complaints
        journal.complaints = []
        return wrong

    def _pause(self, longest: float) -> None:
        asyncio.run(asyncio.sleep(self._random.uniform(0, longest)))
