"""The MR_* variables of the original Kubeflow Model Registry server, read as settings of ours where they mean the same.

Source: the flags of the original's `proxy` command (every flag is also a variable), observed; the data source name formats are those of
Go's MySQL driver (`user:password@tcp(host:port)/database?key=value`) and of libpq (`host=... port=...`, or a URL).
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote, urlencode

import msgspec

TYPE, DSN = "MR_EMBEDMD_DATABASE_TYPE", "MR_EMBEDMD_DATABASE_DSN"

_PLAIN = {"MR_HOSTNAME": "host", "MR_PORT": "port"}
_TLS_FILES = {
    "MR_EMBEDMD_DATABASE_SSL_CERT": "sslcert",
    "MR_EMBEDMD_DATABASE_SSL_KEY": "sslkey",
    "MR_EMBEDMD_DATABASE_SSL_ROOT_CERT": "sslrootcert",
    "MR_EMBEDMD_DATABASE_SSL_CA": "sslrootcert",
}
_VERIFY = "MR_EMBEDMD_DATABASE_SSL_VERIFY_SERVER_CERT"
_IGNORED = {
    "MR_EMBEDMD_DATABASE_SSL_CIPHER": "the database's TLS library chooses the cipher",
    "MR_CONFIG": "the original's YAML file is not read; name a TOML file with --config",
}
_LIBPQ_KEPT = ("sslmode", "sslcert", "sslkey", "sslrootcert")
_MYSQL_MODES = {"true": "verify-full", "skip-verify": "require", "false": "disable"}
_MYSQL_MEANINGLESS = ("parseTime", "charset", "collation", "loc", "multiStatements", "timeout", "readTimeout", "writeTimeout")
"""Options of Go's driver about itself: ours reads times and text in one way only."""

_MYSQL_DSN = re.compile(
    r"(?:(?P<user>[^:]*)(?::(?P<password>.*))?@)?(?:(?P<net>[a-z0-9]+)(?:\((?P<address>[^)]*)\))?)?/(?P<database>[^/?]*)(?:\?(?P<options>.*))?",
    re.DOTALL,
)
_CONNINFO = re.compile(r"\s*(?P<key>\w+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>(?:[^\s'\\]|\\.)*))(?=\s|$)", re.DOTALL)


class Value(msgspec.Struct, frozen=True):
    text: str
    source: str


class Translated(msgspec.Struct, frozen=True):
    """Settings by field name, and sentences about what was not taken over, which does no harm.

    `problem`: why the variables name a database that cannot be used, empty if none is. To go on without it would mean to start on another
    database, so it is an error unless a stronger source gives `database_url`.
    """

    values: Mapping[str, Value]
    notes: tuple[str, ...]
    problem: str = ""


def translate(environ: Mapping[str, str]) -> Translated:
    """What the MR_* variables among `environ` say. Never fails: what cannot be read is left out, and told in `notes` or `problem`."""
    values = {field: Value(environ[name], f"the variable {name}") for name, field in _PLAIN.items() if environ.get(name)}
    notes = [f"{name} is ignored: {why}." for name, why in _IGNORED.items() if environ.get(name)]
    if environ.get("MR_DATASTORE_TYPE", "embedmd") not in ("", "embedmd"):
        notes.append("MR_DATASTORE_TYPE is ignored: there is one kind of store, in the database that --database-url names.")
    problem = ""
    try:
        url = _database_url(environ, notes)
        if url:
            values["database_url"] = Value(url, f"the variable {DSN}")
    except ValueError as error:
        problem = str(error)
    return Translated(values, tuple(notes), problem)


def _database_url(environ: Mapping[str, str], notes: list[str]) -> str:
    """Empty when no variable speaks of a database. Raises `ValueError` with the variable and the remedy."""
    if not environ.get(DSN):
        for name in (TYPE, _VERIFY, *_TLS_FILES):
            if environ.get(name):
                raise ValueError(f"{name} is set, but {DSN} is not: which database is meant? {_remedy(name)}")
        return ""
    try:
        return _read(environ, notes)
    except ValueError as error:
        raise ValueError(f"{DSN} cannot be used: {error}. {_remedy(DSN)}") from None


