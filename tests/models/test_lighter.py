import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import MODELS, make_lighter

LAYOUT = Layout(tables={"all": 40}, ids=tuple(IdField(name=f"f{i}", table="all") for i in range(7)))


def trained(name: str = "ssr_d", **settings):
    """A model with weights as after some training: no two of anything alike, rates of a view included."""
    torch.manual_seed(0)
    config = MODELS[name].config(dim=4, views=(3, 4), widths=(6, 4), **settings)
    model = MODELS[name].build(config, LAYOUT).eval()
    with torch.no_grad():
        for key, parameter in model.body.named_parameters():
            parameter.add_(
                torch.rand_like(parameter) * 0.2 if key.endswith("alpha") else torch.randn_like(parameter) * 0.1
            )
    return config, model


def logits(model) -> torch.Tensor:
    ids = torch.randint(1, 40, (30, 7), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model(Batch(ids=ids, dense=torch.empty(30, 0))).logits


FAMILY = [
    ("ssr_d", {}),
    ("ssr_d", {"preset": "paper"}),
    ("ssr_d", {"preset": "unirank"}),  # its four widths equal its four views: shapes alone do not tell them apart
    ("ssr_d", {"preset": "unirank", "gate": True}),
    ("ssr_s", {}),
]


@pytest.mark.parametrize(("name", "settings"), FAMILY)
def test_with_fewer_views_the_head_reads_the_mean_of_the_first(name, settings):
    config, model = trained(name, **settings)
    light, smaller = make_lighter(model, config, LAYOUT, views=3)
    assert light.views == (3, 3)
    seen = []
    hooks = [model.body.blocks[1].register_forward_hook(lambda module, inputs, output: seen.append(output))]
    logits(model)
    hooks[0].remove()
    with torch.no_grad():
        expected = model.head(seen[0][:, :3].mean(1))
    torch.testing.assert_close(logits(smaller), expected)


@pytest.mark.parametrize(("name", "settings"), FAMILY)
def test_with_all_its_views_it_is_the_same_model_to_the_bit(name, settings):
    config, model = trained(name, **settings)
    light, smaller = make_lighter(model, config, LAYOUT, views=4)
    assert light == config
    assert torch.equal(logits(smaller), logits(model))


def test_with_fewer_iterations_the_rates_of_each_view_keep_their_sum():
    config, model = trained(iterations=5)
    light, smaller = make_lighter(model, config, LAYOUT, iterations=2)
    assert light.iterations == 2
    for block, own in zip(model.body.blocks, smaller.body.blocks, strict=True):
        for before, after in zip(block.filter.alpha.tolist(), own.filter.alpha.tolist(), strict=True):
            assert after == pytest.approx([sum(before) / 2] * 2)
    # Nearer to the full model than the first two of its rates are.
    with torch.no_grad():
        full, shared = logits(model), logits(smaller)
        for block, own in zip(model.body.blocks, smaller.body.blocks, strict=True):
            own.filter.alpha.copy_(block.filter.alpha[:, :2])
    assert (shared - full).abs().mean() < 0.5 * (logits(smaller) - full).abs().mean()


def test_all_its_iterations_leave_the_rates_as_they_are():
    config, model = trained(iterations=5)
    assert torch.equal(logits(make_lighter(model, config, LAYOUT, iterations=5)[1]), logits(model))


def test_nothing_is_copied_but_the_blocks_and_no_random_number_is_drawn():
    config, model = trained()
    state = torch.get_rng_state()
    _, smaller = make_lighter(model, config, LAYOUT, iterations=1, views=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert smaller.embed is model.embed and smaller.head is model.head
    assert not smaller.training


@pytest.mark.parametrize(
    ("name", "settings", "wanted", "message"),
    [
        ("ssr_d", {}, {"iterations": 6}, "iterations must be at least 1 and at most the 5 .*; got 6"),
        ("ssr_d", {}, {"views": 0}, "views must be at least 1 and at most the 4 .*; got 0"),
        ("ssr_d", {"last": "concat"}, {"views": 2}, "need last = \"mean\", .*; got 'concat'"),
        ("ssr_d", {"competition": "relu"}, {"iterations": 2}, "a model whose filter iterates"),
        ("ssr_s", {}, {"iterations": 2}, "a model whose filter iterates: .* got SSRSConfig"),
    ],
)
def test_what_cannot_be_left_out_is_refused(name, settings, wanted, message):
    config, model = trained(name, **settings)
    with pytest.raises(ConfigError, match=message):
        make_lighter(model, config, LAYOUT, **wanted)
