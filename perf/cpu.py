"""CPU time, memory and open files of processes, as Linux counts them in /proc."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class ProcessTree:
    """A process and all that descends from it, now and later. One that has ended counts with the parent that waited for it."""

    def __init__(self, root: int) -> None:
        self._root = root

    def cpu_seconds(self) -> float:
        """User and system time since the start, to 10 ms: measure over seconds."""
        return sum(self.cpu_seconds_each().values())

    def cpu_seconds_precisely(self) -> float:
        """Likewise, to less than 1 µs, of those that are still running; not of who has ended."""
        return sum(map(_clock, self.pids()))

    def cpu_seconds_each(self) -> Mapping[int, float]:
        """Likewise of each process, by its id."""
        # man 5 proc, fields 14 to 17 of stat: utime, stime, and both of the children that were waited for.
        return {pid: sum(map(int, _stat(pid)[11:15])) / _TICKS for pid in self.pids()}

    def resident_bytes(self) -> int:
        """Memory held by all of them; what they share is counted for each."""
        pages = sum(int((_PROC / str(pid) / "statm").read_text().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def private_bytes(self) -> int:
        """Memory that is theirs alone; a mapped file's pages, which come and go with the system's cache, are not."""
        return sum(_private_kib(pid) for pid in self.pids()) * 1024

    def open_files(self) -> int:
        """Files, sockets and pipes."""
        return sum(len(list((_PROC / str(pid) / "fd").iterdir())) for pid in self.pids())

    def pids(self) -> Iterator[int]:
        children = defaultdict(list)
        for entry in _PROC.iterdir():
            if entry.name.isdecimal() and (stat := _stat(int(entry.name))):
                children[int(stat[1])].append(int(entry.name))
        waiting = [self._root]
        while waiting:
            pid = waiting.pop()
            yield pid
            waiting += children[pid]


def _private_kib(pid: int) -> int:
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def _clock(pid: int) -> float:
    """The process's own clock of CPU time; 0 for a process that is gone."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # as Linux numbers these clocks: see clock_getcpuclockid(3)
    except OSError:
        return 0.0


def _stat(pid: int) -> list[str]:
    """The fields after the program's name, which may hold spaces and parentheses; none for a process that is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
