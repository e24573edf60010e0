"""From a matplotlib figure to inline SVG that takes its colours and fonts from the page."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDTH = 400  # units of a picture that fills a card or a phone, to which the page scales it
TEXT = 13
SERIES = 7

# Colours that no eye will see: each is replaced by a variable of the page, so dark and light need one
# picture.
INK, MUTED, GRID, CARD = "#010101", "#010102", "#010103", "#010104"
_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "line", CARD: "card"}
_SERIES_COLOURS = [f"#0102{i:02x}" for i in range(SERIES)]
_VARIABLES |= {colour: f"series-{i}" for i, colour in enumerate(_SERIES_COLOURS)}
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1.5, 1.2)))

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tamis",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.labelsize": TEXT - 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": TEXT - 1,
    "ytick.labelsize": TEXT - 1,
    "ytick.major.size": 0,
}


def series_colour(series: int) -> str:
    """The colour of a model; safe for colour-blind eyes, repeated with other dashes after seven."""
    return _SERIES_COLOURS[series % SERIES]


def series_dash(series: int) -> Any:
    """The dashes of a model's lines: solid for the first seven."""
    return _DASHES[series // SERIES % len(_DASHES)]


def shorten(label: str, length: int) -> str:
    """A label that fits its place and holds nothing a picture cannot show.

    Example:
        >>> shorten("a long name of a model", 12)
        'a long name…'
    """
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in label)
    return printable if len(printable) <= length else printable[: length - 1] + "…"


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of so many units, under the page's style."""
    with warnings.catch_warnings(), matplotlib.rc_context(_STYLE):
        # Names may be in any script; the reader's browser has the letters that matplotlib's font has not.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(width / 72, height / 72))
        FigureCanvasSVG(figure)
        figure.patch.set_visible(False)
        yield figure


def to_svg(figure: Figure, *, name: str, title: str) -> Markup:
    """The figure as an ``<svg>`` element; ``name`` keeps its ids apart from those of other pictures."""
    for axes in figure.axes:
        axes.patch.set_visible(False)
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    head = f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_units(figure)}"'
    return Markup(re.sub(r"<svg[^>]*", lambda _: head, text, count=1).strip())


def _units(figure: Figure) -> str:
    return " ".join(f"{inches * 72:g}" for inches in figure.get_size_inches())
