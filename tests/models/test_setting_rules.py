from types import SimpleNamespace

import pytest

from tamis.errors import ConfigError
from tamis.models.setting_rules import require_at_least, require_share


def test_none_an_empty_list_and_the_lowest_value_pass():
    config = SimpleNamespace(rank=None, head=(), dim=1, hidden=(1, 2), dropout=0.0)
    for name in ("rank", "head", "dim", "hidden"):
        require_at_least(config, name, 1)
    require_share(config, "dropout")


def test_a_number_below_the_lowest_is_refused_in_a_list_too():
    with pytest.raises(ConfigError, match=r"hidden must be at least 1; got \(3, 0\)"):
        require_at_least(SimpleNamespace(hidden=(3, 0)), "hidden", 1)
    with pytest.raises(ConfigError, match="dropout must be at least 0 and below 1; got 1"):
        require_share(SimpleNamespace(dropout=1.0), "dropout")
