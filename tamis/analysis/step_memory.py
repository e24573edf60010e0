"""How much memory a piece of torch code needs at once, measured tensor by tensor while it runs."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PeakBytes(TorchDispatchMode):
    """While inside, counts the bytes of all tensors that were born here and live: ``live`` now, ``peak`` at most.

    A tensor counts once, however many views of it there are, until the last of them and the graph let go of it. What
    an operation uses inside itself is not seen. It works on every device, forwards and backwards.

    Example:
        >>> x = torch.ones(1000)
        >>> with PeakBytes() as memory:
        ...     y = (x + 1).exp().sum()
        >>> memory.peak, memory.live
        (8000, 4)
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation and count what it made."""
        for storage in _storages((args, kwargs)):
            self._meet(storage, is_new=False)
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            self._meet(storage, is_new=True)
        return result

    def _meet(self, storage: torch.UntypedStorage, *, is_new: bool) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known[key] = storage.nbytes() if is_new else 0
        self.live += self._known[key]
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key).atexit = False

    def _forget(self, key: int) -> None:
        self.live -= self._known.pop(key)


def peak_bytes(function: Callable[[], object]) -> int:
    """The most bytes that were alive at once of all that ``function`` made.

    Example:
        >>> peak_bytes(lambda: torch.ones(100, 10).sum())
        4004
    """
    with PeakBytes() as memory:
        function()
    return memory.peak


def _storages(values: Any) -> Iterator[torch.UntypedStorage]:
    for value in tree_leaves(values):
        if isinstance(value, Tensor):
            parts = (value._indices(), value._values()) if value.is_sparse else (value,)
            yield from (part.untyped_storage() for part in parts)
