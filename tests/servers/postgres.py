"""A throw-away PostgreSQL server."""

import functools
import shutil
import signal
import subprocess
from pathlib import Path

from tests.servers.server import DatabaseServer


@functools.cache
def programs() -> Path | None:
    """The newest installed PostgreSQL's program folder (Debian keeps it off PATH), or None."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("postgres")
    return Path(found).resolve().parent if found else None


class PostgresServer(DatabaseServer):
    """The default order of text is a human language's, as in most installations: a statement that means byte order must say so."""

    SYSTEM_USER = "postgres"
    OWN_DATABASE = "postgres"
    STOP_SIGNAL = signal.SIGINT
    """The fast shutdown; SIGTERM would wait for the clients to leave."""

    def url(self, database: str) -> str:
        return f"postgresql://{self.NAME}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "on" if self._durable else "off",
            "shared_buffers": f"{self._cache}MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self._home / "data"), *options]

    def _initialise(self) -> None:
        password_file = self._home / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o644)  # the server's user reads it; the folder around it is closed to others
        subprocess.run(
            [
                *(self._program("initdb"), "-D", self._home / "data", "--username", self.NAME, "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
                *("--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"),
            ],
            user=self._user,
            cwd=self._home,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def _program(self, name: str) -> str:
        folder = programs()
        assert folder is not None, "PostgreSQL is not installed"
        return str(folder / name)
