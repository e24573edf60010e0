"""FinalMLP: two gated networks whose ends are multiplied."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import ChosenFields, FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import MLP, BilinearFusion, Dropout, FeatureGate, InputNorm, InputNormKind
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class FinalMLPConfig:
    """Settings of FinalMLP.

    ``first_hidden`` and ``second_hidden`` are the widths of the two streams, ``heads`` the parts into which their ends
    are cut before they are multiplied.

    With ``has_gates`` each stream sees the input through a gate with hidden widths ``gate_hidden``, computed from the
    fields called ``first_context`` or ``second_context``; if there are none, from a learned vector, the same for all
    rows. ``hidden_norm`` puts a batch normalisation into each hidden layer of the streams.

    ``input_norm`` and ``input_dropout`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    first_hidden: tuple[int, ...] = (400, 400, 400)
    second_hidden: tuple[int, ...] = (400, 400, 400)
    heads: int = 10
    has_gates: bool = True
    gate_hidden: tuple[int, ...] = (400,)
    first_context: tuple[str, ...] = ()
    second_context: tuple[str, ...] = ()
    hidden_norm: bool = False
    dropout: float = 0.0
    input_dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dim", "first_hidden", "second_hidden", "heads", "gate_hidden"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")
        if not self.first_hidden or not self.second_hidden:
            raise ConfigError("FinalMLPConfig first_hidden and second_hidden need at least one width each; got none.")
        first, second = self.first_hidden[-1], self.second_hidden[-1]
        if first % self.heads or second % self.heads:
            raise ConfigError(
                f"FinalMLPConfig heads must divide the last widths of both streams, {first} and {second}; "
                f"got {self.heads}."
            )


class FinalMLP(nn.Module):
    """Two networks, each behind a gate of its own on the field vectors, fused by a bilinear form.

    Source: Mao et al. 2023, "FinalMLP", arXiv 2304.00902, sections on stream-specific feature selection and on
    stream-level interaction aggregation. Context fields have tables of their own, as in the authors' code (FuxiCTR).

    Raises:
        ConfigError: the layout has no feature field, or a context field is not among them.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> config = FinalMLPConfig(first_hidden=(8,), second_hidden=(4,), heads=2, first_context=("user",))
        >>> model = FinalMLP(config, layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: FinalMLPConfig, layout: Layout) -> None:
        super().__init__()
        width = layout.num_fields * config.dim
        self.embed = FieldEmbedding(layout, config.dim)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.gates = nn.ModuleList()
        if config.has_gates:
            for names in (config.first_context, config.second_context):
                self.gates.append(_StreamGate(layout, names, dim=config.dim, hidden=config.gate_hidden))
        self.streams = nn.ModuleList(
            MLP(d_in=width, hidden=hidden, dropout=config.dropout, has_norm=config.hidden_norm)
            for hidden in (config.first_hidden, config.second_hidden)
        )
        self.fusion = BilinearFusion(
            x_width=config.first_hidden[-1],
            y_width=config.second_hidden[-1],
            heads=config.heads,
            tasks=len(layout.tasks),
        )

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        vectors = self.input_dropout(self.norm(self.embed(batch)).flatten(1))
        inputs = [vectors * gate(batch) for gate in self.gates] or [vectors, vectors]
        first, second = (stream(x) for stream, x in zip(self.streams, inputs, strict=True))
        return Output(logits=self.fusion(first, second))


class _StreamGate(nn.Module):
    """The gate of one stream: factors for all numbers of the field vectors, ``(rows, fields * dim)``, or of one row."""

    def __init__(self, layout: Layout, names: Sequence[str], *, dim: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.context = ChosenFields(layout, names, dim) if names else None
        # Drawn like the vector of an id: from zeros no gradient would reach the layers behind it.
        self.learned = None if names else nn.Parameter(torch.empty(1, dim).uniform_(-0.05, 0.05))
        fields = 1 if self.context is None else self.context.embed.fields
        self.gate = FeatureGate(d_in=dim * fields, hidden=hidden, width=layout.num_fields * dim)

    def forward(self, batch: Batch) -> Tensor:
        """Compute the factors."""
        return self.gate(self.learned if self.context is None else self.context(batch).flatten(1))


MODELS.add(
    "final_mlp",
    ModelEntry(
        name="final_mlp",
        title="FinalMLP",
        build=FinalMLP,
        config=FinalMLPConfig,
        source='Mao et al. 2023, "FinalMLP", arXiv 2304.00902, AAAI 2023',
        status="published",
        note=(
            "Our own: each of several tasks has its own fusion; a learned context starts like the vector of an id, "
            'not at zero; input_norm (left out by "none", the default) and input_dropout (left out by 0, the '
            "default)."
        ),
    ),
)
