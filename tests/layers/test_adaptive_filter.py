import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tamis.layers import AdaptiveFilter, StaticBlock, StaticFilter, ViewFusion, keep_places, mean_of_views


def kept_by_loops(scores: Tensor, held: Tensor) -> list[list[int]]:
    """``keep_places``, one place at a time."""
    result = []
    for view, row in enumerate(held.tolist()):
        best = set(sorted(range(scores.shape[1]), key=lambda i: -float(scores[view, i]))[: len(row)])
        newcomers = iter(sorted(best - set(row)))
        result.append([dimension if dimension in best else next(newcomers) for dimension in row])
    return result


@pytest.mark.parametrize("width", [1, 3, 7])
def test_who_stays_best_keeps_its_place_and_newcomers_take_the_places_of_those_that_leave(width):
    generator = torch.Generator().manual_seed(width)
    for _ in range(20):
        scores = torch.randn(3, 7, generator=generator)
        held = torch.stack([torch.randperm(7, generator=generator)[:width] for _ in range(3)])
        assert keep_places(scores, held).tolist() == kept_by_loops(scores, held)


@pytest.mark.parametrize(("d_in", "width"), [(30, 8), (8, 8), (5, 12), (6, 12)])
def test_before_training_it_chooses_what_the_static_filter_draws_and_choosing_again_changes_nothing(d_in, width):
    sieve = AdaptiveFilter(d_in=d_in, views=3, width=width, first_seed=1000)
    static = StaticFilter(d_in=d_in, views=3, width=width, first_seed=1000)
    x = torch.randn(4, d_in)
    assert torch.equal(sieve.eval()(x), static(x))
    assert torch.equal(sieve.train()(x), static(x))


def test_in_evaluation_it_is_a_plain_gather_of_the_indices_it_last_trained_with():
    sieve = AdaptiveFilter(d_in=9, views=2, width=4, first_seed=1000)
    first = sieve.choice.indices.clone()
    with torch.no_grad():
        sieve.scores.copy_(torch.randn(2, 9))
    x = torch.randn(5, 9)
    assert torch.equal(sieve.eval()(x), x[:, first])
    trained = sieve.train()(x)
    indices = sieve.choice.indices
    assert [set(view) for view in indices.tolist()] == [set(view) for view in sieve.scores.topk(4).indices.tolist()]
    assert torch.equal(trained, x[:, indices])
    assert torch.equal(sieve.eval()(x), trained)


def test_the_chosen_indices_are_saved_with_the_weights():
    sieve, other = (AdaptiveFilter(d_in=9, views=2, width=4, first_seed=seed) for seed in (1000, 7))
    with torch.no_grad():
        sieve.scores.copy_(torch.randn(2, 9))
    x = torch.randn(5, 9)
    expected = sieve(x)
    other.load_state_dict(sieve.state_dict())
    assert torch.equal(other.eval()(x), expected)


def test_the_gradient_of_the_scores_is_the_documented_one():
    sieve = AdaptiveFilter(d_in=6, views=2, width=3, first_seed=1000).double()
    x, grad = torch.randn(7, 6, dtype=torch.float64, requires_grad=True), torch.randn(7, 2, 3, dtype=torch.float64)
    sieve(x).backward(grad)
    indices = sieve.choice.indices
    for view in range(2):
        asked = torch.zeros(3, 6, dtype=torch.float64)
        for row in range(7):
            for place in range(3):
                for i in range(6):
                    asked[place, i] += grad[row, view, place] * x.detach()[row, i]
        demand = [sum(float(asked[place, i]) ** 2 for place in range(3)) ** 0.5 for i in range(6)]
        for i in range(6):
            expected = -(demand[i] - sum(demand) / 6)
            for place in range(3):
                expected += float(asked[place, i]) if indices[view, place] == i else 0.0
            assert float(sieve.scores.grad[view, i]) == pytest.approx(expected)


def test_the_gradient_of_the_input_is_that_of_the_gather():
    sieve = AdaptiveFilter(d_in=6, views=2, width=4, first_seed=1000)
    x, grad = torch.randn(7, 6), torch.randn(7, 2, 4)
    gradients = []
    for part in (sieve, sieve.choice):
        leaf = x.clone().requires_grad_()
        part(leaf).backward(grad)
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)


def test_a_step_down_the_gradient_of_the_scores_lets_in_the_dimension_that_is_asked_for():
    """One place, held by noise; the loss falls with the covariance of the output and dimension 2."""
    sieve = AdaptiveFilter(d_in=4, views=1, width=1, first_seed=1000)
    held = int(sieve.choice.indices)
    wanted = (held + 1) % 4
    x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(sieve.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (-(sieve(x)[:, 0, 0] * x[:, wanted]).mean()).backward()
        optimizer.step()
    sieve(x)
    assert int(sieve.choice.indices) == wanted


def planted(rows: int, *, is_noise: bool, seed: int) -> tuple[Tensor, Tensor, list[int]]:
    """Labels by six of 48 numbers, alone and in pairs; or by none."""
    random = np.random.default_rng(seed)
    x, known = random.standard_normal((rows, 48)), [0, 8, 16, 24, 32, 40]
    a, b, c, d, e, f = x[:, known].T
    logit = 0.0 * a if is_noise else 1.5 * (a + b - c * d + e * f)
    y = random.random(rows) < 1 / (1 + np.exp(-logit))
    return torch.from_numpy(x).float(), torch.from_numpy(y).float(), known


def known_dimensions_held(*, is_noise: bool, seed: int) -> float:
    """How many of the six a view of twelve places holds after some epochs, on average; by chance 6 * 12 / 48 = 1.5."""
    torch.manual_seed(seed)
    x, y, known = planted(3000, is_noise=is_noise, seed=seed)
    views, width = 8, 12
    sieve = AdaptiveFilter(d_in=48, views=views, width=width, first_seed=1000)
    block, score = StaticBlock(filter=sieve, fusion=ViewFusion(views=views, d_in=width, width=width)), nn.Linear(12, 1)
    optimizer = torch.optim.Adam([*block.parameters(), *score.parameters()], lr=3e-3)
    for _ in range(10):
        for rows in torch.randperm(len(x)).split(200):
            optimizer.zero_grad()
            logits = score(mean_of_views(block(x[rows]))).squeeze(1)
            nn.functional.binary_cross_entropy_with_logits(logits, y[rows]).backward()
            optimizer.step()
    return float(np.isin(sieve.choice.indices.numpy(), known).sum(1).mean())


def test_it_finds_planted_dimensions_and_in_random_labels_none():
    found = [[known_dimensions_held(is_noise=is_noise, seed=seed) for seed in range(4)] for is_noise in (False, True)]
    assert min(found[0]) >= 3.5
    # A hypergeometric count has variance 12 * (1/8) * (7/8) * (36/47) = 1.0. Views see the same rows and may choose
    # alike, but logs differ: the mean over four of them has a standard deviation of 0.5 at most.
    assert abs(np.mean(found[1]) - 1.5) < 2 * 0.5


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match="must be at least 1; got 5, 0 and 3"):
        AdaptiveFilter(d_in=5, views=0, width=3, first_seed=0)
