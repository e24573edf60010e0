import pytest
import torch

from tamis.layers import TaskTowers


def test_without_hidden_layers_it_is_one_linear_layer():
    towers = TaskTowers(d_in=4, tasks=3)
    x = torch.randn(5, 4)
    torch.testing.assert_close(towers(x), x @ towers.scores[0].weight.T + towers.scores[0].bias)
    assert sum(p.numel() for p in towers.parameters()) == 15


def test_every_task_has_a_tower_of_its_own():
    towers = TaskTowers(d_in=4, tasks=2, hidden=(3, 2))
    x = torch.randn(5, 4)
    logits = towers(x)
    for task in range(2):
        hidden = x
        for linear in towers.towers[task].linears:
            hidden = torch.relu(hidden @ linear.weight.T + linear.bias)
        score = towers.scores[task]
        torch.testing.assert_close(logits[:, task], (hidden @ score.weight.T + score.bias)[:, 0])


def test_the_towers_of_unirank_have_their_published_size():
    towers = TaskTowers(d_in=256, tasks=4, hidden=(128, 64))
    assert sum(p.numel() for p in towers.parameters()) == 4 * 41_217


def test_no_task_is_refused():
    with pytest.raises(ValueError, match="tasks must be at least 1; got 0"):
        TaskTowers(d_in=4, tasks=0)
