from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties, ProtoValue, StructValue
from modelyard.records.property_index import Entries, Entry


def of_model(properties: Properties) -> Entries:
    found = Entries()
    found.add(1, Kind.MODEL, 7, properties)
    return found


def tasks(*texts: str) -> set[Entry]:
    found = Entries()
    found.add_list(1, Kind.MODEL, 7, "tasks", texts)
    assert not found.numbers
    return found.texts


def test_each_type_has_its_entry() -> None:
    found = of_model({"t": "text", "i": 2, "f": 2.5, "b": True, "s": StructValue("e30="), "p": ProtoValue("t", "AA==")})

    assert found.texts == {(1, 1, "t", "text", 7, 1), (1, 1, "s", "", 7, 3), (1, 1, "p", "", 7, 3)}
    assert found.numbers == {(1, 1, "i", 2.0, 7, 1), (1, 1, "f", 2.5, 7, 2), (1, 1, "b", 1.0, 7, 3)}
    assert {type(entry[3]) for entry in found.numbers} == {float}


def test_text_is_whole_up_to_254_characters_and_cut_to_255() -> None:
    assert of_model({"t": "😀" * 254}).texts == {(1, 1, "t", "😀" * 254, 7, 1)}
    assert of_model({"t": "😀" * 255}).texts == {(1, 1, "t", "😀" * 255, 7, 2)}
    assert of_model({"t": "😀" * 300}).texts == {(1, 1, "t", "😀" * 255, 7, 2)}


def test_elements_that_repeat_or_are_cut_alike_have_one_entry() -> None:
    assert tasks("a", "b", "a") == {(1, 101, "tasks", "a", 7, 1), (1, 101, "tasks", "b", 7, 1)}
    assert len(tasks("x" * 300, "x" * 400)) == 1
