"""A template of this room, filled in: the style and the ways to write numbers that all pages share."""

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from tamis.reports.wording import format_number, format_p, format_share, format_short

_HERE = Path(__file__).parent


def render(template: str, **values: Any) -> str:
    """The page as text; a name that the template uses and nobody gave is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": format_number, "short": format_short, "share": format_share, "p": format_p}
    environment.filters["dotted"] = _break_at_dots
    style = Markup((_HERE / "page.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)


def _break_at_dots(name: str) -> Markup:
    """A name of many parts, which a narrow column breaks between them and not inside of one."""
    return Markup(".<wbr>").join(name.split("."))
