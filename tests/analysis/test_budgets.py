"""Costs counted by hand."""

import torch
from torch import nn

from tamis.analysis import active_parameters, closed_flops_per_row, count_parameters, forward_flops_per_row
from tamis.batch import Batch, Output
from tamis.embeddings import ChosenFields, FieldEmbedding
from tamis.features.layout import IdField, Layout, ListField


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


def test_a_row_meets_every_dense_number_and_the_vectors_that_it_looks_up():
    layout = Layout(
        tables={"user": 5, "item": 4},
        ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
        lists=(ListField(name="history", table="item", max_length=3, ordered=True),),
    )
    lists = (torch.tensor([[1, 2, 0], [3, 0, 0], [0, 0, 0], [1, 1, 1]]),)  # 2 + 1 + 0 + 3 ids: 1.5 a row
    batch = Batch(ids=torch.ones(4, 2, dtype=torch.long), dense=torch.zeros(4, 0), lists=lists)

    class Reader(nn.Module):
        """All fields, and one of them once more from a table of its own."""

        def __init__(self):
            super().__init__()
            self.embed, self.context = FieldEmbedding(layout, dim=4), ChosenFields(layout, ("user",), dim=6)
            self.linear = nn.Linear(3 * 4 + 6, 1)

        def forward(self, batch):
            x = torch.cat([self.embed(batch).flatten(1), self.context(batch).flatten(1)], dim=1)
            return Output(logits=self.linear(x))

    assert active_parameters(Reader(), batch) == (3 * 4 + 6 + 1) + 4 * (2 + 1.5) + 6 * 1


def test_a_layer_with_products_of_its_own_says_how_many_and_its_parts_come_on_top():
    class Attention(nn.Module):
        flops_per_row = 100

        def __init__(self):
            super().__init__()
            self.inside = nn.Linear(5, 7)

    assert closed_flops_per_row(nn.Sequential(Attention(), nn.Linear(3, 2))) == 100 + 2 * 5 * 7 + 2 * 3 * 2
