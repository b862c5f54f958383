"""Reference §6: filterQuery, on every list, the same on every database."""

import base64

import pytest

from tests.dialects.registry import FALSE, TRUE, Json, Registry, double, integer, on_every_database, refused, string, unique

pytestmark = on_every_database

SYNTAX = "invalid filter query syntax:"
ALL = ["v1", "v2", "V3", "a:b", "v_5", "v%6"]
_CORPORA: dict[Registry, Json] = {}


@pytest.fixture
def corpus(registry: Registry) -> Json:
    """Six versions of one model, made once on each server: `path` lists them, `ids` has each name's id, `model` their parent's."""
    if registry not in _CORPORA:
        _CORPORA[registry] = make_corpus(registry)
    return _CORPORA[registry]


def make_corpus(registry: Registry) -> Json:
    model = registry.model()
    struct = {"metadataType": "MetadataStructValue", "struct_value": base64.b64encode(b'{"a":1}').decode()}
    first: Json = {
        "acc": double(0.5),
        "n": integer(5),
        "fw": string("onnx"),
        "gpu": TRUE,
        "k": integer(1),
        "s": struct,
        "my-prop": string("dash"),
        "a.b": string("dotted"),
        "": string("empty"),
        "in": string("x"),
        "order": string("x"),
        "Ünï": string("ö"),
    }
    rows: list[Json] = [
        {"name": "v1", "author": "ann", "description": "text", "customProperties": first},
        {
            "name": "v2",
            "author": "bob",
            "state": "ARCHIVED",
            "customProperties": {
                "acc": double(0.9),
                "n": integer(7),
                "fw": string("torch"),
                "gpu": FALSE,
                "state": string("CUSTOM"),
                "author": string("ann"),
                "name": string("v1"),
            },
        },
        {"name": "V3", "customProperties": {"n": double(5), "fw": string("ONNX"), "acc": integer(2)}},
        {"name": "a:b", "customProperties": {"n": string("5"), "fw": string("it's"), "back": string("a\\b")}},
        {"name": "v_5", "externalId": unique("external")},
        {"name": "v%6", "customProperties": {"fw": string(""), "k": string("100%"), "big": integer(2**53 + 1)}},
    ]
    versions = [registry.version(model, **row) for row in rows]
    return {
        "path": f"/registered_models/{model['id']}/versions",
        "model": model["id"],
        "ids": {version["name"]: version["id"] for version in versions},
        "times": [version["createTimeSinceEpoch"] for version in versions],
        "external": versions[4]["externalId"],
    }


def found(registry: Registry, corpus: Json, query: str) -> list[str]:
    return registry.names(corpus["path"], filterQuery=query)


# ----------------------------------------------------------------------------------------------------------------- grammar


@pytest.mark.parametrize(
    ("query", "names"),
    [
        # blank
        ("", ALL),
        (" \t\n ", ALL),
        # text, in either kind of quotes, with escapes
        ("fw = 'onnx'", ["v1"]),
        ('fw = "onnx"', ["v1"]),
        ("fw = 'it\\'s'", ["a:b"]),
        ('fw = "it\'s"', ["a:b"]),
        ("back = 'a\\\\b'", ["a:b"]),
        ("fw = ''", ["v%6"]),
        ("fw = '\"onnx\"'", []),
        ("fw = \"'onnx'\"", []),
        # numbers, with a sign that touches
        ("n = 5", ["v1", "V3"]),
        ("n = +5", ["v1", "V3"]),
        ("n > -1", ["v1", "v2", "V3"]),
        ("acc > .6", ["v2"]),
        ("acc > 6e-1", ["v2"]),
        ("acc > 6.0E-1", ["v2"]),
        # true and false in any case
        ("gpu = true", ["v1"]),
        ("gpu = TRUE", ["v1"]),
        ("gpu = True", ["v1"]),
        ("gpu = false", ["v2"]),
        # keywords in any case, and as names of properties
        ("fw = 'onnx' or n = 7", ["v1", "v2"]),
        ("fw like 'on%' aNd n In (5)", ["v1"]),
        ("fw ilike 'ON%'", ["v1", "V3"]),
        ("in = 'x' AND order = 'x'", ["v1"]),
        # AND binds closer than OR
        ("n = 7 OR fw = 'onnx' AND gpu = false", ["v2"]),
        ("(n = 7 OR fw = 'onnx') AND gpu = true", ["v1"]),
        ("fw = 'onnx' AND gpu = false OR n = 7", ["v2"]),
        ("((fw = 'onnx'))", ["v1"]),
        # back-ticks
        ("`my-prop` = 'dash'", ["v1"]),
        ("`my-prop`.string_value = 'dash'", ["v1"]),
        ("`fw` = 'onnx'", ["v1"]),
        ("`` = 'empty'", ["v1"]),
        ("`Ünï` = 'ö'", ["v1"]),
        ("`a.b` = 'dotted'", ["v1"]),
        ("`a\\.b` = 'dotted'", ["v1"]),
        ("a.b = 'dotted'", ["v1"]),
        ("a.b.string_value = 'dotted'", ["v1"]),
        # space and comments
        ("fw='onnx'", ["v1"]),
        ("  fw\n=\t'onnx'\r\n", ["v1"]),
        ("fw = 'onnx' -- AND n = 99", ["v1"]),
        ("fw = 'onnx' -- nothing\n OR n = 7", ["v1", "v2"]),
    ],
)
def test_the_language(registry: Registry, corpus: Json, query: str, names: list[str]) -> None:
    assert found(registry, corpus, query) == names


