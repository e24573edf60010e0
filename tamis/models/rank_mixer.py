"""RankMixer: tokens that exchange parts, each with a network of its own."""

from dataclasses import dataclass

from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import Dropout, FieldTokens, InputNorm, InputNormKind, RankMixerBlock, RankMixerStack, TaskTowers
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class RankMixerConfig:
    """Settings of RankMixer.

    The concatenated fields become ``num_tokens`` (``T`` in the paper) of ``token_width`` (``D``) numbers, which go
    through ``num_blocks`` (``L``). The network of a token is ``expansion`` (``k``) times as wide inside. With
    ``num_experts`` each token has so many networks, chosen by the token; ``routing_penalty`` (``lambda``) makes the
    choice sparse. ``head`` are the hidden widths of each task behind the mean of the tokens.

    ``input_norm`` and ``input_dropout`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    num_tokens: int = 16
    token_width: int = 64
    num_blocks: int = 2
    expansion: int = 1
    num_experts: int | None = None
    routing_penalty: float = 1e-3
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "num_tokens", "token_width", "num_blocks", "expansion", "num_experts", "head"):
            require_at_least(self, name, 1)
        require_at_least(self, "routing_penalty", 0)
        require_share(self, "dropout")
        require_share(self, "input_dropout")
        if self.token_width % self.num_tokens:
            raise ConfigError(
                f"RankMixerConfig token_width must be a multiple of num_tokens, {self.num_tokens}; "
                f"got {self.token_width}."
            )


class RankMixer(nn.Module):
    """Tokens of the concatenated field vectors through RankMixer blocks; one tower a task on their mean.

    Source: Zhu et al. 2025, "RankMixer: Scaling Up Ranking Models in Industrial Recommenders", arXiv 2507.15551,
    equations 1 to 11.

    Raises:
        ConfigError: the layout has no feature field, or the fields have fewer numbers than there are tokens.

    Example:
        >>> import torch
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = RankMixer(RankMixerConfig(num_tokens=4, token_width=8), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: RankMixerConfig, layout: Layout) -> None:
        super().__init__()
        self.embed = FieldEmbedding(layout, config.dim)
        width = layout.num_fields * config.dim
        if config.num_tokens > width:
            raise ConfigError(
                f"RankMixerConfig num_tokens must be at most {layout.num_fields} fields times dim {config.dim}, "
                f"{width}; got {config.num_tokens}. Set a smaller num_tokens or a larger dim."
            )
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.tokens = FieldTokens(d_in=width, tokens=config.num_tokens, width=config.token_width)
        self.blocks = RankMixerStack(
            RankMixerBlock(
                tokens=config.num_tokens,
                width=config.token_width,
                expansion=config.expansion,
                experts=config.num_experts,
                dropout=config.dropout,
            )
            for _ in range(config.num_blocks)
        )
        self.routing_penalty = config.routing_penalty
        self.head = TaskTowers(
            d_in=config.token_width, tasks=len(layout.tasks), hidden=config.head, dropout=config.dropout
        )

    def forward(self, batch: Batch) -> Output:
        """Score one batch; while training experts, with the loss of their routing beside it."""
        return self.finish(self.project(self.field_vectors(batch)))

    def field_vectors(self, batch: Batch) -> Tensor:
        """The normalised vector of each field."""
        return self.norm(self.embed(batch))

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: the tokens."""
        return (self.tokens(self.input_dropout(vectors.flatten(1))),)

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        tokens, penalty = self.blocks(projected[0])
        losses = {} if penalty is None else {"routing": self.routing_penalty * penalty}
        return Output(logits=self.head(tokens.mean(dim=1)), losses=losses)


MODELS.add(
    "rank_mixer",
    ModelEntry(
        name="rank_mixer",
        title="RankMixer",
        build=RankMixer,
        config=RankMixerConfig,
        source='Zhu et al. 2025, "RankMixer", arXiv 2507.15551, CIKM 2025',
        status="reconstruction",
        note=(
            "No code was published. The paper groups fields by what they mean before it cuts them into tokens; here "
            "they come in the order of the layout, and parts differ by one number where they cannot be equal. With "
            "experts, training takes the mean of the two routers, with a penalty of fixed weight, and all experts are "
            "computed. Our own: the default sizes, and the settings input_norm (left out by "
            '"none", the default) and input_dropout (left out by 0, the default).'
        ),
    ),
)
