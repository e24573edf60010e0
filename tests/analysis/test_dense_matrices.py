import pytest
import torch
from torch import nn

from tamis.analysis.dense_matrices import dense_matrices, field_readers, unknown_products
from tamis.batch import Batch
from tamis.features.layout import DenseField, IdField, Layout
from tamis.layers import StaticBlock, StaticFilter, ViewDense, ViewFusion, ViewProjection
from tamis.models import MODELS

LAYOUT = Layout(
    tables={"user": 9, "item": 7},
    ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
    dense=(DenseField(name="price", width=1),),
)
READERS = [
    ("mlp", {"hidden": (48, 5)}, {"hidden.linears.0"}),
    ("dcn_v2", {"hidden": (8,)}, {"crosses.0.linear", "deep.linears.0"}),
    ("dcn_v2", {"hidden": (8,), "rank": 2}, {"crosses.0.reduce", "deep.linears.0"}),
    ("dcn_v2", {"hidden": (8,), "structure": "stacked"}, {"crosses.0.linear"}),
    ("ssr_s", {"views": (3, 2), "widths": (5, 4)}, {"body.blocks.0.fusion.dense.0"}),
    ("ssr_d", {"views": (3, 2), "widths": (5, 4)}, {"body.blocks.0.projection", "body.blocks.0.projection (values)"}),
    ("ssr_d", {"views": (3,), "widths": (16,), "preset": "unirank"}, {"body.blocks.0.projection"}),
]


@pytest.mark.parametrize(("name", "settings", "expected"), READERS)
def test_the_matrices_that_read_the_fields_are_found_and_no_others_of_the_same_width(name, settings, expected):
    torch.manual_seed(0)
    model = MODELS[name].build(MODELS[name].config(**settings), LAYOUT).eval()
    batch = Batch(ids=torch.tensor([[2, 3], [4, 5]]), dense=torch.randn(2, 1))
    with torch.no_grad():
        assert field_readers(model, batch, model.field_vectors(batch).flatten(1)) == expected


def test_the_mass_of_a_plain_layer_is_that_of_its_columns():
    layer = nn.Linear(2, 3)
    layer.weight.data = torch.tensor([[1.0, 0.0], [-2.0, 0.0], [3.0, -4.0]])
    (matrix,) = dense_matrices(layer)
    assert matrix.mass().tolist() == [6.0, 4.0]
    assert matrix.mass(power=2).tolist() == [14.0, 16.0]


def test_a_projection_with_values_is_two_matrices():
    projection = ViewProjection(d_in=3, views=2, width=4, has_values=True)
    filters, values = dense_matrices(projection)
    assert torch.equal(torch.cat([filters.weight[0], values.weight[0]]), projection.weight)
    assert filters.weight.shape == (1, 8, 3)


def test_the_mass_of_views_lies_side_by_side():
    layer = ViewDense(views=2, d_in=3, width=4)
    (matrix,) = dense_matrices(layer)
    expected = [layer.weight[view, i].abs().double().sum().item() for view in range(2) for i in range(3)]
    assert matrix.mass().tolist() == pytest.approx(expected)


def test_behind_a_static_filter_the_mass_goes_to_the_dimensions_that_were_chosen():
    sieve = StaticFilter(d_in=6, views=2, width=3, first_seed=1000)
    block = StaticBlock(filter=sieve, fusion=ViewFusion(views=2, d_in=3, width=3))
    (matrix,) = dense_matrices(block)
    expected = torch.zeros(6, dtype=torch.float64)
    weight = block.fusion.dense[0].weight
    for view in range(2):
        for place, dimension in enumerate(sieve.indices[view].tolist()):
            expected[dimension] += weight[view, place].abs().double().sum()
    torch.testing.assert_close(matrix.mass(), expected)


def test_a_layer_with_products_nobody_knows_is_named():
    class Strange(nn.Module):
        flops_per_row = 6

    assert unknown_products(nn.Sequential(nn.Linear(2, 2), Strange())) == ("1",)
