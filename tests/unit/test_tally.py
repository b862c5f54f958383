from modelyard.tally import Histogram


def test_a_value_on_a_bound_belongs_to_it() -> None:
    histogram = Histogram((1, 2, 4))
    for value in (0.5, 1, 1.5, 4, 5, 100):
        histogram.add(value)
    assert histogram.counts == [2, 1, 1, 2]
    assert histogram.total == 112
