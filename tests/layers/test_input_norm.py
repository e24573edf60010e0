import pytest
import torch

from tamis.layers import INPUT_NORMS, InputNorm


def groups(kind: str, rows: int, fields: int, dim: int):
    """The cells that are normalised together, and the place of their scale and shift."""
    if kind == "batch":
        return [(i * dim + j, [(r, i, j) for r in range(rows)]) for i in range(fields) for j in range(dim)]
    if kind == "channel":
        return [(j, [(r, i, j) for r in range(rows) for i in range(fields)]) for j in range(dim)]
    return [(i, [(r, i, j) for r in range(rows) for j in range(dim)]) for i in range(fields)]


@pytest.mark.parametrize("kind", ["batch", "channel", "field"])
def test_training_normalises_over_the_named_cells(kind):
    torch.manual_seed(0)
    norm = InputNorm(kind=kind, fields=3, dim=2, eps=1e-2).double()
    torch.nn.init.normal_(norm.norm.weight)
    torch.nn.init.normal_(norm.norm.bias)
    x = torch.randn(5, 3, 2, dtype=torch.float64)
    output = norm(x)
    for place, cells in groups(kind, 5, 3, 2):
        numbers = torch.stack([x[cell] for cell in cells])
        normal = (numbers - numbers.mean()) / (numbers.var(unbiased=False) + 1e-2).sqrt()
        for number, cell in zip(normal, cells, strict=True):
            torch.testing.assert_close(output[cell], norm.norm.weight[place] * number + norm.norm.bias[place])


@pytest.mark.parametrize("kind", ["batch", "channel", "field"])
def test_scoring_uses_the_running_statistics(kind):
    norm = InputNorm(kind=kind, fields=3, dim=2, eps=1e-3).eval()
    torch.nn.init.normal_(norm.norm.running_mean)
    norm.norm.running_var.uniform_(0.5, 2)
    x = torch.randn(4, 3, 2)
    output = norm(x)
    for place, cells in groups(kind, 4, 3, 2):
        for cell in cells:
            expected = (x[cell] - norm.norm.running_mean[place]) / (norm.norm.running_var[place] + 1e-3).sqrt()
            torch.testing.assert_close(output[cell], expected)


def test_centre_takes_away_the_mean_of_each_number_and_keeps_its_spread():
    norm = InputNorm(kind="centre", fields=3, dim=2, momentum=0.5).double()
    x = torch.randn(5, 3, 2, dtype=torch.float64) * 4 + 7
    output = norm(x)
    for field in range(3):
        for channel in range(2):
            numbers = [float(x[row, field, channel]) for row in range(5)]
            expected = [number - sum(numbers) / 5 for number in numbers]
            torch.testing.assert_close(output[:, field, channel].tolist(), expected)
    norm.eval()
    torch.testing.assert_close(norm(x), output)  # one batch is all that it has seen
    other = torch.randn(4, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(norm(other), other - x.mean(dim=0))


def test_centre_lets_no_gradient_through_that_all_rows_share():
    norm = InputNorm(kind="centre", fields=3, dim=2)
    x = torch.randn(5, 3, 2, requires_grad=True)
    norm(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.zeros_like(x), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_centre_keeps_the_type_of_its_input(dtype):
    assert InputNorm(kind="centre", fields=3, dim=2)(torch.randn(5, 3, 2, dtype=dtype)).dtype == dtype


def test_layer_normalises_each_fields_vector_by_itself():
    norm = InputNorm(kind="layer", fields=3, dim=4)
    x = torch.randn(5, 3, 4)
    expected = torch.nn.functional.layer_norm(x[2, 1], (4,))
    torch.testing.assert_close(norm(x)[2, 1], expected)


def test_none_changes_nothing_and_holds_no_parameter():
    norm = InputNorm(kind="none", fields=3, dim=4)
    x = torch.randn(5, 3, 4)
    assert norm(x) is x
    assert not list(norm.parameters())


def test_running_statistics_are_an_average_first_and_a_moving_average_later():
    norm = InputNorm(kind="channel", fields=2, dim=1, momentum=0.25)
    means, expected = [], 0.0
    for step in range(1, 9):
        x = torch.randn(10, 2, 1) + step
        norm(x)
        means.append(x.mean())
        expected = sum(means) / step if step <= 4 else 0.75 * expected + 0.25 * means[-1]
        torch.testing.assert_close(norm.norm.running_mean[0], expected)


def test_running_variance_of_one_batch_is_its_unbiased_variance():
    norm = InputNorm(kind="channel", fields=2, dim=3)
    x = torch.randn(10, 2, 3)
    norm(x)
    torch.testing.assert_close(norm.norm.running_var, x.flatten(0, 1).var(dim=0))


def test_scoring_leaves_the_running_statistics_alone():
    norm = InputNorm(kind="batch", fields=2, dim=3).eval()
    norm(torch.randn(10, 2, 3) + 5)
    assert not norm.norm.running_mean.any()
    assert norm.norm.num_batches_tracked == 0


@pytest.mark.parametrize(
    ("kind", "width"), [("none", 0), ("centre", 0), ("batch", 12), ("channel", 4), ("field", 3), ("layer", 4)]
)
def test_the_number_of_parameters_is_a_scale_and_a_shift_for_each_group(kind, width):
    assert sum(p.numel() for p in InputNorm(kind=kind, fields=3, dim=4).parameters()) == 2 * width


def test_the_kinds_tested_are_the_kinds_there_are():
    assert set(INPUT_NORMS) == {"none", "batch", "centre", "channel", "field", "layer"}


def test_what_it_cannot_be_is_refused():
    with pytest.raises(ValueError, match="kind must be one of .* got 'group'"):
        InputNorm(kind="group", fields=3, dim=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="eps must be positive and momentum in"):
        InputNorm(kind="batch", fields=3, dim=4, momentum=0.0)
