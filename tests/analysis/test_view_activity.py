import math

import pytest
import torch

from tamis.analysis.view_activity import SAMPLES, ViewCounts, surviving
from tamis.layers import CompetitiveFilter

ROWS, VIEWS, WIDTH, ITERATIONS, GROUPS, SIZE = 22, 3, 7, 4, 2, 3


def naive_steps(z: list[float], rates: list[float]) -> list[list[float]]:
    x = [max(value, 0.0) for value in z]
    steps = [x]
    for rate in rates:
        drop = rate * sum(x) / len(x)
        x = [max(value - drop, 0.0) for value in x]
        steps.append(x)
    return steps


def jaccard(one: set[int], other: set[int]) -> float | None:
    return len(one & other) / len(one | other) if one | other else None


def mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


@pytest.fixture
def made():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(ROWS, VIEWS, WIDTH, generator=generator, dtype=torch.float64)
    z[:, 0, 2] = -1.0  # a dead dimension
    z[:, 1, 4] = 50.0  # one that always wins
    z[3, 2] = -1.0  # a row on which a view keeps nothing
    alpha = torch.rand(VIEWS, ITERATIONS, generator=generator, dtype=torch.float64)
    weight = torch.randn(VIEWS, WIDTH, GROUPS * SIZE, generator=generator, dtype=torch.float64)
    inputs = torch.randn(ROWS, GROUPS * SIZE, generator=generator, dtype=torch.float64)
    return z, alpha, weight, inputs


@pytest.fixture
def kept(made):
    """For each iteration, row and view the set of dimensions that are left, by loops."""
    z, alpha, *_ = made
    steps = [[naive_steps(z[row, view].tolist(), alpha[view].tolist()) for view in range(VIEWS)] for row in range(ROWS)]
    return [
        [[{i for i, x in enumerate(view[t]) if x != 0} for view in row] for row in steps] for t in range(ITERATIONS + 1)
    ]


@pytest.fixture
def activity(made):
    z, alpha, weight, inputs = made
    counts = ViewCounts(alpha=alpha, width=WIDTH, weight=weight, groups=GROUPS)
    for part in (slice(0, 12), slice(12, None)):
        counts.add(z[part], inputs[part])
    return counts.result()


def test_what_is_left_after_each_iteration_is_the_papers_loop_and_ends_as_the_filter_does(made):
    z, alpha, *_ = made
    found = list(surviving(z, alpha))
    for row in range(ROWS):
        for view in range(VIEWS):
            for step, expected in zip(found, naive_steps(z[row, view].tolist(), alpha[view].tolist()), strict=True):
                assert step[row, view].tolist() == pytest.approx(expected)
    sieve = CompetitiveFilter(views=VIEWS, width=WIDTH, iterations=ITERATIONS).double()
    sieve.alpha.data = alpha
    torch.testing.assert_close(found[-1], sieve(z))


def test_zeros_and_their_spread_are_those_of_loops_over_rows(activity, kept):
    for view in range(VIEWS):
        for t in range(ITERATIONS + 1):
            zeros = [1 - len(kept[t][row][view]) / WIDTH for row in range(ROWS)]
            assert activity.zeros[t, view].item() == pytest.approx(mean(zeros), abs=1e-6)
        spread = math.sqrt(sum((share - mean(zeros)) ** 2 for share in zeros) / ROWS)
        assert activity.zeros_spread[view].item() == pytest.approx(spread, abs=1e-6)
    assert activity.rows == ROWS


def test_planted_dead_winning_and_empty_ones_are_found(activity, kept):
    for view in range(VIEWS):
        sets = [kept[-1][row][view] for row in range(ROWS)]
        dead = sum(all(i not in own for own in sets) for i in range(WIDTH))
        always = sum(all(i in own for own in sets) for i in range(WIDTH))
        assert (activity.dead[view] * WIDTH, activity.always[view] * WIDTH) == (dead, always)
        assert activity.empty[view].item() == pytest.approx(sum(not own for own in sets) / ROWS)
    assert activity.dead[0] > 0 and activity.always[1] > 0 and activity.empty[2] > 0


