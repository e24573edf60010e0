"""Several optimizers, one step: row by row for tables, GRDA for gates, AdamW for everything else."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tamis.errors import CheckpointError, ConfigError, TrainingError
from tamis.training.grda import GRDA
from tamis.training.lazy_adam import LazyAdam
from tamis.training.row_wise_adagrad import RowWiseAdagrad
from tamis.training.stochastic_rounding import StochasticRounding
from tamis.training.table_dtype import TABLE_DTYPES, TableDtype


@dataclass(frozen=True, kw_only=True)
class DenseOptimizer:
    """Settings of AdamW, which steps all that is no table; only the weights of products are decayed."""

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _check_rates("DenseOptimizer", self.learning_rate, self.weight_decay, self.betas, self.eps)


@dataclass(frozen=True, kw_only=True)
class TableOptimizer:
    """Settings of the optimizer of the embedding tables.

    ``betas`` matters to the two Adams only, ``initial_accumulator`` to row-wise Adagrad only.
    ``weight_decay`` is decoupled and acts on the rows of the batch (``dense_adam``: on every row, every step,
    as other libraries do). ``dtype`` is what the weights are stored in: with ``"bf16"`` they take half the memory,
    and updates, computed in float32, are written back with stochastic rounding; optimizer state stays float32.
    """

    name: Literal["row_wise_adagrad", "lazy_adam", "dense_adam"] = "row_wise_adagrad"
    learning_rate: float = 0.05
    initial_accumulator: float = 0.0
    eps: float = 1e-8
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    dtype: TableDtype = "fp32"

    def __post_init__(self) -> None:
        names = ["row_wise_adagrad", "lazy_adam", "dense_adam"]
        if self.name not in names:
            raise ConfigError(f"TableOptimizer name must be one of {names}; got {self.name!r}.")
        if self.dtype not in TABLE_DTYPES:
            raise ConfigError(f"TableOptimizer dtype must be one of {list(TABLE_DTYPES)}; got {self.dtype!r}.")
        if self.dtype == "bf16" and self.name == "dense_adam":
            raise ConfigError(
                "TableOptimizer dtype 'bf16' needs an optimizer that rounds only the rows of the batch; got name "
                "'dense_adam', which steps every row. Use 'row_wise_adagrad' or 'lazy_adam', or dtype 'fp32'."
            )
        _check_rates("TableOptimizer", self.learning_rate, self.weight_decay, self.betas, self.eps)
        if not 0.0 <= self.initial_accumulator < math.inf:
            raise ConfigError(f"TableOptimizer initial_accumulator must be at least 0; got {self.initial_accumulator}.")

    def state_numbers(self, rows: int, dim: int) -> int:
        """How many float32 numbers the optimizer remembers for one table, or makes of its size in a step.

        Example:
            >>> [TableOptimizer(name=name).state_numbers(10, 4) for name in ("row_wise_adagrad", "lazy_adam")]
            [10, 80]
        """
        # DenseAdam fills the gradient up to the size of the table.
        return {"row_wise_adagrad": rows, "lazy_adam": 2 * rows * dim, "dense_adam": 3 * rows * dim}[self.name]


@dataclass(frozen=True, kw_only=True)
class GateOptimizer:
    """Settings of GRDA, which steps what a model marks as gates: ``c`` and ``mu`` say how fast it prunes."""

    learning_rate: float = 1.0
    c: float = 0.0005
    mu: float = 0.8

    def __post_init__(self) -> None:
        for name in ("learning_rate", "c", "mu"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ConfigError(f"GateOptimizer {name} must be above 0; got {value}.")


class DenseAdam(torch.optim.AdamW):
    """Adam over whole tables, for parity with libraries that step every row; slow, and only for that."""

    def step(self, closure: Any = None) -> Any:
        """Fill the sparse gradients up with zeros, then update every row."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and weight.grad.is_sparse:
                    weight.grad = weight.grad.to_dense()
        super().step(closure)


