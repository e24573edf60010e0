"""What the package itself says: its models, presets, rooms and planted logs."""

import ast
import dataclasses
import tempfile
from pathlib import Path

from tables.places import ROOT
from tamis.data.readers.planted import PlantedSource
from tamis.data.recipes import RECIPES
from tamis.models import MODELS, ssr_d, ssr_s


def models_table() -> str:
    """The registry: what ``tamis models`` prints."""
    lines = ["| model | status | source | our own part |", "|---|---|---|---|"]
    lines += [
        f"| `{entry.name}` | {entry.status} | {entry.source} | {entry.note or '-'} |"
        for entry in (MODELS[name] for name in MODELS)
    ]
    return "\n".join(lines)


def presets_table() -> str:
    """Where the presets of SSR-D and SSR-S differ."""
    parts = []
    for title, presets in (("SSR-D", ssr_d.PRESETS), ("SSR-S", ssr_s.PRESETS)):
        names = list(presets)
        lines = [f"| {title} | {' | '.join(f'`{name}`' for name in names)} |", f"|---|{'---|' * len(names)}"]
        for field in dataclasses.fields(presets[names[0]]):
            values = [getattr(presets[name], field.name) for name in names]
            lines.append(f"| `{field.name}` | {' | '.join(_plain(value) for value in values)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def rooms_table() -> str:
    """Each room with the first line of its docstring."""
    lines = ["| room | what it does |", "|---|---|"]
    package = ROOT / "tamis"
    places = [path for path in sorted(package.iterdir()) if path.suffix == ".py" or (path / "__init__.py").exists()]
    for path in places:
        if path.name == "__init__.py":
            continue
        source = path if path.suffix == ".py" else path / "__init__.py"
        docstring = ast.get_docstring(ast.parse(source.read_text())) or ""
        name = f"{path.name}/" if path.is_dir() else path.name
        lines.append(f"| [`{name}`](tamis/{name}) | {docstring.splitlines()[0]} |")
    return "\n".join(lines)


def planted_table() -> str:
    """The planted logs by name, with their Bayes bounds, which a test computes again."""
    lines = [
        "| recipe | what is planted | rows | fields | Bayes AUC | Bayes log loss |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name in RECIPES:
        source = RECIPES[name].open(cache=Path(tempfile.gettempdir())) if name.startswith("planted") else None
        if isinstance(source, PlantedSource):
            (bound,) = RECIPES[name].references
            lines.append(
                f"| `{name}` | {RECIPES[name].title} | {source.settings.rows:,} | {len(source.settings.columns)} "
                f"| {bound.auc:.4f} | {bound.log_loss:.4f} |"
            )
    return "\n".join(lines)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " → ".join([*map(str, value), "1"]) if value else "one layer"
    return f"{value:g}" if isinstance(value, float) else str(value)
