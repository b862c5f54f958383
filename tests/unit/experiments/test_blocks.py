"""Blocks say what their points say, however these came; a thinned series shows its shape."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from modelyard.experiments.blocks import FEWEST, SIZE, Block, Cell, Seen, due, grown, thinned

VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float)
STEPS = st.none() | st.integers(-(2**63), 2**63 - 1)


@st.composite
def series(draw: st.DrawFn, least: int = 1, most: int = 3 * SIZE) -> list[Seen]:
    values = draw(st.lists(st.tuples(VALUES, STEPS), min_size=least, max_size=most))
    start, gap = draw(st.integers(1, 99)), draw(st.integers(1, 9))
    return [(start + gap * place, value, step) for place, (value, step) in enumerate(values)]


def blocks_of(points: list[Seen], cuts: list[int]) -> list[Block]:
    """The blocks after the points came in batches, cut at these places."""
    places = sorted({0, len(points), *[cut % (len(points) + 1) for cut in cuts]})
    kept: list[Block] = []
    for start, end in pairwise(places):
        made = grown(kept[-1] if kept else None, points[start:end])
        if kept and made and made[0].number == kept[-1].number:
            kept.pop()
        kept += made
    return kept


@given(series(), st.lists(st.integers(0, 10**6), max_size=9))
def test_batches_of_any_size_leave_the_same_blocks(points: list[Seen], cuts: list[int]) -> None:
    assert blocks_of(points, cuts) == blocks_of(points, [])


@given(series())
def test_a_block_says_what_its_points_say(points: list[Seen]) -> None:
    blocks = blocks_of(points, [])
    assert [block.number for block in blocks] == list(range(-(-len(points) // SIZE)))
    for block in blocks:
        own = points[block.number * SIZE :][:SIZE]
        ids, values, steps = [one[0] for one in own], [one[1] for one in own], [one[2] for one in own if one[2] is not None]
        assert (block.first_id, block.last_id, block.points) == (ids[0], ids[-1], len(own))
        assert (block.low, block.high) == (min(values), max(values))
        assert (block.low_id, block.high_id) == (ids[values.index(min(values))], ids[values.index(max(values))])
        assert (block.steps, block.low_step, block.high_step) == (len(steps), min(steps, default=None), max(steps, default=None))


@given(series(most=500), st.integers(FEWEST, 60), st.integers(0, 4))
def test_thinning_keeps_ends_and_extremes_and_nothing_that_is_not_there(points: list[Seen], most: int, in_blocks: int) -> None:
    """A series may be given as points, as blocks, or as blocks with loose points after them."""
    blocks = blocks_of(points[: in_blocks * SIZE], []) if in_blocks else []
    loose = points[len(points[: in_blocks * SIZE]) :]
    cells: list[Cell] = [(block.low, block.low_id, block.high, block.high_id) for block in blocks]
    cells += [(value, id_, value, id_) for id_, value, _ in loose]

    ids = thinned(cells, points[0][0], points[-1][0], most)

    values = {id_: value for id_, value, _ in points}
    assert ids == sorted(set(ids))
    assert len(ids) <= most
    assert set(ids) <= set(values)
    assert {points[0][0], points[-1][0]} <= set(ids)
    kept = [values[id_] for id_ in ids]
    assert (min(kept), max(kept)) == (min(values.values()), max(values.values()))


@given(series(least=40, most=400), st.integers(10, 30))
def test_every_stretch_keeps_its_lowest_and_its_highest(points: list[Seen], most: int) -> None:
    kept = set(thinned([(value, id_, value, id_) for id_, value, _ in points], points[0][0], points[-1][0], most))
    length = -(-len(points) // ((most - 2) // 2))
    for start in range(0, len(points), length):
        stretch = points[start : start + length]
        values = [value for _, value, _ in stretch]
        own = [value for id_, value, _ in stretch if id_ in kept]
        assert (min(own), max(own)) == (min(values), max(values))


def test_no_pattern_of_ids_is_never_due() -> None:
    for stride in (1, 2, 3, 5, 8, 64, 100, 128, 1000, 4096):
        places = [place for place in range(5_000) if due(7 + stride * place)]
        assert 5_000 / 64 / 2 < len(places) < 5_000 / 64 * 2, stride
        assert max(after - before for before, after in pairwise([0, *places, 5_000])) < 1_000, stride
