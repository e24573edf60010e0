"""SSR-A: explicit sparsity with an adaptive filter, which learns the dimensions that each view sees."""

from dataclasses import dataclass

from tamis.features.layout import Layout
from tamis.layers import AdaptiveFilter
from tamis.models.ssr import SSRRanker
from tamis.models.ssr_s import SSRSConfig, static_blocks
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class SSRAConfig(SSRSConfig):
    """Settings of SSR-A: those of SSR-S, presets included; ``filter`` and ``filter_seed`` draw the first choice."""


class SSRA(SSRRanker):
    """SSR-S whose views learn their dimensions while training; a trained one scores exactly as an SSR-S would.

    Source: named as future work in "Explicit sparsity for scalable recommendation", arXiv 2604.08011, without a method;
    how the choice is learned is ours (``tamis.layers.AdaptiveFilter``).

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> import torch
        >>> from tamis.batch import Batch
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = SSRA(SSRAConfig(views=(2,), widths=(4,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: SSRAConfig, layout: Layout) -> None:
        blocks = static_blocks(config, fields=layout.num_fields, sieve=AdaptiveFilter)
        super().__init__(config, config.resolve(), layout, blocks=blocks, width=config.widths[-1])


MODELS.add(
    "ssr_a",
    ModelEntry(
        name="ssr_a",
        title="SSR-A (adaptive filter)",
        build=SSRA,
        config=SSRAConfig,
        source='Future work of "Explicit sparsity for scalable recommendation", arXiv 2604.08011',
        status="reconstruction",
        note=(
            "The paper names an adaptive choice of dimensions as future work and gives no method. Scores for each view "
            "and dimension, their straight-through gradient with one that asks for dimensions outside, and places that "
            "stay are ours; the rest is SSR-S with its presets."
        ),
    ),
)
