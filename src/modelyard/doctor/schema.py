"""The database's schema against the one that the program needs."""

from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.store import migrate
from modelyard.store.schema import HEAD


def judged(revision: str | None) -> Finding:
    """`revision` is where the database stands, None where it has no tables yet."""
    if revision is None:
        return ok("schema", f"empty: the first start makes the tables (revision {HEAD})")
    if revision == HEAD:
        return ok("schema", f"revision {revision}, as this program needs")
    if migrate.knows(revision):
        remedy = "make a backup, then start: that brings it up to date"
        return warning("schema", f"revision {revision}, older than this program's {HEAD}", remedy)
    found = f"revision {revision} was made by a newer Modelyard; this one knows {HEAD} and refuses to start"
    return broken("schema", found, "start a newer version, or restore a backup")
