"""What an inspection says of models whose weights were made by hand, and of models that never learned."""

import math
from statistics import NormalDist

import polars as pl
import pytest
import torch

from tamis.embeddings import tables_stored
from tamis.experiment import inspect_model
from tamis.experiment.filter_watch import Watch
from tamis.experiment.inspection import CONTROL_SEED
from tamis.export import Bundle
from tamis.features import Field, Kind, Schema, fit_encoders
from tamis.layers import MLP
from tamis.models import MODELS
from tamis.record import Inspection, RunRecord
from tamis.serving import Scorer

DIM = 4
SSR_D = {"preset": "paper", "views": (2, 3), "widths": (6, 5), "iterations": 2}
SSR_S = {"preset": "paper", "views": (2, 3), "widths": (6, 5)}


@pytest.fixture(scope="module")
def encoders(click_log):
    fields = [
        Field(name="user_id", kind=Kind.CATEGORICAL),
        Field(name="item_id", kind=Kind.CATEGORICAL),
        Field(name="page", kind=Kind.CATEGORICAL),
        Field(name="click", kind=Kind.LABEL),
    ]
    return fit_encoders(Schema(fields=tuple(fields)), [click_log])


@pytest.fixture
def make(encoders):
    """A model of a seed with its encoders, fresh."""

    def build(name, *, seed=7, **settings):
        config = MODELS[name].config(dim=DIM, **settings)
        torch.manual_seed(seed)
        return Bundle(
            model_name=name,
            model_settings=config,
            model=MODELS[name].build(config, encoders.layout),
            encoders=encoders,
        )

    return build


def inspect(bundle, chunks=(), **options):
    return inspect_model(bundle, chunks, seconds=0.01, **options)


def test_planted_zeros_of_an_mlp_are_found_exactly(make, click_log):
    bundle = make("mlp", hidden=(10, 5))
    first, second = bundle.model.hidden.linears
    with torch.no_grad():
        first.weight.zero_()
        first.weight[:, DIM : 2 * DIM] = 0.5  # reads the item alone
        second.weight.fill_(1.0)
        second.weight[0, :7] = 0.0009
    found = inspect(bundle, [click_log[:50]])
    one, two, _ = found.layers
    assert (one["name"], one["reads_fields"], two["reads_fields"]) == ("hidden.linears.0", True, False)
    assert one["trained"]["below_absolute"] == pytest.approx(2 / 3, abs=1e-4)
    assert two["trained"]["below_absolute"] == 7 / 50
    assert one["fields"]["names"] == ["user_id", "item_id", "page"]
    assert one["fields"]["trained"] == [0.0, 1.0, 0.0]
    assert one["fields"]["on_rows"] == [0.0, 1.0, 0.0]
    assert one["trained"]["dims_for_80"] == pytest.approx(4 / 12, abs=1e-4)
    assert (one["trained"]["effective_rank"], one["trained"]["stable_rank"]) == (pytest.approx(1), pytest.approx(1))
    assert one["trained"]["curve"][5] == 0.75, "3 of 12 dimensions hold 3 of 4 equal columns"


@pytest.mark.parametrize(
    ("name", "settings"), [("mlp", {}), ("afn", {"neurons": 3, "hidden_norm": True}), ("autofis", {})]
)
def test_hidden_zeros_are_those_behind_the_relu_also_where_a_norm_stands_before_it(make, click_log, name, settings):
    bundle = make(name, hidden=(10,), **settings)
    (mlp,) = [module for module in bundle.model.modules() if isinstance(module, MLP)]
    with torch.no_grad():
        mlp.linears[0].bias.fill_(2.0)
        if mlp.norms is not None:
            mlp.norms[0].bias.fill_(-2.0)
    seen = []
    mlp.register_forward_hook(lambda _, __, output: seen.append(output))
    found = inspect(bundle, [click_log])
    seen.clear()
    Scorer(bundle).score(click_log)
    (layer,) = found.relu_layers
    assert layer["trained"]["zeros"] == pytest.approx((torch.cat(seen) == 0).double().mean().item(), abs=1e-6)


def test_where_no_relu_follows_no_zeros_are_told():
    assert Watch(torch.nn.Sequential(MLP(d_in=3, hidden=(4,), has_dice=True)), []).relu_layers == {}


def test_planted_views_of_ssr_d_keep_the_fields_they_read(make, click_log):
    bundle = make("ssr_d", **SSR_D)
    block = bundle.model.body.blocks[0]
    with torch.no_grad():
        weight = block.projection.weight.view(2, 6, 3 * DIM)
        weight[0, :, DIM:] = 0.0  # view 1 reads the user alone
        weight[1, :, : 2 * DIM] = 0.0  # view 2 the page alone
        block.filter.alpha.copy_(torch.tensor([[0.0, 0.0], [0.0, 100.0]]))
    found = inspect(bundle, [click_log[:300]])
    sieve = found.filters[0]
    assert sieve["sources"] == ["user_id", "item_id", "page"]
    assert sieve["kept"][0] == pytest.approx([1.0, 0.0, 0.0], abs=1e-4)
    assert sieve["kept"][1] == [None, None, None], "the second rate kills all of view 2"
    assert sieve["projected"][1] == pytest.approx([0.0, 0.0, 1.0], abs=1e-4)
    zeros = sieve["trained"]["zeros"]
    assert zeros[0][0] == zeros[1][0] == zeros[2][0] and 0.2 < zeros[0][0] < 0.8
    assert zeros[2][1] == 1.0 and zeros[1][1] == zeros[0][1] < 0.8
    assert sieve["trained"]["empty"][1] == 1.0 and sieve["trained"]["dead"][1] == 1.0
    assert sieve["alpha"] == [[0.0, 0.0], [0.0, 100.0]] and sieve["alpha_start"] == pytest.approx(0.1)
    assert found.filters[1]["sources"] == ["view 1", "view 2"]


