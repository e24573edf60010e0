"""What an inspection found, in full sentences, beside the same model before training."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from tamis.record import Inspection
from tamis.reports.wording import format_number, format_share

SPARSITY_TERMS = {
    "near zero": "Below 0.001: the paper's threshold. It says as much of a layer's width as of what it learned, so two "
    "that move with the matrix stand beside it: at most 1 % of its largest weight, and at most 10 % of its root mean "
    "square. Normally distributed weights have 8 % of the latter.",
    "untrained": "Untrained: the same settings with fresh weights (seed 0), measured in the same way on the same rows; "
    "its input normalisation knows the first batch.",
    "mass": "Weight mass of an input dimension: the sum of |w| over its column. Dims for 80 %: the smallest share of "
    "the dimensions that holds 80 % of it; also of squared weights, and of |w| times the root mean square of what the "
    "dimension holds in the first batch of rows (on rows).",
    "rank": "Effective rank: exp of the entropy of the singular values (Roy and Vetterli 2007); stable rank: their sum "
    "of squares over the largest square. Of a block-diagonal layer, the values of all blocks count.",
    "zeros": "Zeros: the share of a view's dimensions that are exactly zero after the filter, mean over rows. Dead: "
    "zero on every row. Always: kept on every row.",
    "overlap": "Overlap: the mean Jaccard index of what two views keep of one row, beside what chance would give. "
    "Views of SSR-D have dimensions of their own, so there it only says whether the same positions win. Row overlap: "
    "of what one view keeps of two rows; at 1 the filter keeps the same for everyone and might as well be static.",
    "attribution": "Fields of SSR-D are an attribution: a projected dimension mixes all fields, and on a row belongs "
    "to each by its share of |w| times the size of the row's own number.",
    "milliseconds": "Milliseconds: median of repeated forward passes, taken in turns; small, the quartiles. Without "
    "its filters SSR-D fuses everything it projected; SSR-S multiplies all dimensions, most of them with zeros, for "
    "the same scores.",
}


def headlines(inspection: Inspection) -> list[str]:
    """The main findings, most telling first."""
    sentences = [*_of_weights(inspection)]
    for number, sieve in enumerate(inspection.filters, start=1):
        sentences.append(_of_filter(sieve, number))
    return [*sentences, *_of_hidden(inspection), *_of_time(inspection)]


def share_below(inspection: Inspection, threshold: str, *, key: str = "trained") -> float:
    """The share of all dense weights that a threshold calls near zero.

    Example:
        >>> sizes = {"blocks": 1, "outputs": 1, "inputs": 4}
        >>> layers = ({**sizes, "trained": {"below_rms": 1.0}}, {**sizes, "inputs": 12, "trained": {"below_rms": 0.0}})
        >>> share_below(Inspection(model="mlp", rows=0, layers=layers), "below_rms")
        0.25
    """
    counts = [weights_of(layer) for layer in inspection.layers]
    return sum(count * layer[key][threshold] for count, layer in zip(counts, inspection.layers, strict=True)) / sum(
        counts
    )


def weights_of(layer: Mapping[str, Any]) -> int:
    """The number of weights of a layer."""
    return layer["blocks"] * layer["outputs"] * layer["inputs"]


def mean_of_views(values: Sequence[float | None]) -> float | None:
    """The mean of what is known of a filter's views."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _of_weights(inspection: Inspection) -> Iterator[str]:
    if not inspection.layers:
        yield "The model has no dense layer to look into."
        return
    trained, untrained = (share_below(inspection, "below_absolute", key=key) for key in ("trained", "untrained"))
    count = sum(weights_of(layer) for layer in inspection.layers)
    yield (
        f"{format_share(trained)} of the {format_number(count)} dense weights are below 0.001; "
        f"before training {format_share(untrained)}."
    )
    for layer in inspection.layers:
        if layer["reads_fields"]:
            yield _of_mass(layer)
            return


def _of_mass(layer: Mapping[str, Any]) -> str:
    trained, untrained = layer["trained"], layer["untrained"]
    sentence = (
        f"80 % of the weight mass of the first layer ({layer['name']}) lies in {format_share(trained['dims_for_80'])} "
        f"of its input dimensions; before training in {format_share(untrained['dims_for_80'])}"
    )
    if trained["dims_for_80_on_rows"] is None:
        return f"{sentence}."
    on_rows = [format_share(part["dims_for_80_on_rows"]) for part in (trained, untrained)]
    return f"{sentence}. Weighed by how large the inputs are: {on_rows[0]} and {on_rows[1]}."


def _of_filter(sieve: Mapping[str, Any], number: int) -> str:
    if sieve["kind"] == "static":
        return (
            f"Each view of block {number} leaves out {format_share(sieve['zeros'])} of its input, the same for every "
            f"row; {format_share(sieve['unread'])} of it goes to no view."
        )
    if "trained" not in sieve:
        return f"What block {number} keeps depends on the row: give rows to see it."
    trained, untrained = sieve["trained"], sieve["untrained"]
    relu, final = (format_share(mean_of_views(trained["zeros"][place])) for place in (0, -1))
    sentence = (
        f"Of what competes in block {number}, {final} is exactly zero; {relu} would be without competition (plain "
        f"ReLU), and {format_share(mean_of_views(untrained['zeros'][-1]))} is before training."
    )
    overlap = mean_of_views(trained["row_overlap"])
    return sentence if overlap is None else f"{sentence} Two rows share {format_share(overlap)} of what a view keeps."


def _of_hidden(inspection: Inspection) -> Iterator[str]:
    if not inspection.relu_layers:
        return
    trained, untrained = (
        " and ".join(format_share(layer[key]["zeros"]) for layer in inspection.relu_layers)
        for key in ("trained", "untrained")
    )
    layers = "layer" if len(inspection.relu_layers) == 1 else "layers"
    yield f"With no filter at all, ReLU leaves {trained} of the hidden {layers} at zero; before training {untrained}."


def _of_time(inspection: Inspection) -> Iterator[str]:
    found = inspection.milliseconds.get("model", {})
    if "without_filter" not in found:
        return
    (low, median, high), (other_low, other, other_high) = found["as_it_is"], found["without_filter"]
    sentence = (
        f"{format_number(inspection.milliseconds['rows'])} rows take {median:.3g} ms, without filters {other:.3g} ms"
    )
    if high < other_low:
        yield f"{sentence}: the filters save {other - median:.3g} ms."
    elif other_high < low:
        yield f"{sentence}: the filters cost {median - other:.3g} ms; nothing skips the zeros."
    else:
        yield f"{sentence}: no difference beyond the noise of this machine."
