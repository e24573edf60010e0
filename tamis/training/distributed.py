"""The processes of a run: the only home of torch.distributed. Alone, every method is the identity."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tamis.errors import ConfigError

if dist.is_available():
    # Loaded before there is a group: its functions take the group of that moment as their default. Torch's optimizers
    # load it too, and that late it would hold the group beyond `close`, whose threads can abort a process that ends.
    import torch.distributed.nn

Value = TypeVar("Value")

_BUCKET_BYTES = 32 * 2**20


class Workers:
    """The processes that train one model together; ``rank`` of ``count`` is this one.

    Example:
        >>> workers = Workers()
        >>> workers.count, workers.is_main, workers.gather("mine")
        (1, True, ['mine'])
    """

    def __init__(self) -> None:
        alone = not (dist.is_available() and dist.is_initialized())
        self.rank = 0 if alone else dist.get_rank()
        self.count = 1 if alone else dist.get_world_size()

    @classmethod
    def from_environment(cls, *, device: str = "auto", timeout_seconds: float = 600.0) -> "Workers":
        """Join the processes that ``torchrun`` started; without ``torchrun``, be alone.

        A process that waits longer than ``timeout_seconds`` for another one fails instead of waiting for
        ever.

        Raises:
            ConfigError: ``WORLD_SIZE`` is set and ``RANK`` is not.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
            if "RANK" not in os.environ:
                raise ConfigError(
                    "WORLD_SIZE is set and RANK is not, so this process does not know who it is. "
                    "Start the processes with torchrun, or unset WORLD_SIZE to train alone."
                )
            chosen = choose_device(device)
            if chosen.type == "cuda":
                torch.cuda.set_device(chosen)
            # With both, tensors travel by NCCL on the GPU and Python objects by gloo on the CPU.
            backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo"
            dist.init_process_group(backend, timeout=timedelta(seconds=timeout_seconds))
        return cls()

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes files and reports."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """The sum of every process's tensor, the same bits in each."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total

    def sum_with_gradient(self, value: Tensor) -> Tensor:
        """``sum``, through which the gradient flows back to every process that added to it."""
        return value if self.count == 1 else _SumOverProcesses.apply(value)

    def gather(self, value: Value) -> list[Value]:
        """What each process holds, in the order of ranks; any Python object of the run's own making."""
        if self.count == 1:
            return [value]
        everyone: list[Any] = [None] * self.count
        dist.all_gather_object(everyone, value)
        return everyone

    def from_main(self, value: Value) -> Value:
        """The main process's value, in every process."""
        if self.count == 1:
            return value
        box: list[Any] = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def barrier(self) -> None:
        """Wait for the others."""
        if self.count > 1:
            # A barrier without a tensor would need a device; one number over the common backend needs none.
            dist.all_reduce(torch.zeros(1))

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """A block that the main process goes through before the others, so that they find what it has made."""
        if not self.is_main:
            self.barrier()
        yield
        if self.is_main:
            self.barrier()

    def close(self) -> None:
        """Leave the others; call it once, when the run is over."""
        if self.count > 1:
            dist.destroy_process_group()

    def share_model(self, model: nn.Module) -> None:
        """Give every process the main process's weights and buffers."""
        if self.count == 1:
            return
        with torch.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                whole = tensor.contiguous()
                dist.broadcast(whole, src=0)
                if whole is not tensor:
                    tensor.copy_(whole)

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by its sum over the processes.

        Dense gradients travel side by side in a few large buffers; of a sparse gradient only its rows travel.
        A parameter that no process used keeps no gradient, as it would on one process.

        Shape:
            - a parameter marked ``row_sparse``: sparse ``(rows, width)`` gradient, coalesced afterwards
        """
        if self.count == 1:
            return
        for parameter in parameters:
            if getattr(parameter, "row_sparse", False):
                parameter.grad = self._sum_rows(parameter)
        dense = [parameter for parameter in parameters if not getattr(parameter, "row_sparse", False)]
        used = torch.tensor([float(parameter.grad is not None) for parameter in dense])
        used = self.sum(used).tolist() if dense else []
        wanted = [parameter for parameter, count in zip(dense, used, strict=True) if count]
        for bucket in _buckets(wanted):
            self._sum_bucket(bucket)

    def _sum_bucket(self, bucket: list[nn.Parameter]) -> None:
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        parts = flat.split([gradient.numel() for gradient in gradients])
        for parameter, gradient, part in zip(bucket, gradients, parts, strict=True):
            parameter.grad = part.view_as(gradient).clone()

    def _sum_rows(self, parameter: nn.Parameter) -> Tensor | None:
        if parameter.grad is None:
            indices = torch.zeros(0, dtype=torch.int64, device=parameter.device)
            values = torch.zeros(0, *parameter.shape[1:], dtype=_gradient_dtype(parameter), device=parameter.device)
        else:
            gradient = parameter.grad.coalesce()
            indices, values = gradient.indices()[0], gradient.values()
        # Sizes travel as objects, so no device has to be asked for them.
        sizes = self.gather(len(indices) if parameter.grad is not None else -1)
        if max(sizes) < 0:
            return None
        sizes = [max(size, 0) for size in sizes]
        all_indices = self._gather_uneven(indices, sizes)
        all_values = self._gather_uneven(values, sizes)
        return torch.sparse_coo_tensor(
            all_indices.unsqueeze(0), all_values, parameter.shape, check_invariants=False
        ).coalesce()

    def _gather_uneven(self, mine: Tensor, sizes: list[int]) -> Tensor:
        padded = mine.new_zeros(max(sizes), *mine.shape[1:])
        padded[: len(mine)] = mine
        everyone = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(everyone, padded)
        return torch.cat([part[:size] for part, size in zip(everyone, sizes, strict=True)])


def choose_device(setting: str = "auto") -> torch.device:
    """The device of this process: the GPU of its local rank where there is one, else the CPU.

    Raises:
        ConfigError: the device does not exist on this machine.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    if setting == "auto":
        setting = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(setting)
    except RuntimeError:
        raise ConfigError(f"device must be 'auto', 'cpu' or 'cuda'; got {setting!r}.") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {setting!r} was asked for, and torch finds no GPU here. Use device = 'auto'.")
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device


class _SumOverProcesses(torch.autograd.Function):
    """y = the sum of x over processes; each one's loss depends on every x, so gradients are summed too."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _gradient_dtype(parameter: nn.Parameter) -> torch.dtype:
    """That of the weights, unless they keep a gradient of another one."""
    return getattr(parameter, "grad_dtype", None) or parameter.dtype


def _buckets(parameters: Iterable[nn.Parameter]) -> Iterable[list[nn.Parameter]]:
    """Parameters of one kind of number, in portions of up to 32 MiB."""
    portion: list[nn.Parameter] = []
    filled = 0
    for parameter in parameters:
        if portion and (parameter.dtype != portion[0].dtype or filled + parameter.nbytes > _BUCKET_BYTES):
            yield portion
            portion, filled = [], 0
        portion.append(parameter)
        filled += parameter.nbytes
    if portion:
        yield portion
