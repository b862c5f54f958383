"""A fixed set of diverse records to filter, and random filters that stand a fair chance of telling them apart."""

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from modelyard.artifacts.entities import Artifact, ArtifactState, ArtifactType, ParameterType
from modelyard.artifacts.fields import ARTIFACT_FIELDS
from modelyard.context import DEFAULT_PROJECT, Millis
from modelyard.models.entities import Model, ModelState, NewVersion
from modelyard.models.fields import MODEL_FIELDS
from modelyard.records.properties import INT64_MAX, INT64_MIN, Properties, PropertyValue, ProtoValue, StructValue
from modelyard.records.repository import Records
from modelyard.search.fields import Fields, FieldSpec, FieldType
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Operator, Or, Property, PropertyType, Scalar, Subject
from modelyard.store.database import Unit
from tests.unit.world import ANN, NOON, World

LONG = "x" * 254
TEXTS = [
    *["", " ", "a", "A", "b", "ab", "aB", "tail", "tail ", "tail  ", "-", "'", '"', "5", "^"],
    *["100%", "50_x", "a\\b", "\\", "[a-z]*?", "|pipe|"],
    *["é", "É", "e\u0301", "E\u0301", "ß", "ẞ", "ss", "SS", "straße", "STRASSE", "ﬀ"],
    *["İ", "I", "i", "ı", "i\u0307", "ς", "σ", "Σ", "ὈΔΥΣΣΕΎΣ"],  # noqa: RUF001 - letters that look alike are the point
    *["\u212a", "K", "k", "\u212b", "Å", "å", "\u01c4", "\u01c5", "\u01c6"],
    *["日本", "🦜", "👩‍👧", "\uffff", "\U0010ffff", "\U00010400", "\U00010428"],
    *[LONG, LONG + "y", LONG + "yz", LONG + "yzz", LONG + "Y" * 300, LONG + "é" * 60],
    *["É" * 254, "É" * 255, "é" * 255, "É" * 300, "é" * 300],
]
"""Case pairs that databases and Python fold differently, wildcards of LIKE and GLOB, and texts at and beyond what the index keeps whole."""

_AROUND_EXACT = [2**53 + n for n in range(-2, 4)]
INTEGERS = [0, 1, -1, 2, 3, 5, 255, -7, 2**31, *_AROUND_EXACT, -(2**53), -(2**53) - 1, INT64_MAX, INT64_MAX - 1, INT64_MIN]
_LARGE = [2.0**53, 2.0**53 + 2, -(2.0**53), 2.0**63, 1e22, 1e300, -1e300]
FLOATS = [0.0, 0.5, 1.0, 1.5, -1.0, 2.0, 3.0, 255.0, 5e-324, 0.1, 0.30000000000000004, *_LARGE]
KEYS = ["a", "A", "é", "long", "n", "tasks", "k\u212a", "x.y z"]
TASKS = ["a", "A", "é", "É", "tail ", "", LONG, LONG + "yz", LONG + "yzz", "ς", "Σ"]


def _value(chance: random.Random) -> PropertyValue:
    match chance.randrange(8):
        case 0 | 1 | 2:
            return chance.choice(TEXTS)
        case 3 | 4:
            return chance.choice(INTEGERS)
        case 5:
            return chance.choice(FLOATS)
        case 6:
            return chance.random() < 0.5
    opaque: list[PropertyValue] = [StructValue("e30="), ProtoValue("type", "AA==")]
    return chance.choice(opaque)


def _properties(chance: random.Random, number: int) -> Properties:
    """Every text and number is there at least once, under `a` and `n`."""
    numbers: list[PropertyValue] = [*INTEGERS, *FLOATS, True, False]
    sure: dict[str, PropertyValue] = {"a": TEXTS[number % len(TEXTS)], "n": numbers[number % len(numbers)]}
    some = {key: _value(chance) for key in chance.sample(KEYS, chance.randrange(len(KEYS)))}
    return sure if number < 80 else some


