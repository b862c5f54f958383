"""What repositories and services promise, the same in memory and on every database."""

from collections.abc import Mapping

import msgspec
import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType, Put
from modelyard.context import DEFAULT_PROJECT, ProjectId
from modelyard.errors import AlreadyExists, NotFound
from modelyard.experiments.entities import NewExperiment, NewRun, RunStatus
from modelyard.models.entities import Model, ModelPatch, NewModel, NewVersion
from modelyard.records import sql
from modelyard.records.properties import INT64_MAX, INT64_MIN, Properties, ProtoValue, StructValue
from modelyard.search.page import ListQuery
from modelyard.search.tree import Compare, Exists, Operator, Property, PropertyType, equals
from modelyard.store.database import Unit
from modelyard.store.memory import MemoryDatabase
from tests.store.worlds import add_project
from tests.unit.world import ANN, NOON, STRANGER, World

FIELDS = Model.__struct_fields__
TEXTS = [
    "",
    " ",
    "plain",
    "PLAIN",
    "plain ",
    "plain  ",
    "plàin",
    "pla\u0300in",
    'it\'s 100% "so" \\ | _ * ? [x]',
    "tab\tline\nreturn\r",
    "日本語 עברית",
    "🦜👩‍👩‍👧\U0010ffff",
    "İıßΣσςKÉé",  # noqa: RUF001 - letters that look alike are the point
    "\ufeffmark\u200b",
    "e" * 255,
    "🦜" * 255,
]
FLOATS = [0.0, -0.0, 0.1, 1e22, -1.5, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 123456789.123456789]
INTEGERS = [0, 1, -1, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, INT64_MAX, INT64_MAX - 1, INT64_MIN]


def model(name: str = "fraud", **fields: object) -> Model:
    """As a service makes it before it has an id."""
    blank: dict[str, object] = dict.fromkeys(Model.__struct_fields__)
    given = {"id": 0, "project_id": DEFAULT_PROJECT, "name": name, "properties": {}, "created_at": NOON, "updated_at": NOON, "revision": 1}
    return Model(**blank | given | fields)  # type: ignore[arg-type]  # the values of this dict are of several types, which mypy joins to object


