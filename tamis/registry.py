"""Names become objects here, and only here: each entry carries the facts that docs and contract tests read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from tamis.config import suggest
from tamis.errors import ConfigError

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """A dictionary that refuses a second entry of one name and answers an unknown name with the nearest.

    Example:
        >>> colours = Registry[str]("colour")
        >>> colours.add("red", "#f00")
        '#f00'
        >>> colours["rde"]
        Traceback (most recent call last):
        tamis.errors.ConfigError: no colour is called 'rde'. Did you mean 'red'?
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> Entry:
        """Register ``entry`` under ``name`` and return it."""
        if name in self._entries:
            raise ValueError(f"two entries of the {self.what} registry are called {name!r}; rename one.")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            raise ConfigError(f"no {self.what} is called {name!r}. {suggest(name, self._entries)}")
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """What is known of one ranking model before it is built.

    ``build(config, layout)`` returns the module. ``status`` is *published* when every part follows the source and
    *reconstruction* when some part is our own reading; ``note`` then says which. ``needs`` names what a layout must
    offer (``"target"``: a list with a target), empty for most.
    """

    name: str
    title: str
    build: Callable[[Any, Any], Any]
    config: type
    source: str
    status: Literal["published", "reconstruction"]
    note: str = ""
    needs: frozenset[str] = frozenset()


MODELS: Registry[ModelEntry] = Registry("model")
