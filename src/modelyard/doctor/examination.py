"""Everything that is looked at, in the order in which it is told."""

import asyncio
from collections.abc import Mapping

from modelyard.doctor import collector, configuration, database, folder, port, program, provider
from modelyard.doctor.findings import Finding, broken
from modelyard.settings import Settings, SettingsError
from modelyard.settings_sources import Loaded, load


def examine(flags: Mapping[str, object], environ: Mapping[str, str], config: str | None) -> tuple[Finding, ...]:
    """Look at the server that these sources of settings would start. Takes as long as the database's connect timeout at most, or so."""
    try:
        loaded = load(flags, environ, config)
    except SettingsError as error:
        return (*program.look(Settings()), broken("settings", str(error), "correct it: the server does not start with it"))
    return asyncio.run(_all(loaded))


async def _all(loaded: Loaded) -> tuple[Finding, ...]:
    settings = loaded.settings
    return (
        *program.look(settings),
        *configuration.look(loaded),
        *folder.look(settings),
        *[finding async for finding in database.look(settings)],
        *port.look(settings),
        *collector.look(settings),
        *[finding async for finding in provider.look(settings)],
    )
