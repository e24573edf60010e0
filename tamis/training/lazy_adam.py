"""Lazy Adam: Adam whose moments move only for the rows of the batch."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tamis.errors import ConfigError
from tamis.training.sparse_rows import rows_and_values
from tamis.training.stochastic_rounding import StochasticRounding
from tamis.training.table_dtype import computed_dtype, read_rows, write_rows


class LazyAdam(torch.optim.Optimizer):
    """Adam for row-sparse gradients; the moments of a row stand still while it is not met.

    The correction of the starting bias uses the number of steps of the whole table, not of the row, as
    ``torch.optim.SparseAdam`` does: a row first met late starts with small steps. ``eps`` is added to the
    uncorrected root, as there. Weight decay is decoupled and acts on the rows of the batch. A bfloat16 table is
    updated in float32 and written back by ``rounding``, or to the nearest if there is none.

    Source: Kingma and Ba 2015, algorithm 1, restricted to the rows with a gradient.

    Shape:
        - each parameter: ``(rows, width)``, its gradient sparse over the rows
        - state ``exp_avg``, ``exp_avg_sq``: ``(rows, width)``, float32 also for a bfloat16 table; ``step``: ``()``

    Raises:
        ConfigError: a setting is outside its range.
        TrainingError: a gradient is dense.

    Example:
        >>> table = nn.Parameter(torch.ones(3, 1))
        >>> optimizer = LazyAdam([table], learning_rate=0.5)
        >>> table.grad = torch.sparse_coo_tensor([[1]], [[3.0]], (3, 1), check_invariants=False)
        >>> _ = optimizer.step()
        >>> table.data.flatten()
        tensor([1.0000, 0.5000, 1.0000])
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float = 0.05,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        rounding: StochasticRounding | None = None,
    ) -> None:
        for name, value in {"lr": learning_rate, "eps": eps, "weight_decay": weight_decay}.items():
            if value < 0:
                raise ConfigError(f"LazyAdam {name} must be at least 0; got {value}.")
        if not all(0.0 <= beta < 1.0 for beta in betas):
            raise ConfigError(f"LazyAdam betas must be from 0 to below 1; got {betas}.")
        super().__init__(parameters, {"lr": learning_rate, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.rounding = rounding

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the rows that have a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step_table(weight, group)

    def _step_table(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            # The count lives on the CPU, so that reading it never waits for a GPU.
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"] = torch.zeros_like(weight, dtype=computed_dtype(weight))
            state["exp_avg_sq"] = torch.zeros_like(weight, dtype=computed_dtype(weight))
        state["step"] += 1
        step = int(state["step"])
        first_beta, second_beta = group["betas"]
        rows, values = rows_and_values(weight.grad)  # type: ignore[arg-type]
        values = values.to(computed_dtype(weight))
        first = functional.embedding(rows, state["exp_avg"]).lerp_(values, 1.0 - first_beta)
        second = functional.embedding(rows, state["exp_avg_sq"]).lerp_(values.square(), 1.0 - second_beta)
        state["exp_avg"].index_copy_(0, rows, first)
        state["exp_avg_sq"].index_copy_(0, rows, second)
        rate = group["lr"] * (1.0 - second_beta**step) ** 0.5 / (1.0 - first_beta**step)
        touched = read_rows(weight, rows)
        if group["weight_decay"]:
            touched.mul_(1.0 - group["lr"] * group["weight_decay"])
        touched.addcdiv_(first, second.sqrt_().add_(group["eps"]), value=-rate)
        write_rows(weight, rows, touched, self.rounding)
