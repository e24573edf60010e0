"""What a dynamic filter lets through on real rows: zeros by iteration, dead dimensions, overlap, fields."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tamis.layers import competitive_sparse

SAMPLES = 16
"""So many rows are shown one by one."""

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class ViewActivity:
    """What was seen on ``rows`` rows.

    ``zeros`` are shares of exact zeros, before the first iteration (a plain ReLU) and after each, and ``zeros_spread``
    the standard deviation over rows after the last. ``dead`` and ``always`` are the shares of a view's dimensions kept
    on no row and on every row, ``empty`` the share of rows on which a view keeps nothing.

    ``overlap`` is the mean Jaccard index of what two views keep of one row, ``chance_overlap`` what sets of those sizes
    would have by chance, and ``row_overlap`` that of what one view keeps of two different rows: near 1 the filter might
    as well be static. Rows on which both sets are empty do not count; without any row left an entry is *nan*.

    ``groups`` and ``groups_spread`` say from which groups of input dimensions, fields or views, what is kept comes:
    mean and standard deviation over rows; ``projected_groups`` say the same of all projected dimensions, kept or not,
    and ``samples`` of the first rows, mean over the views that keep something there. Of a row, a kept dimension counts
    by what each number of the input contributes to it, ``|weight * number|``: an attribution, as it mixes all of them.

    Shape:
        - zeros: ``(iterations + 1, views)``; zeros_spread, dead, always, empty, row_overlap: ``(views,)``
        - overlap, chance_overlap: ``(views, views)``
        - groups, groups_spread, projected_groups: ``(views, groups)``; samples: ``(rows, groups)``; or None
    """

    rows: int
    zeros: Tensor
    zeros_spread: Tensor
    dead: Tensor
    always: Tensor
    empty: Tensor
    overlap: Tensor
    chance_overlap: Tensor
    row_overlap: Tensor
    groups: Tensor | None
    groups_spread: Tensor | None
    projected_groups: Tensor | None
    samples: Tensor | None


def surviving(z: Tensor, alpha: Tensor) -> Iterator[Tensor]:
    """``x_0 = relu(z)``, then what every iteration of the competition leaves, scale aside.

    ``x_t`` is the whole filter with its first ``t`` rates, so the layer's own function computes it.

    Shape:
        - z, each output: ``(rows, views, width)``
        - alpha: ``(views, iterations)``

    Example:
        >>> [x.tolist()[0][0] for x in surviving(torch.tensor([[[3.0, 1.0, -1.0]]]), torch.tensor([[0.75]]))]
        [[3.0, 1.0, 0.0], [2.0, 0.0, 0.0]]
    """
    yield torch.relu(z)
    scale = z.new_ones(z.shape[1:])
    for iteration in range(1, alpha.shape[1] + 1):
        yield competitive_sparse(z, alpha[:, :iteration].contiguous(), scale)


class ViewCounts:
    """Running counts over batches; memory does not grow with the number of rows.

    Without rates (no iteration) it counts a plain ReLU layer, as one view.

    Shape:
        - alpha: ``(views, iterations)``
        - weight: ``(views, width, d_in)``, what projects the input, whose ``groups`` equal parts are asked for; or None

    Example:
        >>> counts = ViewCounts(alpha=torch.tensor([[0.75]]), width=3)
        >>> counts.add(torch.tensor([[[3.0, 1.0, -1.0]], [[1.0, 1.0, -1.0]]]))
        >>> activity = counts.result()
        >>> [round(share, 4) for share in activity.zeros.flatten().tolist()], round(activity.dead.item(), 4)
        ([0.3333, 0.5], 0.3333)
    """

    def __init__(self, *, alpha: Tensor, width: int, weight: Tensor | None = None, groups: int = 0) -> None:
        views, iterations = alpha.shape
        self._alpha, self._width = alpha, width
        self._sizes = None if weight is None else weight.abs()
        self._rows = 0
        self._zeros = _zeros(iterations + 1, views)
        self._squares, self._empty = _zeros(views), _zeros(views)
        self._kept = _zeros(views, width)
        self._overlap, self._chance = _Mean(views, views), _Mean(views, views)
        self._row_overlap = _Mean(views)
        self._groups, self._group_squares, self._projected = (_Mean(views, groups) for _ in range(3))
        self._samples: list[Tensor] = []

    @torch.no_grad()
    def add(self, z: Tensor, inputs: Tensor | None = None) -> None:
        """Count some rows more.

        Shape:
            - z: ``(rows, views, width)``, what competes
            - inputs: ``(rows, d_in)``, what was projected to it; needed where there is a ``weight``
        """
        self._rows += len(z)
        kept = torch.empty_like(z)
        for iteration, x in enumerate(surviving(z, self._alpha)):
            torch.ne(x, 0, out=kept)
            self._zeros[iteration] += (1 - kept.mean(2)).double().sum(0)
        sizes = kept.sum(2)
        self._squares += (1 - sizes.double() / self._width).square().sum(0)
        self._empty += (sizes == 0).sum(0)
        self._kept += kept.double().sum(0)
        self._add_overlaps(kept, sizes)
        if self._sizes is not None:
            assert inputs is not None, "a weight asks for what it multiplies"
            # In parts, as each row has a number for each view and dimension of the input meanwhile.
            for part, of_part in zip(kept.split(_ROWS_AT_ONCE), inputs.abs().split(_ROWS_AT_ONCE), strict=True):
                self._add_groups(part, of_part, self._sizes.to(z.dtype))

    def result(self) -> ViewActivity:
        """What all rows so far say."""
        zeros = self._zeros / self._rows
        has_groups = self._sizes is not None
        groups = self._groups.result() if has_groups else None
        spread = None if groups is None else (self._group_squares.result() - groups.square()).clamp_min(0).sqrt()
        return ViewActivity(
            rows=self._rows,
            zeros=zeros,
            zeros_spread=(self._squares / self._rows - zeros[-1].square()).clamp_min(0).sqrt(),
            dead=(self._kept == 0).double().mean(1),
            always=(self._kept == self._rows).double().mean(1),
            empty=self._empty / self._rows,
            overlap=self._overlap.result(),
            chance_overlap=self._chance.result(),
            row_overlap=self._row_overlap.result(),
            groups=groups,
            groups_spread=spread,
            projected_groups=self._projected.result() if has_groups else None,
            samples=torch.cat(self._samples) if has_groups else None,
        )

    def _add_overlaps(self, kept: Tensor, sizes: Tensor) -> None:
        common = torch.bmm(kept, kept.transpose(1, 2))
        one, other = sizes.unsqueeze(2), sizes.unsqueeze(1)
        is_some = (one + other) > 0
        self._overlap.add(common / (one + other - common), is_some)
        expected = one * other / self._width
        self._chance.add(expected / (one + other - expected), is_some)
        half = len(kept) // 2  # neighbouring rows of a log are often of one user; rows half a batch apart are not
        if half:
            here, there = kept[:half], kept[half : 2 * half]
            common, together = (here * there).sum(2), sizes[:half] + sizes[half : 2 * half]
            self._row_overlap.add(common / (together - common), together > 0)

    def _add_groups(self, kept: Tensor, inputs: Tensor, sizes: Tensor) -> None:
        groups = self._groups.shape[1]
        every = _contributions(torch.ones_like(kept), inputs, sizes, groups)
        self._projected.add(*_shares(every))
        shares, is_some = _shares(_contributions(kept, inputs, sizes, groups))
        self._groups.add(shares, is_some)
        self._group_squares.add(shares.square(), is_some)
        wanted = SAMPLES - sum(map(len, self._samples))
        if wanted > 0:
            known = torch.where(is_some, shares, torch.nan)
            self._samples.append(known[:wanted].nanmean(1).double())


def _contributions(kept: Tensor, inputs: Tensor, sizes: Tensor, groups: int) -> Tensor:
    """How much each group of the input contributes to what each view keeps of each row.

    Shape:
        - kept: ``(rows, views, width)``; inputs: ``(rows, d_in)``; sizes: ``(views, width, d_in)``
        - output: ``(rows, views, groups)``
    """
    by_dimension = torch.bmm(kept.transpose(0, 1), sizes).transpose(0, 1) * inputs.unsqueeze(1)
    return by_dimension.unflatten(2, (groups, -1)).sum(3)


def _shares(contributions: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of each view's whole, and where there is a whole."""
    whole = contributions.sum(2, keepdim=True)
    return contributions / whole, (whole > 0).expand_as(contributions)


class _Mean:
    """A mean over the rows that count, entry by entry; *nan* where none did."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape
        self._sum, self._count = _zeros(*shape), _zeros(*shape)

    def add(self, values: Tensor, counts: Tensor) -> None:
        self._sum += torch.where(counts, values, 0).double().sum(0)
        self._count += counts.sum(0)

    def result(self) -> Tensor:
        return self._sum / self._count


def _zeros(*shape: int) -> Tensor:
    return torch.zeros(*shape, dtype=torch.float64)
