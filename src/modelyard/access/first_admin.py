"""The way in: makes the first admin of a store, or lets an admin in again who has lost every token."""

import msgspec

from modelyard.access.accounts import Account, AccountKind, RoleGrant
from modelyard.access.journal import Journal
from modelyard.access.permissions import Role
from modelyard.access.service import Minted, NewToken, check_name, issue
from modelyard.context import DEFAULT_PROJECT, Caller
from modelyard.errors import InUse, NotFound
from modelyard.records.kinds import Kind
from modelyard.store.database import Unit

LABEL = "modelyard admin init"


async def admit(unit: Unit, caller: Caller, journal: Journal, name: str, *, again: bool) -> Minted:
    """A token for the admin of this name, who is made unless there is one.

    Whoever asks has the store itself, and needs no other permission. Errors: `InUse` where there is an admin, unless `again`; then
    `NotFound` where no admin has the name.
    """
    check_name(name)
    register = journal.register
    await register.begin_change(unit)
    admins = await register.admins(unit)
    if admins and not again:
        raise InUse("this store has an admin already: sign in as that one. If every token of it is lost, --again makes a new one for it")
    account = await register.accounts.named(unit, name)
    if account is None and admins:
        raise NotFound(
            f"this store has an admin, and no account has the name {name}: name one that is there", kind=Kind.PRINCIPAL, name=name
        )
    if account is None:
        account = await _made(unit, caller, journal, name)
    elif admins and not await _is_admin(unit, journal, account):
        raise NotFound(f"this store has an admin, and {name} is none: name one that is", kind=Kind.PRINCIPAL, name=name)
    return await issue(unit, caller, journal, await _admin(unit, caller, journal, account), NewToken(label=LABEL))


async def _is_admin(unit: Unit, journal: Journal, account: Account) -> bool:
    """Whether it may do everything, were it not disabled."""
    granted = await journal.register.grants.of_account(unit, account.id, 0, 10_000)
    return any(grant.of_everything for grant in granted)


async def _made(unit: Unit, caller: Caller, journal: Journal, name: str) -> Account:
    home = await journal.register.projects.get(unit, DEFAULT_PROJECT)
    assert home is not None  # noqa: S101 - the migration makes it, and nothing removes it
    account = Account(await journal.register.next_id(unit), name, AccountKind.USER, home.id, home.name, False, journal.clock())  # noqa: FBT003 - its fields in order
    await journal.register.accounts.insert(unit, account)
    await journal.created(unit, caller, account)
    return account


async def _admin(unit: Unit, caller: Caller, journal: Journal, account: Account) -> Account:
    """The account, as one that may do everything."""
    if account.disabled:
        before, account = account, msgspec.structs.replace(account, disabled=False)
        await journal.register.accounts.replace(unit, account)
        await journal.updated(unit, caller, before, account)
    if not await _is_admin(unit, journal, account):
        grant = RoleGrant(
            await journal.register.next_id(unit), account.id, account.name, Role.ADMIN, None, None, None, None, journal.clock()
        )
        await journal.register.grants.insert(unit, grant)
        await journal.created(unit, caller, grant)
    return account
