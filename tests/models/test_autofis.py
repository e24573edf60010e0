from itertools import combinations

import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import AutoFIS, AutoFISConfig, SplitModel
from tamis.training import DenseOptimizer, GateOptimizer, MemorySource, TableOptimizer, TrainingSettings, train

NAMES = ("user", "item", "page", "hour")


def layout_of(size: int = 8, tasks: tuple[str, ...] = ("label",)) -> Layout:
    return Layout(
        tables={name: size for name in NAMES}, ids=tuple(IdField(name=name, table=name) for name in NAMES), tasks=tasks
    )


@torch.no_grad()
@pytest.mark.parametrize("pairs", [None, (("hour", "user"), ("item", "page"))])
def test_it_equals_its_formula(pairs):
    torch.manual_seed(0)
    model = AutoFIS(AutoFISConfig(dim=2, hidden=(5,), pairs=pairs), layout_of(tasks=("a", "b"))).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    model.pairs.norm.running_mean.uniform_(-0.1, 0.1)
    model.pairs.norm.running_var.uniform_(0.5, 1.5)
    batch = Batch(ids=torch.randint(1, 8, (6, 4)), dense=torch.empty(6, 0))
    rows = batch.ids + torch.tensor([0, 8, 16, 24])
    vectors, expected = model.embed.table.weight[rows], model.weights.table.weight[rows].sum(dim=1)
    places = [(0, 3), (1, 2)] if pairs else list(combinations(range(4), 2))
    for number, (i, j) in enumerate(places):
        product = (vectors[:, i] * vectors[:, j]).sum(dim=1)
        mean, variance = model.pairs.norm.running_mean[number], model.pairs.norm.running_var[number]
        expected = expected + ((product - mean) / (variance + 1e-3).sqrt()).unsqueeze(1) * model.pairs.gates[number]
    (linear,), (norm,), score = model.deep.linears, model.deep.norms, model.head.scores[0]
    hidden = torch.relu(norm(vectors.flatten(1) @ linear.weight.T + linear.bias))
    torch.testing.assert_close(model(batch).logits, expected + hidden @ score.weight.T + score.bias)


def test_without_a_deep_network_it_is_a_factorization_machine_with_gates():
    model = AutoFIS(AutoFISConfig(dim=3, hidden=()), layout_of())
    own = {name: parameter.numel() for name, parameter in model.named_parameters()}
    assert own == {"bias": 1, "weights.table.weight": 32, "embed.table.weight": 32 * 3, "pairs.gates": 6}


def test_the_kept_pairs_are_those_with_a_gate_of_any_task_that_is_not_zero():
    model = AutoFIS(AutoFISConfig(dim=3, hidden=()), layout_of(tasks=("a", "b")))
    assert model.kept_pairs() == list(combinations(NAMES, 2))
    with torch.no_grad():
        model.pairs.gates.zero_()
        model.pairs.gates[2, 1] = -0.1
    assert model.kept_pairs() == [("user", "hour")]


def test_gates_are_pruned_in_the_search_and_weights_like_others_afterwards():
    assert AutoFIS(AutoFISConfig(hidden=()), layout_of()).pairs.gates.is_gate
    again = AutoFIS(AutoFISConfig(hidden=(), pairs=(("item", "user"),)), layout_of())
    assert not again.pairs.gates.is_gate
    assert again.kept_pairs() == [("user", "item")]
    assert AutoFIS(AutoFISConfig(hidden=(), pairs=()), layout_of()).kept_pairs() == []
    assert not isinstance(again, SplitModel), "products of fields are not affine in them"


def planted(*, strength: float) -> Batch:
    """Rows in which the table of one pair decides the label, or, with no strength, nothing."""
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(2, 8, (120_000, 4), generator=random)
    taste = torch.randn(8, 8, generator=random).sign() * strength
    labels = torch.bernoulli(torch.sigmoid(taste[ids[:, 0], ids[:, 1]]), generator=random)
    return Batch(ids=ids.int(), dense=torch.empty(len(ids), 0), labels=labels.unsqueeze(1))


@pytest.mark.parametrize(("strength", "found"), [(1.5, [("user", "item")]), (0.0, [])])
def test_gates_of_noise_end_at_zero_and_the_planted_pair_is_kept(strength, found, tmp_path):
    rows = planted(strength=strength)
    settings = TrainingSettings(
        epochs=1,
        keep="last",
        precision="fp32",
        device="cpu",
        tables=TableOptimizer(name="lazy_adam", learning_rate=0.02),
        dense=DenseOptimizer(learning_rate=1e-3),
        gates=GateOptimizer(c=0.02),
    )

    def trained(model: AutoFIS, name: str) -> tuple[AutoFIS, float]:
        source, valid = MemorySource(rows[2000:], batch_size=500), MemorySource(rows[:2000], batch_size=2000)
        result = train(model, source=source, valid=valid, settings=settings, folder=tmp_path / name)
        return model, result.best.value

    torch.manual_seed(0)
    searched, auc = trained(AutoFIS(AutoFISConfig(dim=4, hidden=()), layout_of()), "search")
    assert searched.kept_pairs() == found
    assert (searched.pairs.gates == 0).sum() == 6 - len(found)
    torch.manual_seed(0)
    config = AutoFISConfig(dim=4, hidden=(), pairs=tuple(searched.kept_pairs()))
    _, again = trained(AutoFIS(config, layout_of()), "again")
    # The best there is: four of five labels follow a sign of strength 1.5, and half of them one of strength 0.
    best = 1 / (1 + 2.718281828**-strength)
    assert auc == pytest.approx(best, abs=0.03)
    assert again == pytest.approx(best, abs=0.03)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"pairs": (("user", "itm"),)},
            "AutoFISConfig pairs must name fields of the layout; got 'itm'. Did you",
        ),
        ({"pairs": (("user", "user"),)}, r"pairs must be of two fields and stand once each; got \('user', 'user'\)"),
        ({"pairs": (("user", "item"), ("item", "user"))}, r"stand once each; got \('item', 'user'\). Remove it."),
        ({"dim": 0}, "AutoFISConfig dim must be at least 1; got 0"),
        ({"dropout": 1.0}, "AutoFISConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        AutoFIS(AutoFISConfig(**settings), layout_of())
