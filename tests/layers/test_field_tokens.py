import pytest
import torch

from tamis.layers import FieldTokens


@pytest.mark.parametrize(("d_in", "bounds"), [(6, [0, 2, 4, 6]), (7, [0, 2, 4, 7]), (3, [0, 1, 2, 3])])
@torch.no_grad()
def test_every_part_has_a_map_of_its_own(d_in, bounds):
    torch.manual_seed(0)
    tokens = FieldTokens(d_in=d_in, tokens=3, width=4)
    tokens.bias.normal_()
    x = torch.randn(5, d_in)
    output = tokens(x)
    for row in range(5):
        for i in range(3):
            part = x[row, bounds[i] : bounds[i + 1]]
            expected = tokens.bias[i] + sum(part[k] * tokens.weight[i, k] for k in range(len(part)))
            torch.testing.assert_close(output[row, i], expected)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="d_in, tokens and width must be at least 1; got 6, 0 and 4"):
        FieldTokens(d_in=6, tokens=0, width=4)
    with pytest.raises(ValueError, match="tokens must be at most d_in, 6; got 7"):
        FieldTokens(d_in=6, tokens=7, width=4)
