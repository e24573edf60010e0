import dataclasses

import pytest
import torch

from tamis.batch import Batch
from tamis.features.layout import IdField, Layout
from tamis.models import SSRA, SSRS, SSRAConfig, SSRSConfig
from tamis.models.ssr_s import PRESETS

LAYOUT = Layout(tables={"all": 40}, ids=tuple(IdField(name=f"f{i}", table="all") for i in range(7)))
SIZES = {"dim": 4, "views": (5, 3), "widths": (12, 8)}


def random_batch(rows: int = 20) -> Batch:
    return Batch(ids=torch.randint(1, 40, (rows, 7)), dense=torch.empty(rows, 0), labels=torch.ones(rows, 1))


def as_static(model: SSRA, config: SSRAConfig) -> SSRS:
    """The SSR-S that holds the weights and the choice of a trained SSR-A."""
    settings = {field.name: getattr(config, field.name) for field in dataclasses.fields(SSRSConfig)}
    static = SSRS(SSRSConfig(**settings), LAYOUT)
    state = {key.replace("filter.choice.", "filter."): tensor for key, tensor in model.state_dict().items()}
    static.load_state_dict({key: tensor for key, tensor in state.items() if not key.endswith("scores")})
    return static


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_trained_one_scores_as_an_ssr_s_with_its_choice_to_the_bit(preset):
    torch.manual_seed(0)
    config = SSRAConfig(preset=preset, **SIZES)
    model = SSRA(config, LAYOUT)
    before = [block.filter.choice.indices.clone() for block in model.body.blocks]
    optimizer = torch.optim.Adam([p for p in model.parameters() if not getattr(p, "row_sparse", False)], lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        model(random_batch()).logits.square().sum().backward()
        optimizer.step()
    after = [block.filter.choice.indices for block in model.body.blocks]
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    batch = random_batch()
    with torch.no_grad():
        assert torch.equal(model.eval()(batch).logits, as_static(model, config).eval()(batch).logits)


def test_it_starts_with_the_weights_and_the_choice_of_ssr_s():
    models = []
    for build, config in ((SSRA, SSRAConfig), (SSRS, SSRSConfig)):
        torch.manual_seed(3)
        models.append(build(config(**SIZES), LAYOUT))
    batch = random_batch()
    with torch.no_grad():
        assert torch.equal(*(model.eval()(batch).logits for model in models))


def test_it_has_one_number_more_for_each_view_and_input_dimension():
    counts = [
        sum(p.numel() for p in build(config(**SIZES), LAYOUT).parameters())
        for build, config in ((SSRA, SSRAConfig), (SSRS, SSRSConfig))
    ]
    assert counts[0] - counts[1] == 5 * (7 * 4) + 3 * (5 * 12)