class TestRepository:
    async def test_insert_then_get(self, world: World) -> None:
        records = world.records.models

        kept = await world.database.write(lambda unit: records.insert(unit, model(owner="ann", tasks=("a", "b"), language=())))

        assert kept.id == 1
        assert await records.get(world.database.reader, DEFAULT_PROJECT, kept.id) == kept
        assert await records.get(world.database.reader, DEFAULT_PROJECT, kept.id + 1) is None
        assert await records.get(world.database.reader, STRANGER.project, kept.id) is None

    async def test_find_gives_those_that_have_all_of_the_values(self, world: World) -> None:
        records = world.records.models
        kept = await world.database.write(lambda unit: records.insert(unit, model(external_id="x")))
        other = await world.database.write(lambda unit: records.insert(unit, model("FRAUD", external_id="X")))

        async def find(project: ProjectId = DEFAULT_PROJECT, **values: str | int) -> list[Model]:
            return list(await records.find(world.database.reader, project, values))

        assert await find(name="fraud") == [kept]
        assert await find(external_id="X") == [other]
        assert await find(name="fraud", external_id="X") == []
        assert await find(STRANGER.project, name="fraud") == []

    async def test_find_tells_that_there_are_several(self, world: World) -> None:
        records = world.records.models
        for number in range(3):
            await world.database.write(lambda unit, name=str(number): records.insert(unit, model(name, owner="ann")))  # type: ignore[misc]  # the default binds the loop's name

        assert len(await records.find(world.database.reader, DEFAULT_PROJECT, {"owner": "ann"})) == 2

    async def test_a_unit_sees_what_it_inserted(self, world: World) -> None:
        records = world.records.models

        async def work(unit: Unit) -> None:
            kept = await records.insert(unit, model())
            assert await records.get(unit, DEFAULT_PROJECT, kept.id) == kept
            assert await records.lock(unit, DEFAULT_PROJECT, kept.id) == kept
            assert (await records.page(unit, DEFAULT_PROJECT, ListQuery())).items == [kept]

        await world.database.write(work)

    async def test_update_replaces_every_field(self, world: World) -> None:
        records = world.records.models
        before = await world.database.write(
            lambda unit: records.insert(unit, model(owner="ann", readme="r", tasks=("a",), external_id="x"))
        )
        after = msgspec.structs.replace(
            before, owner=None, readme="R", tasks=("b", "c"), external_id="y", properties={"n": 1}, updated_at=NOON + 1, revision=2
        )

        async def work(unit: Unit) -> None:
            locked = await records.lock(unit, DEFAULT_PROJECT, before.id)
            assert locked == before
            await records.update(unit, before, after)

        await world.database.write(work)

        assert await records.get(world.database.reader, DEFAULT_PROJECT, before.id) == after

    @pytest.mark.parametrize("most", [0, 1, sql.MOST_CHANGES])
    async def test_update_of_some_fields_leaves_the_others(self, world: World, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        """Also once there are as many sets of fields as have a statement of their own."""
        monkeypatch.setattr(sql, "MOST_CHANGES", most)
        records = world.records.models
        kept = await world.database.write(lambda unit: records.insert(unit, model(owner="ann", readme="r", external_id="x")))
        for changes in ({"owner": None}, {"readme": "R", "description": "d"}, {"name": "other", "tasks": ("a",)}, {"owner": "bea"}):
            before = kept
            kept = msgspec.structs.replace(before, **changes, revision=before.revision + 1)
            await world.database.write(lambda unit, before=before, after=kept: records.update(unit, before, after))  # type: ignore[misc]  # the defaults bind the loop's values
            assert await records.get(world.database.reader, DEFAULT_PROJECT, kept.id) == kept
            if most > 1 and isinstance(records, sql.SqlRecords):
                assert records._change_between(before, kept).fields == tuple(name for name in FIELDS if name in {*changes, "revision"})

    async def test_lock_of_what_is_not_there(self, world: World) -> None:
        records = world.records.models
        kept = await world.database.write(lambda unit: records.insert(unit, model()))

        assert await world.database.write(lambda unit: records.lock(unit, DEFAULT_PROJECT, kept.id + 1)) is None
        assert await world.database.write(lambda unit: records.lock(unit, STRANGER.project, kept.id)) is None

    async def test_links(self, world: World) -> None:
        artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=ArtifactType.MODEL))
        other = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=ArtifactType.MODEL))
        model = await world.models.create_model(ANN, NewModel())
        one, two, three = [(await world.models.create_version(ANN, NewVersion(model_id=model.id))).id for _ in range(3)]

        async def work(unit: Unit) -> None:
            parents = world.records.parents
            for parent_id, record_id in ((one, artifact.id), (two, artifact.id), (one, other.id)):
                assert not await parents.has(unit, parent_id, record_id)
                await parents.add(unit, parent_id, record_id)
                assert await parents.has(unit, parent_id, record_id)

        await world.database.write(work)

        async def under(parent_id: int) -> list[int]:
            page = await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", parent_id)))
            return [found.id for found in page.items]

        assert [await under(parent_id) for parent_id in (one, two, three)] == [[artifact.id, other.id], [artifact.id], []]

    async def test_projects_are_apart(self, world: World) -> None:
        if not isinstance(world.database, MemoryDatabase):
            await add_project(world.database, STRANGER)
        mine = await world.models.create_model(ANN, NewModel(name="fraud", external_id="x", properties={"n": 1}))

        theirs = await world.models.create_model(STRANGER, NewModel(name="fraud", external_id="x", properties={"n": 1}))

        assert (await world.models.list_models(ANN, ListQuery())).items == [mine]
        assert (await world.models.list_models(STRANGER, ListQuery())).items == [theirs]
        with pytest.raises(NotFound):
            await world.models.get_model(STRANGER, mine.id)


class TestExactness:
    async def test_text(self, world: World) -> None:
        for text in TEXTS:
            name = f"n{text}"[:255]
            new = NewModel(name=name, external_id=text, description=text, owner=text, tasks=(text, "b"), properties={text: text})

            made = await world.models.create_model(ANN, new)

            found = await world.models.get_model(ANN, made.id)
            assert found == made
            assert (found.name, found.external_id, found.description, found.owner) == (name, text, text, text)
            assert (found.tasks, found.properties) == ((text, "b"), {text: text})

    async def test_names_that_look_alike_are_different(self, world: World) -> None:
        for text in TEXTS[1:]:
            await world.models.create_model(ANN, NewModel(name=text, external_id=text))

        for number, text in enumerate(TEXTS[1:], 1):
            for field in ("name", "external_id"):
                found = await world.models.list_models(ANN, ListQuery(scope=equals(field, text)))
                assert [item.id for item in found.items] == [number]

    async def test_a_very_long_description(self, world: World) -> None:
        text = "".join(TEXTS) * 2_000

        made = await world.models.create_model(ANN, NewModel(description=text, properties={"long": text}, tasks=(text,)))

        assert await world.models.get_model(ANN, made.id) == made
        assert made.description == text

    async def test_numbers(self, world: World) -> None:
        properties: Properties = (
            {f"f{number}": number for number in FLOATS}
            | {f"i{number}": number for number in INTEGERS}
            | {"yes": True, "no": False, "one": 1, "one float": 1.0}
        )

        made = await world.models.create_model(ANN, NewModel(properties=properties))

        found = (await world.models.get_model(ANN, made.id)).properties
        assert described(found) == described(properties)

    async def test_structs_and_protos(self, world: World) -> None:
        properties: Properties = {"s": StructValue("eyJhIjogMX0="), "p": ProtoValue("type.googleapis.com/x", "CAE="), "": StructValue("")}

        made = await world.models.create_model(ANN, NewModel(properties=properties))

        assert (await world.models.get_model(ANN, made.id)).properties == properties

    async def test_metric_values(self, world: World) -> None:
        """The sign of zero aside, which SQLite and MariaDB do not keep in a column."""
        run = await new_run(world)

        puts = [await log(world, run, value) for value in FLOATS]

        assert [put.artifact.value for put in puts] == FLOATS
        assert (await world.artifacts.get_artifact(ANN, puts[-1].artifact.id)).value == FLOATS[-1]
        assert [point.value for point in (await world.experiments.list_points(ANN, ListQuery())).items] == FLOATS

    async def test_whole_numbers(self, world: World) -> None:
        run = await new_run(world)

        for number in INTEGERS:
            put = await log(world, run, 1.0, step=number, timestamp=str(number))

            artifact = await world.artifacts.get_artifact(ANN, put.artifact.id)
            assert (artifact.step, artifact.timestamp, artifact.recorded_at) == (number, str(number), number)

    async def test_enums_and_empty_lists(self, world: World) -> None:
        experiment = await world.experiments.create_experiment(ANN, NewExperiment())
        run = await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id, status=RunStatus.KILLED, state=None))
        made = await world.models.create_model(ANN, NewModel(tasks=(), language=None))

        found = await world.experiments.get_run(ANN, run.id)

        assert (found.status, found.state) == (RunStatus.KILLED, None)
        assert type(found.status) is RunStatus
        assert ((await world.models.get_model(ANN, made.id)).tasks, made.language) == ((), None)


