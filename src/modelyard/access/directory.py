"""Finds out who asks, and remembers it for as long as nothing has changed."""

from modelyard.access.entities import Principal
from modelyard.context import DEFAULT_PROJECT, ProjectId


class Directory:
    """What a server has learnt of accounts and projects. Its memory is right for at most a second after the last look at the store.

    A request first sees to it that the memory is `fresh`, by `refresh` if it is not; then `open`, `known` and `known_project` answer
    from it at once, and what they do not know is asked for by the methods that wait.
    """

    @property
    def fresh(self) -> bool:
        """Whether the store was looked at within the last second."""
        return True

    async def refresh(self) -> None:
        """Look whether anything has changed, and forget all that was learnt if so. One look at a time: others wait for it."""

    @property
    def open(self) -> bool:
        """Nobody is asked who they are: there are no accounts, and no identity provider."""
        return True

    def known(self, text: str) -> Principal | None:
        """The principal of a token that has been shown before. None says nothing: ask `by_token`."""
        del text
        return None

    async def by_token(self, text: str) -> Principal | None:
        """The principal of a token, of ours or of the identity provider; None when it is not valid, or not any more."""
        del text
        return None

    def known_password(self, name: str, password: str) -> Principal | None:
        """As `known`, of a name and password that were right within the last minute."""
        del name, password
        return None

    async def by_password(self, name: str, password: str, address: str) -> Principal | None:
        """The principal of a name and password, or of a name and one of its tokens as the password; None when they are wrong.

        `address` is that of the client. Raises `TooMany` after repeated failures of the name or the address.
        """
        del name, password, address
        return None

    def known_project(self, name: str) -> ProjectId | None:
        """The id of a project that has been asked for before. None says nothing: ask `project`."""
        del name
        return None

    async def project(self, name: str) -> ProjectId | None:
        """The id of the project; None when there is none of that name, or it is archived."""
        return DEFAULT_PROJECT if name == "default" else None
