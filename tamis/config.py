"""From a TOML table to a frozen dataclass and back, strictly: what is not a setting is refused."""

import dataclasses
import difflib
import tomllib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tamis.errors import ConfigError

Config = TypeVar("Config")


def read_config(cls: type[Config], table: Mapping[str, Any], *, where: str) -> Config:
    """Build the frozen dataclass ``cls`` from one TOML table; every key must be a setting of ``cls``.

    ``where`` begins every error message, so that it names the file and the table at fault.

    Raises:
        ConfigError: a key is unknown or missing, or a value has the wrong type.

    Example:
        >>> @dataclasses.dataclass(frozen=True, kw_only=True)
        ... class CrossConfig:
        ...     num_crosses: int = 3
        >>> read_config(CrossConfig, {"num_crosses": 2}, where="[model]")
        CrossConfig(num_crosses=2)
        >>> read_config(CrossConfig, {"num_cross": 2}, where="[model]")
        Traceback (most recent call last):
        tamis.errors.ConfigError: [model]: CrossConfig has no setting 'num_cross'. Did you mean 'num_crosses'?
    """
    settings = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in settings:
            raise ConfigError(f"{where}: {cls.__qualname__} has no setting {key!r}. {suggest(key, settings)}")
    hints = get_type_hints(cls)
    values = {key: _read_value(hints[key], value, where=f"{where} {key}") for key, value in table.items()}
    for name, field in settings.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ConfigError(f"{where}: {cls.__qualname__} needs {name!r}, which is missing. Add `{name} = ...`.")
    return cls(**values)


def write_config(config: Any) -> dict[str, Any]:
    """Turn a frozen dataclass into a table that TOML and JSON can hold, from which ``read_config`` makes an equal one.

    A setting that is None is left out, or written as the word ``none`` where leaving it out would mean something else.

    Example:
        >>> @dataclasses.dataclass(frozen=True, kw_only=True)
        ... class CrossConfig:
        ...     hidden: tuple[int, ...] = (8, 4)
        ...     seed: int | None = None
        ...     patience: int | None = 2
        >>> write_config(CrossConfig(patience=None))
        {'hidden': [8, 4], 'patience': 'none'}
    """
    table = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value is not None:
            table[field.name] = _write_value(value)
        elif field.default is not None:
            table[field.name] = _NONE
    return table


def read_toml(path: Path | str) -> dict[str, Any]:
    """Read a TOML file, or say in one sentence why it cannot be read."""
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file. Check the path.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}.") from None


def apply_overrides(table: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Return ``table`` with each ``a.b=value`` applied; a value is TOML, and a bare word is a string.

    Example:
        >>> apply_overrides({"model": {"dim": 16}}, ["model.dim=32", "model.name=mlp"])
        {'model': {'dim': 32, 'name': 'mlp'}}
    """
    result = _copy_tables(table)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        *parents, last = path.strip().split(".")
        if not equals or not last or not all(parents):
            raise ConfigError(f"--set takes a.b=value; got {assignment!r}.")
        place = result
        for depth, parent in enumerate(parents, start=1):
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ConfigError(f"--set {assignment!r}: {'.'.join(parents[:depth])} is a value, not a table.")
        place[last] = _parse_toml_value(text.strip())
    return result


def suggest(word: str, known: Iterable[str]) -> str:
    """Say the nearest known word, or list them all.

    Example:
        >>> suggest("dcnv2", ["mlp", "dcn_v2"])
        "Did you mean 'dcn_v2'?"
        >>> suggest("transformer", ["mlp", "dcn_v2"])
        'Known: dcn_v2, mlp.'
    """
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."


def _parse_toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _copy_tables(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy_tables(item) if isinstance(item, Mapping) else item for key, item in value.items()}


def _write_value(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return write_config(value)
    if isinstance(value, tuple | list):
        return [_write_value(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _write_value(item) for key, item in value.items()}
    return value


def _read_value(hint: Any, value: Any, *, where: str) -> Any:
    """Check one value against its annotation; only what TOML can say is allowed in a config."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        options = [option for option in arguments if option is not type(None)]
        if value is None and len(options) < len(arguments):
            return None
        failures = []
        for option in options:
            try:
                return _read_value(option, value, where=where)
            except ConfigError as error:
                failures.append(error)
        if value == _NONE and len(options) < len(arguments):
            return None  # TOML has no word of its own for it
        raise failures[0]
    if origin is Literal:
        if value not in arguments:
            names = [str(option) for option in arguments]
            raise ConfigError(f"{where}: must be one of {names}; got {value!r}. {suggest(str(value), names)}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: must be a list; got {value!r}.")
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            item_hints = [arguments[0]] * len(value)
        elif len(arguments) != len(value):
            raise ConfigError(f"{where}: must be a list of {len(arguments)} values; got {value!r}.")
        else:
            item_hints = list(arguments)
        pairs = zip(item_hints, value, strict=True)
        return tuple(_read_value(item, part, where=f"{where}[{i}]") for i, (item, part) in enumerate(pairs))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: must be a table; got {value!r}.")
        return {key: _read_value(arguments[1], item, where=f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        if isinstance(value, hint):  # type: ignore[arg-type]
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: must be a table; got {value!r}.")
        return read_config(hint, value, where=where)  # type: ignore[type-var]
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"{where}: must be {_ARTICLES.get(hint, hint.__name__)}; got {value!r}.")
    return value


_NONE = "none"
_ARTICLES = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}
