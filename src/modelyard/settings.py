"""Every setting of the server, in one frozen value.

Sources, each overruling the one before: the defaults below, a TOML file, the original Kubeflow server's MR_* variables, MODELYARD_*
variables, command line flags. Nothing else in the program reads the environment: parts are handed what they need by `app`.
"""

import difflib
import ipaddress
import re
import tomllib
import types
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta

from modelyard import settings_mr
from modelyard.client import environment

PREFIX = "MODELYARD_"
CONFIG_VARIABLE = "MODELYARD_CONFIG"
HANDED_VARIABLE = "MODELYARD_HANDED_SETTINGS"
"""How a server hands its settings to the worker processes it starts: JSON, never written by people."""

OTLP_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_HTTP = ("http://", "https://")

DATABASE_SCHEMES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb")
_SECRET_IN_URL = re.compile(r"(?<=://)([^:/?#@]*):.*@|((?<=[?&])(?:password|pass|pwd|ssl_?password)=)[^&]*")

_ORIGIN = re.compile(r"https?://[^/?#@\sA-Z]+")
PATH_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
"""Characters that no client writes in another way, so that paths can be compared as they come."""

_OIDC_ROLE = re.compile(r".+=\s*(viewer|contributor|deployer|admin)\s*(@\s*[a-z0-9-]+\s*)?")


class SettingsError(Exception):
    """A setting cannot be used. The message names it, where it was set, its value, and what to do; it never shows a password."""


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