def test_overlaps_are_jaccard_indices_averaged_over_rows(activity, kept):
    for one in range(VIEWS):
        for other in range(VIEWS):
            pairs = [(kept[-1][row][one], kept[-1][row][other]) for row in range(ROWS)]
            assert activity.overlap[one, other].item() == pytest.approx(mean([jaccard(*p) for p in pairs]), abs=1e-6)
            by_chance = [
                len(a) * len(b) / WIDTH / (len(a) + len(b) - len(a) * len(b) / WIDTH) for a, b in pairs if a or b
            ]
            assert activity.chance_overlap[one, other].item() == pytest.approx(mean(by_chance), abs=1e-6)
        rows = [*zip(range(6), range(6, 12), strict=True), *zip(range(12, 17), range(17, 22), strict=True)]
        between = [jaccard(kept[-1][here][one], kept[-1][there][one]) for here, there in rows]
        assert activity.row_overlap[one].item() == pytest.approx(mean(between), abs=1e-6)


def naive_shares(weight, row, kept: set[int]) -> list[float] | None:
    """To each group the sizes of all products that made what is kept, as a share of them all."""
    sums = [
        sum(abs(weight[i, d] * row[d]).item() for i in kept for d in range(group * SIZE, (group + 1) * SIZE))
        for group in range(GROUPS)
    ]
    return [part / sum(sums) for part in sums] if kept else None


def test_groups_are_those_that_made_what_each_row_keeps(activity, kept, made):
    _, _, weight, inputs = made
    rows = [
        [naive_shares(weight[view], inputs[row], kept[-1][row][view]) for view in range(VIEWS)] for row in range(ROWS)
    ]
    for view in range(VIEWS):
        every = [naive_shares(weight[view], inputs[row], set(range(WIDTH))) for row in range(ROWS)]
        for group in range(GROUPS):
            of_rows = [row[view][group] for row in rows if row[view] is not None]
            assert activity.groups[view, group].item() == pytest.approx(mean(of_rows), abs=1e-6)
            spread = math.sqrt(sum((x - mean(of_rows)) ** 2 for x in of_rows) / len(of_rows))
            assert activity.groups_spread[view, group].item() == pytest.approx(spread, abs=1e-6)
            projected = mean([shares[group] for shares in every])
            assert activity.projected_groups[view, group].item() == pytest.approx(projected, abs=1e-6)
    assert activity.samples.shape == (SAMPLES, GROUPS)
    for row, sample in zip(rows, activity.samples, strict=False):
        known = [view for view in row if view is not None]
        assert sample.tolist() == pytest.approx([mean([view[group] for view in known]) for group in range(GROUPS)])


def test_two_rows_that_keep_the_same_dimension_may_have_it_from_different_fields():
    """What weights alone cannot say: the size of the row's own numbers decides."""
    counts = ViewCounts(alpha=torch.zeros(1, 1), width=1, weight=torch.ones(1, 1, 2), groups=2)
    counts.add(torch.ones(2, 1, 1), torch.tensor([[3.0, 1.0], [0.0, -2.0]]))
    found = counts.result()
    assert found.samples.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert found.groups.tolist() == [[0.375, 0.625]]


def test_the_size_of_batches_changes_nothing_but_the_rows_that_are_paired(made, activity):
    z, alpha, weight, inputs = made
    counts = ViewCounts(alpha=alpha, width=WIDTH, weight=weight, groups=GROUPS)
    for row, of_row in zip(z, inputs, strict=True):
        counts.add(row.unsqueeze(0), of_row.unsqueeze(0))
    found = counts.result()
    for name in ("zeros", "zeros_spread", "dead", "always", "empty", "overlap", "chance_overlap", "groups", "samples"):
        torch.testing.assert_close(getattr(found, name), getattr(activity, name), rtol=1e-6, atol=1e-6)
    assert found.row_overlap.isnan().all()


def test_without_rates_it_is_a_plain_relu():
    counts = ViewCounts(alpha=torch.empty(1, 0), width=4)
    counts.add(torch.tensor([[[1.0, -1.0, 0.0, 2.0]], [[1.0, 1.0, -1.0, -2.0]]]))
    found = counts.result()
    assert found.zeros.tolist() == [[0.5]]
    assert found.dead.tolist() == [0.25]
    assert found.groups is None


def test_a_negative_rate_wakes_everything():
    counts = ViewCounts(alpha=torch.tensor([[0.5, -0.5]]), width=3)
    counts.add(torch.tensor([[[3.0, -1.0, -1.0]]]))
    assert counts.result().zeros.flatten().tolist() == pytest.approx([2 / 3, 2 / 3, 0.0])
