"""Compiled training steps: the same training, and without a compiler the very same."""

import gc
import json
import logging
import shutil
import weakref

import pytest
import torch
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch.nn import functional as F

from tamis.batch import Output
from tamis.errors import CheckpointError
from tamis.layers import MLP, dropout
from tamis.training import TrainingSettings, compilation, train
from tamis.training.compilation import compiled_trunk

# torch's own compiler looks at `.grad` of what is no leaf.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")


def disk_on_fire(graph, inputs):
    raise OSError("disk on fire")


def nothing(graph, inputs):
    return graph.forward


class Parts(nn.Module):
    """A table, and two parts that can be compiled, or one without the norm."""

    def __init__(self, tiny, *, dropout, norm):
        super().__init__()
        self.table = tiny.TinyModel(packed=True).table
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.norm = nn.BatchNorm1d(9) if norm else nn.Identity()
            self.deep = nn.Sequential(MLP(d_in=9, hidden=(16, 8), dropout=dropout), nn.Linear(8, 1))

    def forward(self, batch):
        x = torch.cat([self.table(batch.ids.long()).flatten(1), batch.dense], dim=1)
        return Output(logits=self.deep(self.norm(x)))


@pytest.fixture
def go(tiny, tmp_path, monkeypatch):
    """Train with a compiler that is quick, or the one given; the result, and what the model then holds."""

    def start(name, *, backend="aot_eager", resume=False, dropout=0.3, norm=True, source=None, **changes):
        monkeypatch.setattr(compilation, "BACKEND", backend)
        model = Parts(tiny, dropout=dropout, norm=norm)
        names = list(model.state_dict())
        result = train(
            model,
            source=source or tiny.tiny_source(305, shuffle_seed=3),  # batches of 30 and of 31 rows
            valid=tiny.tiny_source(90, seed=2),
            settings=tiny.tiny_settings(**{"compile": "on", **changes}),
            folder=tmp_path / name,
            resume=resume,
        )
        assert list(model.state_dict()) == names
        assert not any("forward" in module.__dict__ for module in model.modules())
        return result, {name: tensor.clone() for name, tensor in model.state_dict().items()}

    return start


def curve_of(result):
    lines = [json.loads(line) for line in result.curve.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def assert_same(one, other):
    assert curve_of(one[0]) == curve_of(other[0])
    for name, tensor in one[1].items():
        assert torch.equal(tensor, other[1][name]), name


@pytest.fixture
def dropout_by_torch(monkeypatch):
    """Steps that are not compiled draw their random numbers in another way than those that are."""
    monkeypatch.setattr(dropout, "dropout", lambda x, share, *, training: F.dropout(x, share, training))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.usefixtures("dropout_by_torch")
def test_compiled_training_is_the_same_training(go, precision):
    eager, compiled = go("eager", compile="off", precision=precision), go("compiled", precision=precision)
    assert (eager[0].trunk, compiled[0].trunk) == ("eager", "compiled")
    tolerance = {"fp32": 1e-5, "bf16": 2e-2}[precision]
    for mine, theirs in zip(curve_of(compiled[0]), curve_of(eager[0]), strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], abs=tolerance)
    for name, tensor in eager[1].items():
        torch.testing.assert_close(compiled[1][name], tensor, rtol=0, atol=10 * tolerance)


@pytest.mark.filterwarnings("ignore")  # of what torch imports for it
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_torch_s_own_compiler_makes_it_the_same_training(go, tiny):
    # Its random numbers are its own; batches of one size are compiled once.
    told = {"dropout": 0.0, "norm": False, "epochs": 1, "source": tiny.tiny_source(300, shuffle_seed=3)}
    eager, compiled = go("eager", compile="off", **told), go("compiled", backend="inductor", **told)
    assert compiled[0].trunk == "compiled"
    for mine, theirs in zip(curve_of(compiled[0]), curve_of(eager[0]), strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-5)


@pytest.mark.parametrize(
    "backend",
    [disk_on_fire, aot_autograd(fw_compiler=nothing, bw_compiler=disk_on_fire)],
    ids=["forward", "backward"],
)
def test_a_compiler_that_fails_leaves_the_very_same_training(go, backend, caplog):
    eager = go("eager", compile="off")
    with caplog.at_level(logging.INFO, logger="tamis"):
        fallen = go("fallen", backend=backend)
    assert fallen[0].trunk == "eager: OSError: disk on fire"
    assert [record.message for record in caplog.records] == [
        "training runs without torch.compile: OSError: disk on fire"
    ]
    assert_same(eager, fallen)


