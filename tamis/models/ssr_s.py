"""SSR-S: explicit sparsity with a static filter, a fixed random choice of dimensions for each view."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tamis.features.layout import Layout
from tamis.layers import DropoutPlace, InputNormKind, StaticBlock, StaticFilter, ViewFusion
from tamis.models.setting_rules import require_at_least
from tamis.models.ssr import Fusion, LastViews, SSRParts, SSRRanker, ViewNormKind, check_blocks, resolve_parts
from tamis.registry import MODELS, ModelEntry

PRESETS: dict[str, SSRParts] = {
    "paper": SSRParts(
        input_norm="none",
        input_norm_eps=1e-3,
        input_norm_momentum=0.01,
        fusion="dense",
        view_norm="per_view",
        view_norm_eps=1e-3,
        head=(),
    ),
    "official": SSRParts(
        input_norm="field",
        input_norm_eps=1e-3,
        input_norm_momentum=0.01,
        fusion="residual",
        view_norm="per_view",
        view_norm_eps=1e-3,
        head=(64,),
    ),
}


@dataclass(frozen=True, kw_only=True)
class SSRSConfig:
    """Settings of SSR-S; a part that is None is what ``preset`` says.

    ``views`` and ``widths`` hold one number for each block, ``depth`` is the number of dense layers in each
    view. ``filter_seed`` 0 chooses the dimensions that the authors' code chooses.

    ``dropout`` acts inside the network, in each view before its norm or after it (``dropout_place``, ours), and
    ``input_dropout`` on the normalised input (ours; published models have none).
    """

    preset: Literal["paper", "official"] = "official"
    dim: int = 16
    views: tuple[int, ...] = (16, 16)
    widths: tuple[int, ...] = (128, 64)
    depth: int = 1
    filter_seed: int = 0
    dropout: float = 0.0
    dropout_place: DropoutPlace = "before_norm"
    input_dropout: float = 0.0
    last: LastViews = "mean"
    input_norm: InputNormKind | None = None
    input_norm_eps: float | None = None
    input_norm_momentum: float | None = None
    fusion: Fusion | None = None
    view_norm: ViewNormKind | None = None
    view_norm_eps: float | None = None
    head: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_blocks(self)
        require_at_least(self, "depth", 1)
        require_at_least(self, "filter_seed", 0)

    def resolve(self) -> SSRParts:
        """Every part, from these settings or else from the preset.

        Example:
            >>> [SSRSConfig(preset="paper", head=head).resolve().head for head in (None, (8,))]
            [(), (8,)]
        """
        return resolve_parts(self, PRESETS[self.preset])


class SSRS(SSRRanker):
    """Normalised field vectors through blocks of fixed views to one logit a task.

    Source: "Explicit sparsity for scalable recommendation", arXiv 2604.08011, SSR-S; the authors' code for
    the preset ``official``.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> import torch
        >>> from tamis.batch import Batch
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = SSRS(SSRSConfig(views=(2,), widths=(4,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: SSRSConfig, layout: Layout) -> None:
        blocks = static_blocks(config, d_in=layout.num_fields * config.dim)
        super().__init__(config, config.resolve(), layout, blocks=blocks, width=config.widths[-1])


def static_blocks(config: SSRSConfig, *, d_in: int) -> Iterator[StaticBlock]:
    """The blocks that ``config`` describes, for an input of width ``d_in``."""
    parts = config.resolve()
    for number, (views, width) in enumerate(zip(config.views, config.widths, strict=True), start=1):
        # Seeds 1000 apart are the authors'; a million apart keeps the choices of two filter seeds apart.
        first_seed = 1_000_000 * config.filter_seed + 1000 * number
        yield StaticBlock(
            filter=StaticFilter(d_in=d_in, views=views, width=width, first_seed=first_seed),
            fusion=ViewFusion(
                views=views,
                d_in=width,
                width=width,
                depth=0 if parts.fusion == "none" else config.depth,
                residual=parts.fusion == "residual",
                dropout=config.dropout,
                dropout_place=config.dropout_place,
                shared_norm=parts.view_norm == "shared",
                eps=parts.view_norm_eps,
            ),
        )
        d_in = views * width


MODELS.add(
    "ssr_s",
    ModelEntry(
        name="ssr_s",
        title="SSR-S (static filter)",
        build=SSRS,
        config=SSRSConfig,
        source='"Explicit sparsity for scalable recommendation", arXiv 2604.08011',
        status="reconstruction",
        note=(
            "The preset official follows the authors' code, whose residual, input normalisation, hidden head "
            "layer and index seeds the paper does not state; paper leaves the first three out. Our own: "
            "weights start as in the authors' code in every preset, the running statistics of the input "
            'normalisation start as a plain average, and the options last = "concat", dropout_place and '
            "input_dropout."
        ),
    ),
)
