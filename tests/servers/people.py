"""People at a server that asks who they are: admins as `modelyard admin init` makes them, and clients with their tokens."""

import subprocess
import sys

import httpx


def first_admin(database_url: str, *arguments: str) -> str:
    """The token of the store's first admin."""
    command = (sys.executable, "-m", "modelyard", "admin", "init", "--database-url", database_url, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def client(url: str, token: str | None = None, *, auth: tuple[str, str] | None = None) -> httpx.Client:
    """Close it at the end."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, auth=auth, timeout=30)
