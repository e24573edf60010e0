"""The adaptive filter of SSR-A: each view learns which dimensions of the input it sees."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tamis.layers.mixed_precision import as_multiplied
from tamis.layers.static_filter import StaticFilter, draw_indices, gather_views, scatter_views

# Best and worst score of a view before training: near enough that some steps of 0.001 change the choice.
_SPREAD = 0.02


class AdaptiveFilter(nn.Module):
    """Give each view the ``width`` input dimensions it scores best, and learn the scores with the rest of the model.

    Before training the scores rank dimensions as ``StaticFilter`` of the same arguments draws them, so the first choice
    is that of SSR-S. Every training step chooses anew, by ``keep_places``. In evaluation nothing is chosen: ``choice``,
    a ``StaticFilter`` with the indices of the last training step, gathers them; they are saved with the weights.

    A view wider than the input holds every dimension equally often, and chooses which ones it holds once more.

    The choice has no gradient of its own. With ``G`` the gradient of the output, ``C = G^T x`` says of every place
    ``j`` and dimension ``i`` how the loss would change if a little of ``x_i`` were added there. The score of ``i`` gets

        ``-(|C_i| - mean_l |C_l|)``, with ``|C_i|`` the norm over the places: dimensions that are asked for rise, and

        ``+ C_ji``, if ``i`` stands at ``j``: the straight-through gradient of a factor of 1 before its value.

    The second part alone knows nothing of dimensions outside; ``docs/beyond.md`` says what was tried. A norm is not a
    sum over rows: processes, or gradients accumulated, give a mean of their norms instead of the norm of the mean.

    Source: the adaptive choice is named as future work in "Explicit sparsity for scalable recommendation", arXiv
    2604.08011; the straight-through estimator is Bengio et al. 2013, arXiv 1308.3432; to grow where the gradient is
    large is Evci et al. 2020, "Rigging the lottery", arXiv 1911.11134. Their combination is ours.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, views, width)``
        - scores: ``(views, d_in)``

    Raises:
        ValueError: a size is below 1.

    Example:
        >>> sieve = AdaptiveFilter(d_in=6, views=2, width=3, first_seed=1000)
        >>> torch.equal(sieve(torch.eye(6)), StaticFilter(d_in=6, views=2, width=3, first_seed=1000)(torch.eye(6)))
        True
    """

    def __init__(self, *, d_in: int, views: int, width: int, first_seed: int) -> None:
        super().__init__()
        self.choice = StaticFilter(d_in=d_in, views=views, width=width, first_seed=first_seed)
        rounds = -(-width // d_in)
        self.num_fixed = width // d_in * d_in
        ranking = [
            draw_indices(d_in=d_in, width=rounds * d_in, seed=first_seed + view)[-d_in:] for view in range(views)
        ]
        scores = np.empty((views, d_in), dtype=np.float32)
        np.put_along_axis(scores, np.stack(ranking), np.linspace(_SPREAD / 2, -_SPREAD / 2, d_in)[None], axis=1)
        self.scores = nn.Parameter(torch.from_numpy(scores))

    @property
    def indices(self) -> Tensor:
        """The dimensions chosen last, as of ``StaticFilter``."""
        return self.choice.indices

    @property
    def d_in(self) -> int:
        """The width of the input."""
        return self.choice.d_in

    def forward(self, x: Tensor) -> Tensor:
        """Choose, if in training, and gather."""
        if not self.training:
            return self.choice(x)
        self._choose()
        return _gather_scored(as_multiplied(x), self.scores, self.choice.indices)

    @torch.no_grad()
    def _choose(self) -> None:
        fixed, held = self.choice.indices.split([self.num_fixed, self.choice.indices.shape[1] - self.num_fixed], dim=1)
        # Assigned, not copied into: a backward pass to come may still need the old choice.
        self.choice.indices = torch.cat([fixed, keep_places(self.scores, held)], dim=1)


def keep_places(scores: Tensor, held: Tensor) -> Tensor:
    """The best dimensions of each view, as many as it holds; those it holds already keep their places.

    The layer behind has weights for each place. A dimension that stays best must not wander because another became
    better; a newcomer takes the place of one that leaves.

    Shape:
        - scores: ``(views, d_in)``
        - held, output: ``(views, width)``, distinct in each view

    Example:
        >>> keep_places(torch.tensor([[0.1, 0.9, 0.5, 0.7]]), torch.tensor([[2, 0, 1]]))
        tensor([[2, 3, 1]])
    """
    width = held.shape[1]
    is_best = torch.zeros_like(scores, dtype=torch.bool).scatter(1, scores.topk(width, dim=1).indices, True)
    is_held = torch.zeros_like(is_best).scatter(1, held, True)
    is_new = is_best & ~is_held
    # Sorting booleans puts those that are False first: places to give away, and dimensions that ask for one.
    places = is_best.gather(1, held).byte().argsort(dim=1, stable=True)
    newcomers = (~is_new).byte().argsort(dim=1, stable=True)[:, :width]
    is_taken = torch.arange(width, device=held.device) < is_new.sum(1, keepdim=True)
    return held.scatter(1, places, torch.where(is_taken, newcomers, held.gather(1, places)))


# An operation of its own, not an autograd Function: torch's compiler takes it as it is.
@torch.library.custom_op("tamis::gather_scored", mutates_args=())
def _gather_scored(x: Tensor, scores: Tensor, indices: Tensor) -> Tensor:
    return gather_views(x, indices)


@_gather_scored.register_fake
def _shape(x: Tensor, scores: Tensor, indices: Tensor) -> Tensor:
    return x.new_empty(len(x), *indices.shape)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
    x, scores, indices = ctx.saved_tensors
    asked = torch.mm(grad.flatten(1).t(), x).view(*indices.shape, -1).to(scores.dtype)
    demand = asked.norm(dim=1)
    own = asked.gather(2, indices.unsqueeze(2)).squeeze(2)
    grad_scores = (demand.mean(1, keepdim=True) - demand).scatter_add(1, indices, own)
    return scatter_views(grad, indices, x.shape[1]), grad_scores, None


_gather_scored.register_autograd(_backward, setup_context=_keep)
