"""SSR-A: explicit sparsity with an adaptive filter, which learns the dimensions that each view sees."""

from dataclasses import dataclass

from tamis.layers import AdaptiveFilter
from tamis.models.ssr_s import SSRS, SSRSConfig
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class SSRAConfig(SSRSConfig):
    """Settings of SSR-A: those of SSR-S, presets included; ``filter_seed`` draws the first choice."""


class SSRA(SSRS):
    """SSR-S whose views learn their dimensions while training; a trained one scores exactly as an SSR-S would.

    Source: named as future work in "Explicit sparsity for scalable recommendation", arXiv 2604.08011, without a method;
    how the choice is learned is ours (``tamis.layers.AdaptiveFilter``).

    Example:
        >>> import torch
        >>> from tamis.batch import Batch
        >>> from tamis.features.layout import IdField, Layout
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = SSRA(SSRAConfig(views=(2,), widths=(4,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    sieve = AdaptiveFilter


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