@pytest.mark.parametrize(
    "query",
    [
        *(
            "acc >",
            "acc ! 3",
            "acc",
            "> 3",
            "(acc > 1",
            "acc > 1)",
            "()",
            "((",
            "AND n = 5",
            "n = 5 AND",
            "n = 5 OR OR n = 6",
            "n = 5 n = 6",
        ),
        *("n == 5", "n = 5 && n = 6", "n = 5 || n = 6", "n = 5;", "n := 5", "5 = n", "'x' = fw", "n = null", "n = - 5", "n = 0x10"),
        *(
            "n = 99999999999999999999",
            "n = -9223372036854775809",
            "n = 1e400",
            "n = 5.",
            "fw = 'x''y'",
            "fw = 'open",
            'fw = "open',
            "`open = 1",
        ),
        *(
            "n = 2024-01-01",
            "lower(fw) = 'x'",
            "n = n + 1",
            "n IN (5,)",
            "n IN (,5)",
            "n IN (5 6)",
            "n IN",
            "n IN (5",
            "fw LIKE",
            "fw LIKE 5",
        ),
        *("my-prop = 'x'", "Ünï = 'x'", "a..b = 1", ".a = 1", "a. = 1", "n = 5 LIMIT 1", "n = 5 ORDER BY n", "n = @x", "\\", "n = (5)"),
        *("n NOT 5", "n IS 5", "n BETWEEN 5", "n BETWEEN 5 OR 6", "NOT", "fw = 'x' UNION SELECT 1", "* = 1", "n = $1", "n = ?", "#"),
    ],
)
def test_what_is_no_filter_is_refused(registry: Registry, corpus: Json, query: str) -> None:
    message = refused(registry.get(corpus["path"], filterQuery=query), 400)
    assert message.startswith(SYNTAX)
    assert message.endswith(": bad request")


def test_a_word_where_a_value_belongs_gets_a_hint(registry: Registry, corpus: Json) -> None:
    assert "quotes" in refused(registry.get(corpus["path"], filterQuery="fw = onnx"), 400, SYNTAX)


@pytest.mark.parametrize("query", ["(" * 100 + "n = 7" + ")" * 100, " OR ".join(["n = 7"] * 200), " AND ".join(["n = 7"] * 200)])
def test_long_filters_are_fine(registry: Registry, corpus: Json, query: str) -> None:
    assert found(registry, corpus, query) == ["v2"]


@pytest.mark.parametrize(
    "query",
    [
        "(" * 5_000 + "n = 7" + ")" * 5_000,
        "(" * 5_000,
        "NOT " * 5_000 + "n = 7",
        " OR ".join(["n = 7"] * 2_000),
        "n IN (" + ",".join(["7"] * 5_000) + ")",
        "(n = 7 OR n = 8 AND " * 50 + "n = 9" + ")" * 50,
    ],
    ids=["parentheses", "open", "not", "or", "in", "nested"],
)
def test_there_are_bounds(registry: Registry, corpus: Json, query: str) -> None:
    response = registry.get(corpus["path"], filterQuery=query)
    assert response.status_code in {200, 400, 414}
    if response.status_code == 200:
        assert [item["name"] for item in response.json()["items"]] == ["v2"]


