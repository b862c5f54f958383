"""Between the wire's structs and the domain's, both ways, by field name.

Most fields have one name in both worlds; `DOMAIN_NAMES` lists the others. How a value changes on the way follows from the two types:
an integer of the domain is text on the wire, an enum changes class, custom properties have a shape of their own. Plans are made once
per pair of types.
"""

import functools
import typing
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from modelyard.api.kubeflow.decode import parse_id, parse_int64
from modelyard.api.kubeflow.filter import ByLiteral, Names
from modelyard.api.kubeflow.properties import from_properties, to_properties
from modelyard.api.kubeflow.refusals import BadRequest, LateBadRequest, NothingFound
from modelyard.api.kubeflow.vocabulary import ENVIRONMENT
from modelyard.api.kubeflow.wire import Wire
from modelyard.records.record import NewRecord, Record
from modelyard.records.written import Argument, written

C = TypeVar("C", bound=msgspec.Struct)

DOMAIN_NAMES = {
    "custom_properties": "properties",
    "create_time_since_epoch": "created_at",
    "last_update_time_since_epoch": "updated_at",
    "registered_model_id": "model_id",
    "model_version_id": "version_id",
    "serving_environment_id": "environment_id",
    "experiment_run_id": "run_id",
    "start_time_since_epoch": "started_at",
    "end_time_since_epoch": "ended_at",
}
_ID_LABELS = {
    "model_id": "registered model",
    "version_id": "model version",
    "environment_id": "serving environment",
    "experiment_id": "experiment",
    "service_id": "inference service",
}
_INTEGERS = {"started_at": "StartTimeSinceEpoch", "ended_at": "EndTimeSinceEpoch", "step": "Step"}

_LARGE = 2**63
"""From here on the encoder has no integers."""

Convert = Callable[[Any], Any] | None


def shower(entity: type[Record], wire: type[Wire], names: Mapping[str, str] = DOMAIN_NAMES) -> Callable[[Any], msgspec.Struct]:
    """A function that makes of an entity what is encoded as the wire's struct."""
    kept, shown = typing.get_type_hints(entity), typing.get_type_hints(wire)
    sources = [(attribute, names.get(attribute, attribute)) for attribute in wire.__struct_fields__]
    arguments = [
        Argument(f"record.{name}", _outward(name, kept[name], shown[attribute]), optional=type(None) in _members(kept[name]))
        for attribute, name in sources
    ]
    return written("record", _positional(wire), arguments)


def _positional(wire: type[Wire]) -> type[msgspec.Struct]:
    """The same struct for encoding only: made of all its fields in order, of which those that are None are left out.

    `gc=False`: a list answer holds hundreds of them, and none can be part of a cycle.
    """
    config = wire.__struct_config__
    fields = msgspec.structs.fields(wire)
    return msgspec.defstruct(
        wire.__name__,
        [(field.name, Any, None) for field in fields],
        rename={field.name: field.encode_name for field in fields},
        tag_field=config.tag_field,
        tag=config.tag,
        omit_defaults=True,
        gc=False,
    )


def command(target: type[C], body: Wire, **own: Any) -> C:
    """The domain's command that a body asks for.

    Fields come from the body by name, or from `own`, which wins. In a patch what the body leaves out is unsaid.
    """
    make: Callable[[Any], C] = _commander(target, type(body), tuple(own))
    try:
        return make((body, *own.values()))
    except LateBadRequest:
        raise
    except BadRequest as error:  # what a value says is looked at after the record or parent was, where the original does so
        raise LateBadRequest(error.message) from error


@functools.cache
def _commander(target: type[C], body: type[Wire], own: tuple[str, ...]) -> Callable[[Any], C]:
    """A function that makes the command of a body and what goes by these names, which follows it."""
    hints, unsaid = typing.get_type_hints(target), _defaults(target)
    if issubclass(target, NewRecord):  # a record is to be made: what the body leaves out is None, and not unsaid
        unsaid = {"properties": unsaid["properties"]}
    pairs = [(attribute, DOMAIN_NAMES.get(attribute, attribute)) for attribute in body.__struct_fields__]
    arguments = [
        Argument(f"body.{attribute}", _inward(name, hints[name]), absent=unsaid.get(name), name=name)
        for attribute, name in pairs
        if name in hints and name not in own
    ]
    return written(", ".join(("body", *own, "")), target, [*arguments, *[Argument(name, name=name) for name in own]])


def _defaults(target: type[msgspec.Struct]) -> dict[str, object]:
    """What the fields are that are not given, of those that may be left out."""
    fields = {field.name: field for field in msgspec.structs.fields(target)}
    made = {name: field.default_factory() for name, field in fields.items() if field.default_factory is not msgspec.NODEFAULT}
    return made | {name: field.default for name, field in fields.items() if field.default is not msgspec.NODEFAULT}


def filter_names(*shown: type[Wire], **more: str | ByLiteral) -> Names:
    """Every public field of what a list shows, by its wire name, for filters. `more` adds or replaces."""
    names: dict[str, str | ByLiteral] = {}
    for wire in shown:
        for field in msgspec.structs.fields(wire):
            if field.name != "custom_properties":
                names[field.encode_name] = DOMAIN_NAMES.get(field.name, field.name)
    return names | more


def reference(field: str, text: str) -> int:
    """The id in a body or path of the record that this domain field refers to. Raises `BadRequest` when it is no number.

    For an environment's the original answers 404 instead: what cannot be an id is the id of nothing.
    """
    try:
        return parse_id(_ID_LABELS[field], text)
    except BadRequest:
        if field == "environment_id":
            raise NothingFound(ENVIRONMENT.missing(text)) from None
        raise


def _plain_number(value: float) -> float:
    """A metric's whole number without its `.0`, as the original writes it."""
    return int(value) if value.is_integer() and abs(value) < _LARGE else value


def _members(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) or (hint,)


def _is_integer(hint: Any) -> bool:
    return any(getattr(member, "__supertype__", member) is int for member in _members(hint))


def _outward(name: str, kept: Any, shown: Any) -> Convert:
    if name == "properties":
        return from_properties
    if float in _members(kept):
        return _plain_number
    return str if _is_integer(kept) and str in _members(shown) else None


def _inward(name: str, hint: Any) -> Convert:
    if name == "properties":
        return to_properties
    for member in _members(hint):
        if isinstance(member, type) and issubclass(member, StrEnum):
            return {item.value: item for item in member}.__getitem__  # a member of the wire's enum is the same text
        if typing.get_origin(member) is tuple:
            return tuple
    if not _is_integer(hint):
        return None
    if name in _ID_LABELS:
        return functools.partial(reference, name)
    return functools.partial(_integer, _INTEGERS[name])


def _integer(label: str, value: int | str) -> int:
    return parse_int64(label, value) if isinstance(value, str) else value
