import math

import pytest
import torch

from tamis.analysis.view_activity import ViewCounts, surviving
from tamis.layers import CompetitiveFilter

ROWS, VIEWS, WIDTH, ITERATIONS, GROUPS = 22, 3, 7, 4, 2


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
    shares = torch.rand(VIEWS, WIDTH, GROUPS, generator=generator)
    shares = shares / shares.sum(2, keepdim=True)
    return z, alpha, shares


@pytest.fixture
def kept(made):
    """For each iteration, row and view the set of dimensions that are left, by loops."""
    z, alpha, _ = made
    steps = [[naive_steps(z[row, view].tolist(), alpha[view].tolist()) for view in range(VIEWS)] for row in range(ROWS)]
    return [
        [[{i for i, x in enumerate(view[t]) if x != 0} for view in row] for row in steps] for t in range(ITERATIONS + 1)
    ]


@pytest.fixture
def activity(made):
    z, alpha, shares = made
    counts = ViewCounts(alpha=alpha, width=WIDTH, group_shares=shares)
    for part in (z[:12], z[12:]):
        counts.add(part)
    return counts.result()


def test_what_is_left_after_each_iteration_is_the_papers_loop_and_ends_as_the_filter_does(made):
    z, alpha, _ = made
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


def test_groups_are_those_of_what_is_kept(activity, kept, made):
    _, _, shares = made
    for view in range(VIEWS):
        for group in range(GROUPS):
            of_rows = [
                mean([shares[view, i, group].item() for i in kept[-1][row][view]])
                for row in range(ROWS)
                if kept[-1][row][view]
            ]
            assert activity.groups[view, group].item() == pytest.approx(mean(of_rows), abs=1e-6)
            spread = math.sqrt(sum((x - mean(of_rows)) ** 2 for x in of_rows) / len(of_rows))
            assert activity.groups_spread[view, group].item() == pytest.approx(spread, abs=1e-4)
    torch.testing.assert_close(activity.projected_groups, shares.double().mean(1))


def test_the_size_of_batches_changes_nothing_but_the_rows_that_are_paired(made, activity):
    z, alpha, shares = made
    counts = ViewCounts(alpha=alpha, width=WIDTH, group_shares=shares)
    for row in z:
        counts.add(row.unsqueeze(0))
    found = counts.result()
    for name in ("zeros", "zeros_spread", "dead", "always", "empty", "overlap", "chance_overlap", "groups"):
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
