"""AutoFIS: a factorization machine, alone or beside a deep network, that learns which pairs of fields to keep."""

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.config import suggest
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import MLP, Dropout, GatedPairs, InputNorm, TaskTowers
from tamis.models.deepfm import DeepFMConfig
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class AutoFISConfig(DeepFMConfig):
    """Settings of AutoFIS: ``hidden`` are the widths of the deep network, empty for a factorization machine alone.

    ``pairs`` None is the search stage, which learns gates of all pairs of fields by GRDA (``training.gates``) and makes
    many of them zero. In the re-train stage it names the pairs that were left, as ``AutoFIS.kept_pairs`` of the first
    stage's model gives them, and their gates are weights like all others.

    ``input_norm``, ``input_dropout`` (both on the vectors that the two parts share) and ``head`` are ours.
    """

    pairs: tuple[tuple[str, str], ...] | None = None


class AutoFIS(nn.Module):
    """A linear term, gated products of pairs of field vectors, and a deep network on the same vectors.

    Lists are fields as in ``FM``; with a single field there is no pair.

    Source: Liu et al. 2020, "AutoFIS", arXiv 2003.11235, for ``hidden`` empty AutoFM and else AutoDeepFM, with pairs
    and not triples of fields; the re-train stage as in the authors' code, which normalises the pairs there too.

    Raises:
        ConfigError: the layout has no feature field, or a pair names no two fields of it or stands twice.

    Example:
        >>> from tamis.features.layout import IdField
        >>> ids = (IdField(name="user", table="user"), IdField(name="item", table="item"))
        >>> model = AutoFIS(AutoFISConfig(dim=4, hidden=()), Layout(tables={"user": 9, "item": 9}, ids=ids)).eval()
        >>> model(Batch(ids=torch.tensor([[2, 3], [3, 4]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
        >>> model.kept_pairs()
        [('user', 'item')]
    """

    def __init__(self, config: AutoFISConfig, layout: Layout) -> None:
        super().__init__()
        tasks = len(layout.tasks)
        self.weights = FieldEmbedding(layout.unattended, tasks, numbers="scaled")
        self.embed = FieldEmbedding(layout, config.dim, numbers="scaled")
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        places = _places(config.pairs, layout.field_names)
        self.pair_names = [(layout.field_names[left], layout.field_names[right]) for left, right in places]
        self.pairs = (
            GatedPairs(
                fields=layout.num_fields, dim=config.dim, pairs=places, tasks=tasks, is_searched=config.pairs is None
            )
            if places
            else None
        )
        self.bias = nn.Parameter(torch.zeros(tasks)) if not config.hidden else None
        if config.hidden:
            width = layout.num_fields * config.dim
            self.deep = MLP(d_in=width, hidden=config.hidden, dropout=config.dropout, has_norm=True)
            self.head = TaskTowers(d_in=self.deep.out_width, tasks=tasks, hidden=config.head, dropout=config.dropout)

    def begin_at(self, logits: Tensor) -> None:
        """Add ``logits``, one a task, where nothing is added yet."""
        if self.bias is None:
            self.head.begin_at(logits)
        else:
            self.bias.copy_(logits)

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        vectors = self.input_dropout(self.norm(self.embed(batch)))
        logits = self.weights(batch).sum(dim=1)
        if self.pairs is not None:
            logits = logits + self.pairs(vectors)
        return Output(logits=logits + (self.head(self.deep(vectors.flatten(1))) if self.bias is None else self.bias))

    def kept_pairs(self) -> list[tuple[str, str]]:
        """The pairs of fields whose gate is not zero, of any task: the setting ``pairs`` of the second stage."""
        if self.pairs is None:
            return []
        is_kept = (self.pairs.gates != 0).any(dim=1).tolist()
        return [pair for pair, kept in zip(self.pair_names, is_kept, strict=True) if kept]


def _places(pairs: tuple[tuple[str, str], ...] | None, names: tuple[str, ...]) -> list[tuple[int, int]]:
    """The places of the named pairs, or of all, each in the order of the layout."""
    if pairs is None:
        return list(combinations(range(len(names)), 2))
    for name in (name for pair in pairs for name in pair):
        if name not in names:
            hint = suggest(name, names)
            raise ConfigError(f"AutoFISConfig pairs must name fields of the layout; got {name!r}. {hint}")
    found = [(min(places), max(places)) for places in ((names.index(one), names.index(two)) for one, two in pairs)]
    for number, (left, right) in enumerate(found):
        if left == right or (left, right) in found[:number]:
            raise ConfigError(
                f"AutoFISConfig pairs must be of two fields and stand once each; got {pairs[number]}. Remove it."
            )
    return sorted(found)


MODELS.add(
    "autofis",
    ModelEntry(
        name="autofis",
        title="Automatic feature interaction selection",
        build=AutoFIS,
        config=AutoFISConfig,
        source='Liu et al. 2020, "AutoFIS", arXiv 2003.11235, KDD 2020',
        status="published",
        note=(
            "Without triples of fields. As in the authors' code, the re-train stage draws its gates anew. Our own: "
            "each of several tasks has gates, of which a pair is kept if any has it; the ids of a list are one "
            "field; batch normalisation in the deep network stands before the activation; input_norm (left out by "
            '"none", the default), input_dropout (left out by 0, the default) and head.'
        ),
    ),
)
