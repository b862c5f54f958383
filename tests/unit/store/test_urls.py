import ssl
from pathlib import Path

import pytest

from modelyard.errors import Invalid
from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl


def test_a_full_url() -> None:
    url = DatabaseUrl.parse("postgresql://ann:secret@db.example:6432/registry?sslmode=require")

    assert url.flavour is Flavour.POSTGRESQL
    assert (url.host, url.port, url.user, url.password, url.database) == ("db.example", 6432, "ann", "secret", "registry")
    assert url.options == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("scheme", "flavour", "port"),
    [
        ("postgresql", Flavour.POSTGRESQL, 5432),
        ("postgres", Flavour.POSTGRESQL, 5432),
        ("mysql", Flavour.MYSQL, 3306),
        ("mariadb", Flavour.MYSQL, 3306),
    ],
)
def test_each_scheme_has_its_port(scheme: str, flavour: Flavour, port: int) -> None:
    url = DatabaseUrl.parse(f"{scheme}://host/registry")

    assert (url.flavour, url.port, url.user, url.password) == (flavour, port, "", "")


def test_special_characters_are_percent_encoded() -> None:
    url = DatabaseUrl.parse("mysql://a%40b:p%2Fw%3A%23%25@[::1]:3307/my%20db")

    assert (url.user, url.password, url.host, url.database) == ("a@b", "p/w:#%", "::1", "my db")
    assert DatabaseUrl.parse(url.redacted().replace("***", "p%2Fw%3A%23%25")) == url


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///relative.db", Path("relative.db")),
        ("sqlite:////tmp/absolute.db", Path("/tmp/absolute.db")),  # noqa: S108 - the path is only parsed, no file is made
        ("sqlite:///with%20space%3F.db", Path("with space?.db")),
    ],
)
def test_sqlite_paths(text: str, path: Path) -> None:
    url = DatabaseUrl.parse(text)

    assert (url.flavour, url.path) == (Flavour.SQLITE, path)
    assert url.redacted() == text


def test_the_password_is_never_shown() -> None:
    url = DatabaseUrl.parse("postgresql://ann:secret@host/registry")

    assert url.redacted() == "postgresql://ann:***@host:5432/registry"
    assert "secret" not in repr(url)
    assert "secret" not in f"{url}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "://"),
        ("modelyard.db", "://"),
        ("oracle://host/db", "'oracle'"),
        ("sqlite://relative.db", "three"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "memory"),
        ("sqlite:///a.db?mode=ro", "options"),
        ("postgresql://host", "database"),
        ("postgresql://host/a/b", "database"),
        ("postgresql://host:port/db", "(?i)port"),
        ("postgresql://host:70000/db", "(?i)port"),
        ("postgresql://ann:p#w@host/db", "#"),
        ("postgresql://host/db?sslmod=require", "'sslmod'"),
        ("postgresql://host/db?sslmode=yes", "'yes'"),
        ("mysql://host/db?sslmode=prefer", "'prefer'"),
        ("mysql://[::1/db", "host"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_remedy(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint) as caught:
        DatabaseUrl.parse(text)

    assert caught.value.details == {"field": "database_url"}
    assert "; " in caught.value.message


@pytest.mark.parametrize("text", ["postgresql://ann:sec/ret@host/db", "postgresql://ann:sec#ret@host/db", "postgresql:ann:secret@host/db"])
def test_a_refusal_does_not_show_the_password(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        DatabaseUrl.parse(text)

    assert "sec" not in caught.value.message
    assert "ret" not in caught.value.message


def test_mysql_tools_names_for_tls_are_understood() -> None:
    url = DatabaseUrl.parse("mysql://host/db?ssl-mode=VERIFY_IDENTITY&ssl_ca=/etc/ca.pem")

    assert url.options == {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}


def test_tls_is_tried_on_postgresql_and_left_out_on_mysql_unless_asked() -> None:
    assert DatabaseUrl.parse("postgresql://host/db").connect_arguments()["ssl"] == "prefer"
    assert DatabaseUrl.parse("mysql://host/db").connect_arguments()["ssl"] is None
    assert DatabaseUrl.parse("postgresql://host/db?sslmode=disable").connect_arguments()["ssl"] is False


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
@pytest.mark.parametrize(
    ("mode", "verify", "host_name"),
    [("require", ssl.CERT_NONE, False), ("verify-ca", ssl.CERT_REQUIRED, False), ("verify-full", ssl.CERT_REQUIRED, True)],
)
def test_tls_modes_check_what_they_say(scheme: str, mode: str, verify: ssl.VerifyMode, host_name: bool) -> None:  # noqa: FBT001 - pytest fills it from the table; nobody calls it with a bare True
    context = DatabaseUrl.parse(f"{scheme}://host/db?sslmode={mode}").connect_arguments()["ssl"]

    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (verify, host_name)


def test_a_missing_certificate_is_told(tmp_path: Path) -> None:
    url = DatabaseUrl.parse(f"postgresql://host/db?sslmode=verify-ca&sslrootcert={tmp_path}/none.pem")

    with pytest.raises(Invalid, match="sslrootcert"):
        url.connect_arguments()


def test_unix_sockets() -> None:
    postgres = DatabaseUrl.parse("postgresql:///registry?host=/run/postgresql").connect_arguments()
    mysql = DatabaseUrl.parse("mysql:///registry?unix_socket=/run/mysqld.sock").connect_arguments()

    assert (postgres["host"], postgres["ssl"]) == ("/run/postgresql", False)
    assert (mysql["unix_socket"], mysql["ssl"]) == ("/run/mysqld.sock", None)
