"""Row-wise Adagrad: one number of memory for each row of a table, only the batch's rows touched."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tamis.errors import ConfigError
from tamis.training.sparse_rows import rows_and_values
from tamis.training.stochastic_rounding import StochasticRounding
from tamis.training.table_dtype import computed_dtype, read_rows, write_rows


class RowWiseAdagrad(torch.optim.Optimizer):
    """Adagrad whose accumulator is the mean over a row of its squared gradient.

    For each row r of the gradient g: ``a_r += mean_j g_rj^2``, then
    ``w_r = (1 - lr * weight_decay) * w_r - lr * g_r / (sqrt(a_r) + eps)``. Rows that are absent from the
    gradient are not read or written, so weight decay acts on a row only when it is met.

    A bfloat16 table is updated in float32 and written back by ``rounding``, or to the nearest if there is none.

    Source: Duchi et al. 2011 (Adagrad); the row-wise accumulator: Mudigere et al. 2022, "Software-hardware
    co-design for fast and scalable training of deep learning recommendation models", section 4.1.

    Shape:
        - each parameter: ``(rows, width)``, its gradient sparse over the rows
        - state ``accumulator``: ``(rows,)``, float32 also for a bfloat16 table

    Raises:
        ConfigError: a setting is below 0.
        TrainingError: a gradient is dense.

    Example:
        >>> table = nn.Parameter(torch.ones(3, 2))
        >>> optimizer = RowWiseAdagrad([table], learning_rate=0.5)
        >>> table.grad = torch.sparse_coo_tensor([[1]], [[3.0, 4.0]], (3, 2), check_invariants=False)
        >>> _ = optimizer.step()
        >>> table.data[0], optimizer.state[table]["accumulator"]
        (tensor([1., 1.]), tensor([ 0.0000, 12.5000,  0.0000]))
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float = 0.05,
        initial_accumulator: float = 0.0,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        rounding: StochasticRounding | None = None,
    ) -> None:
        settings = {
            "lr": learning_rate,
            "initial_accumulator": initial_accumulator,
            "eps": eps,
            "weight_decay": weight_decay,
        }
        for name, value in settings.items():
            if value < 0:
                raise ConfigError(f"RowWiseAdagrad {name} must be at least 0; got {value}.")
        super().__init__(parameters, settings)
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
            start = group["initial_accumulator"]
            state["accumulator"] = weight.new_full((len(weight),), start, dtype=computed_dtype(weight))
        rows, values = rows_and_values(weight.grad)  # type: ignore[arg-type]
        values = values.to(computed_dtype(weight))
        accumulated = state["accumulator"].index_select(0, rows).add_(values.square().mean(dim=1))
        state["accumulator"].index_copy_(0, rows, accumulated)
        rate = group["lr"] / accumulated.sqrt_().add_(group["eps"])
        touched = read_rows(weight, rows)
        if group["weight_decay"]:
            touched.mul_(1.0 - group["lr"] * group["weight_decay"])
        touched.addcmul_(values, rate.unsqueeze(1), value=-1.0)
        write_rows(weight, rows, touched, self.rounding)
