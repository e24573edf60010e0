"""The rules that settings of several models share, each with its one sentence."""

from typing import Any

from tamis.errors import ConfigError


def require_at_least(config: Any, name: str, lowest: float) -> None:
    """Refuse a number, or any number of a list, below ``lowest``; None passes.

    Raises:
        ConfigError: the rule is broken.

    Example:
        >>> from types import SimpleNamespace
        >>> require_at_least(SimpleNamespace(dim=0), "dim", 1)
        Traceback (most recent call last):
        tamis.errors.ConfigError: SimpleNamespace dim must be at least 1; got 0.
    """
    value = getattr(config, name)
    numbers = value if isinstance(value, tuple) else () if value is None else (value,)
    if any(number < lowest for number in numbers):
        raise ConfigError(f"{type(config).__qualname__} {name} must be at least {lowest}; got {value}.")


def require_share(config: Any, name: str) -> None:
    """Refuse a number outside [0, 1).

    Raises:
        ConfigError: the rule is broken.
    """
    value = getattr(config, name)
    if not 0.0 <= value < 1.0:
        raise ConfigError(f"{type(config).__qualname__} {name} must be at least 0 and below 1; got {value}.")