def test_zeros_are_those_of_the_filters_own_output(make, click_log):
    bundle = make("ssr_d", **SSR_D)
    kept = []
    bundle.model.body.blocks[1].filter.register_forward_hook(lambda _, __, output: kept.append(output))
    found = inspect(bundle, [click_log[:200]])
    whole = next(output for output in kept if len(output) == 200)
    expected = (whole == 0).double().mean(dim=(0, 2)).tolist()
    assert found.filters[1]["trained"]["zeros"][-1] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("name", "settings"), [("mlp", {"hidden": (64,)}), ("ssr_d", SSR_D), ("ssr_s", SSR_S)])
def test_control_a_model_that_never_learned_is_its_own_control(make, click_log, name, settings):
    found = inspect(make(name, seed=CONTROL_SEED, input_norm="none", **settings), [click_log[:200]])
    for layer in (*found.layers, *found.relu_layers, *(sieve for sieve in found.filters if "trained" in sieve)):
        assert layer["trained"] == layer["untrained"]


def test_control_the_mass_of_a_fresh_layer_lies_where_the_closed_form_has_it(make):
    outputs = 400
    (layer, _) = inspect(make("mlp", hidden=(outputs,), seed=3)).layers
    # Columns of |w| uniform on (0, b): mean b / 2, variance b**2 / 12; Lorenz' curve of their normal sums.
    spread, normal = math.sqrt(1 / 3 / outputs), NormalDist()
    for share, height in zip(
        (0.25, 0.5, 0.75), (layer["trained"]["curve"][place] for place in (5, 10, 15)), strict=True
    ):
        assert height == pytest.approx(share + spread * normal.pdf(normal.inv_cdf(1 - share)), abs=0.01)


def test_without_rows_it_says_what_weights_alone_say(make):
    found = inspect(make("ssr_d", **SSR_D))
    assert (found.rows, found.milliseconds, found.relu_layers) == (0, {}, ())
    assert "trained" not in found.filters[0] and len(found.filters[0]["alpha"]) == 2
    assert found.layers[0]["trained"]["dims_for_80_on_rows"] is None
    assert found.layers[0]["fields"]["on_rows"] is None


def test_batches_chunks_and_labels_change_no_count(make, click_log):
    bundle, rows = make("ssr_d", **SSR_D), click_log[:400]
    whole = inspect(bundle, [rows])
    parts = inspect(bundle, [rows[:150].drop("click"), rows[150:].drop("click")], batch_size=64)
    assert parts.rows == whole.rows == 400
    for one, other in zip(parts.filters, whole.filters, strict=True):
        for key in ("dead", "always", "empty"):
            assert one["trained"][key] == other["trained"][key]
        for step, expected in zip(one["trained"]["zeros"], other["trained"]["zeros"], strict=True):
            assert step == pytest.approx(expected, abs=2e-4)


def test_no_more_rows_are_looked_at_than_wanted(make, click_log):
    chunks = iter([click_log[:100], click_log[100:200], click_log[200:300]])
    seen = []
    found = inspect(make("mlp", hidden=(4,)), chunks, most_rows=120, batch_size=64, report=seen.append)
    assert found.rows == sum(seen) == 120


def test_it_leaves_the_model_and_the_random_numbers_as_they_were(make, click_log):
    bundle = make("ssr_s", input_dropout=0.5, **SSR_S)
    before = {name: tensor.clone() for name, tensor in bundle.model.state_dict().items()}
    state, printed = torch.get_rng_state(), str(bundle.model)
    inspect(bundle, [click_log[:100]])
    assert torch.equal(torch.get_rng_state(), state) and str(bundle.model) == printed
    assert all(torch.equal(tensor, before[name]) for name, tensor in bundle.model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in bundle.model.modules())


def test_half_tables_are_looked_into_too(make, click_log):
    with tables_stored(dtype=torch.bfloat16):
        bundle = make("mlp", hidden=(4,))
    assert inspect(bundle, [click_log[:10]]).rows == 10


def test_a_run_lends_its_name(make):
    record = RunRecord(dataset="adult", split="random", model="mlp", seed=4)
    found = inspect(make("mlp", hidden=(4,)), record=record, sources=["rows.parquet"])
    assert (found.dataset, found.split, found.seed, found.sources) == ("adult", "random", 4, ("rows.parquet",))


def test_of_many_fields_and_views_all_are_listed(tmp_path):
    names = [f"a field with quite a long name, number {number}" for number in range(100)]
    rows = pl.DataFrame({name: ["a", "b", "c"] for name in names} | {"click": [0, 1, 0]})
    encoders = fit_encoders(Schema.infer(rows, label="click"), [rows])
    config = MODELS["ssr_d"].config(dim=2, views=(64, 16), widths=(8, 8))
    model = MODELS["ssr_d"].build(config, encoders.layout)
    found = inspect(Bundle(model_name="ssr_d", model_settings=config, model=model, encoders=encoders), [rows])
    sieve, layer = found.filters[0], found.layers[0]
    assert sieve["sources"] == layer["fields"]["names"] == names
    assert {len(view) for key in ("kept", "kept_spread", "projected", "samples") for view in sieve[key]} == {100}
    assert [sum(view) for view in sieve["kept"]] == pytest.approx([1.0] * 64, abs=1e-2)
    assert sum(layer["fields"]["trained"]) == pytest.approx(1, abs=1e-2)
    written = Inspection.load(found.save(tmp_path / "inspection.json"))
    assert written.filters[0]["kept"][63] == sieve["kept"][63]