class Optimizers:
    """Those of one model: ``tables`` for what is marked ``row_sparse``, ``gates`` for ``is_gate``, else ``dense``.

    Where a table is bfloat16, ``rounding`` is its random stream, drawn from ``seed`` alike in every process.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
        >>> optimizers = Optimizers(model, tables=TableOptimizer(), dense=DenseOptimizer(weight_decay=0.1))
        >>> [(group["weight_decay"], len(group["params"])) for group in optimizers.dense.param_groups]
        [(0.1, 1), (0.0, 3)]
        >>> optimizers.tables is None
        True
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        tables: TableOptimizer,
        dense: DenseOptimizer,
        gates: GateOptimizer | None = None,
        seed: int = 0,
    ) -> None:
        self._names: dict[int, str] = {}
        row_sparse, marked, decayed, plain = [], [], [], []
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            self._names[id(parameter)] = name
            if getattr(parameter, "row_sparse", False):
                row_sparse.append(parameter)
            elif getattr(parameter, "is_gate", False):
                marked.append(parameter)
            else:
                (decayed if _is_decayed(name, parameter) else plain).append(parameter)
        if not self._names:
            raise TrainingError("the model has no parameters that require a gradient, so there is nothing to train.")
        self.parameters = [*row_sparse, *marked, *decayed, *plain]
        gates = gates or GateOptimizer()
        self._rates = {"tables": tables.learning_rate, "dense": dense.learning_rate, "gates": gates.learning_rate}
        self.rounding: StochasticRounding | None = None
        if any(parameter.dtype == torch.bfloat16 for parameter in row_sparse):
            self.rounding = StochasticRounding(seed=seed, device=row_sparse[0].device)
        self.tables = _make_tables(row_sparse, tables, self.rounding) if row_sparse else None
        self.dense = _make_dense(decayed, plain, dense) if decayed or plain else None
        self.gates = GRDA(marked, learning_rate=gates.learning_rate, c=gates.c, mu=gates.mu) if marked else None

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self, share: float) -> None:
        """Update every parameter with ``share`` of its learning rate.

        Raises:
            TrainingError: a gradient is sparse and its parameter is not marked ``row_sparse``, or the other
            way round.
        """
        if self.dense is not None:
            for group in self.dense.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None and parameter.grad.is_sparse:
                        raise TrainingError(
                            f"{self._names[id(parameter)]} has a sparse gradient, which AdamW cannot take. "
                            f"Mark the parameter with `row_sparse = True`, so that the table optimizer steps "
                            f"it."
                        )
        for name, optimizer in self._each():
            for group in optimizer.param_groups:
                group["lr"] = self._rates[name] * share
            optimizer.step()

    def state_tensors(self) -> dict[str, Tensor]:
        """All that the optimizers remember, under flat names such as ``tables/embed.weight/accumulator``."""
        return {
            f"{name}/{self._names[id(parameter)]}/{key}": value
            for name, optimizer in self._each()
            for parameter, state in optimizer.state.items()
            for key, value in state.items()
        }

    def load_state_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Put back what ``state_tensors`` gave.

        Raises:
            CheckpointError: a tensor belongs to a parameter this model does not have.
        """
        places = {
            f"{name}/{self._names[id(parameter)]}": (optimizer, parameter)
            for name, optimizer in self._each()
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        for name, tensor in tensors.items():
            place, _, key = name.rpartition("/")
            if place not in places:
                raise CheckpointError(
                    f"the checkpoint holds optimizer state for {place!r}, which this model does not have. "
                    f"Resume with the model that was being trained."
                )
            optimizer, parameter = places[place]
            # A step count stays where its optimizer keeps it; moments live beside their parameter.
            at_home = tensor if tensor.dim() == 0 and isinstance(optimizer, LazyAdam) else tensor.to(parameter.device)
            optimizer.state[parameter][key] = at_home

    def _each(self) -> Iterable[tuple[str, torch.optim.Optimizer]]:
        if self.tables is not None:
            yield "tables", self.tables
        if self.dense is not None:
            yield "dense", self.dense
        if self.gates is not None:
            yield "gates", self.gates


def clip_norm_(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Scale all gradients so that their common norm is at most ``limit``; return the norm before.

    A repeated row of a sparse gradient is summed first: the norm is that of the gradient, not of its parts.

    Example:
        >>> weight = nn.Parameter(torch.zeros(2, 1))
        >>> weight.grad = torch.tensor([[3.0], [4.0]])
        >>> clip_norm_([weight], 1.0), weight.grad.flatten()
        (tensor(5.), tensor([0.6000, 0.8000]))
    """
    values = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            values.append(parameter.grad._values())
        else:
            values.append(parameter.grad)
    if not values:
        return torch.zeros(())
    norm = torch.nn.utils.get_total_norm(values)
    # A multiplication by 1 costs less than asking the device whether it is needed.
    scale = torch.clamp(limit / (norm + 1e-6), max=1.0)
    for value in values:
        value.mul_(scale)
    return norm


def _make_tables(
    parameters: list[nn.Parameter], settings: TableOptimizer, rounding: StochasticRounding | None
) -> torch.optim.Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.name == "row_wise_adagrad":
        return RowWiseAdagrad(
            parameters,
            learning_rate=rate,
            initial_accumulator=settings.initial_accumulator,
            eps=settings.eps,
            weight_decay=decay,
            rounding=rounding,
        )
    if settings.name == "lazy_adam":
        return LazyAdam(
            parameters,
            learning_rate=rate,
            betas=settings.betas,
            eps=settings.eps,
            weight_decay=decay,
            rounding=rounding,
        )
    return DenseAdam(parameters, lr=rate, betas=settings.betas, eps=settings.eps, weight_decay=decay, fused=True)


# What is no weight of a product though it has one row for each view, head or expert.
_NEVER_DECAYED = ("alpha", "gamma", "scores", "shares")


def _is_decayed(name: str, parameter: Tensor) -> bool:
    """Whether weight decay is meant for a parameter: not for biases, and not for scales, whose neutral value is 1."""
    *modules, leaf = (part for part in name.split(".") if not part.isdigit())
    is_of_norm = any(module.endswith(("norm", "norms")) for module in modules[-1:])
    return parameter.dim() > 1 and not (is_of_norm or "bias" in leaf or leaf in _NEVER_DECAYED)


def _make_dense(
    decayed: list[nn.Parameter], plain: list[nn.Parameter], settings: DenseOptimizer
) -> torch.optim.Optimizer:
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=settings.betas,
        eps=settings.eps,
        fused=True,
    )


def _check_rates(owner: str, learning_rate: float, weight_decay: float, betas: tuple[float, float], eps: float) -> None:
    if not 0.0 < learning_rate < math.inf:
        raise ConfigError(f"{owner} learning_rate must be above 0; got {learning_rate}.")
    if not 0.0 <= weight_decay < math.inf:
        raise ConfigError(f"{owner} weight_decay must be at least 0; got {weight_decay}.")
    if not 0.0 < eps < math.inf:
        raise ConfigError(f"{owner} eps must be above 0; got {eps}.")
    if len(betas) != 2 or not all(0.0 <= beta < 1.0 for beta in betas):
        raise ConfigError(f"{owner} betas must be two numbers from 0 to below 1; got {betas}.")
