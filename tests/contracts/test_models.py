"""What every registered model promises; a model gets these tests by being registered."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import nn

import tamis.models
from tamis.analysis import closed_flops_per_row, forward_flops_per_row
from tamis.batch import Batch
from tamis.experiment import worth_meter
from tamis.features.layout import Context, DenseField, IdField, Layout, ListField
from tamis.layers import INPUT_NORMS
from tamis.models import SplitModel
from tamis.registry import MODELS
from tamis.training import choose_precision, compilation
from tamis.training.recomputation import recomputed_activations

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(MODELS)
ROWS = 12

USER, ITEM, HOUR = (IdField(name=name, table=name) for name in ("user", "item", "hour"))
HISTORY = ListField(name="history", table="item", max_length=5, ordered=True)
VIEWED = ListField(name="viewed", table="item", max_length=4, ordered=True, target="item")
TAGS = ListField(name="tags", table="tag", max_length=3, ordered=False)
NUMBERS = (DenseField(name="price", width=1), DenseField(name="image", width=3))
TABLES = {"user": 20, "item": 15, "hour": 6, "tag": 8}

FULL = Layout(
    tables=TABLES,
    ids=(USER, ITEM, HOUR),
    lists=(HISTORY, TAGS, VIEWED),
    dense=NUMBERS,
    tasks=("click", "like"),
    scenario="hour",
)
# What a model may be given; a model that declares needs gets the layout that offers everything only.
LAYOUTS = {
    "everything": FULL,
    "ids": Layout(tables=TABLES, ids=(USER, ITEM)),
    "one id": Layout(tables=TABLES, ids=(USER,)),
    "lists": Layout(tables=TABLES, lists=(HISTORY, TAGS)),
    "attended": Layout(tables=TABLES, ids=(USER, ITEM), lists=(VIEWED,)),
    "dense": Layout(tables={}, dense=NUMBERS),
    "in context": Layout(
        tables=TABLES,
        ids=(USER, ITEM, HOUR),
        dense=NUMBERS,
        context=Context(field="hour", left_out={"user": (2, 3), "item": (1,), "image": (3,)}),
    ),
    "ids and dense": Layout(tables=TABLES, ids=(USER,), dense=NUMBERS, tasks=("a", "b", "c")),
}
VECTOR_SETTINGS = {"dim", "input_norm", "input_dropout"}
NETWORK_SETTINGS = {"dropout", "head"}
# What a model has no place for: without vectors, without a network behind them.
WITHOUT = {"lr": VECTOR_SETTINGS | NETWORK_SETTINGS, "fm": NETWORK_SETTINGS, "final_mlp": {"head"}}
# Without vectors there is nothing to compare with a target.
MEANS_ONLY = {"lr"}
# Models whose default settings are large; the promises do not depend on a width.
SMALL = {"afn": {"neurons": 16, "hidden": (32,)}}
CASES = [(name, key) for name in NAMES for key in LAYOUTS if key == "everything" or not MODELS[name].needs]


def having(*settings: str) -> list[str]:
    """The models that must have these settings."""
    return [name for name in NAMES if not WITHOUT.get(name, set()) & set(settings)]


def random_batch(layout: Layout, *, rows: int = ROWS, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)

    def ids(size: int, *shape: int) -> torch.Tensor:
        return torch.randint(1, size, shape, generator=generator, dtype=torch.int32)

    columns = [ids(layout.tables[field.table], rows) for field in layout.ids]
    lists = []
    for field in layout.lists:
        values = ids(layout.tables[field.table], rows, field.max_length)
        lengths = torch.randint(0, field.max_length + 1, (rows, 1), generator=generator)
        lists.append(values * (torch.arange(field.max_length) < lengths))
    scenario = [field.name for field in layout.ids].index(layout.scenario) if layout.scenario else None
    return Batch(
        ids=torch.stack(columns, dim=1) if columns else torch.empty(rows, 0, dtype=torch.int32),
        lists=tuple(lists),
        dense=torch.randn(rows, layout.dense_width, generator=generator),
        labels=torch.randint(0, 2, (rows, len(layout.tasks)), generator=generator).float(),
        scenarios=None if scenario is None else columns[scenario].long(),
    )


def build(name: str, layout: Layout = FULL, *, seed: int = 0, **settings) -> nn.Module:
    """The model with its default settings, if they are not too large, and statistics as after some training."""
    torch.manual_seed(seed)
    entry = MODELS[name]
    model = entry.build(entry.config(**{**SMALL.get(name, {}), **settings}), layout)
    if any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
        with torch.no_grad(), torch.random.fork_rng():
            model.train()(random_batch(layout, rows=64, seed=17))
    return model


def logits(model: nn.Module, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(batch).logits


def loss_of(model: nn.Module, batch: Batch) -> torch.Tensor:
    output = model(batch)
    return nn.functional.binary_cross_entropy_with_logits(output.logits, batch.labels) + sum(output.losses.values())


@pytest.mark.parametrize(("name", "key"), CASES)
def test_it_gives_one_finite_logit_for_each_row_and_task(name, key):
    layout = LAYOUTS[key]
    scores = logits(build(name, layout), random_batch(layout))
    assert scores.shape == (ROWS, len(layout.tasks))
    assert scores.isfinite().all()
    assert scores.std(dim=0).min() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_row_scores_the_same_alone_and_in_company(name):
    model, batch = build(name), random_batch(FULL)
    alone = torch.cat([logits(model, batch[row : row + 1]) for row in range(ROWS)])
    torch.testing.assert_close(logits(model, batch), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # by torch's compiler
@pytest.mark.parametrize("name", NAMES)
def test_what_follows_its_tables_can_be_compiled_in_both_directions(name, monkeypatch):
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")
    model, batch = build(name), random_batch(FULL)
    expected = loss_of(model.train(), batch)
    with compilation.compiled_trunk(model, setting="on", device=torch.device("cpu")) as trunk:
        loss = loss_of(model, batch)
        loss.backward()
        assert trunk.state == "compiled" or trunk.state.endswith("no part that can be compiled")
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(("name", "key"), CASES)
def test_the_worth_of_its_fields_can_be_measured_and_is_felt_through_every_one(name, key):
    layout = LAYOUTS[key]
    model = build(name, layout)
    meter = worth_meter(model, layout)
    meter.observe(random_batch(layout, rows=64), choose_precision("bf16", torch.device("cpu")).autocast)
    assert all(field.error > 0 and math.isfinite(field.worth) for field in meter.result())
    assert all(parameter.grad is None for parameter in model.parameters())


SPLIT = [(name, key) for name, key in CASES if isinstance(build(name, LAYOUTS[key]), SplitModel)]


@pytest.mark.parametrize(("name", "key"), SPLIT)
def test_a_declared_split_is_the_forward_in_two_steps(name, key):
    model, batch = build(name, LAYOUTS[key]), random_batch(LAYOUTS[key])
    expected = logits(model, batch)
    with torch.no_grad():
        vectors = model.field_vectors(batch)
        assert vectors.shape[:2] == (ROWS, LAYOUTS[key].num_fields)
        assert torch.equal(model.finish(model.project(vectors)).logits, expected)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (name, {"input_norm": kind} if name in having("input_norm") else {})
        for name in sorted({name for name, _ in SPLIT})
        for kind in (INPUT_NORMS if name in having("input_norm") else ("none",))
    ],
)
def test_of_a_declared_split_a_fields_vector_depends_on_that_field_and_its_target_alone(name, settings):
    model, batch, other = build(name, **settings).eval(), random_batch(FULL), random_batch(FULL, seed=5)
    mixed = dataclasses.replace(batch, ids=torch.cat([batch.ids[:, :1], other.ids[:, 1:]], dim=1), dense=other.dense)
    with torch.no_grad():
        before, after = model.field_vectors(batch), model.field_vectors(mixed)
    same = (before == after).flatten(2).all(dim=2).all(dim=0)
    # All ids but the first are others now, and so is the target of one list, unless the model makes means of all lists.
    kept = {"user", "history", "tags"} | ({"viewed"} if name in MEANS_ONLY else set())
    assert {FULL.field_names[place] for place in same.nonzero().flatten()} == kept


@pytest.mark.parametrize("name", sorted({name for name, _ in SPLIT}))
def test_of_a_declared_split_the_first_step_is_affine(name):
    model = build(name).eval()
    with torch.no_grad():
        shape = model.field_vectors(random_batch(FULL)).shape
        model.double()
        left, right = torch.randn(2, *shape, dtype=torch.float64)
        parts = [model.project(vectors) for vectors in (left + right, left, right, torch.zeros_like(left))]
    for whole, first, second, constant in zip(*parts, strict=True):
        assert len(whole) == ROWS
        torch.testing.assert_close(first + second - constant, whole, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_where_its_context_leaves_a_field_out_its_value_has_no_say(name):
    layout = dataclasses.replace(FULL, context=Context(field="hour", left_out={"user": (2, 3), "price": (2, 3)}))
    batch, other = random_batch(layout), random_batch(layout, seed=1)
    changed = dataclasses.replace(
        batch,
        ids=torch.cat([other.ids[:, :1], batch.ids[:, 1:]], dim=1),
        dense=torch.cat([other.dense[:, :1], batch.dense[:, 1:]], dim=1),
    )
    model = build(name, layout)
    scores, is_left_out = logits(model, batch), torch.isin(batch.ids[:, 2], torch.tensor([2, 3]))
    is_same = (scores == logits(model, changed)).all(dim=1)
    assert 0 < is_left_out.sum() < ROWS
    assert torch.equal(is_same, is_left_out)
    # Apart from that, it is the same model.
    plain = build(name)
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(logits(plain, batch)[~is_left_out], scores[~is_left_out])


@pytest.mark.parametrize("name", NAMES)
def test_shuffled_rows_get_shuffled_scores(name):
    model, batch = build(name), random_batch(FULL)
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(logits(model, batch[order]), logits(model, batch)[order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_padding_appended_to_lists_changes_nothing(name):
    model, batch = build(name), random_batch(FULL)
    longer = tuple(nn.functional.pad(ids, (0, 4)) for ids in batch.lists)
    padded = dataclasses.replace(batch, lists=longer)
    torch.testing.assert_close(logits(model, padded), logits(model, batch), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_field_matters(name):
    model, batch = build(name), random_batch(FULL)
    before = logits(model, batch)
    other = random_batch(FULL, seed=5)
    for part in ("ids", "lists", "dense"):
        changed = dataclasses.replace(batch, **{part: getattr(other, part)})
        assert not torch.equal(logits(model, changed), before), part


# One field makes no pair: then nothing is learned by what weighs or makes pairs.
PAIRS_ONLY = {"autoint", "fm"}


@pytest.mark.parametrize(("name", "key"), [case for case in CASES if case[0] not in PAIRS_ONLY or case[1] != "one id"])
def test_a_step_changes_every_parameter_and_of_the_tables_the_rows_of_the_batch(name, key):
    layout = LAYOUTS[key]
    model, batch = build(name, layout).train(), random_batch(layout, rows=64)
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    # The first step wakes what starts at zero or behind something that does.
    for step in (0.01, 0.007):
        model.zero_grad()
        loss_of(model, batch).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                assert parameter.grad is not None
                grad = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
                parameter -= grad / (grad.abs().max() + 1e-12) * step
    for path, parameter in model.named_parameters():
        changed = parameter != before[path]
        if getattr(parameter, "row_sparse", False):
            touched = changed.any(dim=1).nonzero().flatten().tolist()
            assert parameter.grad.is_sparse
            assert touched == sorted(rows_of(layout, batch)), path
        else:
            assert changed.any(), path


def rows_of(layout: Layout, batch: Batch) -> set[int]:
    """The rows of the packed table that a batch names, padding left out."""
    used = {field.table for field in (*layout.ids, *layout.lists)}
    offsets, end = {}, 0
    for table, size in layout.tables.items():
        if table in used:
            offsets[table] = end
            end += size
    columns = [*zip(layout.ids, batch.ids.unbind(1), strict=True), *zip(layout.lists, batch.lists, strict=True)]
    return {offsets[field.table] + int(number) for field, ids in columns for number in ids.flatten() if number != 0}


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_a_rule_of_its_rows(name):
    layout = LAYOUTS["attended" if MODELS[name].needs else "ids"]
    torch.manual_seed(0)
    model, batch = build(name, layout).train(), random_batch(layout, rows=128)
    # Whether the sum of two ids is even takes an interaction; logistic regression is asked about one.
    columns = batch.ids[:, : 1 if name == "lr" else 2]
    labels = (columns.sum(dim=1, keepdim=True) % 2).float()
    batch = dataclasses.replace(batch, labels=labels)
    first = loss_of(model, batch).item()
    tables = [p for p in model.parameters() if getattr(p, "row_sparse", False)]
    others = [p for p in model.parameters() if not getattr(p, "row_sparse", False)]
    optimizers = [torch.optim.SparseAdam(tables, lr=0.05), torch.optim.Adam(others, lr=0.005)]
    for _ in range(30):
        model.zero_grad()
        loss_of(model, batch).backward()
        for optimizer in optimizers:
            optimizer.step()
    assert loss_of(model, batch).item() < 0.5 * first


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_weights_and_another_gives_others(name):
    first, same, other = (build(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_scores_the_same_to_the_bit(name, tmp_path):
    model, batch = build(name), random_batch(FULL)
    save_model(model, str(tmp_path / "model.safetensors"))
    other = build(name, seed=9)
    assert not torch.equal(logits(other, batch), logits(model, batch))
    load_model(other, str(tmp_path / "model.safetensors"))
    assert torch.equal(logits(other, batch), logits(model, batch))


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_autocast_stays_close_to_float32(name):
    model, batch = build(name), random_batch(FULL, rows=64)
    exact = logits(model, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = logits(model, batch)
    difference = (rounded.float() - exact).abs().max()
    assert 0 < difference < 0.05 * exact.std() + 0.02


@pytest.mark.parametrize("name", NAMES)
def test_autocast_gradients_are_float32_and_point_the_same_way(name):
    grads = []
    for enabled in (False, True):
        model, batch = build(name).train(), random_batch(FULL, rows=64)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            output = model(batch)
        nn.functional.binary_cross_entropy_with_logits(output.logits.float(), batch.labels).backward()
        assert all(p.grad.dtype == torch.float32 for p in model.parameters())
        grads.append(torch.cat([p.grad.to_dense().flatten() for p in model.parameters()]))
    assert torch.cosine_similarity(grads[0], grads[1], dim=0) > 0.99


@pytest.mark.parametrize("kind", INPUT_NORMS)
@pytest.mark.parametrize("name", having("input_norm"))
def test_the_normalisation_of_the_input_is_a_setting(name, kind):
    scores = logits(build(name, input_norm=kind), random_batch(FULL))
    assert scores.isfinite().all()
    assert build(name, input_norm=kind).norm.kind == kind


@pytest.mark.parametrize(
    ("name", "setting"), [(name, setting) for setting in ("dropout", "input_dropout") for name in having(setting)]
)
def test_dropout_acts_in_training_only(name, setting):
    model, batch = build(name, **{setting: 0.5}), random_batch(FULL)
    assert torch.equal(logits(model, batch), logits(model, batch))
    model.train()
    with torch.no_grad():
        assert not torch.equal(model(batch).logits, model(batch).logits)


@pytest.mark.parametrize("name", having("dropout"))
def test_recomputed_activations_change_no_bit_of_a_step(name):
    batch, results = random_batch(FULL, rows=64), []
    for is_wanted in (False, True):
        model = build(name, dropout=0.3, input_dropout=0.1).train()
        torch.manual_seed(1)
        with recomputed_activations(model, is_wanted=is_wanted):
            loss = loss_of(model, batch)
            loss.backward()
        gradients = [parameter.grad.to_dense() for parameter in model.parameters()]
        results.append([loss, *gradients, *model.buffers()])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_are_frozen_and_all_have_defaults(name):
    config = MODELS[name].config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.dim = 3
    for field in dataclasses.fields(config):
        assert field.kw_only
    expected = (VECTOR_SETTINGS | NETWORK_SETTINGS) - WITHOUT.get(name, set())
    assert expected <= {field.name for field in dataclasses.fields(config)}


@pytest.mark.parametrize("name", NAMES)
def test_one_name_finds_its_file_and_its_test(name):
    assert (ROOT / "tamis" / "models" / f"{name}.py").is_file()
    assert (ROOT / "tests" / "models" / f"test_{name}.py").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_its_facts_are_written_down(name):
    entry = MODELS[name]
    assert entry.name == name
    assert any(character.isdigit() for character in entry.source), "a source has a year or a number"
    assert entry.status == "published" or len(entry.note) > 40, "a reconstruction says what is ours"
    assert "Source:" in (entry.build.__doc__ or "")
    assert entry.build.__module__ == f"tamis.models.{name}"


def test_importing_the_room_registers_every_model_file():
    files = {path.stem for path in Path(tamis.models.__path__[0]).glob("*.py")}
    shared = {"__init__", "lighter", "ssr", "setting_rules", "split"}
    assert set(NAMES) == files - shared


@pytest.mark.parametrize(("name", "key"), CASES)
def test_the_operations_counted_while_they_happen_are_those_of_the_formula(name, key):
    """Both counts leave out what is done element by element; a layer whose formula is wrong or missing fails here.

    One row: what a model computes once for a whole batch the formula gives to every row.
    """
    model = MODELS[name].build(MODELS[name].config(), LAYOUTS[key])
    assert closed_flops_per_row(model) == forward_flops_per_row(model, random_batch(LAYOUTS[key], rows=1))
