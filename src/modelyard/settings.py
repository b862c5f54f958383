"""Every setting of the server, in one frozen value. Where settings come from is in `settings_sources`."""

import ipaddress
import re
import types
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta

PREFIX = "MODELYARD_"
CONFIG_VARIABLE = "MODELYARD_CONFIG"
HANDED_VARIABLE = "MODELYARD_HANDED_SETTINGS"
"""How a server hands its settings to the worker processes it starts: JSON, never written by people."""

_SECRET_IN_URL = re.compile(r"(?<=://)([^:/?#@]*):.*@|((?<=[?&])(?:password|pass|pwd|ssl_?password)=)[^&]*")

PATH_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
"""Characters that no client writes in another way, so that paths can be compared as they come."""


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


def install(extra: str) -> str:
    """What to do where an optional part is missing, for messages."""
    return f"install Modelyard with the extra {extra}, such as by pip install '.[{extra}]' in its folder"


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
