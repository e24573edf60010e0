"""The operations torch counts while they happen equal the closed formula, also where settings change what is done."""

import pytest
import torch

from tamis.analysis import closed_flops_per_row, forward_flops_per_row
from tamis.batch import Batch
from tamis.features.layout import IdField, Layout
from tamis.registry import MODELS

FIELDS, DIM = 10, 4
LAYOUT = Layout(
    tables={f"f{i}": 6 for i in range(FIELDS)},
    ids=tuple(IdField(name=f"f{i}", table=f"f{i}") for i in range(FIELDS)),
    tasks=("click", "pay"),
)
# The default settings are counted with all other promises of a model, in test_models.py.
CASES = [
    ("afn", {"neurons": 5, "hidden": (7,), "deep_hidden": (6, 3)}),
    ("autofis", {"hidden": (7,)}),
    ("autoint", {"num_layers": 2, "heads": 2, "attention_width": 3, "hidden": (5,)}),
    ("dcn_v2", {"num_crosses": 2, "hidden": (7,)}),
    ("final_mlp", {"first_hidden": (8,), "second_hidden": (6,), "heads": 2, "first_context": ("f3", "f4")}),
    ("final_mlp", {"first_hidden": (8,), "second_hidden": (6,), "heads": 2, "has_gates": False}),
    ("final_net", {"first_hidden": (8,), "second_hidden": (6,), "has_gates": True}),
    ("final_net", {"first_hidden": (8,), "second_hidden": (), "residual": "sum"}),
    ("gdcn", {"num_crosses": 2, "hidden": (7,)}),
    ("masknet", {"num_blocks": 3, "block_width": 5, "reduction": 1.5, "hidden": (7,)}),
    ("masknet", {"structure": "serial", "num_blocks": 3, "block_width": 5, "hidden": (7,)}),
    ("rank_mixer", {"num_tokens": 4, "token_width": 8, "num_blocks": 2, "expansion": 3, "num_experts": 2}),
    ("ssr_d", {"preset": "paper", "views": (2, 3), "widths": (4, 5)}),
    ("ssr_d", {"views": (2, 3), "widths": (4, 5), "competition": "top_k"}),
    ("ssr_d", {"preset": "unirank", "views": (2, 3), "widths": (4, 5), "gate": True}),
    ("ssr_s", {"preset": "paper", "views": (2,), "widths": (4,), "depth": 2}),
    ("wukong", {"interacted": 3, "compressed": 2, "rank": None, "layer_hidden": (7,), "hidden": (6,)}),
    ("wukong", {"interacted": 3, "compressed": 2, "rank": 5, "is_attentive": True, "layer_hidden": (7,)}),
]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_counted_operations_equal_the_closed_formula(name, settings):
    model = MODELS[name].build(MODELS[name].config(dim=DIM, **settings), LAYOUT)
    batch = Batch(ids=torch.ones(1, FIELDS, dtype=torch.int32), dense=torch.empty(1, 0))
    assert closed_flops_per_row(model) == forward_flops_per_row(model, batch) > 0
