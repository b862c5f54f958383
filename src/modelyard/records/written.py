"""Functions written out for a type, as one would write them by hand were there few types. A loop over the fields costs more than what it
does with them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Argument(NamedTuple):
    """Where a value comes from, in Python, and what changes it on the way, if anything does.

    An `optional` one that is None becomes `absent` instead. With a `name` it is given by that name.
    """

    source: str
    change: Callable[[Any], Any] | None = None
    optional: bool = True
    absent: object = None
    name: str = ""


def written(parameter: str, call: Callable[..., T], arguments: Sequence[Argument]) -> Callable[[Any], T]:
    """A function that calls `call` with these arguments. `parameter` is its own, or names of the values in it with commas
    between.

    Names and sources are of our own fields: nothing that anybody sends is in them.
    """
    made: Callable[[Any], T] = _made(parameter, "call({})", {"call": call}, arguments)
    return made


def written_row(parameter: str, values: Sequence[Argument]) -> Callable[[Any], tuple[Any, ...]]:
    """As `written`, of a function that makes a tuple of the values."""
    made: Callable[[Any], tuple[Any, ...]] = _made(parameter, "({},)", {}, values)
    return made


def _made(parameter: str, result: str, names: dict[str, Any], arguments: Sequence[Argument]) -> Any:
    texts = ", ".join(_text(number, argument, names) for number, argument in enumerate(arguments))
    exec(f"def made(given):\n {parameter} = given\n return {result.format(texts)}", names)  # noqa: S102 - as said above
    return names["made"]


def _text(number: int, argument: Argument, names: dict[str, Any]) -> str:
    """The argument in Python. What that refers to is added to `names`."""
    source, change, optional, absent, name = argument
    text = source
    if change is not None:
        names[f"change_{number}"] = change
        text = f"change_{number}({source})"
    if optional and (change is not None or absent is not None):
        names[f"absent_{number}"] = absent
        text = f"absent_{number} if {source} is None else {text}"
    return f"{name}={text}" if name else text
