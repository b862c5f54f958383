"""Labels: words that people put on a model. Each is a custom property with an empty text, which is how Kubeflow's UI keeps its own."""

from modelyard.errors import invalid
from modelyard.records.properties import Properties


def labels_of(properties: Properties) -> list[str]:
    """In the order in which they were put on."""
    return [key for key, value in properties.items() if value == ""]


def labelled(properties: Properties, labels: tuple[str, ...]) -> Properties:
    """The properties with these labels and no others. Raises `Invalid` for one that is the name of a property with a value."""
    kept = {key: value for key, value in properties.items() if value != ""}
    for label in labels:
        if label in kept:
            invalid("tags", label, "a custom property of this name has a value; choose another word")
    return {**kept, **dict.fromkeys(labels, "")}
