"""A SQLite file: whether it can be read, its journal, and the file system under it."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from modelyard.doctor import accounts
from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.doctor.folder import nearest
from modelyard.doctor.schema import judged
from modelyard.settings import Settings
from modelyard.store.facts import file_facts

NETWORK = ("9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "smb")
"""How the types of file systems begin that several machines share."""


def look(path: Path, settings: Settings) -> Iterator[Finding]:
    yield _file_system(path)
    if not path.exists():
        yield ok("database", f"{path} is not there yet: the first start makes it")
        yield accounts.judged(settings, some=False)
        return
    try:
        facts = file_facts(path)
    except sqlite3.Error as error:
        yield broken("database", f"{path} cannot be read: {error}", "make sure that it is a SQLite database and that this user may read it")
        return
    if not os.access(path, os.W_OK):
        yield broken("database", f"{path} may not be written", "give this user the right to")
    else:
        yield ok("database", f"{path} answers, {path.stat().st_size / 1024**2:.1f} MiB")
    yield judged(facts.revision)
    if facts.revision is not None:
        yield _journal(facts.journal_mode)
    yield accounts.judged(settings, some=facts.accounts)


def _journal(mode: str) -> Finding:
    if mode == "wal":
        return ok("journal", "write-ahead log")
    remedy = "start the server once: it turns the write-ahead log on; if that does not last, move the file to a local disk"
    return warning("journal", f"{mode}, so that readers and the writer wait for each other", remedy)


def _file_system(path: Path) -> Finding:
    there = nearest(path.absolute())
    kind = _kind(there.resolve(), Path("/proc/self/mountinfo"))
    if kind.startswith(NETWORK):
        remedy = "keep the file on a local disk, or use PostgreSQL: SQLite's locks and its write-ahead log do not work across machines"
        return warning("file system", f"{there} is on a network ({kind})", remedy)
    return ok("file system", kind or "not known on this system")


def _kind(place: Path, mounts: Path) -> str:
    """The type of the file system that a place is on, by Linux's list of mounts; empty where there is none."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    # "36 35 98:0 / /mount/point rw shared:1 - ext4 /dev/sda1 rw": the mount point is field 5; the type follows the dash.
    mounted = {line.split()[4].replace("\\040", " "): line.partition(" - ")[2].split()[0] for line in lines}
    return next((mounted[str(folder)] for folder in (place, *place.parents) if str(folder) in mounted), "")
