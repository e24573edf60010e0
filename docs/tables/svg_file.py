"""A picture of a page as a file of its own, with the page's colours by day and by night."""

import re
from pathlib import Path

from markupsafe import Markup

import tamis.reports

_MARGIN = 10


def svg_file(picture: Markup, *, drawn_from: str) -> str:
    """A picture of ``tamis.reports`` as the text of an SVG file that needs no page; it says what it was drawn from.

    The background is drawn too, as nobody knows the page on which the picture will be shown.
    """
    found = re.match(r'<svg([^>]*?)viewBox="0 0 ([\d.]+) ([\d.]+)"([^>]*)>', picture)
    assert found is not None, "every picture of the reports begins so"
    wide, high = (f"{float(side) + 2 * _MARGIN:g}" for side in (found[2], found[3]))
    size = f'width="{wide}" height="{high}"'
    corner = f"{-_MARGIN} {-_MARGIN}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{found[1]}{size} viewBox="{corner} {wide} {high}"{found[4]}>\n'
        f"<!-- {drawn_from} -->\n<style>\n{_colours()}</style>\n"
        f'<rect x="{-_MARGIN}" y="{-_MARGIN}" {size} rx="10" style="fill: var(--card)"/>'
        f"{picture[found.end() :]}\n"
    )


def _colours() -> str:
    """What the page's style says of colours and letters, for a picture in place of a page."""
    style = (Path(tamis.reports.__file__).parent / "page.css").read_text(encoding="utf-8")
    return style[: style.index("* {")].replace(":root", "svg") + "svg text { font-family: var(--sans) !important; }\n"
