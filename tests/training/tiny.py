"""A model with a sparse table, BatchNorm and dropout, and rows with something to learn."""

import torch
from torch import nn

from tamis.batch import Batch, Output
from tamis.embeddings import PackedTable
from tamis.training import DenseOptimizer, MemorySource, TrainingSettings


class TinyModel(nn.Module):
    def __init__(self, *, ids=50, dim=4, tasks=1, dropout=0.0, norm=True, seed=0, double=False, packed=False):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.table = PackedTable({"all": ids}, dim) if packed else nn.Embedding(ids, dim, sparse=True)
            self.hidden = nn.Linear(2 * dim + 1, 8)
            self.score = nn.Linear(8, tasks)
        self.norm = nn.BatchNorm1d(8) if norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        if double:
            self.double()
        self.table.weight.row_sparse = True

    def forward(self, batch):
        vectors = self.table(batch.ids.long()).flatten(1)
        x = torch.cat([vectors, batch.dense.to(vectors.dtype)], dim=1)
        return Output(logits=self.score(self.dropout(torch.relu(self.norm(self.hidden(x))))))


def tiny_rows(count, *, seed=0, ids=50, tasks=1, groups=False):
    generator = torch.Generator().manual_seed(seed)
    columns = torch.randint(0, ids, (count, 2), generator=generator, dtype=torch.int32)
    dense = torch.randn(count, 1, generator=generator)
    taste = ((columns * 7919) % 13 - 6).float().sum(1, keepdim=True) / 4 + dense
    labels = (torch.rand(count, tasks, generator=generator) < torch.sigmoid(taste)).float()
    return Batch(ids=columns, dense=dense, labels=labels, groups=columns[:, 0].long() if groups else None)


def tiny_source(count=400, *, batch_size=32, seed=1, shuffle_seed=None, tasks=1, groups=False):
    rows = tiny_rows(count, seed=seed, tasks=tasks, groups=groups)
    return MemorySource(rows, batch_size=batch_size, shuffle_seed=shuffle_seed)


class EndingSource:
    """Another source's rows, until ``end`` is called when ``left`` batches of this process were taken, if ever."""

    def __init__(self, inner, *, left, end):
        self.inner, self.left, self.end, self.rows = inner, left, end, inner.rows

    def __len__(self):
        return len(self.inner)

    def rows_of(self, step):
        return self.inner.rows_of(step)

    def epoch(self, *arguments, **named):
        for batch in self.inner.epoch(*arguments, **named):
            if self.left == 0:
                self.end()
            if self.left is not None:
                self.left -= 1
            yield batch


def tiny_settings(**changes):
    told = {"epochs": 2, "batch_size": 32, "precision": "fp32", "device": "cpu", "log_every_steps": 4}
    told["dense"] = DenseOptimizer(learning_rate=0.01)
    return TrainingSettings(**{**told, **changes})
