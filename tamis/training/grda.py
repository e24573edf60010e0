"""GRDA: gradient descent whose weights become exactly zero where they do not matter."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class GRDA(torch.optim.Optimizer):
    """Generalised regularised dual averaging: ``w = soft(w_0 - sum of rate * gradient, threshold)``.

    The threshold of step ``t`` is ``c rate^(1/2 + mu) t^mu``: it grows, and what has not moved away from it by then is
    cut to zero. A weight comes back out of zero if its gradients say so for long enough. Where the rate changes from
    step to step, each step adds its own part, ``c rate^(1/2 + mu) (t^mu - (t - 1)^mu)``, as in the authors' code.

    Source: Chao et al. 2020, "Directional Pruning of Deep Neural Networks", arXiv 2006.09358 (the algorithm of Chao and
    Cheng 2019, arXiv 1909.09563); the default numbers of ``GateOptimizer`` are those of the AutoFIS code.

    Shape:
        - each parameter, and its state ``accumulator``: any; ``step`` and ``threshold``: ``()``

    Example:
        >>> gates = nn.Parameter(torch.tensor([0.5, 0.5]))
        >>> optimizer = GRDA([gates], learning_rate=1.0, c=0.1, mu=0.8)
        >>> for _ in range(8):
        ...     gates.grad = torch.tensor([-0.1, 0.0])
        ...     _ = optimizer.step()
        >>> gates.data
        tensor([0.7722, 0.0000])
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, learning_rate: float, c: float, mu: float) -> None:
        super().__init__(parameters, {"lr": learning_rate, "c": c, "mu": mu})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step_weight(weight, weight.grad, group)

    def _step_weight(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["accumulator"] = weight.detach().clone()
            state["step"] = torch.zeros((), device=weight.device)
            # The parts of many steps are added up, each a millionth of their sum.
            state["threshold"] = torch.zeros((), dtype=torch.float64, device=weight.device)
        step = state["step"].double()
        rate, mu = group["lr"], group["mu"]
        state["threshold"] += group["c"] * rate ** (0.5 + mu) * ((step + 1) ** mu - step**mu)
        state["step"] += 1
        moved = state["accumulator"].sub_(gradient, alpha=rate)
        weight.copy_(moved.sign() * (moved.abs() - state["threshold"].to(moved.dtype)).clamp_min(0.0))