# --------------------------------------------------------------------------------------------------------------- operators


@pytest.mark.parametrize(
    ("query", "names"),
    [
        # an integer finds integers and floats, a float floats only, text only text
        ("acc > 0.6", ["v2"]),
        ("acc > 1", ["V3"]),
        ("acc >= 0.5", ["v1", "v2"]),
        ("acc < 3", ["v1", "v2", "V3"]),
        ("n = 5.0", ["V3"]),
        ("n = '5'", ["a:b"]),
        ("k > 0 AND k < 2", ["v1"]),
        ("big = 9007199254740993", ["v%6"]),
        ("big = 9007199254740992", []),
        # a suffix insists
        ("acc.double_value > 0.6", ["v2"]),
        ("acc.int_value = 2", ["V3"]),
        ("n.int_value = 5", ["v1"]),
        ("n.double_value = 5", ["V3"]),
        ("n.string_value = '5'", ["a:b"]),
        ("gpu.bool_value = true", ["v1"]),
        ("n.INT_VALUE = 5", []),
        # what is not there never matches
        ("n != 5", ["v2"]),
        ("n <> 5", ["v2"]),
        ("fw != 'onnx'", ["v2", "V3", "a:b", "v%6"]),
        ("fw <> 'onnx'", ["v2", "V3", "a:b", "v%6"]),
        ("gpu != true", ["v2"]),
        ("nothing = 1", []),
        ("nothing != 1", []),
        ("nothing < 1 OR nothing > 0", []),
        # IN, of every type
        ("n IN (5, 10)", ["v1", "V3"]),
        ("n IN (5.0)", ["V3"]),
        ("n IN ('5')", ["a:b"]),
        ("n IN (7, '5')", ["v2", "a:b"]),
        ("n IN 7", ["v2"]),
        ("n IN ()", []),
        ("gpu IN (true)", ["v1"]),
        ("gpu IN (true, false)", ["v1", "v2"]),
        ("fw IN ('onnx', 'torch', 'x')", ["v1", "v2"]),
        ("n.int_value IN (5, 7)", ["v1", "v2"]),
        # LIKE and ILIKE
        ("fw LIKE 'on%'", ["v1"]),
        ("fw LIKE '%n%'", ["v1"]),
        ("fw LIKE 'o_nx'", ["v1"]),
        ("fw LIKE 'onnx_'", []),
        ("fw LIKE '%'", ["v1", "v2", "V3", "a:b", "v%6"]),
        ("fw LIKE ''", ["v%6"]),
        ("fw ILIKE 'On%'", ["v1", "V3"]),
        ("k LIKE '100\\%'", ["v%6"]),
        ("k LIKE '10\\%'", []),
        ("n LIKE '5'", ["a:b"]),
        # struct values are not for filters
        ("s LIKE '%'", []),
        ("s = 1", []),
    ],
)
def test_properties(registry: Registry, corpus: Json, query: str, names: list[str]) -> None:
    assert found(registry, corpus, query) == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("n BETWEEN 5 AND 7", ["v1", "v2", "V3"]),
        ("n BETWEEN 6 AND 8 OR fw = 'onnx'", ["v1", "v2"]),
        ("gpu IS NOT NULL", ["v1", "v2"]),
        ("n IS NULL", ["v_5", "v%6"]),
        ("externalId IS NOT NULL", ["v_5"]),
        ("author IS NULL", ["V3", "a:b", "v_5", "v%6"]),
        ("NOT gpu = true", ["v2", "V3", "a:b", "v_5", "v%6"]),
        ("not (n = 5 or n = 7)", ["a:b", "v_5", "v%6"]),
        ("NOT NOT n = 7", ["v2"]),
        ("gpu IS NOT NULL AND gpu NOT IN (true)", ["v2"]),
        ("name NOT LIKE 'v%'", ["V3", "a:b"]),
        ("name NOT BETWEEN 'a' AND 'z'", ["V3"]),
    ],
)
def test_extensions(registry: Registry, corpus: Json, query: str, names: list[str]) -> None:
    assert found(registry, corpus, query) == names