async def test_of_two_clashes_the_name_is_told(world: World) -> None:
    await world.models.create_model(ANN, NewModel(name="fraud"))
    await world.experiments.create_experiment(ANN, NewExperiment(external_id="x"))

    with pytest.raises(AlreadyExists) as caught:
        await world.models.create_model(ANN, NewModel(name="fraud", external_id="x"))

    assert caught.value.details["field"] == "name"


async def test_several_changes_of_one_record_in_one_unit(world: World) -> None:
    """Changes may wait for the end of a unit: what comes later must not overtake them."""

    async def work(_: Unit) -> int:
        models = world.models
        one = await models.create_model(ANN, NewModel(name="one", external_id="x", properties={"n": 1, "s": "a"}))
        two = await models.create_model(ANN, NewModel(name="two"))
        await models.update_model(ANN, one.id, ModelPatch(external_id="y", properties={"n": 1.0, "s": "b"}))
        await models.update_model(ANN, two.id, ModelPatch(external_id="x", properties={"n": True}))
        await models.update_model(ANN, one.id, ModelPatch(external_id=None, properties={"n": 1}))
        await models.update_model(ANN, two.id, ModelPatch(external_id="y"))
        await models.update_model(ANN, one.id, ModelPatch(external_id="x", properties={"n": 1.0, "s": "a"}))
        return one.id

    one_id = await world.database.write(work)

    found = (await world.models.list_models(ANN, ListQuery())).items
    assert [(m.name, m.external_id, m.revision) for m in found] == [("one", "x", 4), ("two", "y", 3)]
    assert [described(m.properties) for m in found] == [{"n": "float 1.0", "s": "str 'a'"}, {"n": "bool True"}]
    for term in (Compare(Property("n"), Operator.EQ, 1.0), Compare(Property("s"), Operator.EQ, "a"), equals("external_id", "x")):
        assert [m.id for m in (await world.models.list_models(ANN, ListQuery(filter=term))).items] == [one_id]
    assert (await world.models.list_models(ANN, ListQuery(filter=Compare(Property("s"), Operator.EQ, "b")))).items == []
    assert [event.record_id for event in await world.events()] == [1, 2, 1, 2, 1, 2, 1]


async def test_a_property_that_only_changes_its_type(world: World) -> None:
    made = await world.models.create_model(ANN, NewModel(properties={"n": 1, "zero": 0.0}))

    for value in (1.0, True, 1, "1", StructValue("e30="), 1):
        changed = await world.models.update_model(ANN, made.id, ModelPatch(properties={"n": value, "zero": -0.0}))
        assert described(changed.properties)["n"] == described({"n": value})["n"]
        for type_, member in (
            (PropertyType.INTEGER, int),
            (PropertyType.FLOAT, float),
            (PropertyType.BOOLEAN, bool),
            (PropertyType.TEXT, str),
        ):
            found = (await world.models.list_models(ANN, ListQuery(filter=Exists(Property("n", type_))))).items
            assert bool(found) is (type(value) is member)


async def new_run(world: World) -> int:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    return (await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))).id


async def log(world: World, run: int, value: float, *, step: int | None = None, timestamp: str | None = None) -> Put:
    draft = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=value, step=step, timestamp=timestamp)
    return await world.experiments.put_artifact(ANN, run, draft, None)


def described(properties: Mapping[str, object]) -> dict[str, str]:
    """With types and signs, which == does not see."""
    return {key: f"{type(value).__name__} {value!r}" for key, value in properties.items()}
