"""DIN: of a user's history, what matters to the candidate, and a deep network with Dice behind it."""

from dataclasses import dataclass

from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import InputNormKind
from tamis.models.mlp import MLPConfig, MLPRanker
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class DINConfig(MLPConfig):
    """Settings of DIN: ``hidden`` are the widths of the network behind the pooled history, with Dice.

    ``input_norm``, ``input_dropout`` and ``head`` are ours.
    """

    input_norm: InputNormKind = "none"
    hidden: tuple[int, ...] = (200, 80)


class DIN(MLPRanker):
    """Field vectors, among them histories attended from the candidate, side by side through layers with Dice.

    The attention is not made here: any model sums a list up by it whose field names a ``target`` in the schema
    (``TargetAttention``). What is DIN's alone is the network behind it.

    Source: Zhou et al. 2018, "Deep Interest Network for Click-Through Rate Prediction", arXiv 1706.06978, figure 2,
    sections 4.3 (the attention) and 5.2 (Dice).

    Raises:
        ConfigError: no list of the layout has a target.

    Example:
        >>> import torch
        >>> from tamis.batch import Batch
        >>> from tamis.features.layout import IdField, ListField
        >>> seen = ListField(name="seen", table="item", max_length=3, ordered=True, target="item")
        >>> layout = Layout(tables={"item": 9}, ids=(IdField(name="item", table="item"),), lists=(seen,))
        >>> model = DIN(DINConfig(hidden=(8,)), layout).eval()
        >>> seen = torch.tensor([[4, 5], [2, 0]])
        >>> model(Batch(ids=torch.tensor([[2], [3]]), lists=(seen,), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: DINConfig, layout: Layout) -> None:
        if not layout.attended:
            raise ConfigError(
                "din needs a history that is attended from the candidate; the layout has no list with a target. Give a "
                'field of kind "sequence" the settings target = "ITEM FIELD" and share = the name of its table.'
            )
        super().__init__(config, layout, has_dice=True)


MODELS.add(
    "din",
    ModelEntry(
        name="din",
        title="Deep Interest Network",
        build=DIN,
        config=DINConfig,
        source='Zhou et al. 2018, "Deep Interest Network", arXiv 1706.06978, KDD 2018',
        status="reconstruction",
        note=(
            "Paper and authors' code differ in the attention. It has no softmax, as in the paper; its inputs "
            "(target, item, difference, product), widths (80, 40) and sigmoids are those of the code, where the "
            "paper draws one layer of 36 and an outer product. Lists without a target are means, not sums. Without "
            "the paper's regularisation of the ids of a batch (training.tables.weight_decay is near to it). Our "
            'own: the settings input_norm (left out by "none", the default), input_dropout (left out by 0, the '
            "default) and head."
        ),
        needs=frozenset({"target"}),
    ),
)
