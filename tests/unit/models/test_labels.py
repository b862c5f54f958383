import pytest

from modelyard.errors import Invalid
from modelyard.models.labels import labelled, labels_of
from modelyard.records.properties import Properties

PROPERTIES: Properties = {"b": "", "text": "x", "zero": 0, "a": "", "no": False}


def test_labels_are_the_empty_texts_in_their_order() -> None:
    assert labels_of(PROPERTIES) == ["b", "a"]


def test_new_labels_replace_the_old_and_nothing_else() -> None:
    after = labelled(PROPERTIES, ("c", "a", "c"))

    assert list(after.items()) == [("text", "x"), ("zero", 0), ("no", False), ("c", ""), ("a", "")]
    assert labels_of(after) == ["c", "a"]


@pytest.mark.parametrize("name", ["text", "zero", "no"])
def test_a_property_with_a_value_is_never_overwritten(name: str) -> None:
    with pytest.raises(Invalid, match=f"tags is '{name}': a custom property of this name has a value"):
        labelled(PROPERTIES, ("c", name))
