from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties, ProtoValue, StructValue
from modelyard.records.property_index import Entry, entries, list_entries


def of_model(properties: Properties) -> set[Entry]:
    return entries(1, Kind.MODEL, 7, properties)


def test_each_type_has_its_entry() -> None:
    found = of_model({"t": "text", "i": 2, "f": 2.5, "b": True, "s": StructValue("e30="), "p": ProtoValue("t", "AA==")})

    assert found == {
        (1, 1, "t", "text", 7, 1),
        (1, 1, "i", 2.0, 7, 1),
        (1, 1, "f", 2.5, 7, 2),
        (1, 1, "b", 1.0, 7, 3),
        (1, 1, "s", "", 7, 3),
        (1, 1, "p", "", 7, 3),
    }
    assert {type(entry[3]) for entry in found if entry[2] in "ifb"} == {float}


def test_text_is_whole_up_to_254_characters_and_cut_to_255() -> None:
    assert of_model({"t": "😀" * 254}) == {(1, 1, "t", "😀" * 254, 7, 1)}
    assert of_model({"t": "😀" * 255}) == {(1, 1, "t", "😀" * 255, 7, 2)}
    assert of_model({"t": "😀" * 300}) == {(1, 1, "t", "😀" * 255, 7, 2)}


def test_elements_that_repeat_or_are_cut_alike_have_one_entry() -> None:
    found = list_entries(1, Kind.MODEL, 7, "tasks", ["a", "b", "a"])
    assert found == {(1, 101, "tasks", "a", 7, 1), (1, 101, "tasks", "b", 7, 1)}
    assert len(list_entries(1, Kind.MODEL, 7, "tasks", ["x" * 300, "x" * 400])) == 1
