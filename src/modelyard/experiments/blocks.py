"""Long series in few words: blocks that sum up stretches of points, and what is kept of a series when it is thinned.

A series is the points of one metric of one run in order of arrival, which is that of their ids; steps may jump about. Its blocks sum up
`SIZE` points each, the last one perhaps fewer, from the first point on and without a gap. Points after the last block are loose: a point
that comes alone is rarely worth the cost of bringing the blocks up to date, so `due` picks some that do it for those before them.
Values are finite: what brings others is refused before it comes here.
"""

from collections.abc import Sequence
from operator import itemgetter

import msgspec

SIZE = 100
"""Points in a block."""
FEWEST = 4
"""Points that a thinned series has room for, at least: the first, the last, the lowest and the highest."""

Seen = tuple[int, float, int | None]
"""What a block is made of: a point's id, value and step."""
Cell = Sequence[float]
"""Begins with the lowest value, the id of its point, the highest value and the id of its point: a block as stored, or a point."""

_MIXER = 0x9E3779B97F4A7C15
_lowest, _highest = itemgetter(0), itemgetter(2)


class Block(msgspec.Struct, frozen=True):
    """The `number`-th block of a series. Of points with one value the first counts. `steps` is how many points have a step."""

    low: float
    low_id: int
    high: float
    high_id: int
    first_id: int
    last_id: int
    points: int
    steps: int
    low_step: int | None
    high_step: int | None
    number: int


def due(turn: int) -> bool:
    """Whether a point that comes alone brings its blocks up to date: at one of 64 turns, in no pattern that ids or counts could have."""
    return (turn * _MIXER & 0xFFFF_FFFF_FFFF_FFFF) >> 58 == 0


def grown(last: Block | None, points: Sequence[Seen]) -> list[Block]:
    """The blocks that points after `last` change or begin: `last` comes first, longer, if it had room."""
    made = []
    room = 0 if last is None else min(SIZE - last.points, len(points))
    if last is not None and room:
        made.append(_joined(last, _block(last.number, points[:room])))
    number = 0 if last is None else last.number + 1
    for start in range(room, len(points), SIZE):
        made.append(_block(number, points[start : start + SIZE]))
        number += 1
    return made


def _block(number: int, points: Sequence[Seen]) -> Block:
    ids, values, told = zip(*points, strict=True)
    low, high = min(values), max(values)
    steps = [step for step in told if step is not None]
    return Block(
        low=low,
        low_id=ids[values.index(low)],
        high=high,
        high_id=ids[values.index(high)],
        first_id=ids[0],
        last_id=ids[-1],
        points=len(ids),
        steps=len(steps),
        low_step=min(steps, default=None),
        high_step=max(steps, default=None),
        number=number,
    )


def _joined(one: Block, more: Block) -> Block:
    low = more if more.low < one.low else one
    high = more if more.high > one.high else one
    return Block(
        low=low.low,
        low_id=low.low_id,
        high=high.high,
        high_id=high.high_id,
        first_id=one.first_id,
        last_id=more.last_id,
        points=one.points + more.points,
        steps=one.steps + more.steps,
        low_step=min((step for step in (one.low_step, more.low_step) if step is not None), default=None),
        high_step=max((step for step in (one.high_step, more.high_step) if step is not None), default=None),
        number=one.number,
    )


def thinned(cells: Sequence[Cell], first_id: int, last_id: int, most: int) -> list[int]:
    """Ids, ascending, of at most `most` (at least `FEWEST`) points that show the shape of a series.

    These are the first and the last, and the lowest and the highest of each of as many stretches of equally many cells as there is room
    for. `cells` are the series in order.
    """
    length = -(-len(cells) // ((most - 2) // 2)) or 1
    kept = {first_id, last_id}
    for start in range(0, len(cells), length):
        stretch = cells[start : start + length]
        kept.add(int(min(stretch, key=_lowest)[1]))
        kept.add(int(max(stretch, key=_highest)[3]))
    return sorted(kept)
