import pytest
import torch

from tamis.analysis.filter_cost import as_sparse, block_costs, filter_substitutes, model_cost, standing_in
from tamis.analysis.timing import milliseconds
from tamis.batch import Batch
from tamis.features.layout import IdField, Layout
from tamis.models import MODELS

LAYOUT = Layout(tables={"user": 9, "item": 7}, ids=(IdField(name="user", table="user"),) * 2)
BATCH = Batch(ids=torch.tensor([[2, 3], [4, 5], [6, 2]]), dense=torch.empty(3, 0))


def build(name, **settings):
    torch.manual_seed(0)
    return MODELS[name].build(MODELS[name].config(**settings), LAYOUT).eval()


@pytest.mark.parametrize("settings", [{}, {"preset": "paper"}, {"widths": (40, 4)}])
def test_a_static_model_scores_the_same_by_the_dense_product_it_saves(settings):
    model = build("ssr_s", **{"views": (3, 2), "widths": (5, 4)} | settings)
    with torch.no_grad():
        expected = model(BATCH).logits
        with standing_in(model, filter_substitutes(model)):
            found = model(BATCH).logits
        torch.testing.assert_close(found, expected)
        assert torch.equal(model(BATCH).logits, expected), "the filters are back"


@pytest.mark.parametrize("gate", [True, False])
def test_a_dynamic_model_without_its_filter_fuses_all_it_projected(gate):
    model = build("ssr_d", views=(2,), widths=(6,), gate=gate)
    block, head = model.body.blocks[0], model.head
    with torch.no_grad(), standing_in(model, filter_substitutes(model)):
        z = block.projection(model.field_vectors(BATCH).flatten(1))
        passed = z[:, 0] * z[:, 1] if gate else z
        torch.testing.assert_close(model(BATCH).logits, head(block.fusion(passed).mean(1)))
    assert "CompetitiveFilter" in str(model)


def test_the_filters_come_back_after_an_error():
    model = build("ssr_d", views=(2,), widths=(6,))
    with pytest.raises(RuntimeError), standing_in(model, filter_substitutes(model)):
        raise RuntimeError
    assert type(model.body.blocks[0].filter).__name__ == "CompetitiveFilter"


def test_the_sparse_product_is_the_dense_one():
    x = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0)).relu()
    x[2] = 0.0
    weight = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(1))
    expected = torch.bmm(x.transpose(0, 1), weight)
    torch.testing.assert_close((as_sparse(x) @ weight.flatten(0, 1)).view(3, 5, 6), expected)
    assert as_sparse(x).values().numel() == int((x != 0).sum())


def test_each_kind_of_model_is_timed_in_its_ways():
    static, dynamic = build("ssr_s", views=(3, 2), widths=(5, 4)), build("ssr_d", views=(2,), widths=(6,))
    assert set(model_cost(static, BATCH, seconds=0.01)) == {"as_it_is", "without_filter"}
    assert set(model_cost(build("mlp"), BATCH, seconds=0.01)) == {"as_it_is"}
    assert block_costs(build("mlp"), BATCH, seconds=0.01) == {}
    of_static, of_dynamic = (block_costs(model, BATCH, seconds=0.01) for model in (static, dynamic))
    assert {name: set(ways) for name, ways in of_static.items()} == {
        "body.blocks.0": {"gathered", "dense"},
        "body.blocks.1": {"gathered", "dense"},
    }
    assert set(of_dynamic["body.blocks.0"]) == {"dense", "sparse", "conversion"}
    assert all(0 < low <= high for low, _, high in of_dynamic["body.blocks.0"].values())


def test_calls_take_turns():
    order = []
    milliseconds({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, seconds=0.0)
    assert order == ["a", "b"] * 7
