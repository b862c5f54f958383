"""A directory in memory: the same promises as `access.directory`, for tests, and for an edge that serves no store."""

import msgspec

from modelyard.access.entities import Principal
from modelyard.context import DEFAULT_PROJECT, ProjectId
from modelyard.errors import TooMany

FAILURES = 5
"""So many wrong passwords in a row are allowed here."""


class MemoryDirectory:
    """Made without principals it is open: nobody is asked. `outdated` makes it look like one that must be refreshed first."""

    def __init__(self) -> None:
        self.tokens: dict[str, Principal] = {}
        self.passwords: dict[tuple[str, str], Principal] = {}
        self.projects: dict[str, ProjectId] = {"default": DEFAULT_PROJECT}
        self.failures: dict[str, int] = {}
        self.outdated = False
        self.refreshed = 0

    def add(self, principal: Principal, token: str, password: str = "") -> None:
        self.tokens[token] = principal
        if password:
            self.passwords[principal.name, password] = principal

    def revoke(self, token: str) -> None:
        """Take it out as another server would: it is noticed with the next `refresh`."""
        self.tokens[token] = msgspec.structs.replace(self.tokens[token], name="")
        self.outdated = True

    @property
    def fresh(self) -> bool:
        return not self.outdated

    async def refresh(self) -> None:
        self.tokens = {token: principal for token, principal in self.tokens.items() if principal.name}
        self.outdated = False
        self.refreshed += 1

    @property
    def open(self) -> bool:
        return not self.tokens

    def known(self, text: str) -> Principal | None:
        return self.tokens.get(text)

    async def by_token(self, text: str) -> Principal | None:
        return self.tokens.get(text)

    def known_password(self, name: str, password: str) -> Principal | None:
        return self.passwords.get((name, password))

    async def by_password(self, name: str, password: str, address: str) -> Principal | None:
        if self.failures.get(address, 0) >= FAILURES:
            raise TooMany(f"too many wrong passwords from {address}: wait a second", retry_after=1)
        principal = self.passwords.get((name, password)) or self.tokens.get(password)
        if principal is None:
            self.failures[address] = self.failures.get(address, 0) + 1
            return None
        return principal

    def known_project(self, name: str) -> ProjectId | None:
        return self.projects.get(name)

    async def project(self, name: str) -> ProjectId | None:
        return self.projects.get(name)
