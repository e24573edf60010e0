"""The pictures of the documents, drawn from committed results."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tables.places import RESULTS, ROOT
from tables.studies import table_contests
from tables.svg_file import svg_file
from tamis.record import resolution
from tamis.reports.scaling_plot import draw_scaling, heights_of
from tamis.reports.verdict_plots import draw_ranking

FOLDER = ROOT / "docs" / "pictures"
_TARGET = 300_000
_VERDICTS = (RESULTS / "verdicts.json",)
# Scaling studies that stand beside each other share their heights and the colour of each model.
_GROWTH = (("scaling-planted", "scaling-planted-no-norm"), ("scaling-movielens-1m",))

Drawing = Callable[..., Markup | None]


def pictures() -> dict[Path, tuple[tuple[Path, ...], Drawing]]:
    """Each picture's file, what it is drawn from, and how."""
    drawings: dict[Path, tuple[tuple[Path, ...], Drawing]] = {
        FOLDER / f"{data}.svg": (_VERDICTS, _ranking(data)) for data in _pictured()
    }
    for beside in _GROWTH:
        sources = tuple(RESULTS / "scaling" / f"{study}.json" for study in beside)
        drawings |= {FOLDER / f"{study}.svg": (sources, _growth(study)) for study in beside}
    return drawings


def ranking_pictures() -> str:
    """The rankings of all data sets, two beside each other."""
    names = _pictured()
    tables = []
    for pair in (names[place : place + 2] for place in range(0, len(names), 2)):
        shown = [f"![Test AUC of every model on {name}]({FOLDER.name}/{name}.svg)" for name in pair]
        tables.append(f"| {' | '.join(pair)} |\n|{'---|' * len(pair)}\n| {' | '.join(shown)} |")
    return "\n\n".join(tables)


def is_stale(picture: Path, sources: Sequence[Path]) -> bool:
    """Whether a picture is not there, or was drawn from other results; how it was drawn is not asked.

    The bytes of a picture hang on the version of matplotlib, what it shows does not.
    """
    return not picture.exists() or _drawn_from(sources) not in picture.read_text()


def draw(sources: Sequence[Path], how: Drawing) -> str:
    """The text of the picture's file."""
    drawn = how(*(json.loads(source.read_text()) for source in sources))
    assert drawn is not None, f"{sources} hold nothing to draw"
    return svg_file(drawn, drawn_from=_drawn_from(sources))


def _pictured() -> list[str]:
    return [contest["data"] for contest in table_contests() if contest["target"] == _TARGET]


def _ranking(data: str) -> Drawing:
    def drawn(verdicts: Any) -> Markup:
        (contest,) = [one for one in verdicts["data_sets"] if (one["data"], one["target"]) == (data, _TARGET)]
        known = [line for line in contest["ranking"] if line["auc"] is not None]
        title = f"Test AUC of every model on {data}"
        return draw_ranking(known, name=data, title=title, resolution=resolution(contest))

    return drawn


def _growth(study: str) -> Drawing:
    """The curves of one of the studies given, at the heights of all of them and each model in one colour."""

    def drawn(*studies: Any) -> Markup | None:
        (own,) = [results for results in studies if results["study"] == study]
        heights = heights_of([curve for results in studies for curve in results["curves"]], "auc")
        names = list(dict.fromkeys(curve["curve"] for results in studies for curve in results["curves"]))
        curves = [(names.index(curve["curve"]), curve) for curve in own["curves"]]
        return draw_scaling(curves, "auc", axis=own["axis"], name=study, has_legend=True, heights=heights)

    return drawn


def _drawn_from(sources: Sequence[Path]) -> str:
    said = [
        f"{source.relative_to(ROOT).as_posix()} {hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
        for source in sources
    ]
    return f"drawn by docs/generate.py from {', '.join(said)}"
