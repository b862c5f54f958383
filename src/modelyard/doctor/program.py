"""The program itself: the Python under it, and which optional parts are installed."""

import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from modelyard import __version__
from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.settings import Settings, install
from modelyard.store.sqlite import MIN_VERSION

TESTED_PYTHON = ((3, 11), (3, 14))
"""The oldest and newest that the project's classifiers name."""

EXTRAS = {
    "postgres": ("asyncpg",),
    "mysql": ("asyncmy",),
    "oidc": ("cryptography", "httpx"),
    "otel": ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"),
}
"""The optional parts that a server may need, and the packages that make each."""


def look(settings: Settings) -> Iterator[Finding]:
    yield ok("modelyard", __version__)
    yield _python(sys.version_info[:2])
    yield _sqlite(sqlite3.sqlite_version_info)
    for extra, packages in EXTRAS.items():
        yield _extra(extra, packages, needed=extra in _needed(settings))


def _python(found: tuple[int, int]) -> Finding:
    if found > TESTED_PYTHON[1]:
        newest = ".".join(map(str, TESTED_PYTHON[1]))
        return warning("Python", f"{platform.python_version()} is newer than what this version was made for", f"use Python {newest}")
    return ok("Python", platform.python_version())


def _sqlite(found: tuple[int, ...]) -> Finding:
    shown, needed = (".".join(map(str, numbers)) for numbers in (found, MIN_VERSION))
    if found < MIN_VERSION:
        return broken("SQLite", f"{shown} is too old: {needed} or newer is needed", "use a newer Python, which brings one")
    return ok("SQLite", shown)


def _extra(extra: str, packages: tuple[str, ...], *, needed: bool) -> Finding:
    check = f"extra {extra}"
    try:
        return ok(check, ", ".join(f"{package} {version(package)}" for package in packages))
    except PackageNotFoundError:
        if not needed:
            return ok(check, "not installed, not needed")
        if extra == "otel":  # the server starts without
            return warning(check, "not installed: nothing is traced, though the settings say where to", install(extra))
        return broken(check, "not installed, but the settings need it", install(extra))


def _needed(settings: Settings) -> set[str]:
    scheme = settings.database.partition(":")[0]
    driver = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql"}.get(scheme)
    wanted = ((driver, True), ("oidc", settings.oidc_issuer), ("otel", settings.otlp_endpoint))
    return {extra for extra, needed in wanted if extra and needed}
