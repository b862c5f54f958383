"""The port: whether it can be had, or a registry has it already."""

import http.client
from collections.abc import Iterator

import msgspec

from modelyard import __version__
from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.server import CannotStartError, bind
from modelyard.settings import Settings

_PATIENCE_SECONDS = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound


class _Version(msgspec.Struct):
    """What a server answers at `/version`."""

    name: str
    version: str


def look(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.port} on {settings.host}"
    try:
        bind(settings.host, settings.port).close()
    except CannotStartError as error:
        running = _registry(settings.host, settings.port)
        if running is None:
            cause, _, remedy = str(error).partition(". ")
            yield broken("port", cause, remedy or "choose another address by --host and --port")
        elif running != __version__:
            yield warning("port", f"{where}: Modelyard {running} is running there, not {__version__}", "restart it to run this version")
        else:
            yield ok("port", f"{where}: Modelyard {running} is running there already")
    else:
        yield ok("port", f"{where} is free" if settings.port else "any that is free")


def _registry(host: str, port: int) -> str | None:
    """The version of the Modelyard that answers there."""
    connection = http.client.HTTPConnection(_EVERYWHERE.get(host, host), port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", "/version")
        told = msgspec.json.decode(connection.getresponse().read(1000), type=_Version)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError):
        return None
    finally:
        connection.close()
    return told.version if told.name == "modelyard" else None
