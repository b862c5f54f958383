"""The short form of `make chaos` for power cuts; and a disk that lies about syncing, which must be seen."""

import shutil
import struct
from pathlib import Path
from random import Random

import pytest

from chaos import powercut
from chaos.powercut import Plan
from chaos.tape import Disk, Fate

ROOT, FOLDER, FILE = 1, 2, 3


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_power_cut_unless_the_disk_lies(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler is installed")
    plan = Plan(storms=1, cuts=3, seed=7, writers=8, writes=150)

    random = Random(plan.seed)  # noqa: S311 - only chooses what to do; nothing secret comes of it
    recording = powercut.record(plan, powercut.compiled(tmp_path), tmp_path / "storm", random)
    cuts = list(powercut.cut(plan, recording, tmp_path, random))
    assert [cut.wrong for cut in cuts] == [[], [], []]
    assert max(cut.promised for cut in cuts) > 10

    end = len(recording.tape)
    answers = sorted(state.acked for thing in recording.journal.things for state in thing.states if state.acked is not None)
    honest, liar = Disk(recording.root), Disk(recording.root, lies=answers[20])
    for number, disk in enumerate((honest, liar)):
        disk.play(recording.tape, end)
        disk.cut_power(tmp_path / f"end-{number}", Fate.LOST, random)
    assert powercut.look(tmp_path / "end-0", recording.journal, end) == []
    assert len(powercut.look(tmp_path / "end-1", recording.journal, end)) > 10


def tape(*changes: tuple[str, int, int, bytes]) -> bytes:
    """Of kind, inode, place and bytes each. A sync's place -1 stands for all that is before it."""
    made = b""
    for kind, inode, at, content in changes:
        made += struct.pack("<4Q", ord(kind), inode, len(made) if at < 0 else at, len(content)) + content
    return made


MADE = (("M", FOLDER, ROOT, b"data"), ("S", ROOT, -1, b""), ("C", FILE, FOLDER, b"file"), ("S", FOLDER, -1, b""))


def after(tmp_path: Path, record: bytes, fate: Fate = Fate.LOST) -> dict[str, bytes]:
    """The files on a disk whose power was cut at the end of this tape."""
    disk = Disk(ROOT)
    disk.play(record, len(record))
    disk.cut_power(tmp_path / "disk", fate, Random(1))  # noqa: S311 - only chooses what to do; nothing secret comes of it
    return {str(path.relative_to(tmp_path / "disk")): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_only_what_was_synced_is_sure(tmp_path: Path) -> None:
    record = tape(*MADE, ("W", FILE, 0, b"sure"), ("S", FILE, -1, b""), ("W", FILE, 4, b", lost"))
    assert after(tmp_path, record) == {"data/file": b"sure"}


def test_without_a_sync_what_was_written_may_be_there_all_the_same(tmp_path: Path) -> None:
    record = tape(*MADE, ("W", FILE, 2, b"kept"), ("T", FILE, 4, b""))
    assert after(tmp_path, record, Fate.KEPT) == {"data/file": b"\0\0ke"}


def test_sectors_are_torn_apart(tmp_path: Path) -> None:
    (content,) = after(tmp_path, tape(*MADE, ("W", FILE, 0, b"x" * 512 * 20)), Fate.TORN).values()
    sectors = {content[start : start + 512] for start in range(0, len(content), 512)}
    assert sectors == {b"x" * 512, b"\0" * 512}


def test_a_sync_covers_what_was_done_before_it_began(tmp_path: Path) -> None:
    early = tape(*MADE, ("W", FILE, 0, b"before"))
    late = early + tape(("W", FILE, 6, b"during"), ("S", FILE, len(early), b""))
    assert after(tmp_path, late) == {"data/file": b"before"}


def test_the_name_of_a_file_needs_the_sync_of_its_folder(tmp_path: Path) -> None:
    record = tape(*MADE[:3], ("W", FILE, 0, b"content"), ("S", FILE, -1, b""))
    assert after(tmp_path, record) == {}


def test_a_file_that_was_removed_may_come_back(tmp_path: Path) -> None:
    record = tape(*MADE, ("U", 0, FOLDER, b"file"))
    assert after(tmp_path, record) == {"data/file": b""}


def test_a_file_renamed_and_synced_has_its_new_name(tmp_path: Path) -> None:
    record = tape(*MADE, ("N", 0, FOLDER, b"file\0other"), ("S", FOLDER, -1, b""))
    assert after(tmp_path, record) == {"data/other": b""}


def test_a_record_that_was_not_written_whole_ends_the_tape(tmp_path: Path) -> None:
    assert after(tmp_path, tape(*MADE)[:-5]) == {}
