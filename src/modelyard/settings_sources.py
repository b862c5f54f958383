"""Where settings come from: read, put together and checked.

Sources, each overruling the one before: the defaults of `settings`, a TOML file, the original Kubeflow server's MR_* variables,
MODELYARD_* variables, command line flags. Nothing else in the program reads the environment: parts are handed what they need by `app`.
"""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msgspec

from modelyard import settings_mr
from modelyard.client import environment
from modelyard.settings import (
    CONFIG_VARIABLE,
    FIELDS,
    HANDED_VARIABLE,
    PATH_PREFIX,
    PREFIX,
    AllowedHosts,
    CorsOrigins,
    OidcRoles,
    Settings,
    SettingsError,
    TrustedProxies,
    description,
    flag,
    is_loopback,
    redact_url,
    variable,
)

OTLP_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_HTTP = ("http://", "https://")
DATABASE_SCHEMES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb")
_ORIGIN = re.compile(r"https?://[^/?#@\sA-Z]+")
_HOST = re.compile(r"\*|\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+")
_OIDC_ROLE = re.compile(r".+=\s*(viewer|contributor|deployer|admin)\s*(@\s*[a-z0-9-]+\s*)?")


class Loaded(msgspec.Struct, frozen=True):
    """`notes` are sentences to show or log at the start: what was understood differently, or ignored.

    `sources` says of each setting that was given where it was set.
    """

    settings: Settings
    notes: tuple[str, ...]
    sources: Mapping[str, str] = {}


class _Given(msgspec.Struct, frozen=True):
    """A value and, for messages, where it was set. `text`: it came as text, and is to be read as the setting's type."""

    value: object
    source: str
    text: bool = True


_NO_SETTINGS = (CONFIG_VARIABLE, HANDED_VARIABLE, environment.SERVER, environment.TOKEN)


def load(flags: Mapping[str, object], environ: Mapping[str, str], config: str | None = None) -> Loaded:
    """The settings from all sources. `flags` are command line options by field name (None: not given), `config` the TOML file's path.

    Raises `SettingsError`.
    """
    original = settings_mr.translate(environ)
    given: dict[str, _Given] = {}
    given |= _from_opentelemetry(environ)
    given |= _from_file(config or environ.get(CONFIG_VARIABLE))
    given |= {name: _Given(value.text, value.source) for name, value in original.values.items()}
    ours = _from_environment(environ)
    ours |= {name: _Given(value, f"the flag {flag(name)}") for name, value in flags.items() if value is not None}
    if original.problem and "database_url" not in ours:
        raise SettingsError(original.problem)
    given |= ours
    settings = Settings(**{name: _convert(name, value) for name, value in given.items()})
    sources = {name: value.source for name, value in given.items()}
    _check(settings, sources)
    return Loaded(settings, original.notes, sources)


def _from_opentelemetry(environ: Mapping[str, str]) -> dict[str, _Given]:
    """Set for every program of a machine, often: a collector that does not speak HTTP is for others."""
    endpoint = environ.get(OTLP_VARIABLE, "").strip()
    if not endpoint.startswith(_HTTP) or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return {}
    return {"otlp_endpoint": _Given(endpoint, f"the variable {OTLP_VARIABLE}")}


def _from_file(path: str | None) -> dict[str, _Given]:
    if not path:
        return {}
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} cannot be read ({error.strerror}): give the path of a TOML file, or none."
        ) from error
    except ValueError as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from error
    for key in content:
        _known(key, FIELDS, f"in {path}")
    return {key: _Given(value, path, text=False) for key, value in content.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    names = {variable(name): name for name in FIELDS}
    given = {}
    for key, value in environ.items():
        if key.startswith(PREFIX) and key not in _NO_SETTINGS:
            _known(key, (*names, CONFIG_VARIABLE), "in the environment")
            if value.strip():
                given[names[key]] = _Given(value, f"the variable {key}")
    return given


def _known(key: str, keys: Iterable[str], where: str) -> None:
    keys = tuple(keys)
    if key in keys:
        return
    near = difflib.get_close_matches(key, keys, n=2, cutoff=0.6)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(keys)}."
    raise SettingsError(f"{key} {where} is not a setting. {hint}")


def _convert(name: str, given: _Given) -> Any:
    type_, value = FIELDS[name].type, given.value
    if given.text and isinstance(value, str):
        value = value.strip()
        if type_ in (AllowedHosts, CorsOrigins, TrustedProxies, OidcRoles):
            value = [item for item in (part.strip() for part in value.split(",")) if item]
    try:
        return msgspec.convert(value, type_, strict=not given.text)
    except msgspec.ValidationError as error:
        remedy = "write true or false" if type_ is bool else str(error)
        raise SettingsError(_problem(name, given.value, given.source, f"{remedy}. {description(name)}")) from None


def _problem(name: str, value: object, source: str, remedy: str) -> str:
    shown = redact_url(value) if isinstance(value, str) else value
    return f"{name} is {shown!r}, set by {source}: {remedy}"


def _check(settings: Settings, sources: Mapping[str, str]) -> None:
    """What no single value shows."""

    def refuse(name: str, remedy: str) -> NoReturn:
        raise SettingsError(_problem(name, getattr(settings, name), sources.get(name, "default"), remedy))

    scheme, separator, _ = settings.database_url.partition("://")
    if settings.database_url and not (separator and scheme in DATABASE_SCHEMES):
        refuse("database_url", f"it must begin with one of {', '.join(f'{scheme}://' for scheme in DATABASE_SCHEMES)}.")
    if settings.otlp_endpoint and not settings.otlp_endpoint.startswith(_HTTP):
        refuse("otlp_endpoint", "it must be a URL such as http://127.0.0.1:4318.")
    for origin in settings.cors_origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            refuse("cors_origins", f"{origin!r} is no origin; write it as browsers send it, such as https://ui.example.org, or `*`.")
    _check_front(settings, refuse)
    _check_oidc(settings, refuse)
    if settings.workers > 1 and settings.uses_sqlite:
        refuse(
            "workers",
            f"on SQLite one is the fastest, use 1; or give the URL of a PostgreSQL, MariaDB or MySQL server by {flag('database_url')}.",
        )


def _check_oidc(settings: Settings, refuse: Callable[[str, str], NoReturn]) -> None:
    issuer = urlsplit(settings.oidc_issuer)
    if settings.oidc_issuer and issuer.scheme != "https" and not (issuer.scheme == "http" and is_loopback(issuer.hostname or "")):
        refuse("oidc_issuer", "it must be a URL that begins with https://: who could change its answers could make any token.")
    if settings.oidc_issuer and not settings.oidc_audience:
        refuse("oidc_audience", "with oidc_issuer it must say what tokens are for, or those for any other service would do here.")
    for role in settings.oidc_roles:
        if not _OIDC_ROLE.fullmatch(role):
            refuse("oidc_roles", f"{role!r} is no such thing: write group=role or group=role@project, such as ml-team=contributor@fraud.")


def _check_front(settings: Settings, refuse: Callable[[str, str], NoReturn]) -> None:
    if settings.path_prefix and not PATH_PREFIX.fullmatch(settings.path_prefix):
        refuse("path_prefix", "it must begin with a slash, not end in one, and have only letters, digits and `._~-`, such as /registry.")
    for host in settings.allowed_hosts:
        if not _HOST.fullmatch(host):
            refuse("allowed_hosts", f"{host!r} is no name of a host: give names such as models.example.org, without https:// and port.")
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            refuse("trusted_proxies", f"{error}; give addresses such as 10.0.0.7 or networks such as 10.0.0.0/8.")
