"""Costs counted by hand."""

import torch
from torch import nn

from tamis.analysis import count_parameters, forward_flops_per_row
from tamis.batch import Batch, Output


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(10, 4))
        self.table.row_sparse = True
        self.linear = nn.Linear(3, 2)

    def forward(self, batch):
        return Output(logits=self.linear(batch.dense))


def test_tables_and_the_rest_are_counted_apart():
    assert count_parameters(Small()) == {"dense": 3 * 2 + 2, "embedding": 40}


def test_a_product_costs_two_operations_a_weight():
    batch = Batch(ids=torch.zeros(5, 0), dense=torch.zeros(5, 3))
    model = Small().train()
    assert forward_flops_per_row(model, batch) == 2 * 3 * 2
    assert model.training
