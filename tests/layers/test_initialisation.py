import math

import torch

from tamis.layers import glorot_normal_, glorot_uniform_


def test_glorot_normal_has_the_promised_deviation_after_cutting():
    torch.manual_seed(0)
    weight = glorot_normal_(torch.empty(400, 500), fan_in=30, fan_out=50)
    deviation = math.sqrt(2 / 80)
    assert abs(weight.std().item() / deviation - 1) < 0.01
    assert weight.abs().max().item() <= 2 * deviation / 0.8796 * 1.0001


def test_glorot_uniform_has_the_promised_bound_and_deviation():
    torch.manual_seed(0)
    weight = glorot_uniform_(torch.empty(400, 500), fan_in=30, fan_out=50)
    assert weight.abs().max().item() <= math.sqrt(6 / 80)
    assert abs(weight.std().item() / math.sqrt(2 / 80) - 1) < 0.01
