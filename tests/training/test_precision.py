"""What "auto" decides, and that the decision is said."""

import pytest
import torch

from tamis.errors import ConfigError
from tamis.training import choose_precision, precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("native", "name"), [(True, "bf16"), (False, "fp32")])
def test_auto_takes_bf16_only_where_the_processor_has_it(monkeypatch, native, name):
    monkeypatch.setattr(precision, "has_native_bf16", lambda device: native)
    chosen = choose_precision("auto", CPU)
    assert chosen.name == name
    assert chosen.reason == f"auto: the processor has {'' if native else 'no '}bf16"


def test_on_this_processor_auto_follows_what_torch_says_of_it():
    native = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert choose_precision("auto", CPU).name == ("bf16" if native else "fp32")


def test_a_device_we_know_nothing_of_has_no_bf16():
    assert not precision.has_native_bf16(torch.device("meta"))


def test_autocast_multiplies_in_the_chosen_precision_and_leaves_weights_alone():
    layer = torch.nn.Linear(3, 2)
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        with choose_precision(name, CPU).autocast():
            assert layer(torch.ones(1, 3)).dtype == dtype
    assert layer.weight.dtype == torch.float32


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match=r"one of \['auto', 'bf16', 'fp32'\]; got 'fp16'"):
        choose_precision("fp16", CPU)
