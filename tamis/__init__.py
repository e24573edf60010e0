"""tamis: recommendation ranking on sparse click logs. Filter first, then fuse.

The public names are loaded when they are first used, so that ``import tamis`` and ``tamis --help`` stay fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamis.errors import CheckpointError as CheckpointError
    from tamis.errors import ConfigError as ConfigError
    from tamis.errors import DataError as DataError
    from tamis.errors import TamisError as TamisError
    from tamis.errors import TrainingError as TrainingError
    from tamis.features import Field as Field
    from tamis.features import Kind as Kind
    from tamis.features import Schema as Schema
    from tamis.ranker import Ranker as Ranker
    from tamis.ranker import load as load
    from tamis.record import RunRecord as RunRecord

__version__ = "0.1.0"

_HOMES = {
    "CheckpointError": "tamis.errors",
    "ConfigError": "tamis.errors",
    "DataError": "tamis.errors",
    "Field": "tamis.features",
    "Kind": "tamis.features",
    "Ranker": "tamis.ranker",
    "RunRecord": "tamis.record",
    "Schema": "tamis.features",
    "TamisError": "tamis.errors",
    "TrainingError": "tamis.errors",
    "load": "tamis.ranker",
}

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Field",
    "Kind",
    "Ranker",
    "RunRecord",
    "Schema",
    "TamisError",
    "TrainingError",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tamis' has no attribute {name!r}. It has: {', '.join(__all__)}.")
    return getattr(import_module(_HOMES[name]), name)
