"""Tables in half precision: half the bytes, no update lost, state and arithmetic in float32."""

import pytest
import torch
from torch import nn

from tamis.embeddings import PackedTable, tables_stored
from tamis.errors import ConfigError
from tamis.training import TableOptimizer, evaluate, train
from tamis.training.lazy_adam import LazyAdam
from tamis.training.optimizers import DenseOptimizer, Optimizers
from tamis.training.row_wise_adagrad import RowWiseAdagrad
from tamis.training.stochastic_rounding import StochasticRounding
from tamis.training.table_dtype import store_tables

OPTIMIZERS = {"row_wise_adagrad": RowWiseAdagrad, "lazy_adam": LazyAdam}


def bf16_table(rows=64, width=64, value=1.0):
    table = nn.Parameter(torch.full((rows, width), value, dtype=torch.bfloat16))
    table.grad_dtype = torch.float32
    return table


def gradient(table, value=1.0):
    rows = torch.arange(len(table)).unsqueeze(0)
    values = torch.full(table.shape, value, dtype=torch.float32)
    return torch.sparse_coo_tensor(rows, values, table.shape, is_coalesced=True, check_invariants=False)


def steps(name, table, count, *, rounding, **settings):
    optimizer = OPTIMIZERS[name]([table], rounding=rounding, **settings)
    for _ in range(count):
        table.grad = gradient(table)
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_too_small_for_the_nearest_number_add_up_and_without_chance_they_are_lost(name):
    exact = nn.Parameter(torch.ones(64, 64))
    steps(name, exact, 100, rounding=None, learning_rate=1e-4)
    moved = 1.0 - exact.mean().item()
    assert 0.0005 < moved < 0.011  # each step far below half the gap of 1/256 below 1
    lost = bf16_table()
    steps(name, lost, 100, rounding=None, learning_rate=1e-4)
    assert (lost == 1.0).all()
    kept = bf16_table()
    steps(name, kept, 100, rounding=StochasticRounding(seed=0, device=kept.device), learning_rate=1e-4)
    # 4,096 weights; the variance of a rounded walk of length d is at most d times the gap.
    deviation = (moved * 2**-8 / 4096) ** 0.5
    assert 1.0 - kept.float().mean().item() == pytest.approx(moved, abs=5 * deviation)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_step_is_the_float32_step_rounded_to_a_neighbour_and_untouched_rows_keep_their_bits(name):
    torch.manual_seed(0)
    start = torch.randn(50, 8).bfloat16()
    exact, half = nn.Parameter(start.float()), nn.Parameter(start.clone())
    half.grad_dtype = torch.float32
    rows, values = torch.tensor([[3, 9, 40]]), torch.randn(3, 8)
    rounding = StochasticRounding(seed=1, device=half.device)
    for table, chance in ((exact, None), (half, rounding)):
        table.grad = torch.sparse_coo_tensor(rows, values, table.shape, check_invariants=False)
        OPTIMIZERS[name]([table], learning_rate=0.1, weight_decay=0.1, rounding=chance).step()
    assert (half.float() - exact).abs().max() <= (exact.abs() * 2**-7).max()
    assert ((half.float() - exact).abs() <= exact.abs() * 2**-7 + 1e-30).all()
    others = torch.ones(50, dtype=torch.bool)
    others[rows[0]] = False
    assert torch.equal(half[others], start[others])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_stays_float32(name):
    table = bf16_table()
    optimizer = steps(name, table, 2, rounding=None)
    assert {state.dtype for state in optimizer.state[table].values()} == {torch.float32}


def test_a_table_takes_half_the_bytes_from_its_birth_to_its_checkpoint(tiny, tmp_path):
    sizes = {}
    for dtype in ("fp32", "bf16"):
        model = tiny.TinyModel(packed=True, ids=5000, dim=8)
        result = train(
            model,
            source=tiny.tiny_source(),
            valid=tiny.tiny_source(80, seed=2),
            settings=tiny.tiny_settings(epochs=1, tables=TableOptimizer(dtype=dtype)),
            folder=tmp_path / dtype,
        )
        assert model.table.weight.untyped_storage().nbytes() == 5000 * 8 * (4 if dtype == "fp32" else 2)
        sizes[dtype] = (result.best_folder / "weights.safetensors").stat().st_size
    assert sizes["fp32"] - sizes["bf16"] == 5000 * 8 * 2


def test_it_learns_as_well_and_is_scored_in_float32(tiny, tmp_path):
    values = {}
    for dtype in ("fp32", "bf16"):
        model = tiny.TinyModel(packed=True)
        valid = tiny.tiny_source(400, seed=2)
        settings = tiny.tiny_settings(epochs=4, tables=TableOptimizer(dtype=dtype))
        result = train(model, source=tiny.tiny_source(2000), valid=valid, settings=settings, folder=tmp_path / dtype)
        values[dtype] = result.best.value
        twin = tiny.TinyModel(packed=True)
        twin.load_state_dict(model.state_dict())  # into float32 tables
        assert twin.table.weight.dtype == torch.float32
        again = evaluate(twin, valid, precision="fp32", device="cpu").values["auc"]
        assert again == evaluate(model, valid, precision="fp32", device="cpu").values["auc"]
    assert values["bf16"] > 0.6 and values["bf16"] == pytest.approx(values["fp32"], abs=0.02)


def test_the_same_seed_trains_the_same_bits_and_another_seed_rounds_otherwise(tiny, tmp_path):
    def trained(name, seed):
        model = tiny.TinyModel(packed=True)
        train(
            model,
            source=tiny.tiny_source(),
            valid=tiny.tiny_source(80, seed=2),
            settings=tiny.tiny_settings(epochs=1, seed=seed, tables=TableOptimizer(dtype="bf16")),
            folder=tmp_path / name,
        )
        return model.table.weight

    first, second, other = trained("a", 0), trained("b", 0), trained("c", 1)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_table_goes_back_to_float32_and_float64_is_left_alone():
    with tables_stored(dtype=torch.bfloat16):
        table = PackedTable({"a": 4}, dim=2)
    before = table.weight.detach().clone()
    store_tables(table, "fp32")
    assert table.weight.dtype == torch.float32 and torch.equal(table.weight, before.float())
    table(torch.tensor([2])).sum().backward()
    assert table.weight.grad.dtype == torch.float32
    double = PackedTable({"a": 4}, dim=2).double()
    store_tables(double, "fp32")
    assert double.weight.dtype == torch.float64


def test_without_half_tables_nothing_is_drawn(tiny):
    model = tiny.TinyModel(packed=True)
    assert Optimizers(model, tables=TableOptimizer(), dense=DenseOptimizer()).rounding is None


def test_dense_adam_and_unknown_numbers_are_refused():
    with pytest.raises(
        ConfigError,
        match=r"dtype 'bf16' needs an optimizer that rounds only the rows of the batch; got name 'dense_adam', "
        r"which steps every row\. Use 'row_wise_adagrad' or 'lazy_adam', or dtype 'fp32'\.",
    ):
        TableOptimizer(name="dense_adam", dtype="bf16")
    with pytest.raises(ConfigError, match=r"dtype must be one of \['fp32', 'bf16'\]; got 'fp16'"):
        TableOptimizer(dtype="fp16")
