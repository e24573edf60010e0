import pytest
import torch

from tamis.layers import ViewFusion


def expected_fusion(fusion: ViewFusion, x: torch.Tensor, *, residual: bool, eps: float) -> torch.Tensor:
    outputs = []
    for view in range(x.shape[1]):
        hidden = x[:, view]
        for dense in fusion.dense:
            hidden = torch.nn.functional.gelu(hidden @ dense.weight[view] + dense.bias[view])
        total = hidden + x[:, view] if residual else hidden
        weight, bias = fusion.norm.weight, fusion.norm.bias
        if weight.dim() == 2:
            weight, bias = weight[view], bias[view]
        outputs.append(torch.nn.functional.layer_norm(total, total.shape[-1:], weight, bias, eps))
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("shared_norm", [False, True])
def test_it_equals_its_formula_view_by_view_in_value_and_gradient(depth, residual, shared_norm):
    torch.manual_seed(0)
    fusion = ViewFusion(
        views=3, d_in=4, width=4, depth=depth, residual=residual, shared_norm=shared_norm, eps=1e-3
    ).double()
    for parameter in fusion.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(5, 3, 4, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(5, 3, 4, dtype=torch.float64)
    leaves = [x, *fusion.parameters()]
    expected = expected_fusion(fusion, x, residual=residual and depth > 0, eps=1e-3)
    torch.testing.assert_close(fusion(x), expected)
    ours = torch.autograd.grad((fusion(x) * weights).sum(), leaves)
    theirs = torch.autograd.grad((expected * weights).sum(), leaves)
    torch.testing.assert_close(ours, theirs)


def test_the_width_may_change_without_a_residual():
    fusion = ViewFusion(views=2, d_in=3, width=5, depth=2)
    x = torch.randn(4, 2, 3)
    torch.testing.assert_close(fusion(x), expected_fusion(fusion, x, residual=False, eps=1e-5))


def test_dropout_is_applied_to_the_dense_branch_and_not_to_the_residual():
    torch.manual_seed(0)
    fusion = ViewFusion(views=1, d_in=64, width=64, residual=True, dropout=0.9)
    with torch.no_grad():
        fusion.dense[0].bias.fill_(100.0)  # what survives of the dense branch is far from zero
    x = torch.randn(50, 1, 64)
    dropped = fusion.dense[0](x) == 0
    assert 0.85 < dropped.float().mean() < 0.95
    torch.manual_seed(1)
    hidden = fusion.dense[0](x)
    torch.manual_seed(1)
    torch.testing.assert_close(fusion(x), fusion.norm(x + hidden))


@pytest.mark.parametrize("place", ["before_norm", "after_norm"])
@pytest.mark.parametrize(("depth", "residual"), [(1, False), (2, True)])
def test_a_seed_drops_the_same_with_the_kernels_and_without(depth, residual, place, monkeypatch):
    torch.manual_seed(0)
    shape = {"views": 3, "d_in": 37, "width": 37, "depth": depth, "residual": residual}
    fusion = ViewFusion(**shape, dropout=0.4, dropout_place=place)
    x, weights = torch.randn(31, 3, 37), torch.randn(31, 3, 37)

    def run():
        torch.manual_seed(5)
        output = fusion(x)
        return [output, *torch.autograd.grad((output * weights).sum(), list(fusion.parameters()))]

    mine = run()
    monkeypatch.setenv("TAMIS_KERNELS", "off")
    torch.testing.assert_close(mine, run(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("depth", "residual"), [(0, False), (1, False), (1, True), (2, True)])
def test_dropout_after_the_norm_is_the_last_thing_and_the_only_one(depth, residual):
    torch.manual_seed(0)
    shape = {"views": 2, "d_in": 64, "width": 64, "depth": depth, "residual": residual, "dropout": 0.5}
    fusion = ViewFusion(**shape, dropout_place="after_norm")
    before = ViewFusion(**shape)
    before.load_state_dict(fusion.state_dict())
    x = torch.randn(50, 2, 64)
    served, dropped = fusion.eval()(x), fusion.train()(x)
    torch.testing.assert_close(before.eval()(x), served)
    gone = dropped == 0
    assert gone.float().mean().item() == pytest.approx(0.5, abs=0.03)
    torch.testing.assert_close(dropped[~gone], 2 * served[~gone])


def test_a_width_that_cannot_change_is_refused():
    with pytest.raises(ValueError, match="must equal d_in with a residual .* got 4 and 3"):
        ViewFusion(views=2, d_in=3, width=4, residual=True)
    with pytest.raises(ValueError, match="depth must be at least 0; got -1"):
        ViewFusion(views=2, d_in=3, width=3, depth=-1)