@pytest.mark.filterwarnings("ignore")
def test_without_a_c_compiler_training_goes_on(go, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", (None, "no-such-compiler"))
    eager, fallen = go("eager", compile="off"), go("fallen", backend="inductor")
    assert fallen[0].trunk.startswith("eager: InvalidCxxCompiler: ")
    assert_same(eager, fallen)


def test_what_stops_compiling_later_goes_on_as_it_is(go):
    calls = []

    def once(graph, inputs):
        calls.append(graph)
        return graph.forward if len(calls) < 3 else disk_on_fire(graph, inputs)

    result, _ = go("later", backend=once)
    assert result.trunk == "compiled at first, then eager: OSError: disk on fire"
    assert result.steps == 20


def test_auto_compiles_for_cuda_alone(tiny, go):
    assert TrainingSettings().compile == "auto"
    assert go("auto", backend=disk_on_fire, compile="auto", epochs=1)[0].trunk == "eager"
    for setting, device, is_wanted in (("auto", "cuda", True), ("off", "cuda", False), ("on", "cpu", True)):
        model = Parts(tiny, dropout=0.0, norm=True)
        with compiled_trunk(model, setting=setting, device=torch.device(device)):
            hidden = {name for name, module in model.named_modules() if "forward" in module.__dict__}
        assert hidden == ({"norm", "deep"} if is_wanted else set())


class Interrupted(Exception):
    pass


def interrupt():
    raise Interrupted


def test_a_compiled_run_resumes_to_the_same_bits_and_only_as_such(go, tiny):
    straight = go("straight")
    source = tiny.EndingSource(tiny.tiny_source(305, shuffle_seed=3), left=15, end=interrupt)
    with pytest.raises(Interrupted):
        go("stopped", source=source, checkpoint_every_steps=4)
    with pytest.raises(CheckpointError, match=r"compile: 'on' in the checkpoint, 'off' now"):
        go("stopped", resume=True, compile="off")
    resumed = go("stopped", resume=True)
    assert resumed[0].notes == ("resumed from step 12 of 20",)
    assert resumed[0].trunk == "compiled"
    assert_same(straight, resumed)


@pytest.mark.usefixtures("dropout_by_torch")
def test_checkpointed_activations_train_the_same(go):
    plain, recomputed = go("plain", epochs=1), go("recomputed", epochs=1, checkpoint_activations=True)
    assert plain[0].trunk == "compiled"
    for name, tensor in plain[1].items():
        torch.testing.assert_close(recomputed[1][name], tensor)


def test_a_forward_that_is_replaced_is_left_alone():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    model[0].__dict__["forward"] = replaced = nn.Identity()
    with compiled_trunk(model, setting="on", device=torch.device("cpu")) as trunk:
        assert model[0].__dict__["forward"] is replaced
        assert "forward" in model[1].__dict__
    assert trunk.state == "eager"


def test_a_model_of_tables_alone_says_that_there_is_nothing_to_compile(tiny):
    model = nn.Sequential(tiny.TinyModel(packed=True).table)
    with compiled_trunk(model, setting="on", device=torch.device("cpu")) as trunk:
        assert trunk.state == "eager: Sequential has no part that can be compiled"


def test_validation_runs_as_it_is(monkeypatch):
    monkeypatch.setattr(compilation, "BACKEND", disk_on_fire)
    model = nn.Sequential(nn.Linear(2, 1)).eval()
    with compiled_trunk(model, setting="on", device=torch.device("cpu")) as trunk, torch.no_grad():
        model(torch.ones(3, 2))
        assert trunk.state == "eager"


def test_a_process_may_train_many_models_and_keeps_none(monkeypatch):
    sizes, left = [], []

    def keep(graph, inputs):
        sizes.extend(size for tensor in inputs for size in tensor.shape)
        return graph.forward

    monkeypatch.setattr(compilation, "BACKEND", keep)
    for rows in range(2, 12):  # torch compiles one code object eight times
        model = nn.Sequential(nn.Linear(2, 1))
        with compiled_trunk(model, setting="on", device=torch.device("cpu")) as trunk:
            model(torch.ones(rows, 2)).sum().backward()
        assert trunk.state == "compiled"
        left.append(weakref.ref(model))
    # To each model its sizes are new: none is taken for one that changes.
    assert all(isinstance(size, int) for size in sizes)
    del model
    gc.collect()
    assert [reference() for reference in left] == [None] * 10
