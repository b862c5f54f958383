"""A database server's settings, as far as they decide whether what was acknowledged is kept, and whether there is room for us."""

import re
from collections.abc import Iterator

from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.settings import Settings, flag
from modelyard.store.facts import ServerFacts

TESTED = {"PostgreSQL": (15,), "MariaDB": (10, 11), "MySQL": (8, 0, 17)}
"""The oldest that the tests run on; for MySQL, on which they do not, the oldest that has what the tables need."""

SKEW_SECONDS = 2.0
"""Times are given by the server's clock; a database that disagrees by more makes logs and backups hard to match."""

_DURABILITY = {
    "fsync": ("on", "fsync is {}: a crash of the database's machine can destroy it", "set fsync = on"),
    "full_page_writes": ("on", "full_page_writes is {}: a crash can leave torn pages", "set full_page_writes = on"),
    "synchronous_commit": (
        None,
        "synchronous_commit is {}: a crash loses the last changes, though they were acknowledged",
        "set synchronous_commit = on",
    ),
    "innodb_flush_log_at_trx_commit": (
        "1",
        "innodb_flush_log_at_trx_commit is {}: a crash loses the last second's changes, though they were acknowledged",
        "set innodb_flush_log_at_trx_commit = 1",
    ),
    "innodb_doublewrite": ("ON", "innodb_doublewrite is {}: a crash can leave torn pages", "set innodb_doublewrite = ON"),
}


def look(facts: ServerFacts, settings: Settings) -> Iterator[Finding]:
    yield _version(facts)
    yield from _durability(facts)
    yield _connections(facts, settings.pool_size * settings.workers)
    yield _clock(facts.skew_seconds)
    if facts.never_analysed:
        shown = ", ".join(facts.never_analysed)
        yield warning("statistics", f"never analysed, so that plans are guesses: {shown}", "run ANALYZE, and leave autovacuum on")


def _version(facts: ServerFacts) -> Finding:
    number = re.match(r"\d+(?:\.\d+)*", facts.version)
    found = tuple(int(part) for part in number[0].split(".")) if number else ()
    shown, oldest = f"{facts.product} {facts.version}", ".".join(map(str, TESTED[facts.product]))
    if found >= TESTED[facts.product]:
        return ok("server version", shown)
    judge = broken if facts.product == "MySQL" else warning
    return judge("server version", f"{shown} is older than what this program is made for", f"update it to {oldest} or newer")


def _durability(facts: ServerFacts) -> Iterator[Finding]:
    findings = []
    for name, (right, found, remedy) in _DURABILITY.items():
        value = facts.settings.get(name)
        if value is not None and (value.lower() in ("off", "0") if right is None else value.lower() != right.lower()):
            findings.append(warning("durability", found.format(value), f"{remedy} on the database server"))
    yield from findings or [ok("durability", "a change that was acknowledged outlives a crash")]


def _connections(facts: ServerFacts, wanted: int) -> Finding:
    available = int(facts.settings["max_connections"]) - int(facts.settings.get("superuser_reserved_connections", 0))
    shown = f"the server takes {available}, this registry opens up to {wanted} (pool_size times workers)"
    if wanted > available:
        return warning("connections", shown, f"raise the server's max_connections, or lower MODELYARD_POOL_SIZE or {flag('workers')}")
    return ok("connections", shown)


def _clock(skew: float) -> Finding:
    if abs(skew) > SKEW_SECONDS:
        shown = f"the database's is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
        return warning("clock", shown, "keep both right by NTP")
    return ok("clock", "agrees with the database's")
