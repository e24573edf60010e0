"""Which parameter goes to which optimizer, and that both do what they say."""

import math
import re

import pytest
import torch
from torch import nn

from tamis.errors import CheckpointError, ConfigError, TrainingError
from tamis.features.layout import IdField, Layout
from tamis.models import MODELS
from tamis.objectives import binary_cross_entropy
from tamis.training.optimizers import DenseOptimizer, Optimizers, TableOptimizer, clip_norm_


def sparse(rows, values, shape):
    return torch.sparse_coo_tensor(torch.tensor([rows]), torch.tensor(values), shape, check_invariants=False)


def backward(tiny, model, seed):
    model.zero_grad()
    batch = tiny.tiny_rows(16, seed=seed)
    binary_cross_entropy(model(batch), batch).backward()


def test_tables_matrices_and_the_rest_go_where_they_belong(tiny):
    model = tiny.TinyModel()
    optimizers = Optimizers(model, tables=TableOptimizer(), dense=DenseOptimizer(weight_decay=0.1))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [
        (group["weight_decay"], sorted(names[id(p)] for p in group["params"]))
        for group in optimizers.dense.param_groups
    ]
    assert groups == [
        (0.1, ["hidden.weight", "score.weight"]),
        (0.0, ["hidden.bias", "norm.bias", "norm.weight", "score.bias"]),
    ]
    assert [names[id(p)] for p in optimizers.tables.param_groups[0]["params"]] == ["table.weight"]


def test_dense_adam_on_sparse_gradients_equals_adam_of_torch_on_dense_ones(tiny):
    ours, theirs = tiny.TinyModel(double=True), tiny.TinyModel(double=True)
    theirs.table.sparse = False
    settings = {"learning_rate": 0.01, "betas": (0.8, 0.9), "eps": 1e-6}
    optimizers = Optimizers(
        ours, tables=TableOptimizer(name="dense_adam", **settings), dense=DenseOptimizer(**settings)
    )
    adam = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.8, 0.9), eps=1e-6)
    for step in range(10):
        backward(tiny, ours, step)
        optimizers.step(1.0)
        backward(tiny, theirs, step)
        adam.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_weight_decay_leaves_biases_and_norms_alone(tiny):
    model = tiny.TinyModel()
    for parameter in model.parameters():
        parameter.data.fill_(1.0)
    optimizers = Optimizers(model, tables=TableOptimizer(), dense=DenseOptimizer(learning_rate=0.1, weight_decay=0.5))
    for parameter in optimizers.parameters:
        if parameter is not model.table.weight:
            parameter.grad = torch.zeros_like(parameter)
    optimizers.step(1.0)
    torch.testing.assert_close(model.hidden.weight.data, torch.full_like(model.hidden.weight, 0.95))
    assert (model.hidden.bias == 1.0).all() and (model.norm.weight == 1.0).all()


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"din"}))
def test_only_weights_of_products_are_decayed_in_every_model(name):
    layout = Layout(
        tables={"user": 9, "item": 9},
        ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
        tasks=("click", "pay"),
    )
    entry = MODELS[name]
    model = entry.build(entry.config(), layout)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    optimizers = Optimizers(model, tables=TableOptimizer(), dense=DenseOptimizer(learning_rate=0.1, weight_decay=0.5))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    if optimizers.dense is not None:
        optimizers.dense.step()
    for place, parameter in model.named_parameters():
        is_product = re.search(r"(weights?|weight_in|weight_out|projection|learned)(\.\d+)?$", place)
        is_left = getattr(parameter, "row_sparse", False) or re.search(r"norms?(\.\d+)?\.weight$", place)
        expected = 0.95 if is_product and not is_left else 1.0
        assert (parameter - expected).abs().max() < 1e-6, place


def test_both_learning_rates_take_the_share_of_the_schedule(tiny):
    optimizers = Optimizers(
        tiny.TinyModel(),
        tables=TableOptimizer(learning_rate=0.4),
        dense=DenseOptimizer(learning_rate=0.02),
    )
    optimizers.step(0.25)
    assert [group["lr"] for group in optimizers.tables.param_groups] == [0.1]
    assert [group["lr"] for group in optimizers.dense.param_groups] == [0.005, 0.005]