# ------------------------------------------------------------------------------------------------------------------ fields


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state = 'ARCHIVED'", ["v2"]),
        ("state != 'LIVE'", ["v2"]),
        ("state IN ('LIVE', 'ARCHIVED')", ALL),
        ("state LIKE 'ARCH%'", ["v2"]),
        ("author = 'ann'", ["v1"]),
        ("author != 'ann'", ["v2"]),
        ("description = 'text'", ["v1"]),
        # the visible name, exactly
        ("name = 'v1'", ["v1"]),
        ("name = 'V1'", []),
        ("name = 'v1 '", []),
        ("name = 'b'", []),
        ("name = 'a:b'", ["a:b"]),
        ("name = 'v_5'", ["v_5"]),
        ("name = 'v%'", []),
        ("name != 'v1'", ["v2", "V3", "a:b", "v_5", "v%6"]),
        ("name IN ('v1', 'a:b')", ["v1", "a:b"]),
        ("name LIKE 'v%'", ["v1", "v2", "v_5", "v%6"]),
        ("name LIKE 'v_'", ["v1", "v2"]),
        ("name LIKE 'v\\_%'", ["v_5"]),
        ("name LIKE 'v\\%6'", ["v%6"]),
        ("name ILIKE 'v_'", ["v1", "v2", "V3"]),
        ("name LIKE '%b'", ["a:b"]),
        ("name < 'a'", ["V3"]),
        ("name >= 'v1' AND name <= 'v2'", ["v1", "v2"]),
        # a custom property neither shadows a field nor doubles a row
        ("state = 'CUSTOM'", []),
        ("state = 'ARCHIVED' AND author = 'bob' AND name = 'v2'", ["v2"]),
    ],
)
def test_fields_of_a_version(registry: Registry, corpus: Json, query: str, names: list[str]) -> None:
    assert found(registry, corpus, query) == names


def test_ids_times_and_parents_are_numbers_that_may_be_quoted(registry: Registry, corpus: Json) -> None:
    ids, model, times = corpus["ids"], corpus["model"], sorted(corpus["times"], key=int)
    table: list[tuple[str, list[str]]] = [
        (f"id = {ids['v2']}", ["v2"]),
        (f"id = '{ids['v2']}'", ["v2"]),
        (f"id > {ids['a:b']}", ["v_5", "v%6"]),
        (f"id IN ({ids['v1']}, '{ids['V3']}')", ["v1", "V3"]),
        (f"id = {ids['v2']}.5", []),
        ("id = 99999999999", []),
        (f"registeredModelId = {model}", ALL),
        (f"registeredModelId = '{model}'", ALL),
        (f"registeredModelId != {model}", []),
        (f"createTimeSinceEpoch >= {times[0]}", ALL),
        (f"createTimeSinceEpoch > '{times[-1]}'", []),
        ("lastUpdateTimeSinceEpoch > 0", ALL),
        (f"externalId = '{corpus['external']}'", ["v_5"]),
        (f"externalId LIKE '{corpus['external']}%'", ["v_5"]),
        (f"externalId = '{corpus['external'].upper()}x'", []),
    ]
    for query, names in table:
        assert found(registry, corpus, query) == names, query


@pytest.mark.parametrize(
    "query",
    [
        "name = 5",
        "name = true",
        "state = 1",
        "author > 1.5",
        "id = 'abc'",
        "id = true",
        "createTimeSinceEpoch > '2024-01-01'",
        "name IN ('a', 5)",
    ],
)
def test_what_cannot_be_compared_is_refused_on_every_list(registry: Registry, corpus: Json, query: str) -> None:
    refused(registry.get(corpus["path"], filterQuery=query), 400, "type mismatch")
    if "author" not in query:
        artifacts = f"/model_versions/{corpus['ids']['v1']}/artifacts"
        for path in ("/artifacts", artifacts):
            refused(registry.get(path, filterQuery=query), 400, "type mismatch")
