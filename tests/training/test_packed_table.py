"""The loop with the real embedding tables: only rows that were met move, and padding stays zero."""

import torch
from torch import nn

from tamis.batch import Batch, Output
from tamis.embeddings import PackedTable
from tamis.training import MemorySource, TableOptimizer, evaluate, train


class TableModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = PackedTable({"user": 40, "item": 60}, dim=4)
        self.score = nn.Linear(8, 1)

    def forward(self, batch):
        rows = batch.ids + torch.tensor([0, 40])
        return Output(logits=self.score(self.table(rows).flatten(1)))


def test_packed_tables_learn_and_rows_not_met_keep_every_bit(tiny, tmp_path):
    torch.manual_seed(0)
    model = TableModel()
    before = model.table.weight.detach().clone()
    columns = torch.randint(0, 30, (512, 2), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    labels = ((columns.sum(1, keepdim=True) % 3) == 0).float()
    source = MemorySource(Batch(ids=columns, dense=torch.zeros(512, 0), labels=labels), batch_size=64)
    settings = tiny.tiny_settings(
        epochs=12, patience=None, clip_norm=5.0, tables=TableOptimizer(learning_rate=0.2, weight_decay=0.01)
    )
    result = train(model, source=source, valid=source, settings=settings, folder=tmp_path)
    met = torch.zeros(100, dtype=torch.bool)
    met[columns[:, 0].long()] = True
    met[columns[:, 1].long() + 40] = True
    padding = torch.tensor([0, 40])
    assert torch.equal(model.table.weight[~met], before[~met])
    assert (model.table.weight[padding] == 0).all()
    met[padding] = False
    assert (model.table.weight[met] != before[met]).all(dim=1).all()
    assert result.best.value > 0.6
    assert evaluate(model, source, precision="fp32", device="cpu").values["auc"] == result.best.value
