import pytest
import torch
from torch.nn import functional as F

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import FinalMLP, FinalMLPConfig


def layout_of(*sizes: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    tables = {f"f{i}": size for i, size in enumerate(sizes)}
    return Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables), tasks=tasks)


@pytest.mark.parametrize("has_gates", [True, False])
@pytest.mark.parametrize("context", [(), ("f2", "f0")])
@torch.no_grad()
def test_it_equals_its_figure(has_gates, context):
    torch.manual_seed(0)
    config = FinalMLPConfig(
        dim=2,
        first_hidden=(5, 4),
        second_hidden=(6,),
        heads=2,
        has_gates=has_gates,
        gate_hidden=(3,),
        second_context=context,
    )
    model = FinalMLP(config, layout_of(6, 7, 8)).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = Batch(ids=torch.randint(1, 6, (5, 3)), dense=torch.empty(5, 0))
    vectors = model.embed.table.weight[batch.ids + torch.tensor([0, 6, 13])].flatten(1)
    ends = []
    for number, stream in enumerate(model.streams):
        x = vectors
        if has_gates:
            gate = model.gates[number]
            if number == 1 and context:
                known = gate.context.embed.table.weight[batch.ids[:, [0, 2]] + torch.tensor([0, 6])].flatten(1)
            else:
                known = gate.learned
            hidden = gate.gate.hidden.linears[0]
            scores = F.linear(torch.relu(known @ hidden.weight.T + hidden.bias), gate.gate.linear.weight)
            x = x * 2 * torch.sigmoid(scores + gate.gate.linear.bias)
        for linear in stream.linears:
            x = torch.relu(x @ linear.weight.T + linear.bias)
        ends.append(x)
    expected = torch.cat(ends, dim=1) @ model.fusion.linear.weight[0] + model.fusion.linear.bias
    for row in range(5):
        for head in range(2):
            left, right = ends[0][row, 2 * head : 2 * head + 2], ends[1][row, 3 * head : 3 * head + 3]
            expected[row] += left @ model.fusion.weight[head] @ right
    torch.testing.assert_close(model(batch).logits[:, 0], expected)


def test_it_has_the_parameters_of_the_reference_run():
    # BARS, FinalMLP on Frappe_x1, log of 2022-12-17, with its sizes of the vocabularies; the fusion there has a
    # constant for each stream, the paper's has one.
    sizes = {"user": 956, "item": 4084, "daytime": 9, "weekday": 9, "isweekend": 4}
    sizes |= {"homework": 5, "cost": 4, "weather": 11, "country": 82, "city": 235}
    layout = Layout(tables=sizes, ids=tuple(IdField(name=name, table=name) for name in sizes))
    config = FinalMLPConfig(
        dim=10,
        first_hidden=(400,),
        second_hidden=(100,),
        heads=5,
        gate_hidden=(400,),
        first_context=("user",),
        second_context=("item",),
        hidden_norm=True,
    )
    assert sum(parameter.numel() for parameter in FinalMLP(config, layout).parameters()) == 253_392 - 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"heads": 0}, "FinalMLPConfig heads must be at least 1; got 0"),
        ({"heads": 7}, "heads must divide the last widths of both streams, 400 and 400; got 7"),
        ({"first_hidden": ()}, "first_hidden and second_hidden need at least one width each; got none"),
        ({"gate_hidden": (0,)}, r"FinalMLPConfig gate_hidden must be at least 1; got \(0,\)"),
        ({"input_dropout": 1.0}, "FinalMLPConfig input_dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        FinalMLPConfig(**setting)


def test_a_context_that_is_not_a_field_is_refused():
    with pytest.raises(ConfigError, match="a context field must be one of the fields f0, f1; got 'user'"):
        FinalMLP(FinalMLPConfig(first_context=("user",)), layout_of(3, 3))
