"""A trained SSR made lighter: fewer competition steps, fewer views in the last block, the same weights."""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tamis.embeddings import tables_stored
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.models.ssr import SSRRanker


def make_lighter(
    model: SSRRanker, config: Any, layout: Layout, *, iterations: int | None = None, views: int | None = None
) -> tuple[Any, SSRRanker]:
    """The settings and the model that remain of a trained one with ``iterations`` steps and ``views`` last views.

    The rates of all steps of a view are shared out evenly among those that remain, for it is their sum that decides
    what survives: steps are Euler's method for a flow that runs for so long, and small ones end where it does, however
    many they are. Of the last block's views the first remain: the mean over them stands for the mean over all. Tables,
    input normalisation and head are not copied but those of ``model``; the result is a model of its kind like any
    other, for scoring: it was not trained this way. Ours.

    Raises:
        ConfigError: the model has no such steps or no mean of views, or fewer than asked for.

    Example:
        >>> from tamis.features.layout import IdField
        >>> from tamis.models import SSRD, SSRDConfig
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> config = SSRDConfig(views=(4, 4), widths=(8, 8))
        >>> light, model = make_lighter(SSRD(config, layout), config, layout, iterations=2, views=1)
        >>> light.iterations, light.views, tuple(model.body.blocks[1].filter.alpha.shape)
        (2, (4, 1), (1, 2))
    """
    changes: dict[str, Any] = {}
    if iterations is not None:
        if getattr(config, "competition", None) != "iterative":
            raise ConfigError(
                "fewer iterations need a model whose filter iterates: ssr_d with competition = 'iterative'; "
                f"got {type(config).__qualname__}. Leave iterations out."
            )
        _check("iterations", iterations, config.iterations)
        changes["iterations"] = iterations
    if views is not None and views != config.views[-1]:
        if config.last != "mean":
            raise ConfigError(
                f'fewer views need last = "mean", so that those left can stand for all; got {config.last!r}. '
                "Leave views out."
            )
        _check("views", views, config.views[-1])
        changes["views"] = (*config.views[:-1], views)
    light = dataclasses.replace(config, **changes)
    # Only the shapes are wanted: no memory for tables, and no draw from the generator of whoever asks.
    with tables_stored(is_hollow=True), torch.random.fork_rng(devices=()):
        smaller = _build_like(model)(light, layout)
    shapes = {name: tensor.shape for name, tensor in smaller.body.state_dict().items()}
    halves = 2 if getattr(light.resolve(), "gate", False) else 1
    sizes = (halves, config.views[-1], config.widths[-1])
    state = {name: _cut(name, tensor, shapes[name], sizes) for name, tensor in model.body.state_dict().items()}
    smaller.body.load_state_dict(state)
    smaller.body.to(next(model.body.parameters()).device)
    smaller.embed, smaller.norm, smaller.head = model.embed, model.norm, model.head
    return light, smaller.train(model.training)


def lighter_choices(config: Any) -> list[tuple[int | None, int]]:
    """What a trained model may be reduced to, as steps (None where it has none) and last views; as it is comes first.

    Views are halved only where fewer steps do not do: steps cost hardly any quality and views much (docs/beyond.md).

    Example:
        >>> from tamis.models import SSRDConfig, SSRSConfig
        >>> lighter_choices(SSRDConfig(iterations=2, views=(8, 4), widths=(8, 8)))
        [(2, 4), (1, 4), (2, 2), (1, 2), (2, 1), (1, 1)]
        >>> lighter_choices(SSRSConfig(views=(8, 2), widths=(8, 8)))
        [(None, 2), (None, 1)]
    """
    most = config.views[-1]
    views = [most >> halved for halved in range(most.bit_length())] if config.last == "mean" else [most]
    has_steps = getattr(config, "competition", None) == "iterative"
    steps: list[int | None] = [*range(config.iterations, 0, -1)] if has_steps else [None]
    return [(step, kept) for kept, step in itertools.product(views, steps)]


def _build_like(model: SSRRanker) -> Callable[[Any, Layout], SSRRanker]:
    """The class of a model of the family, which is made of settings and a layout."""
    return type(model)  # pyright: ignore[reportReturnType]


def _check(name: str, wanted: int, present: int) -> None:
    if not 1 <= wanted <= present:
        raise ConfigError(
            f"{name} must be at least 1 and at most the {present} the model was trained with; got {wanted}."
        )


def _cut(name: str, tensor: Tensor, shape: torch.Size, sizes: tuple[int, int, int]) -> Tensor:
    """What remains of one tensor of the blocks; ``sizes`` are halves, views and width of the last projection."""
    if name.endswith("filter.alpha") and tensor.shape[1] != shape[1]:
        tensor = (tensor.sum(1, keepdim=True) / shape[1]).expand(-1, shape[1])
    if tensor.shape == shape:
        return tensor
    if name.endswith("projection.weight"):
        halves, _, width = sizes
        return tensor.unflatten(0, sizes)[:, : shape[0] // (halves * width)].flatten(0, 2)
    return tensor[: shape[0]]