@pytest.mark.parametrize("name", ["row_wise_adagrad", "lazy_adam", "dense_adam"])
def test_state_put_into_fresh_optimizers_goes_on_bit_by_bit(tiny, name):
    def fresh(model):
        return Optimizers(model, tables=TableOptimizer(name=name), dense=DenseOptimizer())

    first = tiny.TinyModel()
    optimizers = fresh(first)
    for step in range(3):
        backward(tiny, first, step)
        optimizers.step(1.0)
    second = tiny.TinyModel(seed=9)
    second.load_state_dict(first.state_dict())
    again = fresh(second)
    again.load_state_tensors({key: value.clone() for key, value in optimizers.state_tensors().items()})
    for model, its in ((first, optimizers), (second, again)):
        backward(tiny, model, 7)
        its.step(1.0)
    for mine, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_state_of_another_model_is_refused(tiny):
    optimizers = Optimizers(tiny.TinyModel(), tables=TableOptimizer(), dense=DenseOptimizer())
    with pytest.raises(CheckpointError, match=r"state for 'dense/tower.weight', which this model does not have"):
        optimizers.load_state_tensors({"dense/tower.weight/exp_avg": torch.zeros(1)})


def test_a_sparse_gradient_without_the_mark_names_the_parameter(tiny):
    model = tiny.TinyModel()
    del model.table.weight.row_sparse
    optimizers = Optimizers(model, tables=TableOptimizer(), dense=DenseOptimizer())
    backward(tiny, model, 0)
    with pytest.raises(TrainingError, match=r"table.weight has a sparse gradient.*`row_sparse = True`"):
        optimizers.step(1.0)


def test_a_model_with_nothing_to_train_is_refused():
    with pytest.raises(TrainingError, match=r"no parameters that require a gradient"):
        Optimizers(nn.ReLU(), tables=TableOptimizer(), dense=DenseOptimizer())


def test_the_norm_counts_dense_and_sparse_values_once():
    dense, table = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(9, 1))
    dense.grad = torch.tensor([1.0, 2.0])
    # Row 4 stands twice: its gradient is 4, not two parts of 1 and 3.
    table.grad = sparse([4, 4, 7], [[1.0], [3.0], [2.0]], (9, 1))
    norm = clip_norm_([dense, table, nn.Parameter(torch.zeros(1))], 1.0)
    assert norm.item() == pytest.approx(5.0)
    torch.testing.assert_close(dense.grad, torch.tensor([0.2, 0.4]))
    torch.testing.assert_close(table.grad.to_dense()[[4, 7], 0], torch.tensor([0.8, 0.4]))


def test_a_small_gradient_is_not_clipped():
    dense = nn.Parameter(torch.zeros(2))
    dense.grad = torch.tensor([0.3, 0.4])
    clip_norm_([dense], 1.0)
    assert torch.equal(dense.grad, torch.tensor([0.3, 0.4]))


def test_without_gradients_the_norm_is_zero():
    assert clip_norm_([nn.Parameter(torch.zeros(1))], 1.0).item() == 0.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DenseOptimizer(learning_rate=0.0), r"DenseOptimizer learning_rate must be above 0; got 0.0"),
        (lambda: DenseOptimizer(learning_rate=math.nan), r"learning_rate must be above 0; got nan"),
        (lambda: DenseOptimizer(eps=0.0), r"DenseOptimizer eps must be above 0; got 0.0"),
        (
            lambda: TableOptimizer(weight_decay=-0.1),
            r"TableOptimizer weight_decay must be at least 0; got -0.1",
        ),
        (lambda: TableOptimizer(betas=(0.9, 1.0)), r"betas must be two numbers from 0 to below 1"),
        (
            lambda: TableOptimizer(initial_accumulator=-1.0),
            r"initial_accumulator must be at least 0; got -1.0",
        ),
        (lambda: TableOptimizer(name="adma"), r"name must be one of \[.*'lazy_adam'.*\]; got 'adma'"),
    ],
)
def test_a_setting_outside_its_range_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
