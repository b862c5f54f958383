from modelyard.records.properties import ProtoValue, StructValue
from modelyard.records.property_index import entries, list_entries


def test_each_type_has_its_entry() -> None:
    found = entries({"t": "text", "i": 2, "f": 2.5, "b": True, "s": StructValue("e30="), "p": ProtoValue("t", "AA==")})

    assert found == {
        (False, "t", "text", 1),
        (True, "i", 2.0, 1),
        (True, "f", 2.5, 2),
        (True, "b", 1.0, 3),
        (False, "s", "", 3),
        (False, "p", "", 3),
    }


def test_text_is_whole_up_to_254_characters_and_cut_to_255() -> None:
    assert entries({"t": "😀" * 254}) == {(False, "t", "😀" * 254, 1)}
    assert entries({"t": "😀" * 255}) == {(False, "t", "😀" * 255, 2)}
    assert entries({"t": "😀" * 300}) == {(False, "t", "😀" * 255, 2)}


def test_elements_that_repeat_or_are_cut_alike_have_one_entry() -> None:
    assert list_entries("tasks", ["a", "b", "a"]) == {(False, "tasks", "a", 1), (False, "tasks", "b", 1)}
    assert len(list_entries("tasks", ["x" * 300, "x" * 400])) == 1
