"""The page of an inspection: pictures first, then every number."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from markupsafe import Markup

from tamis.record import Inspection, write_whole
from tamis.reports.heat_map import draw_heat_map
from tamis.reports.largest_rows import Cells, largest_rows, with_others
from tamis.reports.sparsity_plots import draw_magnitudes, draw_mass, draw_rates, draw_scales
from tamis.reports.sparsity_wording import SPARSITY_TERMS, headlines, mean_of_views
from tamis.reports.template import render

Picture = tuple[str, str, Markup]

_MOST_VIEWS = 32  # that a picture can show


def write_inspection(inspection: Inspection, output: Path | str, *, title: str | None = None) -> Path:
    """Draw one self-contained HTML page of one model's sparsity; the same inspection gives the same bytes.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_inspection(Inspection(model="mlp", rows=0), Path(folder) / "inspection.html")
        ...     "What mlp keeps" in page.read_text()
        True
    """
    page = render(
        "inspection.html",
        title=title or f"What {inspection.model} keeps",
        inspection=inspection,
        sentences=headlines(inspection),
        pictures=list(_pictures(inspection)),
        filters=[_filter_line(sieve, number) for number, sieve in enumerate(inspection.filters, start=1)],
        times=list(_times(inspection)),
        glossary=SPARSITY_TERMS,
        record=json.dumps(inspection.to_json(), ensure_ascii=False),
    )
    return write_whole(output, page)


def _pictures(inspection: Inspection) -> Iterator[Picture]:
    """Heading, caption and drawing of each picture that has something to show."""
    if mass := draw_mass(inspection, name="mass"):
        yield (
            "Where the weight mass lies",
            "Layers that read the fields, trained; dashed: untrained; faint: weighed by how large the inputs are. The "
            "straight line would be equal dimensions, the ring is the production model of the paper.",
            mass,
        )
    if magnitudes := draw_magnitudes(inspection, name="magnitudes"):
        yield "How large the weights are", "All dense layers together, on a logarithmic axis.", magnitudes
    for number, layer in enumerate((layer for layer in inspection.layers if layer["reads_fields"]), start=1):
        yield _field_picture(layer, number)
    for number, sieve in enumerate(inspection.filters, start=1):
        yield from _filter_pictures(sieve, number)


def _field_picture(layer: Mapping[str, Any], number: int) -> Picture:
    columns = {"untrained": "untrained", "trained": "trained", "on_rows": "on rows"}
    known = [key for key in columns if layer["fields"][key] is not None]
    shares = _across(layer["fields"][key] for key in known)
    return (
        f"Weight mass of the fields, {layer['name']}",
        "The percentage of the mass that multiplies each field; on rows: weighed by how large its numbers are.",
        _draw_sources(
            layer["fields"]["names"],
            shares,
            largest_rows([[share] for share in layer["fields"]["trained"]]),
            columns=[columns[key] for key in known],
            label="",
            name=f"fields-{number}",
            title=f"Share of the weight mass of each field in {layer['name']}",
        ),
    )


def _filter_pictures(sieve: Mapping[str, Any], number: int) -> Iterator[Picture]:
    shown = min(sieve["views"], _MOST_VIEWS)
    views = [str(view) for view in range(1, shown + 1)]
    first = "" if shown == sieve["views"] else f" The first {shown} of {sieve['views']} views."
    whose = "field" if sieve["reads_fields"] else "view of the block before"
    if "trained" in sieve:
        steps = ["ReLU", *(str(step) for step in range(1, sieve["iterations"] + 1))]
        yield (
            f"Zeros of block {number}",
            f"Exact zeros of each view in percent, before competition (ReLU) and after every iteration, mean over rows."
            f"{first}",
            draw_heat_map(
                _across(sieve["trained"]["zeros"])[:shown],
                rows=[f"view {view}" for view in views],
                columns=steps,
                label="iteration",
                highest=1.0,
                name=f"zeros-{number}",
                title=f"Share of exact zeros in block {number} by view and iteration",
            ),
        )
    kept = _across(sieve.get("kept", ()))
    largest = largest_rows(kept)
    if kept:
        how = "by attribution" if sieve["kind"] == "dynamic" else "by the fixed choice"
        yield (
            f"What the views of block {number} keep",
            f"The percentage of what each view keeps that comes from each {whose}, {how}; a column adds up to 100."
            f"{_beside_projected(sieve)}{first}",
            _draw_sources(
                sieve["sources"],
                [row[:shown] for row in kept],
                largest,
                columns=views,
                label="view",
                name=f"kept-{number}",
                title=f"Sources of what the views of block {number} keep",
            ),
        )
    if "samples" in sieve:
        spread = _across(sieve["kept_spread"][:shown])
        varying = [place for place in largest if place < len(spread)]  # older records added sources up, with no spread
        yield (
            f"How block {number} differs from row to row",
            f"Standard deviation over rows of the percentages above.{first}",
            draw_heat_map(
                [spread[place] for place in varying],
                rows=[sieve["sources"][place] for place in varying],
                columns=views,
                label="view",
                name=f"spread-{number}",
                title=f"Spread over rows of what the views of block {number} keep",
            ),
        )
        yield (
            f"What single rows keep in block {number}",
            f"The percentage that comes from each {whose} in the first rows, mean over views; a column adds up to 100.",
            _draw_sources(
                sieve["sources"],
                _across(sieve["samples"]),
                largest,
                columns=[str(row) for row in range(1, len(sieve["samples"]) + 1)],
                label="row",
                name=f"rows-{number}",
                title=f"Sources of what single rows keep in block {number}",
            ),
        )
    if sieve.get("overlaps") and len(views) > 1:
        yield (
            f"Overlap of the views of block {number}",
            "Jaccard index of what two views keep, in percent.",
            draw_heat_map(
                [
                    [None if one == other else value for other, value in enumerate(row)]
                    for one, row in enumerate(sieve["overlaps"])
                ],
                rows=[f"view {view}" for view in views],
                columns=views,
                label="view",
                name=f"overlap-{number}",
                title=f"Overlap of the views of block {number}",
            ),
        )
    if sieve["kind"] == "dynamic":
        yield (
            f"Rates of block {number}",
            "What is subtracted in each iteration, as a multiple of the mean.",
            draw_rates(sieve, name=f"rates-{number}"),
        )
        yield (
            f"Scales of block {number}",
            "What each surviving dimension is multiplied with.",
            draw_scales(sieve, name=f"scales-{number}"),
        )


def _beside_projected(sieve: Mapping[str, Any]) -> str:
    """How far what is kept lies from all that was projected, cell by cell."""
    pairs = zip(sieve["kept"], sieve.get("projected") or (), strict=False)
    gaps = [abs(kept - all_) for view in pairs for kept, all_ in zip(*view, strict=True) if kept is not None]
    if not gaps:
        return ""
    return f" Of all that is projected, kept or not, a cell differs by {100 * fmean(gaps):.2g} on average."


def _draw_sources(sources: Sequence[str], table: Sequence[Cells], largest: Sequence[int], **words: Any) -> Markup:
    """Shares of the largest sources and of all others, by the colour of the largest single one."""
    strongest = max((value for place in largest for value in table[place] if value is not None), default=1.0)
    names, rows = with_others(sources, table, largest)
    return draw_heat_map(rows, rows=names, highest=strongest, **words)


def _across(columns: Iterable[Sequence[float | None]]) -> list[list[float | None]]:
    """The rows of a table that is given by its columns."""
    return [list(row) for row in zip(*columns, strict=True)]


def _filter_line(sieve: Mapping[str, Any], number: int) -> dict[str, Any]:
    """One line of the table of filters; what a kind does not have is None."""
    line: dict[str, Any] = dict.fromkeys(
        ("relu", "untrained", "spread", "dead", "always", "row_overlap", "zeros", "overlap", "chance", "unread")
    )
    line |= {"number": number, "kind": sieve["kind"], "views": sieve["views"], "width": sieve["width"]}
    if sieve["kind"] == "static":
        names = {"zeros": "zeros", "overlap": "overlap", "chance": "chance_overlap", "unread": "unread"}
        return line | {name: sieve[key] for name, key in names.items()}
    if "trained" not in sieve:
        return line
    trained = sieve["trained"]
    return line | {
        "relu": mean_of_views(trained["zeros"][0]),
        "zeros": mean_of_views(trained["zeros"][-1]),
        "untrained": mean_of_views(sieve["untrained"]["zeros"][-1]),
        "spread": mean_of_views(trained["zeros_spread"]),
        "dead": mean_of_views(trained["dead"]),
        "always": mean_of_views(trained["always"]),
        "row_overlap": mean_of_views(trained["row_overlap"]),
        "overlap": trained["overlap"],
        "chance": trained["chance_overlap"],
    }


_WAYS = {
    "as_it_is": "the model as it is",
    "without_filter": "without its filters",
    "gathered": "gather, then small products, as it is done",
    "sparse": "product of the non-zeros alone",
    "conversion": "finding the non-zeros",
}
_DENSE = {
    "gathered": "one product with all dimensions, same result",
    "sparse": "product of everything, zeros and all, as it is done",
}


def _times(inspection: Inspection) -> Iterator[tuple[str, str, list[float]]]:
    """Place, way and quartiles of everything that was timed."""
    found = inspection.milliseconds
    for way, quartiles in found.get("model", {}).items():
        yield "model", _WAYS[way], quartiles
    for number, ways in enumerate(found.get("blocks", {}).values(), start=1):
        for way, quartiles in ways.items():
            beside = "gathered" if "gathered" in ways else "sparse"
            yield f"first product of block {number}", _DENSE[beside] if way == "dense" else _WAYS[way], quartiles
