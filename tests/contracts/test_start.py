"""Every registered model begins at the share of positives of each task, if it is told to."""

import copy

import pytest
import torch

from tamis.batch import Batch
from tamis.features.layout import IdField, Layout, ListField
from tamis.models import MODELS
from tamis.training import start_at_base_rates

TASKS, ROWS, RATES = ("click", "pay"), 6, (0.03, 0.6)
LAYOUT = Layout(
    tables={"user": 9, "item": 9},
    ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
    lists=(ListField(name="seen", table="item", max_length=3, ordered=True, target="item"),),
    tasks=TASKS,
)
BATCH = Batch(
    ids=torch.randint(0, 9, (ROWS, 2), generator=torch.Generator().manual_seed(0), dtype=torch.int32),
    lists=(torch.tensor([[4, 5, 0]], dtype=torch.int32).expand(ROWS, 3),),
    dense=torch.empty(ROWS, 0),
)
# Settings under which the logits are added up otherwise than by default.
CASES = [
    *((name, {}) for name in MODELS),
    ("afn", {"deep_hidden": (6,)}),
    ("autofis", {"hidden": ()}),
    ("autoint", {"hidden": (5,)}),
    ("deepfm", {"head": (5,)}),
    ("mlp", {"head": (5,)}),
    ("mmoe", {"head": (5,)}),
    ("ssr_s", {"head": (5,)}),
]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_logit_moves_by_the_log_odds_and_nothing_else_changes(name, settings):
    torch.manual_seed(0)
    model = MODELS[name].build(MODELS[name].config(**settings), LAYOUT).eval()
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        half = model(BATCH).logits
        start_at_base_rates(model, RATES)
        moved = model(BATCH).logits - half
    odds = torch.tensor([rate / (1 - rate) for rate in RATES])
    torch.testing.assert_close(moved, odds.log().expand(ROWS, len(TASKS)), rtol=1e-5, atol=1e-5)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.endswith("bias") for name in changed)
