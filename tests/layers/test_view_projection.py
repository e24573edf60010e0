import pytest
import torch

from tamis.layers import ViewProjection


@pytest.mark.parametrize("has_values", [False, True])
def test_the_linear_projection_is_one_matrix_for_each_view(has_values):
    projection = ViewProjection(d_in=5, views=2, width=3, has_values=has_values)
    x = torch.randn(4, 5)
    output = projection(x)
    assert output.shape == ((4, 2, 2, 3) if has_values else (4, 2, 3))
    parts = output if has_values else output.unsqueeze(1)
    matrices = projection.weight.view(-1, 2, 3, 5)
    for part in range(1 + has_values):
        for view in range(2):
            torch.testing.assert_close(parts[:, part, view], x @ matrices[part, view].T)


@pytest.mark.parametrize("has_values", [False, True])
def test_the_normalised_projection_is_linear_then_layer_norm_then_silu_of_each_view(has_values):
    torch.manual_seed(0)
    projection = ViewProjection(d_in=5, views=2, width=3, kind="linear_norm_silu", has_values=has_values, eps=1e-3)
    for parameter in projection.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(4, 5)
    output = projection(x)
    filtered = output[:, 0] if has_values else output
    matrices = projection.weight.view(-1, 2, 3, 5)
    for view in range(2):
        linear = x @ matrices[0, view].T + projection.bias[view]
        normal = torch.nn.functional.layer_norm(
            linear, (3,), projection.norm.weight[view], projection.norm.bias[view], 1e-3
        )
        torch.testing.assert_close(filtered[:, view], torch.nn.functional.silu(normal))
        if has_values:
            torch.testing.assert_close(output[:, 1, view], x @ matrices[1, view].T)


def test_each_matrix_starts_with_the_spread_of_its_own_fans():
    torch.manual_seed(0)
    weight = ViewProjection(d_in=300, views=8, width=20, has_values=True).weight
    assert abs(weight.std().item() / (2 / 320) ** 0.5 - 1) < 0.02
    assert weight.abs().max() < 2.3 * (2 / 320) ** 0.5


def test_what_it_cannot_be_is_refused():
    with pytest.raises(ValueError, match="must be at least 1; got 5, 2 and 0"):
        ViewProjection(d_in=5, views=2, width=0)
    with pytest.raises(ValueError, match="must be 'linear' or 'linear_norm_silu'; got 'mlp'"):
        ViewProjection(d_in=5, views=2, width=3, kind="mlp")  # type: ignore[arg-type]
