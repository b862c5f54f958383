"""What everyone may see and change of themselves."""

import msgspec

from modelyard.access.entities import Grant, Principal
from modelyard.access.permissions import Permission, Role
from modelyard.access.service import Access
from modelyard.api.http.message import Request, Response, json_response
from modelyard.api.http.operation import Operation, Parameter, Place
from modelyard.api.native import access_wire as wire
from modelyard.api.native.access_wire import Held, Me, MintedToken, PasswordChange, TokenOrder, Tokens
from modelyard.api.native.decode import path_id, structured
from modelyard.api.native.paging import PAGING, asked, following
from modelyard.api.native.wire import Problem
from modelyard.context import ANONYMOUS, DEFAULT_PROJECT
from modelyard.errors import NotFound

_ANYONE = Principal(ANONYMOUS, DEFAULT_PROJECT, (Grant(Role.ADMIN),))
_ORDER, _PASSWORD = msgspec.json.Decoder(TokenOrder), msgspec.json.Decoder(PasswordChange)
_NO_ACCOUNT = "you have no account here, and so no tokens and no password: the identity provider says who you are, or nobody is asked"

FAILURES = dict.fromkeys((400, 500, 503), Problem)
WRITE_FAILURES = {**FAILURES, 413: Problem, 422: Problem}
TOKEN_ID = Parameter("id", Place.PATH, {"type": "integer", "format": "int64"}, "The token's id.", required=True)


class MeHandlers:
    def __init__(self, access: Access) -> None:
        self._access = access

    async def show(self, request: Request) -> Response:
        one = request.principal or _ANYONE
        names = await self._access.projects.names()
        grants = [
            Held(grant.role, None if grant.project is None else names.get(grant.project), wire.record_kind(grant.kind), grant.record_id)
            for grant in one.grants
        ]
        return json_response(200, Me(one.name, one.account is not None, names.get(one.home, ""), one.cap, grants))

    async def change_password(self, request: Request) -> Response:
        change = structured(_PASSWORD, request.body)
        await self._access.accounts.change_password(request.caller, _account(request), change.old_password, change.new_password)
        return Response(204, content_type=b"")

    async def list_tokens(self, request: Request) -> Response:
        _account(request)
        page = await self._access.tokens.page(request.caller.name, *asked(request))
        return json_response(200, Tokens([wire.token(one) for one in page.items], following(page.next)))

    async def create_token(self, request: Request) -> Response:
        _account(request)
        made, text = await self._access.tokens.create(request.caller, request.caller.name, token_order(request))
        return json_response(201, wire.minted(made, text))

    async def revoke_token(self, request: Request) -> Response:
        _account(request)
        await self._access.tokens.revoke(request.caller, path_id(request, "id"), request.caller.name)
        return Response(204, content_type=b"")


def token_order(request: Request) -> TokenOrder:
    """A body that may be left out."""
    return structured(_ORDER, request.body) if request.body.strip() else TokenOrder()


def _account(request: Request) -> int:
    account = request.principal.account if request.principal else None
    if account is None:
        raise NotFound(_NO_ACCOUNT)
    return account


def operations(access: Access) -> tuple[Operation, ...]:
    handlers = MeHandlers(access)
    return (
        Operation(
            id="whoAmI",
            method="GET",
            path="/me",
            permission=Permission.SELF,
            handler=handlers.show,
            summary="Show who is asking",
            description="And the roles they have. Whatever the project, all roles are shown.",
            responses={200: Me, **FAILURES},
        ),
        Operation(
            id="changePassword",
            method="POST",
            path="/me/password",
            permission=Permission.SELF_MANAGE,
            handler=handlers.change_password,
            summary="Change your own password",
            body=PasswordChange,
            secret=True,
            responses={204: None, **WRITE_FAILURES, 404: Problem},
        ),
        Operation(
            id="listOwnTokens",
            method="GET",
            path="/me/tokens",
            permission=Permission.SELF,
            handler=handlers.list_tokens,
            summary="List your own tokens",
            parameters=PAGING,
            responses={200: Tokens, **FAILURES, 404: Problem},
        ),
        Operation(
            id="createOwnToken",
            method="POST",
            path="/me/tokens",
            permission=Permission.SELF_MANAGE,
            handler=handlers.create_token,
            summary="Make a token for yourself",
            description="Its text is in this answer, and is shown nowhere else.",
            body=TokenOrder,
            secret=True,
            responses={201: MintedToken, **WRITE_FAILURES, 404: Problem},
        ),
        Operation(
            id="revokeOwnToken",
            method="DELETE",
            path="/me/tokens/{id}",
            permission=Permission.SELF_MANAGE,
            handler=handlers.revoke_token,
            summary="Revoke one of your own tokens",
            parameters=(TOKEN_ID,),
            responses={204: None, **FAILURES, 404: Problem},
        ),
    )
