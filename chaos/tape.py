"""Rebuilds what a disk holds after a power cut, from the tape that `shim.c` made.

Only what was synced is sure. Of what came after a file's last sync each change may have reached the disk or not, whatever became of the
others: as a disk with a cache does that writes back in any order. Names of files are changes of their folder, and need its sync.
"""

import struct
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""
_HEADER = struct.Struct("<4Q")


class Fate(Enum):
    """Of what was not synced: lost, all of it kept, or kept by chance: each write, or each sector of each write."""

    LOST = "lost"
    KEPT = "kept"
    SOME = "some writes"
    TORN = "some sectors"


class Change(NamedTuple):
    """A write at an offset, or with no bytes a new length of the file; `mark` is where on the tape it is."""

    mark: int
    at: int
    written: bytes | None


class Renamed(NamedTuple):
    mark: int
    name: str
    node: "File | Folder | None"


class File(msgspec.Struct, eq=False):
    durable: bytearray = msgspec.field(default_factory=bytearray)
    pending: list[Change] = []

    def sync(self, since: int) -> None:
        for change in self.pending:
            if change.mark < since:
                apply(self.durable, change.at, change.written)
        self.pending = [change for change in self.pending if change.mark >= since]

    def after_a_cut(self, fate: Fate, random: Random) -> bytes:
        content = bytearray(self.durable)
        for change in self.pending:
            for at, written in survivors(change, fate, random):
                apply(content, at, written)
        return bytes(content)


class Folder(msgspec.Struct, eq=False):
    durable: dict[str, "File | Folder"] = {}
    pending: list[Renamed] = []

    def sync(self, since: int) -> None:
        for change in self.pending:
            if change.mark < since:
                name(self.durable, change)
        self.pending = [change for change in self.pending if change.mark >= since]

    def after_a_cut(self, fate: Fate, random: Random) -> dict[str, "File | Folder"]:
        """Changes of one name happen in order; those of different names need not."""
        names = dict(self.durable)
        lost: set[str] = set()
        for change in self.pending:
            if fate is Fate.LOST or (fate is not Fate.KEPT and random.random() < 0.5):
                lost.add(change.name)
            if change.name not in lost:
                name(names, change)
        return names


def apply(content: bytearray, at: int, written: bytes | None) -> None:
    if written is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
        return
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(written)] = written


def name(names: dict[str, "File | Folder"], change: Renamed) -> None:
    if change.node is None:
        names.pop(change.name, None)
    else:
        names[change.name] = change.node


def survivors(change: Change, fate: Fate, random: Random) -> Iterator[tuple[int, bytes | None]]:
    """What of a change reached the disk."""
    if fate is Fate.LOST or (fate is Fate.SOME and random.random() < 0.5):
        return
    if fate is not Fate.TORN or change.written is None:
        if fate is not Fate.TORN or random.random() < 0.5:
            yield change.at, change.written
        return
    start, end = change.at, change.at + len(change.written)
    while start < end:
        stop = min(end, start - start % SECTOR + SECTOR)
        if random.random() < 0.5:
            yield start, change.written[start - change.at : stop - change.at]
        start = stop


class Disk:
    """What is on the disk, durable and not, at a place on the tape. A disk that `lies` from some place on says so and does not sync."""

    def __init__(self, root: int, lies: float = float("inf")) -> None:
        self.root = Folder()
        self._nodes: dict[int, File | Folder] = {root: self.root}
        self._lies = lies

    def play(self, tape: bytes, until: int) -> None:
        """Go from the beginning of the tape up to this place. A record that was not written whole ends it."""
        place = 0
        while place + _HEADER.size <= until:
            kind, inode, at, length = _HEADER.unpack_from(tape, place)
            end = place + _HEADER.size + length
            if end > until:
                return
            self._record(chr(kind), inode, at, tape[place + _HEADER.size : end], place)
            place = end

    def _record(self, kind: str, inode: int, at: int, content: bytes, mark: int) -> None:
        match kind:
            case "W":
                self._file(inode).pending.append(Change(mark, at, content))
            case "T":
                self._file(inode).pending.append(Change(mark, at, None))
            case "S":
                if inode in self._nodes and mark < self._lies:
                    self._nodes[inode].sync(at)
            case "M" | "C":
                node = self._nodes[inode] = Folder() if kind == "M" else File()
                self._folder(at).pending.append(Renamed(mark, content.decode(), node))
            case "U":
                self._folder(at).pending.append(Renamed(mark, content.decode(), None))
            case "N":
                old, new = content.decode().split("\0")
                self._move(self._folder(at), old, new, mark)

    def _move(self, folder: Folder, old: str, new: str, mark: int) -> None:
        names = folder.after_a_cut(Fate.KEPT, Random(0))  # noqa: S311 - nothing is left to chance
        folder.pending += [Renamed(mark, new, names[old]), Renamed(mark, old, None)]

    def _file(self, inode: int) -> File:
        node = self._nodes[inode]
        assert isinstance(node, File)  # noqa: S101 - narrows the type for mypy
        return node

    def _folder(self, inode: int) -> Folder:
        node = self._nodes[inode]
        assert isinstance(node, Folder)  # noqa: S101 - narrows the type for mypy
        return node

    def cut_power(self, target: Path, fate: Fate, random: Random) -> None:
        """Write what is left into a new folder. The disk stays as it is."""
        _write(self.root, target, fate, random)


def _write(folder: Folder, target: Path, fate: Fate, random: Random) -> None:
    target.mkdir()
    for called, node in folder.after_a_cut(fate, random).items():
        if isinstance(node, Folder):
            _write(node, target / called, fate, random)
        else:
            (target / called).write_bytes(node.after_a_cut(fate, random))


def records(tape: bytes) -> Iterator[int]:
    """The places on the tape at which a record begins."""
    place = 0
    while place + _HEADER.size <= len(tape):
        yield place
        place += _HEADER.size + _HEADER.unpack_from(tape, place)[3]
