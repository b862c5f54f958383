"""One artifact changed through two doors at once: by its name under a run, and by its own id."""

import asyncio

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.context import DEFAULT_PROJECT
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.search.page import ListQuery
from modelyard.search.tree import Exists, Property
from tests.unit.world import ANN, World


async def test_a_put_by_name_and_a_change_by_id_lose_nothing(sql: World) -> None:
    experiment = await sql.experiments.create_experiment(ANN, NewExperiment(name="e"))
    run = await sql.experiments.create_run(ANN, NewRun(name="r", experiment_id=experiment.id))
    loss = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=1.0, properties={"old": 1})
    metric = (await sql.experiments.put_artifact(ANN, run.id, loss, None)).artifact
    rounds = 12

    async def change(number: int) -> None:
        draft = ArtifactDraft(type=ArtifactType.METRIC, description=f"changed {number}", properties={f"p{number}": number})
        changed = await sql.artifacts.update_artifact(ANN, metric.id, draft)
        assert changed.description == f"changed {number}"

    async def put(number: int) -> None:
        draft = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=float(number), step=number)
        await sql.experiments.put_artifact(ANN, run.id, draft, None)

    for number in range(rounds):
        await asyncio.gather(put(number), change(number), put(number))
        kept = await sql.artifacts.get_artifact(ANN, metric.id)
        assert kept.description == f"changed {number}"
        assert kept.properties == {f"p{number}": number}
        assert kept.revision == 1 + 3 * (number + 1)

    # The index says what the record says, and nothing else.
    for name, there in (("old", False), ("p0", False), (f"p{rounds - 1}", True)):
        found = await sql.artifacts.list_artifacts(ANN, ListQuery(filter=Exists(Property(name))))
        assert [item.id for item in found.items] == ([metric.id] if there else []), name
    points = await sql.experiments.list_points(ANN, ListQuery())
    assert len(points.items) == 1 + 2 * rounds
    assert metric.project_id == DEFAULT_PROJECT
