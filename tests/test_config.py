"""The strict reader: every refusal names the place, the rule, the value and the way out."""

import tomllib
from dataclasses import dataclass, field
from typing import Literal

import pytest
import tomli_w

from tamis.config import apply_overrides, read_config, read_toml, write_config
from tamis.errors import ConfigError
from tamis.training import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    size: int = 4
    hidden: tuple[int, ...] = (8,)
    pair: tuple[float, float] = (0.9, 0.99)
    kind: Literal["left", "right"] = "left"
    seed: int | None = None
    fast: bool = False
    extra: dict[str, float] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)


def test_a_full_table_becomes_the_dataclass_and_back():
    table = {
        "name": "a",
        "size": 2,
        "hidden": [3, 1],
        "pair": [0.5, 1.0],
        "kind": "right",
        "seed": 7,
        "fast": True,
        "extra": {"b": 2.0},
        "inner": {"rate": 1.0},
    }
    config = read_config(Outer, table, where="file")
    assert config.hidden == (3, 1)
    assert config.inner == Inner(rate=1.0)
    assert write_config(config) == table


def test_a_whole_number_is_a_number():
    assert read_config(Inner, {"rate": 1}, where="file").rate == 1.0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "a", "siez": 1}, r"file: Outer has no setting 'siez'. Did you mean 'size'\?"),
        (
            {"name": "a", "inner": {"rat": 1}},
            r"file inner: Inner has no setting 'rat'. Did you mean 'rate'\?",
        ),
        ({}, r"file: Outer needs 'name', which is missing. Add `name = ...`."),
        ({"name": "a", "size": 1.5}, r"file size: must be a whole number; got 1.5."),
        ({"name": "a", "size": True}, r"file size: must be a whole number; got True."),
        ({"name": "a", "size": "1"}, r"file size: must be a whole number; got '1'."),
        ({"name": 3}, r"file name: must be a text in quotes; got 3."),
        ({"name": "a", "fast": 1}, r"file fast: must be true or false; got 1."),
        ({"name": "a", "hidden": 8}, r"file hidden: must be a list; got 8."),
        ({"name": "a", "hidden": [8, "x"]}, r"file hidden\[1\]: must be a whole number; got 'x'."),
        ({"name": "a", "pair": [1.0]}, r"file pair: must be a list of 2 values; got \[1.0\]."),
        (
            {"name": "a", "kind": "rigth"},
            r"must be one of \['left', 'right'\]; got 'rigth'. Did you mean 'right'\?",
        ),
        ({"name": "a", "inner": 3}, r"file inner: must be a table; got 3."),
        ({"name": "a", "extra": {"b": "x"}}, r"file extra.b: must be a number; got 'x'."),
        ({"name": "a", "seed": "x"}, r"file seed: must be a whole number; got 'x'."),
    ],
)
def test_a_wrong_table_is_refused_in_one_sentence(table, message):
    with pytest.raises(ConfigError, match=message):
        read_config(Outer, table, where="file")


def test_none_survives_a_file_where_it_is_not_the_default():
    for patience in (None, 3):
        settings = TrainingSettings(patience=patience, checkpoint_minutes=None, clip_norm=None)
        table = tomllib.loads(tomli_w.dumps(write_config(settings)))
        assert read_config(TrainingSettings, table, where="[training]") == settings
    assert "clip_norm" not in write_config(TrainingSettings())
    with pytest.raises(ConfigError, match=r"\[training\] epochs: must be a whole number; got 'none'"):
        read_config(TrainingSettings, {"epochs": "none"}, where="[training]")


def test_overrides_reach_into_tables_and_leave_the_original_alone():
    table = {"model": {"name": "mlp", "dim": 16}}
    changed = apply_overrides(table, ["model.dim=32", "model.hidden=[4, 2]", "training.seed=1"])
    assert changed == {"model": {"name": "mlp", "dim": 32, "hidden": [4, 2]}, "training": {"seed": 1}}
    assert table == {"model": {"name": "mlp", "dim": 16}}


@pytest.mark.parametrize("assignment", ["model.dim", "=3", "model..dim=3"])
def test_an_override_without_its_form_is_refused(assignment):
    with pytest.raises(ConfigError, match="--set takes a.b=value"):
        apply_overrides({}, [assignment])


def test_an_override_through_a_value_is_refused():
    with pytest.raises(ConfigError, match="model.dim is a value, not a table"):
        apply_overrides({"model": {"dim": 1}}, ["model.dim.x=3"])


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = ")
    with pytest.raises(ConfigError, match=r"bad.toml: is not valid TOML"):
        read_toml(tmp_path / "bad.toml")