def _maybe(chance: random.Random, values: Sequence[Any]) -> Any:
    return None if chance.random() < 0.2 else chance.choice(values)


def _common(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "id": 0,
        "project_id": DEFAULT_PROJECT,
        "name": f"{chance.choice(TEXTS)[:200]}{number}",
        "external_id": None if chance.random() < 0.4 else f"{chance.choice(TEXTS)[:200]}{number}",
        "description": _maybe(chance, TEXTS),
        "properties": _properties(chance, number),
        "created_at": Millis(NOON + chance.randrange(5)),
        "updated_at": Millis(NOON + chance.randrange(5)),
        "revision": 1,
    }


def _model(chance: random.Random, number: int) -> Model:
    lists: dict[str, Any] = {
        name: _maybe(chance, [tuple(chance.sample(TASKS, size)) for size in range(4)]) for name in ("language", "tasks")
    }
    if number < 2 * len(TASKS):
        lists["tasks"] = tuple(sorted({TASKS[number % len(TASKS)], TASKS[number * 3 % len(TASKS)]}))
    own: dict[str, Any] = dict.fromkeys(Model.__struct_fields__) | {
        "owner": _maybe(chance, TEXTS),
        "state": _maybe(chance, list(ModelState)),
    }
    return Model(**own | lists | _common(chance, number))


def _artifact(chance: random.Random, number: int) -> Artifact:
    own: dict[str, Any] = dict.fromkeys(Artifact.__struct_fields__) | {
        "type": chance.choice(list(ArtifactType)),
        "owner_id": None,
        "state": _maybe(chance, list(ArtifactState)),
        "uri": _maybe(chance, TEXTS),
        "value": _maybe(chance, FLOATS),
        "step": _maybe(chance, INTEGERS),
        "recorded_at": _maybe(chance, INTEGERS),
        "timestamp": _maybe(chance, ["5", "soon"]),
        "parameter_type": _maybe(chance, list(ParameterType)),
    }
    return Artifact(**own | _common(chance, number))


async def _keep(world: World, records: Records[Any], rows: list[Any]) -> list[Any]:
    async def work(unit: Unit) -> list[Any]:
        return [await records.insert(unit, row) for row in rows]

    kept: list[Any] = await world.database.write(work)
    return kept


async def inhabit(world: World) -> tuple[list[Model], list[Artifact]]:
    """The same records in any world. Some artifacts are listed under one of three versions, or under two."""
    chance = random.Random(20_011)  # noqa: S311 - seeded to draw the same in each run; nothing secret comes of it
    models = await _keep(world, world.records.models, [_model(chance, number) for number in range(160)])
    artifacts: list[Artifact] = await _keep(world, world.records.artifacts, [_artifact(chance, number) for number in range(100)])

    versions = [(await world.models.create_version(ANN, NewVersion(model_id=models[0].id))).id for _ in range(3)]

    async def attach(unit: Unit) -> None:
        for artifact in artifacts:
            for parent_id in chance.sample(versions, chance.randrange(3)):
                await world.records.parents.add(unit, parent_id, artifact.id)

    await world.database.write(attach)
    return models, artifacts


