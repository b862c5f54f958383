import pytest

from modelyard.api.http.hosts import Hosts


@pytest.mark.parametrize(
    "host", [b"localhost", b"localhost:8080", b"LOCALHOST:1", b"my.localhost", b"127.0.0.1", b"127.9.9.9:80", b"[::1]:8080", b"[::1]"]
)
def test_loopback_names_are_always_answered(host: bytes) -> None:
    assert Hosts().allows(host)


@pytest.mark.parametrize("host", [b"registry.example.org", b"Registry.Example.org.:8080", b"10.0.0.7:80", b"[2001:db8::1]:80"])
def test_configured_names_are_answered(host: bytes) -> None:
    hosts = Hosts(["registry.example.org", "10.0.0.7", "[2001:db8::1]"])
    assert hosts.allows(host)
    assert hosts.allows(host)  # remembered
    assert not Hosts().allows(host)


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"127.0.0.1.evil.example:8080",
        b"evil.example:127.0.0.1",
        b"localhost@evil.example",
        b"localhost:8080@evil.example",
        b"notlocalhost",
        b"0.0.0.0",
        b"",
        b":8080",
        b"\xff",
    ],
)
def test_other_names_are_not(host: bytes) -> None:
    assert not Hosts(["registry.example.org"]).allows(host)


def test_a_star_is_any_name() -> None:
    assert Hosts(["*"]).allows(b"evil.example")


def test_made_up_names_do_not_fill_the_memory() -> None:
    hosts = Hosts()
    assert all(hosts.allows(b"h%d.localhost" % number) for number in range(1000))
    assert len(hosts._accepted) <= 256
