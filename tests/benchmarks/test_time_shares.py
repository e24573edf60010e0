"""Where time goes: kinds of operations by name, and what a long run has more than a short one."""

import time

import pytest
import torch


@pytest.fixture
def time_shares():
    import time_shares

    return time_shares


def test_a_product_is_a_product_and_waiting_is_between_operations(time_shares):
    x = torch.randn(400, 400)

    def work(products: int, waits: int):
        def run():
            for _ in range(products):
                x @ x
            time.sleep(0.01 * waits)

        return run

    seconds = time_shares.seconds_by_kind(work(5, 3))
    assert seconds["matrix products"] > 0
    assert seconds["between operations"] > 0.025
    found = time_shares.shares(work(50, 1), work(10, 1))
    assert sum(found.values()) == pytest.approx(1, abs=0.01)
    assert max(found, key=found.get) == "matrix products"


def test_what_both_runs_have_counts_for_neither(time_shares, monkeypatch):
    seconds = {
        "long": {"products": 5.0, "copies": 3.0, "rest": 1.0},
        "short": {"products": 2.0, "copies": 2.0, "rest": 4.0},
    }
    monkeypatch.setattr(time_shares, "seconds_by_kind", seconds.get)
    assert time_shares.shares("long", "short") == {"products": 0.75, "copies": 0.25, "rest": 0.0}


def test_every_operation_has_one_kind(time_shares):
    names = {
        "aten::mm": "matrix products",
        "_FusionTailBackward": "kernels between products",
        "_GatherRowsBackward": "tables: gather, gradient, step",
        "aten::_fused_adamw_": "AdamW",
        "aten::copy_": "copies and casts",
        "aten::relu": "other operations",
    }
    for name, kind in names.items():
        assert time_shares.kind_of(name) == kind
