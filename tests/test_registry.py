"""One name, one entry."""

import pytest

from tamis.errors import ConfigError
from tamis.registry import Registry


def test_a_second_entry_of_one_name_is_refused():
    registry = Registry[int]("thing")
    registry.add("a", 1)
    with pytest.raises(ValueError, match="two entries of the thing registry are called 'a'"):
        registry.add("a", 2)


def test_an_unknown_name_is_answered_with_the_nearest_or_with_all():
    registry = Registry[int]("thing")
    registry.add("alpha", 1)
    registry.add("beta", 2)
    with pytest.raises(ConfigError, match=r"no thing is called 'alpa'. Did you mean 'alpha'\?"):
        registry["alpa"]
    with pytest.raises(ConfigError, match="Known: alpha, beta."):
        registry["zzz"]


def test_names_come_sorted():
    registry = Registry[int]("thing")
    registry.add("b", 1)
    registry.add("a", 2)
    assert list(registry) == ["a", "b"]
    assert len(registry) == 2
    assert "a" in registry
