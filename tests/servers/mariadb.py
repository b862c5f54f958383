"""A throw-away MariaDB server."""

import functools
import getpass
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.server import DatabaseServer


@functools.cache
def programs() -> tuple[str, str] | None:
    """The paths of mariadb-install-db and mariadbd, or None when one is missing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    install, server = shutil.which("mariadb-install-db", path=path), shutil.which("mariadbd", path=path)
    return (install, server) if install and server else None


def _installed() -> tuple[str, str]:
    found = programs()
    assert found is not None, "MariaDB is not installed"
    return found


class MariadbServer(DatabaseServer):
    """Character set and order are the server's own default, latin1: a table that needs another must say so."""

    SYSTEM_USER = "mysql"
    OWN_DATABASE = "mysql"

    def url(self, database: str) -> str:
        return f"mysql://{self.NAME}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _command(self) -> list[str]:
        settings = {
            "user": self._user or getpass.getuser(),
            "datadir": self._home / "data",
            "socket": self._home / "socket",
            "pid-file": self._home / "pid",
            "tmpdir": self._temporary,
            "bind-address": "127.0.0.1",
            "port": self.port,
            "skip-name-resolve": "ON",
            "max-connections": 200,
            "innodb-flush-log-at-trx-commit": 1 if self._durable else 2,
            "innodb-doublewrite": "ON" if self._durable else "OFF",
            "innodb-buffer-pool-size": f"{self._cache}M",
            "innodb-log-file-size": "32M",
            "init-file": self._home / "user.sql",
        }
        return [_installed()[1], "--no-defaults", *(f"--{name}={value}" for name, value in settings.items())]

    @property
    def _temporary(self) -> Path:
        """Of its own: servers that share /tmp may use one name there at the same moment."""
        return self._home / "tmp"

    def _initialise(self) -> None:
        self._temporary.mkdir()
        if self._user:
            shutil.chown(self._temporary, self._user)
        subprocess.run(
            [
                *(_installed()[0], "--no-defaults", f"--datadir={self._home / 'data'}", "--skip-test-db", "--skip-name-resolve"),
                f"--tmpdir={self._temporary}",
                "--innodb-log-file-size=32M",
            ],
            user=self._user,
            cwd=self._home,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        user = self._home / "user.sql"
        user.write_text(
            f"CREATE USER IF NOT EXISTS '{self.NAME}'@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{self.NAME}'@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        user.chmod(0o644)  # the server's user reads it; the folder around it is closed to others
