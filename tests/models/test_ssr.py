import pytest
import torch

from tamis.errors import ConfigError
from tamis.layers import StaticBlock, StaticFilter, ViewFusion
from tamis.models import SSRDConfig, SSRSConfig
from tamis.models.ssr import SSRBlocks


def static_block(d_in: int, views: int, width: int) -> StaticBlock:
    sieve = StaticFilter(d_in=d_in, views=views, width=width, first_seed=1000)
    return StaticBlock(filter=sieve, fusion=ViewFusion(views=views, d_in=width, width=width))


def test_views_stand_side_by_side_between_blocks_and_the_last_are_averaged():
    first, second = static_block(6, 3, 2), static_block(6, 4, 2)
    x = torch.randn(5, 6)
    views = second(torch.cat(list(first(x).unbind(1)), dim=1))
    mean = SSRBlocks([first, second], last="mean")
    concat = SSRBlocks([first, second], last="concat")
    torch.testing.assert_close(mean(x), sum(views.unbind(1)) / 4)
    torch.testing.assert_close(concat(x), torch.cat(list(views.unbind(1)), dim=1))


def test_the_mean_of_the_last_views_does_not_depend_on_their_order_and_the_concatenation_follows_it():
    block = static_block(6, 4, 3)
    x, order = torch.randn(5, 6), torch.tensor([2, 0, 3, 1])
    mean, concat = SSRBlocks([block], last="mean"), SSRBlocks([block], last="concat")
    before_mean, before_concat = mean(x), concat(x).view(5, 4, 3)
    with torch.no_grad():
        block.filter.indices = block.filter.indices[order]
        for parameter in block.fusion.parameters():
            parameter.copy_(parameter[order])
    torch.testing.assert_close(mean(x), before_mean)
    torch.testing.assert_close(concat(x).view(5, 4, 3), before_concat[:, order])


@pytest.mark.parametrize("config", [SSRDConfig, SSRSConfig])
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"views": (8,), "widths": (8, 8)}, r"one number for each block.* got views \(8,\) and widths \(8, 8\)"),
        ({"views": (), "widths": ()}, r"at least one; got views \(\) and widths \(\)"),
        ({"widths": (128, 0)}, r"widths must be at least 1; got \(128, 0\)"),
        ({"dropout": 1.5}, "dropout must be at least 0 and below 1; got 1.5"),
        ({"head": (0,)}, r"head must be at least 1; got \(0,\)"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(config, setting, message):
    with pytest.raises(ConfigError, match=message):
        config(**setting)


@pytest.mark.parametrize("config", [SSRDConfig, SSRSConfig])
def test_a_part_set_by_hand_replaces_the_presets_and_no_other(config):
    preset, own = config().resolve(), config(fusion="dense", head=(7,), input_norm="layer").resolve()
    assert (own.fusion, own.head, own.input_norm) == ("dense", (7,), "layer")
    assert (own.view_norm, own.view_norm_eps) == (preset.view_norm, preset.view_norm_eps)
    assert (preset.fusion, preset.input_norm == "layer") == ("residual", False)