# ------------------------------------------------------------------------------------------------------------------- filters
_ANY_TEXT = st.one_of(
    st.sampled_from(TEXTS),
    st.text("aAéÉiİıßΣσς\u212akK%_ ", max_size=4),  # noqa: RUF001 - letters that look alike are the point
    st.builds(str.__add__, st.sampled_from(TEXTS), st.sampled_from(["", "a", " ", "z"])),
)
_EDGES = st.sampled_from([2**53 + 1, -(2**53) - 1, INT64_MAX, INT64_MIN, 2**63, -(2**63) - 1, 10**30, -(10**30), 10**400, -(10**400)])
_ANY_INTEGER = st.one_of(st.sampled_from(INTEGERS), _EDGES, st.integers(-3, 6), st.just(NOON + 2))
_ANY_FLOAT = st.one_of(
    st.sampled_from([*FLOATS, 2.0**62, -(2.0**63), 1.7976931348623157e308, NOON + 1.5]), st.integers(-4, 4).map(lambda n: n / 2)
)
_ANY_NUMBER = st.one_of(_ANY_INTEGER, _ANY_FLOAT)
_SCALAR = st.one_of(_ANY_TEXT, _ANY_NUMBER, st.booleans())
_WILD = st.sampled_from(["%", "_", "\\%", "\\_", "\\\\", "\\"])
_PATTERN = st.lists(st.one_of(_WILD, _ANY_TEXT, st.sampled_from(["a", "É", "ς", "\u212a", "i"])), max_size=4).map("".join)
_TYPE = st.none() | st.sampled_from(PropertyType)


def _subjects(spec: FieldSpec) -> st.SearchStrategy[Subject]:
    return st.builds(Field, st.just(spec.name), st.none() | st.sampled_from(PropertyType))


_KNOWN = {
    "state": [*map(str, ModelState), *map(str, ArtifactState)],
    "type": [*map(str, ArtifactType)],
    "tasks": TASKS,
    "language": TASKS,
}


def _field_condition(spec: FieldSpec) -> st.SearchStrategy[Expr]:
    text = spec.type in (FieldType.TEXT, FieldType.TEXT_LIST)
    literal: st.SearchStrategy[Scalar] = _ANY_TEXT if text else st.one_of(_ANY_NUMBER, st.sampled_from(["5", "+5", ".5", "1e3", "9" * 330]))
    if spec.name in _KNOWN:
        literal = st.one_of(literal, st.sampled_from(_KNOWN[spec.name]))
    subject = _subjects(spec)
    conditions: list[st.SearchStrategy[Expr]] = [
        st.builds(Compare, subject, st.sampled_from(Operator), literal),
        st.builds(In, subject, st.lists(literal, max_size=4).map(tuple)),
        st.builds(Exists, subject),
    ]
    if text:
        conditions += [st.builds(Like, subject, _PATTERN, st.booleans())] * 2
    return st.one_of(conditions)


_PROPERTY = st.builds(Property, st.sampled_from([*KEYS, "nowhere"]), _TYPE)
_PROPERTY_CONDITION: st.SearchStrategy[Expr] = st.one_of(
    st.builds(Compare, _PROPERTY, st.sampled_from(Operator), _SCALAR),
    st.builds(Compare, _PROPERTY, st.sampled_from(Operator), _SCALAR),
    st.builds(In, _PROPERTY, st.lists(_SCALAR, max_size=4).map(tuple)),
    st.builds(Exists, _PROPERTY),
    st.builds(Like, _PROPERTY, _PATTERN, st.booleans()),
)


def filters(fields: Fields) -> st.SearchStrategy[Expr]:
    """Any tree over the fields and some properties, a few of them comparing what cannot be compared."""
    asked = [spec for spec in fields.values() if spec.type is not FieldType.LINK]
    condition = st.one_of(st.sampled_from(asked).flatmap(_field_condition), _PROPERTY_CONDITION, _PROPERTY_CONDITION)
    odd = st.builds(Compare, st.sampled_from(asked).flatmap(_subjects), st.sampled_from(Operator), _SCALAR)

    def grow(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        terms = st.lists(inner, min_size=2, max_size=4).map(tuple)
        return st.one_of(st.builds(And, terms), st.builds(Or, terms), st.builds(Not, inner))

    leaf = st.integers(0, 19).flatmap(lambda number: odd if number == 0 else condition)
    return st.recursive(leaf, grow, max_leaves=8)


MODEL_FILTERS = filters(MODEL_FIELDS)
ARTIFACT_FILTERS = filters(ARTIFACT_FIELDS)