def _remedy(name: str) -> str:
    return f"Give the database as MODELYARD_DATABASE_URL, or unset {name}."


def _read(environ: Mapping[str, str], notes: list[str]) -> str:
    kind = environ.get(TYPE) or "mysql"
    tls = {option: environ[name] for name, option in _TLS_FILES.items() if environ.get(name)}
    if environ.get(_VERIFY, "").lower() in ("true", "1", "t"):
        tls["sslmode"] = "verify-full"
    if kind == "postgres":
        return _postgresql(environ[DSN], tls, notes)
    if kind == "mysql":
        return _mysql(environ[DSN], tls, notes)
    raise ValueError(f"{TYPE} is {kind!r}, expected mysql or postgres")


def _postgresql(dsn: str, tls: dict[str, str], notes: list[str]) -> str:
    if "://" in dsn:
        address, _, query = dsn.partition("?")
        return _url(f"postgresql://{address.partition('://')[2]}", _kept(_pairs(query), notes) | tls)
    parts = dict(_conninfo(dsn))
    user, password = parts.pop("user", ""), parts.pop("password", None)
    host, port, database = parts.pop("host", "localhost"), parts.pop("port", "5432"), parts.pop("dbname", user)
    options = _kept(parts, notes) | tls
    if host.startswith("/"):  # the folder of a Unix socket
        host, options = "localhost", options | {"socket": host}
    return _url(f"postgresql://{_userinfo(user, password)}{_host(host)}:{port}/{quote(database, safe='')}", options)


def _mysql(dsn: str, tls: dict[str, str], notes: list[str]) -> str:
    match = _MYSQL_DSN.fullmatch(dsn)
    if match is None or match["net"] not in (None, "tcp", "unix"):
        raise ValueError("it is not of the form user:password@tcp(host:port)/database")
    address = match["address"] or "127.0.0.1"
    query = {}
    if match["net"] == "unix":
        query["socket"], address = address, "localhost"
    options = _pairs(match["options"] or "")
    mode = options.pop("tls", None)
    if mode in _MYSQL_MODES:
        query["sslmode"] = _MYSQL_MODES[mode]
    elif mode is not None:
        raise ValueError(f"tls={mode} has no counterpart here (true, skip-verify and false have)")
    notes += [f"{DSN}: the option {name} is ignored." for name in options if name not in _MYSQL_MEANINGLESS]
    port = "" if re.search(r":\d+$", address) else ":3306"
    database = quote(unquote(match["database"]), safe="")
    return _url(f"mysql://{_userinfo(match['user'] or '', match['password'])}{address}{port}/{database}", query | tls)


def _conninfo(dsn: str) -> Iterator[tuple[str, str]]:
    """Parse libpq's `key=value key='quoted value'`. Raises `ValueError` without repeating the text, which holds a password."""
    position = 0
    text = dsn.strip()
    while position < len(text):
        match = _CONNINFO.match(text, position)
        if match is None:
            raise ValueError("it is neither key=value pairs nor a URL")
        raw = match["plain"] if match["quoted"] is None else match["quoted"]
        yield match["key"], re.sub(r"\\(.)", r"\1", raw)
        position = match.end()


def _pairs(query: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {key: unquote(value) for key, _, value in pairs}


def _kept(options: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    notes += [f"{DSN}: the option {name} is ignored." for name in options if name not in _LIBPQ_KEPT]
    return {name: value for name, value in options.items() if name in _LIBPQ_KEPT}


def _userinfo(user: str, password: str | None) -> str:
    if not user:
        return ""
    return quote(user, safe="") + ("" if password is None else ":" + quote(password, safe="")) + "@"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _url(address: str, query: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(query)}" if query else address
