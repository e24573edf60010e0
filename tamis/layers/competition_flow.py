"""ICS with infinitely many infinitely small steps, in closed form."""

import torch
from torch import Tensor


def flow_threshold(x: Tensor, rate: Tensor) -> Tensor:
    """What a competition of total strength ``rate`` subtracts from every dimension of a view.

    ``T`` steps of ICS with rates ``r / T`` raise a threshold ``theta`` by ``(r / T) m(theta)`` each, where ``m(theta) =
    mean_j relu(x_j - theta)`` is what is left. They are Euler's method for the flow ``d theta / d t = m(theta)`` from
    ``theta(0) = 0`` to time ``r``, and this is its solution, the limit for many steps.

    Let ``s_1 >= ... >= s_d >= s_{d+1} = 0`` be the sorted numbers and ``A_n = sum_j relu(x_j - s_n)`` the mass above
    the ``n``-th. While ``n`` dimensions are left, mass falls as ``A_{n+1} exp(-n t / d)``. So that phase lasts
    ``(d / n) log(A_{n+1} / A_n)``; with ``e_n`` the time of all earlier phases, the last one, ``n``, ends at

        ``theta = s_{n+1} + A_{n+1} (1 - exp(-n (r - e_n) / d)) / n``

    ``A_1 = 0``: the last phase never ends, and some dimension of a view that has a positive one is always left; steps
    of ICS can silence it. A negative rate lifts all dimensions by the same formula with ``n = d``, as negative rates
    in ICS do. Ours; it takes a sort, where each step of ICS takes a sum.

    Shape:
        - x: ``(rows, views, width)``, none negative
        - rate: ``(views,)``
        - output: ``(rows, views, 1)``

    Example:
        >>> x = torch.tensor([[[3.0, 1.0, 0.0, 0.0]]])
        >>> flow_threshold(x, torch.tensor([0.5])).item()  # (4 - 4 exp(-2 * 0.5 / 4)) / 2
        0.44239842891693115
    """
    width = x.shape[2]
    sizes = torch.arange(1, width + 1, device=x.device)
    ordered = x.sort(dim=2, descending=True).values
    below = torch.cat([ordered[..., 1:], torch.zeros_like(ordered[..., :1])], dim=2)
    # By gaps, so that mass never falls below zero and never decreases with n by rounding.
    mass = (sizes * (ordered - below)).cumsum(2)
    logarithm = mass.clamp_min(torch.finfo(x.dtype).tiny).log()
    phases = logarithm.diff(dim=2) * (width / sizes[1:])  # of n = 2 to d
    ends = phases.flip(2).cumsum(2).flip(2)
    starts = torch.cat([ends, torch.zeros_like(ordered[..., :1])], dim=2)
    time = rate.view(-1, 1)
    last = (ends > time).sum(2, keepdim=True)  # n - 1; the phase of one dimension has no end
    start, left, lowest = (part.gather(2, last) for part in (starts, mass, below))
    count = last + 1
    return lowest - left * torch.expm1(count * (start - time) / width) / count
