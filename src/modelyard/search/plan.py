"""Which rows to look at for a filter: the few that an index names, or one after the other in order.

Some conditions have an index that names their rows: those can be *counted*, up to a limit. A whole filter is as small as the smallest
term of its And, and an Or is as large as its terms together; what is under a Not, or has no index, may be anything. When few rows are
named, they are the *candidates*, and only those are tested. Otherwise the list is walked in its order; where that is the order of ids
and some condition's index keeps its ids in order, only along those (a *stream*).

What the database tests, and not the caller, is what it can tell of a row at once: its columns, and of candidates whether the index has
one certain entry. (Of rows that are walked, the caller knows their properties sooner than the index.) `on_row` is the filter with the
rest taken for true.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import takewhile

import msgspec

from modelyard.search.shape import FALSE, TRUE, Shape
from modelyard.search.tree import Operator

MANY = 2_000
"""Rows from which on they are walked rather than looked up."""
MAX_COUNTED = 16
"""Conditions that are counted for one list. The others may be anything."""
SHORT = 8
"""Values that are looked for one after the other in each row, at most."""
_LOWER, _UPPER = (Operator.GT, Operator.GE), (Operator.LT, Operator.LE)


class Index(msgspec.Struct, frozen=True):
    """An index of a kind's table without the project and the trash, which `scoped` says whether it begins with."""

    columns: tuple[str, ...]
    scoped: bool
    unique: bool
    name: str = ""


Indexes = tuple[Index, ...]


class Candidates(msgspec.Struct, frozen=True):
    """Every row that the filter can select is named by one of `sources`; these are `size` rows at most.

    `held` are the nodes of the filter that all of them satisfy.
    """

    sources: tuple[Shape, ...]
    size: int
    held: frozenset[Shape]


def countable(shape: Shape, indexes: Indexes) -> tuple[Shape, ...]:
    """The conditions to be counted. What one index answers together is also counted together, as an `and`: equalities of its columns, and
    two bounds of one value.
    """
    led = {index.columns[0] for index in indexes}
    leaves = [leaf for leaf in _leaves(shape) if _is_indexed(leaf, led)]
    together = [("and", *keys) for index in indexes if len(keys := _keys(shape, index)) > 1]
    return tuple(dict.fromkeys([*together, *_ranges(shape, led), *leaves]))[:MAX_COUNTED]


def _ranges(shape: Shape, led: Collection[str]) -> list[Shape]:
    """Pairs of a necessary lower and a necessary upper bound of one number property or indexed column."""
    compared = [term for term in shape[1:] if term[0] in ("number", "compare")] if shape[0] == "and" else []
    low, high = ({_bounded(term): term for term in compared if term[3] in operators} for operators in (_LOWER, _UPPER))
    return [("and", low[value], high[value]) for value in low if value in high and (value[0] == "number" or value[1] in led)]


def _bounded(leaf: Shape) -> Shape:
    """What a comparison is about."""
    return ("number", leaf[4], leaf[2]) if leaf[0] == "number" else ("compare", leaf[2])


def _keys(shape: Shape, index: Index) -> list[Shape]:
    """The necessary equalities of the index's columns, from its first column on."""
    terms = shape[1:] if shape[0] == "and" else (shape,)
    equal = {term[2]: term for term in terms if term[0] == "compare" and term[3] is Operator.EQ}
    return [equal[column] for column in takewhile(equal.__contains__, index.columns)]


def _leaves(shape: Shape) -> Iterator[Shape]:
    if shape[0] in ("and", "or"):
        for term in shape[1:]:
            yield from _leaves(term)
    else:
        yield shape


def _is_indexed(leaf: Shape, led: Iterable[str]) -> bool:
    match leaf:
        case ("compare", _, column, operator):
            return column in led and operator is not Operator.NE
        case ("among", _, column, _):
            return column in led
        case ("like", _, column, _, bounded):
            return bounded and column in led
        case ("text like", _, _, _, _, bounded):
            return bool(bounded)
        case ("number", _, _, operator, _) | ("text", _, _, operator) | ("link", _, _, operator):
            return operator is not Operator.NE
    return leaf[0] in ("links", "number any", "text any", "texts", "property exists")


def certain(leaves: Iterable[Shape], indexes: Indexes) -> dict[Shape, int]:
    """The counts that need no counting: of columns whose values are unique."""
    unique = {index.columns for index in indexes if index.unique}
    return {leaf: size for leaf in leaves if (size := _certain(leaf, unique)) is not None}


def _certain(leaf: Shape, unique: Collection[tuple[str, ...]]) -> int | None:
    match leaf:
        case ("and", *keys) if keys[0][0] == "compare" and tuple(key[2] for key in keys) in unique:
            return 1
        case ("compare", _, column, Operator.EQ) if (column,) in unique:
            return 1
        case ("among", _, column, int(length)) if (column,) in unique and length <= MANY:
            return length
    return None


