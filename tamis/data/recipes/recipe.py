"""What is known of a public data set: where it is, what its columns mean, what others measured on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tamis.cache import cache_folder
from tamis.data.readers.source import Source
from tamis.data.split import SplitSettings
from tamis.features.schema import Schema
from tamis.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A number that somebody measured; ``protocol`` says on which rows, and how far that is from ours."""

    model: str
    protocol: str
    auc: float
    log_loss: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a recipe may look: a folder the user named, a cache, and the network unless ``is_offline``."""

    folder: Path | None
    cache: Path
    is_offline: bool
    report: Callable[[str], None]


Rows = Source | dict[str, Source]
"""One source, to be divided by the recipe's split, or a source for each of train, valid and test."""


class WithOptions(Protocol):
    """A function from options to the recipe they make of another; ``where`` begins its error messages."""

    def __call__(self, options: Mapping[str, Any], *, where: str) -> "Recipe":
        """The recipe with these options."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named public data set, or one that is made up.

    ``checksums`` gives the SHA-256 of each file form known (of the content, where a file is compressed).
    ``split`` is the default for a single source; where ``open`` gives a source a part, the split is ``given``
    (see ``split_of``). ``with_options`` is there where something can be chosen, and gives another recipe.
    """

    name: str
    title: str
    licence: str
    citation: str
    where: str
    schema: Schema
    fetch: Callable[[Places], Rows]
    split: SplitSettings = field(default_factory=SplitSettings)
    checksums: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    with_options: WithOptions | None = None

    def open(
        self,
        *,
        from_folder: Path | str | None = None,
        cache: Path | str | None = None,
        offline: bool = False,
        report: Callable[[str], None] | None = None,
    ) -> Rows:
        """Find the data, verify it, and open it.

        ``cache`` is by default the folder that TAMIS_CACHE names, else ``~/.cache/tamis``. ``report`` is
        told, in whole sentences, what is being tried.

        Raises:
            DataError: the data is found nowhere (the message lists what was tried), or is not what it should
            be.
        """
        folder = None if from_folder is None else Path(from_folder).expanduser()
        return self.fetch(
            Places(
                folder=folder,
                cache=cache_folder() if cache is None else Path(cache).expanduser(),
                is_offline=offline,
                report=report or (lambda _: None),
            )
        )

    def split_of(self, rows: Rows) -> SplitSettings:
        """The split that fits what ``open`` gave: ``given`` for a source a part, else the default."""
        return SplitSettings(kind="given") if isinstance(rows, dict) else self.split


RECIPES: Registry[Recipe] = Registry("recipe")
"""All recipes by name; filled when ``tamis.data.recipes`` is imported."""
