"""Who has which role on what, and the projects that it may be on."""

import msgspec

from modelyard.access.permissions import Permission
from modelyard.access.service import Access, NewGrant
from modelyard.api.http.message import Request, Response, json_response
from modelyard.api.http.operation import Operation, Parameter, Place
from modelyard.api.native import access_wire as wire
from modelyard.api.native.access_wire import Grant, GrantOrder, Grants, NewProject, Project, ProjectPatch, Projects
from modelyard.api.native.decode import path_id, path_text, query_text, structured
from modelyard.api.native.me import FAILURES, WRITE_FAILURES
from modelyard.api.native.paging import PAGING, asked, following
from modelyard.api.native.wire import Problem

_ORDER = msgspec.json.Decoder(GrantOrder)
_NEW, _PATCH = msgspec.json.Decoder(NewProject), msgspec.json.Decoder(ProjectPatch)

_ID = Parameter("id", Place.PATH, {"type": "integer", "format": "int64"}, "The grant's id.", required=True)
_USER = Parameter("user", Place.QUERY, {"type": "string"}, "Only what this user has been granted.")
_NAME = Parameter("name", Place.PATH, {"type": "string"}, "The project's name.", required=True)


class GrantHandlers:
    def __init__(self, access: Access) -> None:
        self._grants = access.grants

    async def list_all(self, request: Request) -> Response:
        page = await self._grants.page(query_text(request, "user"), *asked(request))
        return json_response(200, Grants([wire.grant(one) for one in page.items], following(page.next)))

    async def create(self, request: Request) -> Response:
        order = structured(_ORDER, request.body)
        new = NewGrant(order.user, order.role, order.project, order.kind.kind if order.kind else None, order.record_id)
        return json_response(201, wire.grant(await self._grants.create(request.caller, new)))

    async def revoke(self, request: Request) -> Response:
        await self._grants.revoke(request.caller, path_id(request, "id"))
        return Response(204, content_type=b"")


class ProjectHandlers:
    def __init__(self, access: Access) -> None:
        self._projects = access.projects

    async def list_all(self, request: Request) -> Response:
        page = await self._projects.page(*asked(request))
        return json_response(200, Projects([wire.project(one) for one in page.items], following(page.next)))

    async def create(self, request: Request) -> Response:
        return json_response(201, wire.project(await self._projects.create(request.caller, structured(_NEW, request.body).name)))

    async def archive(self, request: Request) -> Response:
        archived = structured(_PATCH, request.body).archived
        return json_response(200, wire.project(await self._projects.archive(request.caller, path_text(request, "name"), archived=archived)))


def operations(access: Access) -> tuple[Operation, ...]:
    grants, projects = GrantHandlers(access), ProjectHandlers(access)
    return (
        Operation(
            id="listGrants",
            method="GET",
            path="/grants",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=grants.list_all,
            summary="List who has which role on what",
            parameters=(_USER, *PAGING),
            responses={200: Grants, **FAILURES, 404: Problem},
        ),
        Operation(
            id="createGrant",
            method="POST",
            path="/grants",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=grants.create,
            summary="Grant a user a role",
            description="On everything, on a project, or on one model or experiment of a project with what belongs to it.",
            body=GrantOrder,
            responses={201: Grant, **WRITE_FAILURES, 404: Problem, 409: Problem},
        ),
        Operation(
            id="revokeGrant",
            method="DELETE",
            path="/grants/{id}",
            permission=Permission.ACCOUNTS_MANAGE,
            handler=grants.revoke,
            summary="Take a role away again",
            description="The last admin keeps it.",
            parameters=(_ID,),
            responses={204: None, **FAILURES, 404: Problem, 409: Problem},
        ),
        Operation(
            id="listProjects",
            method="GET",
            path="/projects",
            permission=Permission.PROJECTS_MANAGE,
            handler=projects.list_all,
            summary="List projects",
            parameters=PAGING,
            responses={200: Projects, **FAILURES},
        ),
        Operation(
            id="createProject",
            method="POST",
            path="/projects",
            permission=Permission.PROJECTS_MANAGE,
            handler=projects.create,
            summary="Create a project",
            description="Every API works in it under `/p/{name}`: names are unique within it, and nothing of it shows elsewhere.",
            body=NewProject,
            responses={201: Project, **WRITE_FAILURES, 409: Problem},
        ),
        Operation(
            id="archiveProject",
            method="PATCH",
            path="/projects/{name}",
            permission=Permission.PROJECTS_MANAGE,
            handler=projects.archive,
            summary="Archive a project, or take it back",
            description="An archived one answers as if it were not there, and loses nothing. No user may have its home there.",
            parameters=(_NAME,),
            body=ProjectPatch,
            responses={200: Project, **WRITE_FAILURES, 404: Problem, 409: Problem},
        ),
    )
