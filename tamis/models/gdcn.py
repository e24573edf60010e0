"""GDCN: crosses behind gates, beside or below a deep network."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from tamis.layers import GatedCrossNetwork, InputNormKind
from tamis.models.dcn_v2 import DCNv2
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class GDCNConfig:
    """Settings of GDCN.

    ``structure`` puts the deep network beside the crosses (GDCN-P) or behind them (GDCN-S); ``hidden`` are its widths,
    empty for the gated cross network alone (GCN).

    ``input_norm``, ``input_dropout`` and ``head`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    structure: Literal["parallel", "stacked"] = "parallel"
    num_crosses: int = 3
    hidden: tuple[int, ...] = (400, 400, 400)
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "num_crosses", "hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")


class GDCN(DCNv2):
    """DCN V2 whose crosses stand behind gates: with a deep network beside or behind them, then one logit a task.

    Source: Wang et al. 2023, "Towards Deeper, Lighter and Interpretable Cross Network for CTR Prediction", arXiv
    2311.04635, figure 1. The field-level choice of vector sizes, which the paper makes before training, is left out:
    all fields have ``dim`` numbers.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> import torch
        >>> from tamis.batch import Batch
        >>> from tamis.features.layout import IdField, Layout
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = GDCN(GDCNConfig(hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def _make_crosses(self, config: GDCNConfig, width: int) -> GatedCrossNetwork:
        return GatedCrossNetwork(width=width, crosses=config.num_crosses)

    def _cross(self, first: Tensor, rounded: Tensor) -> Tensor:
        return self.crosses(first)


MODELS.add(
    "gdcn",
    ModelEntry(
        name="gdcn",
        title="Gated deep and cross network, GDCN-P, GDCN-S, GCN",
        build=GDCN,
        config=GDCNConfig,
        source=(
            'Wang et al. 2023, "Towards Deeper, Lighter and Interpretable Cross Network for CTR Prediction", '
            "arXiv 2311.04635, CIKM 2023"
        ),
        status="published",
        note=(
            "Without the paper's choice of a vector size for each field. Our own: constants of the crosses start at "
            'zero (in the authors\' code between 0 and 1); the settings input_norm (left out by "none", the default), '
            "input_dropout (left out by 0, the default) and head."
        ),
    ),
)
