"""Make the next thing while the current one is used: one thread, one item ahead, the order untouched."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

_END = object()


def prefetched(items: Iterable[Item]) -> Iterator[Item]:
    """Yield ``items`` in their order; a thread makes the next one while the caller uses the current one.

    An error in making an item is raised where that item would have been yielded. The thread ends with the
    iterator, also when the iterator is closed early.

    Example:
        >>> list(prefetched(range(3)))
        [0, 1, 2]
    """
    iterator = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tamis-prefetch") as executor:
        pending = executor.submit(next, iterator, _END)
        while True:
            item = pending.result()
            if item is _END:
                return
            pending = executor.submit(next, iterator, _END)
            yield item  # type: ignore[misc]
