"""The pictures of the documents, drawn from committed results."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tables import ablations, lab_pictures, worth
from tables.places import RESULTS, ROOT
from tables.studies import table_contests
from tables.svg_file import svg_file
from tamis.record import resolution
from tamis.reports.scaling_plot import draw_scaling, heights_of
from tamis.reports.verdict_plots import draw_ranking

FOLDER = ROOT / "docs" / "pictures"
_TARGET = 300_000
# A picture names each of so many sources, of more their folder and number.
_FEW = 3
_VERDICTS = (RESULTS / "verdicts.json",)
_CHOICES = {"worth": worth.WITH_WORTH, "by-context": worth.WITH_CONTEXT}
# Scaling studies that stand beside each other share their heights and the colour of each model.
_GROWTH = (("scaling-planted", "scaling-planted-no-norm"), ("scaling-movielens-1m",))

_LAB = {
    "sparsity-inputs": (
        lab_pictures.draw_inputs,
        "inputs that hold 80 % of the weight mass",
        "Share of the inputs that hold 80 % of the weight mass, before training and after",
    ),
    "sparsity-zeros": (
        lab_pictures.draw_zeros,
        "zeros behind the first layer",
        "Share of zeros behind the first layer, before training and after",
    ),
    "sparsity-times": (
        lab_pictures.draw_times,
        "forward time beside the MLP's",
        "How many times as long as the MLP each model takes, with its filters and without",
    ),
}
"""Each picture of the lab: how it is drawn, its heading and what it shows."""

Drawing = Callable[..., Markup | None]


def pictures() -> dict[Path, tuple[tuple[Path, ...], Drawing]]:
    """Each picture's file, what it is drawn from, and how."""
    drawings: dict[Path, tuple[tuple[Path, ...], Drawing]] = {
        FOLDER / f"{data}.svg": (_VERDICTS, _ranking(data)) for data in _pictured()
    }
    drawings |= {
        FOLDER / f"ablations-{data}.svg": ((ablations.VERDICTS,), _ablations(data)) for data in ablations.ablated_logs()
    }
    for choice in _CHOICES:
        drawings |= {FOLDER / f"{choice}-{target}.svg": (_VERDICTS, _worth(choice, target)) for target in _targets()}
    inspections = tuple(sorted((RESULTS / "sparsity").rglob("seed-*.json")))
    drawings |= {FOLDER / f"{name}.svg": (inspections, _of_lab(how)) for name, (how, _, _) in _LAB.items()}
    for beside in _GROWTH:
        sources = tuple(RESULTS / "scaling" / f"{study}.json" for study in beside)
        drawings |= {FOLDER / f"{study}.svg": (sources, _growth(study)) for study in beside}
    return drawings


def ranking_pictures() -> str:
    """The rankings of all data sets."""
    return _two_by_two({name: (f"Test AUC of every model on {name}", name) for name in _pictured()})


def ablation_pictures() -> str:
    """The variants of the ablations on each log."""
    return _two_by_two(
        {
            name: (f"Difference in test AUC of every variant on {name}", f"ablations-{name}")
            for name in ablations.ablated_logs()
        }
    )


def worth_pictures(choice: str) -> str:
    """What a choice of fields adds on each data set, one picture a budget."""
    return _two_by_two(
        {
            f"{target:,} dense parameters": (f"Difference in test AUC at {target:,} parameters", f"{choice}-{target}")
            for target in _targets()
        }
    )


def lab_pictures_of(*names: str) -> str:
    """Pictures of the lab beside each other."""
    return _two_by_two({_LAB[name][1]: (_LAB[name][2], name) for name in names})


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


def _targets() -> list[int]:
    return sorted({contest["target"] for contest in table_contests()})


def _two_by_two(shown: Mapping[str, tuple[str, str]]) -> str:
    """Pictures two beside each other under their headings; of each what it shows, in words, and its file's name."""
    tables, headings = [], list(shown)
    for pair in (headings[place : place + 2] for place in range(0, len(headings), 2)):
        images = [f"![{shown[heading][0]}]({FOLDER.name}/{shown[heading][1]}.svg)" for heading in pair]
        tables.append(f"| {' | '.join(pair)} |\n|{'---|' * len(pair)}\n| {' | '.join(images)} |")
    return "\n\n".join(tables)


def _ablations(data: str) -> Drawing:
    return lambda verdicts: ablations.draw_ablations(verdicts, data)


def _worth(choice: str, target: int) -> Drawing:
    return lambda verdicts: worth.draw_worth(verdicts, _CHOICES[choice], target, name=f"{choice}-{target}")


def _of_lab(how: Callable[[], Markup]) -> Drawing:
    """The lab reads its inspections itself, as their places name the models."""
    return lambda *_: how()


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
    if len(sources) > _FEW:
        whole = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
        folder = os.path.commonpath([source.relative_to(ROOT) for source in sources])
        return f"drawn by docs/generate.py from {len(sources)} files of {folder} {whole}"
    said = [
        f"{source.relative_to(ROOT).as_posix()} {hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
        for source in sources
    ]
    return f"drawn by docs/generate.py from {', '.join(said)}"
