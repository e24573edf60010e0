import torch

from tamis.layers import (
    CompetitiveFilter,
    DynamicBlock,
    StaticBlock,
    StaticFilter,
    ViewFusion,
    ViewProjection,
)


def test_a_static_block_fuses_the_gathered_views():
    sieve, fusion = (
        StaticFilter(d_in=6, views=2, width=3, first_seed=1000),
        ViewFusion(views=2, d_in=3, width=3),
    )
    x = torch.randn(4, 6)
    torch.testing.assert_close(StaticBlock(filter=sieve, fusion=fusion)(x), fusion(x[:, sieve.indices]))


def test_a_view_of_a_static_block_depends_on_its_indices_only():
    sieve = StaticFilter(d_in=8, views=2, width=3, first_seed=1000)
    block = StaticBlock(filter=sieve, fusion=ViewFusion(views=2, d_in=3, width=3, residual=True))
    jacobian = torch.autograd.functional.jacobian(lambda x: block(x[None])[0], torch.randn(8))
    for view in range(2):
        seen = torch.zeros(8, dtype=torch.bool)
        seen[sieve.indices[view]] = True
        assert not jacobian[view][:, ~seen].any()
        assert jacobian[view][:, seen].abs().sum(0).min() > 0


def test_a_dynamic_block_gates_the_values_with_the_winners():
    torch.manual_seed(0)
    projection = ViewProjection(d_in=6, views=2, width=5, has_values=True)
    sieve = CompetitiveFilter(views=2, width=5, iterations=2, alpha_init=0.4)
    fusion = ViewFusion(views=2, d_in=5, width=5, residual=True)
    x = torch.randn(4, 6)
    matrices = projection.weight.view(2, 2, 5, 6)
    expected = torch.empty(4, 2, 5)
    for view in range(2):
        winners = torch.relu(x @ matrices[0, view].T)
        for _ in range(2):
            winners = torch.relu(winners - 0.4 * winners.mean(1, keepdim=True))
        expected[:, view] = winners * (x @ matrices[1, view].T)
    block = DynamicBlock(projection=projection, filter=sieve, fusion=fusion)
    torch.testing.assert_close(block(x), fusion(expected))
