"""Every Python block of the documents runs, in order, in one process a document."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tamis.models import MODELS  # registers every model before a document adds one

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_CODE = [path for path in DOCUMENTS if "```python" in path.read_text()]


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.name)
def test_the_code_of_a_document_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = dict(MODELS._entries)
    space = {"__name__": "document"}
    try:
        for number, block in enumerate(blocks(path), start=1):
            exec(compile(block, f"{path.name} block {number}", "exec"), space)
    finally:
        MODELS._entries.clear()
        MODELS._entries.update(known)


def test_the_readme_and_the_two_guides_have_code_to_run():
    assert {"README.md", "tour.md", "adding_a_model.md"} <= {path.name for path in WITH_CODE}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_inside_the_repository_leads_somewhere(path):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()) + re.findall(r'src="([^"]+)"', path.read_text())
    lost = [target for target in targets if "://" not in target and not (path.parent / target).exists()]
    assert lost == []


def test_every_figure_in_the_documents_equals_its_record():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nRun: python docs/generate.py"


def test_no_record_holds_a_path_of_the_machine_that_made_it():
    path_of_a_machine = re.compile(r"(?<![\w.:/])/(home|root|tmp|work|Users|mnt|var|opt)/")
    records = sorted((ROOT / "results").rglob("*.json*"))
    assert len(records) > 50
    assert [str(path) for path in records if path_of_a_machine.search(path.read_text())] == []
