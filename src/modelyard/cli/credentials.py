"""What `modelyard login` keeps on this machine: a token for each server, readable by its owner only."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from modelyard.client import environment


class Login(msgspec.Struct, frozen=True):
    """A token for a server. `token_id` is set where logging in made the token, so that logging out can revoke it."""

    url: str
    token: str
    token_id: int | None = None


class _Kept(msgspec.Struct):
    """`current` is the server that was logged in to last."""

    current: str = ""
    logins: dict[str, Login] = {}


class UnreadableCredentials(Exception):
    """The file is there, and is not what this program wrote."""


class Credentials:
    """The file is `modelyard/credentials.json` in the user's configuration folder (`XDG_CONFIG_HOME`, or `~/.config`)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.path = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "modelyard" / "credentials.json"

    def find(self, url: str | None) -> Login | None:
        """The login for this server, or for the one that the environment names, or for the last one. Raises `UnreadableCredentials`."""
        url, token = url or self._environ.get(environment.SERVER), self._environ.get(environment.TOKEN)
        kept = self._read()
        if token:
            return Login(_same(url or kept.current), token) if url or kept.current else None
        return kept.logins.get(_same(url or kept.current))

    def keep(self, login: Login) -> None:
        kept = self._read()
        kept.current = _same(login.url)
        kept.logins[kept.current] = login
        self._write(kept)

    def forget(self, url: str) -> None:
        kept = self._read()
        kept.logins.pop(_same(url), None)
        if kept.current == _same(url):
            kept.current = next(iter(kept.logins), "")
        self._write(kept)

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return _Kept()
        except (OSError, msgspec.MsgspecError) as error:
            raise UnreadableCredentials(f"{self.path} cannot be read ({error}): mend it, or remove it and log in again") from error

    def _write(self, kept: _Kept) -> None:
        """All at once, so that a crash leaves the old file; `mkstemp` makes files that only their owner can read."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".credentials-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(kept)))
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink()
            raise


def _same(url: str) -> str:
    return url.rstrip("/")
