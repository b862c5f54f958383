"""Accounts in the store of a server that runs: made beside it, as another server would make them."""

from modelyard.access.accounts import AccountKind
from modelyard.access.journal import Journal
from modelyard.access.passwords import ArgonPasswords
from modelyard.access.permissions import Role
from modelyard.access.repository import SqlRegister
from modelyard.access.service import Access, NewAccount, NewGrant, NewToken, access_services
from modelyard.audit.repository import SqlEvents
from modelyard.context import Caller, system_clock
from modelyard.records.kinds import Kind
from modelyard.store.database import Database
from tests.store.things import opened

ROOT = Caller(name="root", dialect="native", request_id="request-1")
PASSWORD = "a long password"


async def _anything_goes(caller: Caller, kind: Kind, record_id: int) -> object:
    return caller, kind, record_id


class Accounts:
    """Makes accounts in the database of this URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def add(self, name: str, *grants: NewGrant, home: str | None = None, password: str | None = None) -> str:
        """An account with these roles; returns a token of it."""
        async with opened(self._url) as database:
            services = self._services(database)
            kind = AccountKind.USER if password else AccountKind.SERVICE
            await services.accounts.create(ROOT, NewAccount(name, kind, password, home))
            for grant in grants:
                await services.grants.create(ROOT, grant)
            return (await services.tokens.create(ROOT, name, NewToken())).text

    async def add_project(self, name: str) -> None:
        async with opened(self._url) as database:
            await self._services(database).projects.create(ROOT, name)

    async def revoke_all(self, name: str) -> None:
        """Every token that the account has."""
        async with opened(self._url) as database:
            tokens = self._services(database).tokens
            for token in (await tokens.page(name, 0, 100)).items:
                await tokens.revoke(ROOT, token.id)

    @staticmethod
    def _services(database: Database) -> Access:
        return access_services(database, Journal(SqlRegister(), SqlEvents(), system_clock), ArgonPasswords(), _anything_goes)


def role(account: str, what: Role, project: str | None = None) -> NewGrant:
    """A role on everything, or on a project."""
    return NewGrant(account, what, project)
