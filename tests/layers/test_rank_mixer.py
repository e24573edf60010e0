import pytest
import torch

from tamis.layers import RankMixerBlock, RankMixerStack, mix_tokens


def test_new_token_h_holds_part_h_of_every_token():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 6)
    mixed = mix_tokens(x)
    for h in range(3):
        for t in range(3):
            assert torch.equal(mixed[:, h, 2 * t : 2 * t + 2], x[:, t, 2 * h : 2 * h + 2])
    assert torch.equal(mix_tokens(mixed), x), "mixing twice gives the tokens back"


def normal(x, norm):
    mean, variance = x.mean(dim=2, keepdim=True), x.var(dim=2, unbiased=False, keepdim=True)
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias


@torch.no_grad()
def test_a_block_mixes_works_adds_and_normalises():
    torch.manual_seed(0)
    block = RankMixerBlock(tokens=3, width=6, expansion=2)
    for parameter in block.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    x = torch.randn(4, 3, 6)
    mixed = normal(mix_tokens(x) + x, block.mixed_norm)
    expected = normal(block.network(mixed)[0] + mixed, block.norm)
    torch.testing.assert_close(block(x)[0], expected)


@pytest.mark.parametrize("experts", [None, 2])
@torch.no_grad()
def test_a_stack_is_its_blocks_in_order_with_the_sum_of_their_penalties(experts):
    torch.manual_seed(0)
    blocks = [RankMixerBlock(tokens=2, width=4, expansion=1, experts=experts) for _ in range(2)]
    x = torch.randn(4, 2, 4)
    once, first = blocks[0](x)
    twice, second = blocks[1](once)
    output, penalty = RankMixerStack(blocks)(x)
    assert torch.equal(output, twice)
    assert penalty is None if experts is None else torch.equal(penalty, first + second)


def test_a_width_that_cannot_be_cut_is_refused():
    with pytest.raises(ValueError, match="width must be a multiple of tokens, 3; got 4"):
        RankMixerBlock(tokens=3, width=4, expansion=1)
