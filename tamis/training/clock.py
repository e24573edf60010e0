"""A stopwatch of training steps alone: it stands still while a run validates or saves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Counts seconds between ``start`` and ``stop``, on top of those of an earlier process.

    Example:
        >>> clock = Clock(seconds=5.0)
        >>> clock.start()
        >>> with clock.paused():
        ...     before = clock.seconds
        ...     clock.seconds == before
        True
        >>> clock.stop()
        >>> clock.seconds >= 5.0
        True
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """All seconds so far."""
        return self._before + (0.0 if self._since is None else time.monotonic() - self._since)

    def start(self) -> None:
        """Begin to count."""
        self._since = time.monotonic()

    def stop(self) -> None:
        """Stand still."""
        self._before, self._since = self.seconds, None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still inside; afterwards go on if it was running."""
        running = self._since is not None
        self.stop()
        try:
            yield
        finally:
            if running:
                self.start()
