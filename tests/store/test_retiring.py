"""A model or version that is deployed while it is being deleted: who deletes it has seen the deployment, or there is none."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelyard.deployments.managed import Deployment, ManagedDeployments, NewDeployment
from modelyard.errors import NotFound
from modelyard.models.entities import NewModel, NewVersion
from tests.store.conftest import NewStore
from tests.store.worlds import world_at
from tests.unit.world import ANN, World


@pytest.fixture(params=[pytest.param("postgresql", id="postgresql"), pytest.param("mysql", id="mariadb")])
async def two(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[tuple[World, World]]:
    """Of two processes. On SQLite there is one writer."""
    url = await new_store(request.param)
    async with world_at(url) as one, world_at(url) as other:
        yield one, other


@pytest.mark.servers
@pytest.mark.parametrize("first", [True, False], ids=["the first deployment", "a later one"])
@pytest.mark.parametrize("whole", [True, False], ids=["model", "version"])
async def test_who_deletes_it_sees_every_deployment(
    two: tuple[World, World], monkeypatch: pytest.MonkeyPatch, *, whole: bool, first: bool
) -> None:
    one, other = two
    model = await one.models.create_model(ANN, NewModel(name="resnet"))
    version = await one.models.create_version(ANN, NewVersion(model_id=model.id, name="v1"))
    deploying: list[asyncio.Task[Deployment]] = []
    seen: list[set[int]] = []
    look = ManagedDeployments._refuse_deployed

    async def look_and_let_deploy(self: ManagedDeployments, *asked: Any) -> set[int]:
        seen.append(await look(self, *asked))
        if not deploying:
            deploying.append(asyncio.create_task(other.managed.deploy(ANN, new("late"))))
            await asyncio.wait(deploying, timeout=0.3)
        return seen[-1]

    def new(name: str) -> NewDeployment:
        return NewDeployment(name=name, model_id=model.id, version_id=version.id)

    if not first:
        await one.managed.remove(ANN, (await one.managed.deploy(ANN, new("early"))).service.id)
    monkeypatch.setattr(ManagedDeployments, "_refuse_deployed", look_and_let_deploy)
    await (one.managed.retire_model(ANN, model.id) if whole else one.managed.retire_version(ANN, model.id, version.id))
    try:
        deployed = (await deploying[0]).service.id
    except NotFound:
        return
    assert deployed in seen[-1]
