"""The settings: which are not the defaults, where each was set, and what they allow."""

from collections.abc import Iterator

from modelyard.doctor.findings import Finding, ok, warning
from modelyard.settings_sources import Loaded
from modelyard.welcome import cautions


def look(loaded: Loaded) -> Iterator[Finding]:
    shown = loaded.settings.redacted()
    if not loaded.sources:
        yield ok("settings", "all are the defaults")
    for name, source in loaded.sources.items():
        yield ok(f"setting {name}", f"{shown[name]!r}, set by {source}")
    for note in loaded.notes:
        yield warning("settings", note.removesuffix("."), "unset that variable, or give the setting that replaces it")
    for caution, remedy in cautions(loaded):
        yield warning("settings", caution.removesuffix("."), remedy)
