import math

import pytest
import torch

from tamis.layers import MaskBlock, MaskBlocks


def blocks_by_loops(context, x, block):
    """Each block by itself, number by number."""
    rows, d_in = x.shape
    width, wide = block.weight.shape[2], block.projection.shape[1]
    outputs = []
    for number in range(block.blocks):
        part = slice(number * wide, (number + 1) * wide)
        first, constant = block.aggregation.weight[part], block.aggregation.bias[part]
        output = torch.zeros(rows, width, dtype=x.dtype)
        for row in range(rows):
            hidden = [max(0.0, float(first[t] @ context[row] + constant[t])) for t in range(wide)]
            mask = [
                sum(hidden[t] * float(block.projection[number, t, i]) for t in range(wide))
                + float(block.projection_bias[number, i])
                for i in range(d_in)
            ]
            sums = [
                sum(mask[i] * float(x[row, i] * block.weight[number, i, q]) for i in range(d_in)) for q in range(width)
            ]
            mean = sum(sums) / width
            spread = math.sqrt(sum((value - mean) ** 2 for value in sums) / width + block.norm.eps)
            for q in range(width):
                normal = (sums[q] - mean) / spread
                output[row, q] = max(
                    0.0, normal * float(block.norm.weight[number, q]) + float(block.norm.bias[number, q])
                )
        outputs.append(output)
    return torch.cat(outputs, dim=1)


@pytest.mark.parametrize("blocks", [1, 3])
@torch.no_grad()
def test_blocks_equal_their_equations(blocks):
    torch.manual_seed(0)
    block = MaskBlock(context_width=4, d_in=3, width=5, blocks=blocks, reduction=2).double()
    for parameter in block.parameters():
        parameter.normal_()
    context, x = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(block(context, x), blocks_by_loops(context, x, block))


@torch.no_grad()
def test_blocks_in_order_share_the_context():
    torch.manual_seed(0)
    first = MaskBlock(context_width=4, d_in=4, width=5)
    second = MaskBlock(context_width=4, d_in=5, width=3)
    blocks, context, x = MaskBlocks([first, second]), torch.randn(6, 4), torch.randn(6, 4)
    expected = second(context, first(context, x))
    assert torch.equal(blocks(context, x), expected)
    assert torch.equal(blocks.finish(blocks.project(context), x), expected)


def test_the_reduction_is_the_width_of_the_masks_first_layer_over_that_of_the_input():
    assert MaskBlock(context_width=4, d_in=10, width=3, blocks=2, reduction=0.5).aggregation.weight.shape == (10, 4)
    assert MaskBlock(context_width=4, d_in=10, width=3, reduction=0.01).aggregation.weight.shape == (1, 4)


def test_numbers_out_of_range_are_refused():
    sizes = {"context_width": 4, "d_in": 3, "width": 2}
    with pytest.raises(ValueError, match="must be at least 1; got 4, 3, 2 and 0"):
        MaskBlock(**sizes, blocks=0)
    with pytest.raises(ValueError, match="reduction must be above 0; got 0"):
        MaskBlock(**sizes, reduction=0)
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1; got 1.0"):
        MaskBlock(**sizes, dropout=1.0)
