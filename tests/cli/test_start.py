"""Starting is fast because torch is left out until something needs it."""

import subprocess
import sys

import pytest


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('modules:', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.rpartition("modules:")[2].split()}


HELP = (
    "import sys\nfrom tamis.cli import main\nsys.argv = ['tamis', {}]\ntry:\n    main()\nexcept SystemExit:\n    pass"
)


@pytest.mark.parametrize(
    "code",
    [
        "import tamis",
        "import tamis.data, tamis.features",
        *(HELP.format(words) for words in ("'--help'", "'train', '-h'")),
    ],
    ids=["import", "data", "help", "help of a verb"],
)
def test_torch_is_not_imported_before_it_is_needed(code):
    found = modules_after(code)
    assert "tamis" in found
    assert "torch" not in found


def test_importing_tamis_imports_no_large_library():
    assert not modules_after("import tamis") & {
        "torch",
        "polars",
        "pyarrow",
        "matplotlib",
        "sklearn",
        "pandas",
        "typer",
    }


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "tamis", "--help"], capture_output=True, text=True, check=True)
    assert "filter first, then fuse" in done.stdout
