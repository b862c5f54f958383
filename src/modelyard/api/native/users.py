"""Accounts and their tokens, for admins."""

import msgspec

from modelyard.access.permissions import Permission
from modelyard.access.service import Access
from modelyard.api.http.message import Request, Response, json_response
from modelyard.api.http.operation import Operation, Parameter, Place
from modelyard.api.native import access_wire as wire
from modelyard.api.native.access_wire import MintedToken, NewUser, TokenOrder, Tokens, User, UserPatch, Users
from modelyard.api.native.decode import path_id, path_text, structured
from modelyard.api.native.me import FAILURES, TOKEN_ID, WRITE_FAILURES, token_order
from modelyard.api.native.paging import PAGING, asked, following
from modelyard.api.native.wire import Problem

_NEW, _PATCH = msgspec.json.Decoder(NewUser), msgspec.json.Decoder(UserPatch)
_NAME = Parameter("name", Place.PATH, {"type": "string"}, "The user's name.", required=True)


class UserHandlers:
    def __init__(self, access: Access) -> None:
        self._accounts, self._tokens = access.accounts, access.tokens

    async def list_all(self, request: Request) -> Response:
        page = await self._accounts.page(*asked(request))
        return json_response(200, Users([wire.user(one) for one in page.items], following(page.next)))

    async def create(self, request: Request) -> Response:
        return json_response(201, wire.user(await self._accounts.create(request.caller, structured(_NEW, request.body))))

    async def update(self, request: Request) -> Response:
        changed = await self._accounts.update(request.caller, path_text(request, "name"), structured(_PATCH, request.body))
        return json_response(200, wire.user(changed))

    async def remove(self, request: Request) -> Response:
        await self._accounts.remove(request.caller, path_text(request, "name"))
        return Response(204, content_type=b"")

    async def list_tokens(self, request: Request) -> Response:
        page = await self._tokens.page(path_text(request, "name"), *asked(request))
        return json_response(200, Tokens([wire.token(one) for one in page.items], following(page.next)))

    async def create_token(self, request: Request) -> Response:
        made, text = await self._tokens.create(request.caller, path_text(request, "name"), token_order(request))
        return json_response(201, wire.minted(made, text))

    async def revoke_token(self, request: Request) -> Response:
        await self._tokens.revoke(request.caller, path_id(request, "id"))
        return Response(204, content_type=b"")


def operations(access: Access) -> tuple[Operation, ...]:
    handlers = UserHandlers(access)
    return (
        Operation(
            id="listUsers",
            method="GET",
            path="/users",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=handlers.list_all,
            summary="List users",
            parameters=PAGING,
            responses={200: Users, **FAILURES},
        ),
        Operation(
            id="createUser",
            method="POST",
            path="/users",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=handlers.create,
            summary="Create a user, or a service",
            description="It may do nothing until it is granted a role.",
            body=NewUser,
            secret=True,
            responses={201: User, **WRITE_FAILURES, 404: Problem, 409: Problem},
        ),
        Operation(
            id="updateUser",
            method="PATCH",
            path="/users/{name}",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=handlers.update,
            summary="Change a user's password or home, disable or enable it",
            description="The last admin cannot be disabled.",
            parameters=(_NAME,),
            body=UserPatch,
            responses={200: User, **WRITE_FAILURES, 404: Problem, 409: Problem},
        ),
        Operation(
            id="removeUser",
            method="DELETE",
            path="/users/{name}",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=handlers.remove,
            summary="Remove a user, with its tokens and grants",
            description="For good. The last admin cannot be removed.",
            parameters=(_NAME,),
            responses={204: None, **FAILURES, 404: Problem, 409: Problem},
        ),
        Operation(
            id="listTokens",
            method="GET",
            path="/users/{name}/tokens",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=handlers.list_tokens,
            summary="List a user's tokens",
            parameters=(_NAME, *PAGING),
            responses={200: Tokens, **FAILURES, 404: Problem},
        ),
        Operation(
            id="createToken",
            method="POST",
            path="/users/{name}/tokens",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=handlers.create_token,
            summary="Make a token for a user",
            description="Its text is in this answer, and is shown nowhere else.",
            parameters=(_NAME,),
            body=TokenOrder,
            secret=True,
            responses={201: MintedToken, **WRITE_FAILURES, 404: Problem},
        ),
        Operation(
            id="revokeToken",
            method="DELETE",
            path="/tokens/{id}",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=handlers.revoke_token,
            summary="Revoke a token, whosever it is",
            description="Every server on the store refuses it within two seconds.",
            parameters=(TOKEN_ID,),
            responses={204: None, **FAILURES, 404: Problem},
        ),
    )
