"""The rooms of the house and the arrows between them: this table is the architecture."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "tamis"

BASE = {"errors", "config", "registry", "batch", "record"}

# room -> what it may import from tamis, besides itself. What is absent carries the value: see docs/tour.md.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "config": {"errors"},
    "registry": {"errors", "config"},
    "batch": {"errors"},
    "record": {"errors", "config"},
    "features": {"errors", "config"},
    "data": {"features", "errors", "config", "registry", "batch", "cache"},
    "cache": set(),
    "kernels": {"cache"},
    "layers": {"kernels", "errors"},
    "embeddings": {"layers", "features", "errors", "batch"},
    "models": {"layers", "embeddings", "features", *BASE},
    "objectives": {"errors", "batch"},
    "metrics": {"errors"},
    "training": {"objectives", "metrics", *BASE},
    "analysis": {"metrics", "layers", *BASE},
    "export": {"models", "embeddings", "features", *BASE},
    "serving": {"export", "models", "data", "features", "metrics", "training", *BASE},
    "trees": {"data", "features", "errors"},
    "reports": {"record", "errors"},
    "experiment": {
        *(
            "features",
            "data",
            "kernels",
            "layers",
            "embeddings",
            "models",
            "objectives",
            "metrics",
            "training",
            "analysis",
            "export",
            "serving",
            "trees",
        ),
        *BASE,
    },
    "study": {"experiment", "analysis", "models", "export", "training", "data", *BASE},
    "ranker": {"experiment", "export", "serving", "data", "features", "metrics", "models", "training", *BASE},
    "__main__": {"cli"},
    "cli": {"study", "experiment", "reports", "serving", "export", "data", "features", "models", "training", *BASE},
}

# an outside library -> the only places that may import it
HOMES: dict[str, set[str]] = {
    "torch.distributed": {"training/distributed.py"},
    "matplotlib": {"reports"},
    "jinja2": {"reports"},
    "typer": {"cli"},
    "rich": {"cli"},
    "pandas": {"data/readers/frame.py"},
    "sklearn": {"ranker.py"},
    "safetensors": {"training/checkpoint.py", "export"},
    "tensorboard": {"training"},
    "triton": {"kernels/competition.py"},
    "optuna": {"study/tuning.py"},
    "lightgbm": {"trees/lightgbm.py"},
    "urllib": {"data/recipes/fetch.py"},
    "pyarrow": {"data", "features", "cli", "serving"},
}

NO_TORCH = {"errors", "config", "registry", "record", "cache", "features", "metrics", "reports", "trees"}


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> list[str]:
    """Every module a file imports, in-function imports included; ``from a import b`` counts as ``a.b`` too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_the_rooms_found_are_the_rooms_listed():
    assert {_room(path) for path in FILES} == set(ARROWS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_its_room_may_enter(path):
    room = _room(path)
    entered = {name.split(".")[1] for name in _imports(path) if name.startswith("tamis.")}
    assert entered - {room, "__version__"} <= ARROWS[room]
    assert "tamis" not in _imports(path) or room in {"cli", "experiment", "export", "data"}


@pytest.mark.parametrize("library", sorted(HOMES))
def test_an_outside_library_has_one_home(library):
    strangers = [
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(name == library or name.startswith(f"{library}.") for name in _imports(path))
        and not any(str(path.relative_to(PACKAGE)).startswith(home) for home in HOMES[library])
    ]
    assert strangers == []


@pytest.mark.parametrize("room", sorted(NO_TORCH))
def test_a_room_that_needs_no_torch_does_not_import_it(room):
    for path in FILES:
        if _room(path) == room:
            assert not [name for name in _imports(path) if name.split(".")[0] == "torch"], path


def test_every_room_says_what_it_makes():
    for folder in sorted(path for path in PACKAGE.rglob("*") if path.is_dir() and any(path.glob("*.py"))):
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert docstring, f"{folder.relative_to(PACKAGE)}/__init__.py says nothing"


def test_no_file_grows_beyond_one_concept():
    long = {str(path.relative_to(PACKAGE)): n for path in FILES if (n := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_the_public_names_are_those_the_package_can_load():
    import tamis

    assert set(tamis.__all__) == {"__version__", *tamis._HOMES}
    for name in tamis.__all__:
        assert getattr(tamis, name) is not None
