import pytest

from modelyard.access.entities import Grant, Principal
from modelyard.access.permissions import OF_EVERYONE, OF_RECORDS, OF_THE_SERVER, Permission, Role
from modelyard.context import DEFAULT_PROJECT, ProjectId, Reach
from modelyard.records.kinds import Kind

HERE, THERE = DEFAULT_PROJECT, ProjectId(7)


def principal(*grants: Grant, cap: Role | None = None) -> Principal:
    return Principal("ann", HERE, grants, cap)


def held(one: Principal, project: ProjectId = HERE) -> set[Permission]:
    return {permission for permission in Permission if one.may(permission, project)}


def test_without_a_grant_only_what_everyone_may_is_allowed() -> None:
    assert held(principal()) == OF_EVERYONE


@pytest.mark.parametrize("role", Role)
def test_a_role_on_everything_holds_in_every_project(role: Role) -> None:
    one = principal(Grant(role))
    assert held(one, HERE) == held(one, THERE) == role.permissions | OF_EVERYONE


def test_a_role_on_a_project_holds_there_only_and_never_for_the_server() -> None:
    one = principal(Grant(Role.ADMIN, THERE))
    assert held(one, HERE) == OF_EVERYONE
    assert held(one, THERE) == (Role.ADMIN.permissions | OF_EVERYONE) - OF_THE_SERVER


def test_a_role_on_a_record_holds_for_no_project_and_reaches_that_record() -> None:
    one = principal(
        Grant(Role.CONTRIBUTOR, HERE, Kind.MODEL, 4), Grant(Role.VIEWER, HERE, Kind.MODEL, 5), Grant(Role.VIEWER, THERE, Kind.EXPERIMENT, 6)
    )
    assert held(one) == OF_EVERYONE
    assert one.reach(Permission.MODELS_READ, HERE) == Reach(frozenset({4, 5}), frozenset())
    assert one.reach(Permission.MODELS_WRITE, HERE) == Reach(frozenset({4}), frozenset())
    assert one.reach(Permission.EXPERIMENTS_READ, THERE) == Reach(frozenset(), frozenset({6}))
    assert one.reach(Permission.DEPLOYMENTS_WRITE, HERE) is None


@pytest.mark.parametrize("permission", sorted(set(Permission) - OF_RECORDS))
def test_what_concerns_a_project_is_not_had_by_way_of_a_record(permission: Permission) -> None:
    assert principal(Grant(Role.ADMIN, HERE, Kind.MODEL, 4)).reach(permission, HERE) is None


def test_a_scope_takes_away_and_never_adds() -> None:
    assert held(principal(Grant(Role.ADMIN), cap=Role.VIEWER)) == Role.VIEWER.permissions | {Permission.PUBLIC, Permission.SELF}
    assert held(principal(Grant(Role.VIEWER), cap=Role.ADMIN)) == Role.VIEWER.permissions | OF_EVERYONE
    one = principal(Grant(Role.CONTRIBUTOR, HERE, Kind.MODEL, 4), cap=Role.VIEWER)
    assert one.reach(Permission.MODELS_READ, HERE) == Reach(frozenset({4}), frozenset())
    assert one.reach(Permission.MODELS_WRITE, HERE) is None


def test_only_the_admin_of_everything_holds_every_permission() -> None:
    assert held(principal(Grant(Role.ADMIN))) == set(Permission)
    assert Role.CONTRIBUTOR.permissions > Role.VIEWER.permissions < Role.DEPLOYER.permissions
    assert Permission.DEPLOYMENTS_WRITE not in Role.CONTRIBUTOR.permissions