Host = Annotated[str, Meta(min_length=1, description="Address to listen on. Beyond loopback it needs accounts, or `insecure_no_auth`.")]
Port = Annotated[int, Meta(ge=0, le=65535, description="TCP port to listen on; 0 picks a free one.")]
DataDir = Annotated[str, Meta(min_length=1, description="Folder for everything the server keeps on this machine; made when missing.")]
DatabaseUrl = Annotated[
    str,
    Meta(
        description="Where the records are: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://user:pw@host:port/db` or "
        "`mysql://user:pw@host:port/db` (MariaDB too). Empty means `modelyard.db` in `data_dir`."
    ),
]
Workers = Annotated[
    int, Meta(ge=1, le=256, description="Server processes. More than one needs PostgreSQL, MariaDB or MySQL: on SQLite one is the fastest.")
]
Level = Annotated[LogLevel, Meta(description="The least serious log lines to write: `debug`, `info`, `warning` or `error`.")]
Format = Annotated[
    LogFormat, Meta(description="`console` for people, `json` for machines; `auto` is `console` on a terminal, else `json`.")
]
InsecureNoAuth = Annotated[
    bool,
    Meta(
        description="Allow listening beyond loopback although there are no accounts, so that everyone who reaches the port may do all. "
        "Where there are some, everybody is asked all the same."
    ),
]
AllowedHosts = Annotated[
    tuple[str, ...],
    Meta(
        description="Names, besides loopback ones and `host`, that a request's `Host` may carry; `*` is any. This keeps foreign web pages "
        "from reaching the server under a name of their own. When empty and `host` is every address (`0.0.0.0`, `::`), any name will do."
    ),
]
CorsOrigins = Annotated[
    tuple[str, ...],
    Meta(description="Web origins (`https://ui.example.org`), besides loopback ones, whose pages may call the API; `*` is any."),
]
PathPrefix = Annotated[
    str,
    Meta(
        description="What every path begins with as clients see it, such as `/registry`: taken off where a request has it, and put before "
        "every link."
    ),
]
TrustedProxies = Annotated[
    tuple[str, ...],
    Meta(
        description="Addresses (`10.0.0.7`) and networks (`10.0.0.0/8`) of the proxies whose `X-Forwarded-For`, `-Proto`, `-Host` and "
        "`-Prefix` headers are believed; from anyone else they are ignored."
    ),
]
MaxBodyBytes = Annotated[int, Meta(ge=1024, description="Largest request body in bytes; a larger one is refused.")]
MaxHeaderBytes = Annotated[int, Meta(ge=1024, description="Largest sum of a request's path, query and headers in bytes.")]
MaxJsonDepth = Annotated[int, Meta(ge=8, le=900, description="Deepest nesting of a JSON body; its reader can do no more than 900.")]
MaxPageSize = Annotated[
    int,
    Meta(
        ge=0, le=1_000_000, description="Most items of one page of a list; 0 sets no limit, and a list without a page size is then whole."
    ),
]
MaxConcurrentRequests = Annotated[
    int, Meta(ge=1, description="Most requests that one server process works on at a time; one more is told at once to retry.")
]
MaxConnections = Annotated[
    int,
    Meta(ge=1, le=1_000_000, description="Most client connections that one server process keeps open; on one more, requests are refused."),
]
ClientTimeout = Annotated[
    float,
    Meta(
        gt=0,
        description="How long a client may take to send a request's head, to send the next 4 KiB of its body, and to take in some of an "
        "answer, before its connection is closed.",
    ),
]
PoolSize = Annotated[
    int, Meta(ge=1, le=1000, description="Most connections that one server process opens to PostgreSQL, MariaDB or MySQL.")
]
PoolWait = Annotated[float, Meta(gt=0, description="How long a request waits for a free database connection before it is told to retry.")]
ConnectTimeout = Annotated[float, Meta(gt=0, description="How long opening a database connection may take.")]
StatementTimeout = Annotated[float, Meta(gt=0, description="How long one database statement may run before it is cancelled.")]
SlowStatement = Annotated[
    float, Meta(ge=0, description="A database statement that takes this many milliseconds or longer is logged as a warning; 0 logs none.")
]
OidcIssuer = Annotated[
    str,
    Meta(
        description="Identity provider (OpenID Connect) whose tokens are accepted: its issuer, exactly as its tokens say it, such as "
        "`https://login.example.org/realms/ml`. Needs `modelyard[oidc]`."
    ),
]
OidcAudience = Annotated[str, Meta(description="The audience (`aud`) that the identity provider's tokens must be for.")]
OidcGroupsClaim = Annotated[
    str,
    Meta(
        min_length=1,
        description="The claim of the identity provider's tokens that lists groups; dots lead inwards, as in `realm_access.roles`.",
    ),
]
OidcRoles = Annotated[
    tuple[str, ...],
    Meta(
        description="What groups may do: `group=role` on everything, or `group=role@project`; the roles are `viewer`, `contributor`, "
        "`deployer` and `admin`."
    ),
]
OtlpEndpoint = Annotated[
    str,
    Meta(
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP, such as `http://127.0.0.1:4318`) that traces and metrics are "
        "sent to. Needs `modelyard[otel]`. Without it, the standard `OTEL_EXPORTER_OTLP_ENDPOINT` counts."
    ),
]
TrashRetention = Annotated[
    int, Meta(ge=0, le=36500, description="Days after which what was deleted is removed for good; 0 keeps it for ever.")
]
ShutdownGrace = Annotated[int, Meta(ge=0, description="How long requests in flight may take to finish when the server is told to stop.")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server was told. Durations are in seconds unless named otherwise; relative paths count from the working directory.

    Adding a field is all it takes to have a variable, a key in the file and a check; then describe it in docs/reference/settings.md.
    """

    host: Host = "127.0.0.1"
    port: Port = 8080
    data_dir: DataDir = "./modelyard-data"
    database_url: DatabaseUrl = ""
    workers: Workers = 1
    log_level: Level = LogLevel.INFO
    log_format: Format = LogFormat.AUTO
    insecure_no_auth: InsecureNoAuth = False
    allowed_hosts: AllowedHosts = ()
    cors_origins: CorsOrigins = ()
    path_prefix: PathPrefix = ""
    trusted_proxies: TrustedProxies = ()
    max_body_bytes: MaxBodyBytes = 16 * 1024 * 1024
    max_header_bytes: MaxHeaderBytes = 64 * 1024
    max_json_depth: MaxJsonDepth = 500
    max_page_size: MaxPageSize = 0
    max_concurrent_requests: MaxConcurrentRequests = 500
    max_connections: MaxConnections = 2000
    client_timeout_seconds: ClientTimeout = 20.0
    pool_size: PoolSize = 10
    pool_wait_seconds: PoolWait = 10.0
    connect_timeout_seconds: ConnectTimeout = 10.0
    statement_timeout_seconds: StatementTimeout = 30.0
    slow_statement_ms: SlowStatement = 1000.0
    oidc_issuer: OidcIssuer = ""
    oidc_audience: OidcAudience = ""
    oidc_groups_claim: OidcGroupsClaim = "groups"
    oidc_roles: OidcRoles = ()
    otlp_endpoint: OtlpEndpoint = ""
    trash_retention_days: TrashRetention = 30
    shutdown_grace_seconds: ShutdownGrace = 30

    @property
    def database(self) -> str:
        """The URL of the database to open: `database_url`, or else the SQLite file in the data folder."""
        if self.database_url:
            return self.database_url
        return "sqlite:///" + quote(str(Path(self.data_dir).absolute() / "modelyard.db"))

    @property
    def uses_sqlite(self) -> bool:
        return self.database.startswith("sqlite:")

    @property
    def beyond_loopback(self) -> bool:
        """Whether other machines reach the server without a proxy on this one."""
        return not is_loopback(self.host)

    @property
    def store(self) -> str:
        """Where the records are, as people read it: without a password."""
        if self.database_url:
            return f"the database {redact_url(self.database_url)}"
        return f"the SQLite file {Path(self.data_dir).absolute() / 'modelyard.db'}"

    @property
    def accepted_hosts(self) -> tuple[str, ...]:
        """Names a `Host` header may carry, without port; `*` stands for any."""
        everywhere = self.host in ("0.0.0.0", "::") and not self.allowed_hosts  # noqa: S104 - the address is recognised here, and bound only where the settings say so
        if everywhere or "*" in self.allowed_hosts:
            return ("*",)
        return tuple(dict.fromkeys(("localhost", "127.0.0.1", "[::1]", bracketed(self.host), *self.allowed_hosts)))

    def redacted(self) -> dict[str, Any]:
        """Every setting as plain data that may be shown or logged: passwords are `***`."""
        shown: dict[str, Any] = msgspec.to_builtins(self)
        return shown | {name: redact_url(shown[name]) for name in ("database_url", "otlp_endpoint")}

    def __repr__(self) -> str:
        return f"Settings({self.redacted()})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(self.redacted().items())


FIELDS: Mapping[str, msgspec.structs.FieldInfo] = types.MappingProxyType({field.name: field for field in msgspec.structs.fields(Settings)})


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


def hand_over(settings: Settings) -> dict[str, str]:
    """The variable that gives a worker process these settings; see `handed`."""
    return {HANDED_VARIABLE: msgspec.json.encode(settings).decode()}


def handed(environ: Mapping[str, str]) -> Settings:
    """What `hand_over` gave to this process."""
    return msgspec.json.decode(environ[HANDED_VARIABLE], type=Settings)


def description(name: str) -> str:
    """What the setting means, as people read it."""
    return next(meta.description or "" for meta in FIELDS[name].type.__metadata__)


def variable(name: str) -> str:
    return PREFIX + name.upper()


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def redact_url(url: str) -> str:
    """The URL with every password replaced by `***`."""
    return _SECRET_IN_URL.sub(lambda match: f"{match[2]}***" if match[2] else f"{match[1]}:***@", url)


def bracketed(host: str) -> str:
    """The host as a URL writes it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
        raise SettingsError(_problem(name, given.value, given.source, f"{error}. {description(name)}")) from None


def _problem(name: str, value: object, source: str, remedy: str) -> str:
    shown = redact_url(value) if isinstance(value, str) else value
    return f"{name} is {shown!r}, set by {source}: {remedy}"


def _check(settings: Settings, sources: Mapping[str, str]) -> None:
    """What no single value shows."""

    def refuse(name: str, remedy: str) -> NoReturn:
        raise SettingsError(_problem(name, getattr(settings, name), sources.get(name, "default"), remedy))

    if settings.database_url and settings.database_url.partition("://")[0] not in DATABASE_SCHEMES:
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
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            refuse("trusted_proxies", f"{error}; give addresses such as 10.0.0.7 or networks such as 10.0.0.0/8.")
