"""The worth of a field: what it is in plain loops, that noise has none, and that rows seen before would lie."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tamis.analysis import FieldWorth, WorthMeter
from tamis.batch import Batch, Output
from tamis.objectives import binary_cross_entropy


class Network(nn.Module):
    """Fields of numbers, one vector each, and a small network with everything that training mode changes."""

    def __init__(self, fields: int, dim: int = 2) -> None:
        super().__init__()
        self.embed = nn.Unflatten(1, (fields, dim))
        self.norm = nn.BatchNorm1d(fields * dim)
        self.drop = nn.Dropout(0.5)
        self.first, self.last = nn.Linear(fields * dim, 8), nn.Linear(8, 1)

    def forward(self, batch: Batch) -> Output:
        x = self.drop(self.norm(self.embed(batch.dense).flatten(1)))
        return Output(logits=self.last(torch.tanh(self.first(x))))


def rows_of(count: int, fields: int, *, seed: int = 0, dim: int = 2) -> Batch:
    random = torch.Generator().manual_seed(seed)
    dense = torch.randn(count, fields * dim, generator=random)
    labels = (dense[:, :1] + torch.randn(count, 1, generator=random) > 0).float()
    return Batch(ids=torch.zeros(count, 0), dense=dense, labels=labels)


def test_of_one_field_it_is_the_loss_with_other_rows_values_less_the_loss():
    torch.manual_seed(0)
    model, batch = Network(1).eval(), rows_of(40, 1)
    meter = WorthMeter(model, [model.embed], names=["x"], objective=binary_cross_entropy)
    for _ in range(600):
        meter.observe(batch)
    with torch.no_grad():
        own = float(binary_cross_entropy(model(batch), batch))
        others = []
        for distance in range(1, 40):
            moved = Batch(ids=batch.ids, dense=batch.dense.roll(-distance, dims=0), labels=batch.labels)
            others.append(float(binary_cross_entropy(model(moved), batch)))
    (found,) = meter.result()
    # The error of the mean over what is drawn; that of ``found`` takes every look for one at new rows.
    assert found.worth == pytest.approx(np.mean(others) - own, abs=0.004)
    assert abs(found.worth) > 0.02


def test_with_several_fields_it_is_the_slope_of_the_loss_in_the_share_by_finite_differences():
    torch.manual_seed(0)
    model, batch = Network(3).double().eval(), rows_of(12, 3)
    batch = Batch(ids=batch.ids, dense=batch.dense.double(), labels=batch.labels)
    meter = WorthMeter(model, [model.embed], names=["a", "b", "c"], objective=binary_cross_entropy, seed=5)
    meter.observe(batch)
    # The same draws in the same order, mixed row by row.
    random = torch.Generator().manual_seed(5)
    shares = torch.rand((12, 3), generator=random).double()
    distances = torch.randint(1, 12, (3,), generator=random)
    vectors = batch.dense.view(12, 3, 2)

    def loss(shares: Tensor) -> float:
        mixed = torch.empty_like(vectors)
        for row in range(12):
            for field in range(3):
                other = vectors[(row + int(distances[field])) % 12, field]
                mixed[row, field] = other + shares[row, field] * (vectors[row, field] - other)
        with torch.no_grad():
            output = model(Batch(ids=batch.ids, dense=mixed.view(12, 6), labels=batch.labels))
            return float(binary_cross_entropy(output, batch))

    for field, found in enumerate(meter.result()):
        step = torch.zeros(12, 3, dtype=torch.float64)
        step[:, field] = 1e-5
        slope = (loss(shares + step) - loss(shares - step)) / 2e-5
        # The loss is a mean over the 12 rows, and one batch is one sum.
        assert found.worth == pytest.approx(-slope, rel=1e-5)
        assert found.error == pytest.approx(abs(slope), rel=1e-5)


def learn(meter_passes: int, *, rows: int = 3000, noise: int = 30, seed: int = 0) -> list[tuple[FieldWorth, ...]]:
    """Learn a table of noise ids and one field that tells something, and measure each pass by itself."""

    class Ids(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = Vectors()
            self.last = nn.Sequential(nn.Linear((1 + noise) * 4, 32), nn.ReLU(), nn.Linear(32, 1))

        def forward(self, batch: Batch) -> Output:
            return Output(logits=self.last(self.embed(batch).flatten(1)))

    class Vectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding((1 + noise) * 200, 4)

        def forward(self, batch: Batch) -> Tensor:
            return self.table(batch.ids.long() + 200 * torch.arange(1 + noise))

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    ids = random.integers(0, 200, (rows, 1 + noise))
    ids[:, 0] %= 8
    labels = random.random(rows) < np.where(ids[:, 0] < 4, 0.3, 0.7)
    batch = Batch(
        ids=torch.from_numpy(ids), dense=torch.empty(rows, 0), labels=torch.from_numpy(labels).float()[:, None]
    )
    model = Ids()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    names = ["signal", *(f"noise {place}" for place in range(noise))]
    found = []
    for _ in range(meter_passes):
        meter = WorthMeter(model, [model.embed], names=names, objective=binary_cross_entropy)
        for start in range(0, rows, 30):
            part = batch[slice(start, start + 30)]
            meter.observe(part)
            optimizer.zero_grad()
            binary_cross_entropy(model(part), part).backward()
            optimizer.step()
        found.append(meter.result())
    return found


def test_noise_is_worth_nothing_on_rows_not_seen_and_looks_worth_something_on_rows_seen():
    first, second = learn(2)
    noise = np.array([field.z for field in first[1:]])
    assert first[0].z > 5
    # Thirty standard normal numbers: their mean square lies within these bounds but for one time in a thousand.
    assert 0.38 < (noise**2).mean() < 2.0 and abs(noise.mean()) < 3.3 / np.sqrt(30)
    # The control: the same noise on rows that were learned a pass ago. The bound is half of what is seen.
    assert np.mean([field.z for field in second[1:]]) > 1.1


def test_a_field_that_never_changes_is_worth_nothing_and_a_row_alone_says_nothing():
    model, batch = Network(2), rows_of(20, 2)
    dense = batch.dense.clone()
    dense[:, 2:] = 3.0
    meter = WorthMeter(model, [model.embed], names=["a", "constant"], objective=binary_cross_entropy)
    meter.observe(batch[0:1])
    assert [(field.worth, field.z) for field in meter.result()] == [(0.0, 0.0)] * 2
    meter.observe(Batch(ids=batch.ids, dense=dense, labels=batch.labels))
    assert meter.result()[0].worth != 0 and meter.result()[1] == FieldWorth(name="constant", worth=0.0, error=0.0)


def test_looking_changes_nothing_of_the_model():
    model, batch = Network(2), rows_of(20, 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    meter = WorthMeter(model.train(), [model.embed], names=["a", "b"], objective=binary_cross_entropy)
    state = torch.get_rng_state()
    with torch.no_grad():  # as in a caller that asks for no gradient
        meter.observe(batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(model.eval()(batch).logits, model.eval()(batch).logits) and not model.embed._forward_hooks


def test_meters_of_several_processes_add_up():
    torch.manual_seed(0)
    model, parts = Network(2).eval(), (rows_of(20, 2, seed=1), rows_of(30, 2, seed=2))
    meters = [WorthMeter(model, [model.embed], names=["a", "b"], objective=binary_cross_entropy) for _ in parts]
    for meter, part in zip(meters, parts, strict=True):
        meter.observe(part)
    first, second = (meter.result() for meter in meters)
    together = meters[0].result(meters[0].totals() + meters[1].totals())
    for one, other, whole in zip(first, second, together, strict=True):
        # Each is a mean over its rows, so that 20 and 30 of them weigh in; errors are independent.
        assert whole.worth == pytest.approx((20 * one.worth + 30 * other.worth) / 50)
        assert whole.error == pytest.approx(((20 * one.error) ** 2 + (30 * other.error) ** 2) ** 0.5 / 50)
