"""Database URLs: read once, then handed around as a value."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import msgspec
from sqlalchemy import URL

from modelyard.errors import Invalid
from modelyard.store.statements import Flavour

_SCHEMES = {
    "sqlite": Flavour.SQLITE,
    "postgresql": Flavour.POSTGRESQL,
    "postgres": Flavour.POSTGRESQL,
    "mysql": Flavour.MYSQL,
    "mariadb": Flavour.MYSQL,
}
_DRIVERS = {Flavour.SQLITE: "sqlite", Flavour.POSTGRESQL: "postgresql+asyncpg", Flavour.MYSQL: "mysql+asyncmy"}
_PORTS = {Flavour.SQLITE: 0, Flavour.POSTGRESQL: 5432, Flavour.MYSQL: 3306}
_FORMS = "sqlite:///relative.db, sqlite:////absolute.db, postgresql://user:password@host:port/database or mysql://user:password@host:port/database"
_ENCODE = "and write special characters of a user or password as %40 (@), %2F (/), %3A (:), %23 (#)"

TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
"""As libpq has them: `require` trusts any certificate, `verify-ca` checks who signed it, `verify-full` also whose it is.

PostgreSQL's default is `prefer`, which tries TLS and goes on without. MySQL's driver cannot, and the default there is `disable`."""
_ALIASES = {
    "ssl-mode": "sslmode",
    "ssl-ca": "sslrootcert",
    "ssl-cert": "sslcert",
    "ssl-key": "sslkey",
    "unix-socket": "socket",
    "host": "socket",
    "application-name": "application_name",
}
"""The names that libpq and the MySQL tools use (`_` and `-` are the same), and ours."""
_MODE_ALIASES = {
    "disabled": "disable",
    "preferred": "prefer",
    "required": "require",
    "verify_ca": "verify-ca",
    "verify_identity": "verify-full",
}
OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "socket", "application_name")


class DatabaseUrl(msgspec.Struct, frozen=True, kw_only=True):
    """Where a database is and how to get in. `repr` and `redacted` show no password."""

    flavour: Flavour
    path: Path | None = None
    """SQLite's file; None on a server."""
    host: str = "localhost"
    port: int = 0
    user: str = ""
    password: str = ""
    database: str = ""
    options: Mapping[str, str] = {}
    """By the names in `OPTIONS`. `socket` is a Unix socket (MySQL) or its folder (PostgreSQL) to use instead of host and port."""

    @classmethod
    def parse(cls, text: str) -> "DatabaseUrl":
        """Raises `Invalid`, naming the part and what would be right."""
        scheme, separator, rest = text.partition("://")
        if not separator:
            _refuse("it has no ://", f"use {_FORMS}")
        if scheme not in _SCHEMES:
            _refuse(f"its scheme is {scheme!r}", f"use {_FORMS}")
        if _SCHEMES[scheme] is Flavour.SQLITE:
            return cls(flavour=Flavour.SQLITE, path=_sqlite_path(rest))
        return _server_url(_SCHEMES[scheme], text)

    def redacted(self) -> str:
        """The URL with `***` for a password."""
        return self._text("***" if self.password else "")

    def sqlalchemy_url(self) -> URL:
        """For Alembic, with the driver the program itself uses; give `connect_arguments()` as the engine's `connect_args`."""
        if self.path is not None:
            return URL.create(_DRIVERS[self.flavour], database=str(self.path))
        return URL.create(_DRIVERS[self.flavour], self.user or None, self.password or None, self.host, self.port, self.database)

    def connect_arguments(self) -> dict[str, Any]:
        """Keyword arguments for the `connect` of asyncpg or asyncmy; none for SQLite. Raises `Invalid` for TLS files it cannot read."""
        if self.path is not None:
            return {}
        arguments = {"host": self.host, "port": self.port, "user": self.user, "password": self.password, "database": self.database}
        socket = self.options.get("socket")
        if self.flavour is Flavour.POSTGRESQL:
            settings = {"application_name": self.options.get("application_name", "modelyard")}
            return arguments | {"ssl": self._tls(), "server_settings": settings} | ({"host": socket} if socket else {})
        return arguments | {"ssl": self._tls() or None, "unix_socket": socket}

    def _tls(self) -> ssl.SSLContext | str | bool:
        default = "prefer" if self.flavour is Flavour.POSTGRESQL else "disable"
        mode = self.options.get("sslmode", default)
        if mode == "disable" or "socket" in self.options:
            return False
        if mode == "prefer":
            return mode
        try:
            context = ssl.create_default_context(cafile=self.options.get("sslrootcert"))
            if "sslcert" in self.options:
                context.load_cert_chain(self.options["sslcert"], self.options.get("sslkey"))
        except OSError as error:
            _refuse(f"its TLS files cannot be read ({error})", "check the paths in sslrootcert, sslcert and sslkey")
        context.check_hostname = mode == "verify-full"
        if mode == "require":
            context.verify_mode = ssl.CERT_NONE
        return context

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.redacted()!r})"

    def _text(self, password: str) -> str:
        if self.path is not None:
            return f"sqlite:///{quote(str(self.path))}"
        secret = f":{password}" if password else ""
        user = f"{quote(self.user, safe='')}{secret}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?{urlencode(self.options)}" if self.options else ""
        return f"{self.flavour}://{user}{host}:{self.port}/{quote(self.database, safe='')}{query}"


def _sqlite_path(rest: str) -> Path:
    location, _, query = rest.partition("?")
    if query:
        _refuse(f"it has options ({query})", "SQLite takes none")
    if not location.startswith("/"):
        _refuse("it has two slashes", "SQLite's has three before a relative path (sqlite:///relative.db) and four before an absolute one")
    path = unquote(location[1:])
    if path in ("", ":memory:"):
        _refuse("it names no file", "give one, such as sqlite:///modelyard.db: several connections share it, so it cannot be in memory")
    return Path(path)


def _server_url(flavour: Flavour, text: str) -> DatabaseUrl:
    # A stray / or # in a password moves its rest into another part: no message may show what it found.
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        _refuse("its host or port cannot be read", f"use {_FORMS}, a port up to 65535, {_ENCODE}")
    database = unquote(parts.path[1:])
    if not database or "/" in database:
        _refuse("it does not end in the name of one database", f"use {_FORMS}, {_ENCODE}")
    if parts.fragment:
        _refuse("it has a '#'", _ENCODE)
    return DatabaseUrl(
        flavour=flavour,
        host=unquote(parts.hostname or "localhost"),
        port=port or _PORTS[flavour],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=database,
        options=_options(flavour, parts.query),
    )


def _options(flavour: Flavour, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for given, value in parse_qsl(query, keep_blank_values=True):
        name = given.lower().replace("_", "-")
        name = _ALIASES.get(name, name)
        if name not in OPTIONS:
            _refuse(f"it has the option {given!r}", f"use one of {', '.join(OPTIONS)}")
        options[name] = value
    if "sslmode" in options:
        options["sslmode"] = _tls_mode(flavour, options["sslmode"])
    return options


def _tls_mode(flavour: Flavour, given: str) -> str:
    mode = _MODE_ALIASES.get(given.lower(), given.lower())
    modes = [mode for mode in TLS_MODES if mode != "prefer" or flavour is Flavour.POSTGRESQL]
    if mode not in modes:
        _refuse(f"its sslmode is {given!r}", f"use one of {', '.join(modes)}")
    return mode


def _refuse(problem: str, remedy: str) -> NoReturn:
    raise Invalid(f"the database URL cannot be used: {problem}; {remedy}", field="database_url")
