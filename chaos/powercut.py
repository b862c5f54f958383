"""A write storm on SQLite with everything that reaches the disk recorded; then the power is cut at many moments of it.

Unlike after a kill, what was written and not synced is lost, in whole or in part and in any order.
"""

import asyncio
import copy
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from chaos import verify
from chaos.journal import Journal, Thing
from chaos.stage import Registry
from chaos.tape import Disk, Fate, records
from chaos.writers import Storm, blow, prepare

SHIM = Path(__file__).with_name("shim.c")


class Plan(msgspec.Struct, frozen=True):
    storms: int
    cuts: int
    """In each storm."""
    seed: int
    writers: int = 12
    writes: int = 500
    """Acknowledged in each storm before it ends."""


class Cut(msgspec.Struct, frozen=True):
    """What came of cutting the power once. `promised` counts the writes that had been acknowledged by then."""

    place: int
    tape: int
    """The place of the cut and the length of the tape, in bytes."""
    fate: Fate
    promised: int
    wrong: list[str]


class Recording(msgspec.Struct, frozen=True):
    """A storm: the tape, the inode of the folder it is of, and what the clients were promised, by places on the tape."""

    tape: bytes
    root: int
    journal: Journal

    def promised(self, place: float) -> int:
        states = {id(state): state for thing in self.journal.things for state in thing.states}
        return sum(state.acked is not None and state.acked <= place for state in states.values())


def compiled(home: Path) -> Path:
    """The shim. Needs a C compiler."""
    library = home / "shim.so"
    command: list[str | Path] = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SHIM, "-ldl"]
    subprocess.run(command, check=True)  # noqa: S603 - it compiles our own source
    return library


def run(plan: Plan, home: Path) -> Iterator[Cut]:
    """Every cut as it was looked at."""
    random = Random(plan.seed)  # noqa: S311 - only chooses what to do; nothing secret comes of it
    shim = compiled(home)
    for _ in range(plan.storms):
        recording = record(plan, shim, home / "storm", random)
        yield from cut(plan, recording, home, random)
        shutil.rmtree(home / "storm")


def cut(plan: Plan, recording: Recording, home: Path, random: Random) -> Iterator[Cut]:
    """Cut the power of one storm at so many moments."""
    for place in _places(recording, plan.cuts, random):
        target = home / "cut"
        fate = random.choice(list(Fate))
        disk = Disk(recording.root)
        disk.play(recording.tape, place)
        disk.cut_power(target, fate, random)
        yield Cut(place, len(recording.tape), fate, recording.promised(place), look(target, recording.journal, place))
        shutil.rmtree(target)


def record(plan: Plan, shim: Path, home: Path, random: Random) -> Recording:
    """Let the registry make its data folder and its store, write to it, and kill it."""
    disk, tape = home / "disk", home / "tape"
    disk.mkdir(parents=True)
    env = {"LD_PRELOAD": str(shim), "POWERCUT_ROOT": str(disk), "POWERCUT_TAPE": str(tape)}
    registry = Registry(f"sqlite:///{disk / 'data' / 'modelyard.db'}", home, disk / "data", env)
    journal = Journal()

    async def storm(port: int) -> None:
        series = f"p{plan.seed}"
        runs = await prepare(port, series)
        storm = Storm(port, series, runs, journal, lambda: tape.stat().st_size)
        blowing = asyncio.create_task(blow(storm, plan.writers, random))
        await journal.reaches(plan.writes, blowing)
        await asyncio.to_thread(registry.kill)
        await asyncio.gather(blowing, return_exceptions=True)

    try:
        asyncio.run(storm(registry.start()))
    finally:
        registry.kill()
    return Recording(tape.read_bytes(), disk.stat().st_ino, journal)


def _places(recording: Recording, count: int, random: Random) -> Iterator[int]:
    """Moments to cut the power at: during the first start, right after an answer, and anywhere."""
    ends = [*records(recording.tape), len(recording.tape)]
    answers = [int(state.acked) for thing in recording.journal.things for state in thing.states if state.acked is not None]
    for number in range(count):
        match number % 4:
            case 0:
                yield random.choice([end for end in ends if end <= min(answers)])
            case 1 | 2:
                yield random.choice(answers)
            case _:
                yield random.choice(ends)


def look(disk: Path, journal: Journal, place: int) -> list[str]:
    """Start the registry on what the disk holds: what is wrong with it, as sentences."""
    data = disk / "data"
    registry = Registry(f"sqlite:///{data / 'modelyard.db'}", disk, data)
    then = copy.deepcopy(journal)
    sent = [thing for thing in then.things if any(state.sent <= place for state in thing.states)]
    try:
        port = registry.start()
        wrong = asyncio.run(_verify(port, then, sent, place))
    finally:
        registry.kill()
    return wrong + verify.check(registry.url)


async def _verify(port: int, journal: Journal, things: Sequence[Thing], place: int) -> list[str]:
    for thing in things:
        if not any(state.acked is not None and state.acked <= place for state in thing.states):
            thing.id = ""  # by then nobody knew it
    return await verify.verify(port, journal, things, place)
