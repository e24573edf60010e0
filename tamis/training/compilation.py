"""Compiled training steps: the parts of a model behind its tables go through ``torch.compile``, or stay as they are."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import Any, Literal

import torch
from torch import nn

CompileName = Literal["auto", "on", "off"]

BACKEND: str | Callable[..., Any] = "inductor"

_log = logging.getLogger("tamis.training")
_numbers = count()


@contextmanager
def compiled_trunk(model: nn.Module, *, setting: CompileName, device: torch.device) -> Iterator["Trunk"]:
    """While inside, training steps run the trunk of ``model`` compiled, if ``setting`` says so and it can be compiled.

    The trunk are the modules directly under ``model`` that have weights and no table, whose row-sparse gradients no
    compiler takes; each is compiled as a whole at its first step. If one cannot be compiled, all run as they are.
    Validation does so in any case: weights are chosen by what is served. ``"auto"`` compiles for CUDA, for on a CPU the
    kernels are faster.

    Nothing of the model changes but what is called: names, weights and saved files are the same.

    Example:
        >>> with compiled_trunk(nn.Linear(1, 1), setting="auto", device=torch.device("cpu")) as trunk:
        ...     trunk.state
        'eager'
    """
    is_wanted = setting == "on" or (setting == "auto" and device.type == "cuda")
    trunk = Trunk()
    parts = [module for module in model.children() if _can_be_compiled(module)] if is_wanted else []
    if is_wanted and not parts:
        trunk.give_up(f"{type(model).__name__} has no part that can be compiled")
    for part in parts:
        # An attribute of the instance hides the method of the class, and is gone again when deleted.
        part.__dict__["forward"] = _Part(part, trunk)
    try:
        yield trunk
    finally:
        for part in parts:
            del part.__dict__["forward"]


class Trunk:
    """Whether a run's trunk is compiled; it is also the compiler, for forward and backward pass at once.

    The compiler outlives the model, so this must not know the model.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._has_compiled = False

    @property
    def state(self) -> str:
        """For records, after the last step: ``"compiled"`` or ``"eager"``, and why if it was to be compiled."""
        if self.problem:
            return f"{'compiled at first, then ' if self._has_compiled else ''}eager: {self.problem}"
        return "compiled" if self._has_compiled else "eager"

    def __call__(self, graph: Any, inputs: Any) -> Callable[..., Any]:
        """Compile one graph."""
        from torch._dynamo import lookup_backend
        from torch._functorch import config

        # By default the backward pass is compiled when it first runs: too late to do without. Older torch can no other.
        at_once = "force_non_lazy_backward_lowering"
        with config.patch(at_once, True) if hasattr(config, at_once) else nullcontext():
            compiled = lookup_backend(BACKEND)(graph, inputs)
        self._has_compiled = True
        return compiled

    def give_up(self, problem: str) -> None:
        """From now on everything runs as it is."""
        self.problem = problem
        _log.info("training runs without torch.compile: %s", problem)


class _Part:
    """A module's forward: compiled in training steps until something cannot be compiled, else as it is."""

    def __init__(self, module: nn.Module, trunk: Trunk) -> None:
        self._module, self._trunk, self._eager = module, trunk, module.forward
        # As a whole or not at all: what fails to compile has not run in part, and can be run as it is.
        self._compiled = torch.compile(_with_own_code(module.forward), fullgraph=True, backend=trunk)

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

        if self._module.training and not self._trunk.problem:
            try:
                return self._compiled(*inputs, **named)
            except (TorchDynamoException, FailOnRecompileLimitHit) as problem:
                self._trunk.give_up(_first_line(problem))
        return self._eager(*inputs, **named)


def _can_be_compiled(module: nn.Module) -> bool:
    """Whether it has weights, none of them a table's, and no forward that someone has replaced in this process."""
    weights = list(module.parameters())
    has_table = any(getattr(weight, "row_sparse", False) for weight in weights)
    return bool(weights) and not has_table and not any("forward" in part.__dict__ for part in module.modules())


def _with_own_code(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward`` with a code object and a name that nothing else has.

    The compiler keeps what it compiles with the code object, and gives up when one has been compiled eight times; it
    remembers by name which sizes change. Modules of one class, and closures, would share both.
    """

    def call(*inputs: Any, **named: Any) -> Any:
        return forward(*inputs, **named)

    call.__code__ = call.__code__.replace(co_name=f"trunk_{next(_numbers)}")
    return call


def _first_line(problem: Exception) -> str:
    cause = getattr(problem, "inner_exception", problem)
    return (
        f"{type(cause).__name__}: {str(cause).strip().splitlines()[0]}" if str(cause).strip() else type(cause).__name__
    )
