"""Functions written out for a type, as one would write them by hand were there few types. A loop over the fields costs more than what it
does with them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Argument(NamedTuple):
    """Where a value comes from, in Python, and what changes it on the way, if anything does. An `optional` one stays None where it is."""

    source: str
    change: Callable[[Any], Any] | None = None
    optional: bool = True


def written(parameter: str, call: Callable[..., T], arguments: Sequence[Argument]) -> Callable[[Any], T]:
    """A function that calls `call` with these arguments. `parameter` is its own, or names of the values in it with commas
    between.

    Names and sources are of our own fields: nothing that anybody sends is in them.
    """
    names: dict[str, Any] = {"call": call}
    texts = []
    for number, (source, change, optional) in enumerate(arguments):
        if change is None:
            texts.append(source)
            continue
        names[f"change_{number}"] = change
        texts.append(f"change_{number}({source})" if not optional else f"None if {source} is None else change_{number}({source})")
    exec(f"def made(given):\n {parameter} = given\n return call({', '.join(texts)})", names)  # noqa: S102 - as said above
    made: Callable[[Any], T] = names["made"]
    return made
