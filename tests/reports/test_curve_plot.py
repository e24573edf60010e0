from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.reports.curve_plot import spread


@settings(deadline=None, max_examples=100)
@given(wanted=st.lists(st.floats(0, 10), max_size=12), gap=st.floats(0.1, 2))
def test_labels_keep_their_order_and_their_distance(wanted, gap):
    heights = spread(wanted, gap=gap)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [heights[i] for i in order]
    assert all(second - first >= gap - 1e-9 for first, second in zip(placed, placed[1:], strict=False))


def test_labels_that_do_not_meet_stay():
    assert spread([3.0, 1.0, 2.0], gap=1.0) == [3.0, 1.0, 2.0]


def test_labels_that_meet_move_apart_around_their_middle():
    assert spread([1.0, 1.0, 1.0], gap=2.0) == [-1.0, 1.0, 3.0]
