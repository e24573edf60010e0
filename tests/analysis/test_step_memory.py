import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tamis.analysis import PeakBytes, forward_flops_per_row, peak_bytes
from tamis.batch import Batch, Output


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50)), min_size=1, max_size=20))
def test_live_and_peak_are_those_of_a_list_kept_by_hand(orders):
    kept, live, peak = [], 0, 0
    with PeakBytes() as memory:
        for is_freed, size in orders:
            if is_freed and kept:
                live -= kept.pop(0).nbytes
            kept.append(torch.empty(size))
            live += 4 * size
            peak = max(peak, live)
            assert (memory.live, memory.peak) == (live, peak)


def test_views_and_what_was_there_before_count_nothing():
    before = torch.ones(100)

    def look():
        return before.view(10, 10).t()[:3].detach().add_(1)

    assert peak_bytes(look) == 0


def test_what_waits_for_the_backward_pass_is_alive():
    weight = torch.ones(10, 10, requires_grad=True)
    with PeakBytes() as memory:
        y = (torch.ones(5, 10) @ weight).exp().exp()
        assert memory.live == 3 * 4 * 50  # the input and both powers; nobody needs the product again
        y.sum().backward()
        del y
    assert memory.live == weight.grad.nbytes == 400


def test_the_values_of_a_sparse_tensor_count():
    with PeakBytes() as memory:
        sparse = torch.sparse_coo_tensor(torch.arange(2)[None], torch.ones(2, 3), (10, 3), check_invariants=False)
    assert memory.live == 2 * 8 + 2 * 3 * 4 and sparse.shape == (10, 3)


def test_counting_operations_keeps_no_graph():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.linears = nn.ModuleList(nn.Linear(100, 100) for _ in range(20))

        def forward(self, batch):
            x = batch.dense
            for linear in self.linears:
                x = linear(x)
            return Output(logits=x[:, :1])

    batch = Batch(ids=torch.zeros(50, 0), dense=torch.ones(50, 100))
    assert peak_bytes(lambda: forward_flops_per_row(Deep(), batch)) < 20 * 41_000 + 4 * 50 * 400