def candidates(shape: Shape, counts: Mapping[Shape, int]) -> Candidates | None:
    """The smallest choice that the counts allow; None when too many rows may be selected. What is not counted may be anything."""
    match shape:
        case ("and", *terms):
            found = [one for term in terms if (one := candidates(term, counts)) is not None]
            together = [leaf for leaf in counts if leaf[0] == "and" and set(terms).issuperset(leaf[1:])]
            found += [Candidates((leaf,), counts[leaf], frozenset(leaf[1:])) for leaf in together if counts[leaf] <= MANY]
            best = min(found, key=lambda one: one.size, default=None)
            return best if best is None or len(terms) > 1 else _holding(best, shape, all_=terms)
        case ("or", *terms):
            parts = [candidates(term, counts) for term in terms]
            chosen = [part for part in parts if part is not None]
            size = sum(part.size for part in chosen)
            if len(chosen) < len(parts) or size > MANY:
                return None
            # Rows come from one part or another: what all of them satisfy is at most the Or itself.
            merged = Candidates(tuple(dict.fromkeys(source for part in chosen for source in part.sources)), size, frozenset())
            return merged if any(term not in part.held for term, part in zip(terms, chosen, strict=True)) else _holding(merged, shape)
        case ("false",):
            return Candidates((), 0, frozenset([shape]))
    size = counts.get(shape, MANY + 1)
    return Candidates((shape,), size, frozenset([shape])) if size <= MANY else None


def _holding(found: Candidates, shape: Shape, all_: Iterable[Shape] = ()) -> Candidates:
    holds = all(term in found.held for term in all_)
    return msgspec.structs.replace(found, held=found.held | {shape}) if holds else found


def stream(shape: Shape, indexes: Indexes) -> tuple[Shape, ...]:
    """Conditions, all necessary, whose index has the ids that satisfy them in order; empty when there are none.

    An index of the table that the conditions fill up to the id is best, for it belongs to a parent; then a link; then a property.
    """
    terms = shape[1:] if shape[0] == "and" else (shape,)
    for index in indexes:
        keys = _keys(shape, index)
        if keys and index.columns[len(keys) :] == ("id",):
            return tuple(keys)
    for kind in ("link", "text", "number"):
        for term in terms:
            if term[0] == kind and term[3] is Operator.EQ:
                return (term,)
    return ()


def is_parent(shape: Shape, indexes: Indexes) -> bool:
    """Whether it asks for the children of one parent, and nothing else."""
    if shape[0] != "compare" or shape[3] is not Operator.EQ:
        return False
    return any(index.columns == (shape[2], "id") and not index.scoped for index in indexes)


def selective(shape: Shape, indexes: Indexes) -> bool:
    """Whether an indexed equality is among the conditions that must all hold."""
    kind, *parts = shape
    if kind == "and":
        return any(selective(part, indexes) for part in parts)
    led = {index.columns[0] for index in indexes}
    return kind == "link" or (kind == "compare" and parts[2] is Operator.EQ and parts[1] in led)


def on_row(shape: Shape, held: frozenset[Shape], *, by_index: bool) -> tuple[Shape, bool]:
    """The filter as far as the database can tell it of one row, and whether that is all of it.

    The nodes `held` are known to be true; `by_index` says whether to look for single entries in the property index.
    """
    exact = True

    def reduced(node: Shape, *, negated: bool) -> Shape:
        nonlocal exact
        if node in held:
            return TRUE
        match node:
            case ("and", *terms):
                return _joined("and", [reduced(term, negated=negated) for term in terms], TRUE, FALSE)
            case ("or", *terms):
                return _joined("or", [reduced(term, negated=negated) for term in terms], FALSE, TRUE)
            case ("not", term):
                inner = reduced(term, negated=not negated)
                return {TRUE: FALSE, FALSE: TRUE}.get(inner) or ("not", inner)
        if node[0] in _BY_COLUMN or (by_index and _is_entry(node)):
            return node
        exact = False
        return FALSE if negated else TRUE

    return reduced(shape, negated=False), exact


def _joined(kind: str, terms: list[Shape], neutral: Shape, decisive: Shape) -> Shape:
    left = [term for term in terms if term != neutral]
    if decisive in left:
        return decisive
    return (kind, *left) if len(left) > 1 else left[0] if left else neutral


_BY_COLUMN = frozenset(["exists", "compare", "among", "like", "list any", "link", "links", "true", "false"])


def _is_entry(leaf: Shape) -> bool:
    match leaf:
        case ("number", _, _, operator, _) | ("text", _, _, operator):
            return operator is Operator.EQ
        case ("texts", _, _, int(length)):
            return length <= SHORT
    return False
