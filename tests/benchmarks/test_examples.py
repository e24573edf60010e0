"""Every example in the docstrings of the benchmarks runs."""

import doctest
import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
WITH_EXAMPLES = sorted(path.stem for path in BENCHMARKS.glob("*.py") if ">>>" in path.read_text())


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_benchmark_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0


def test_there_are_examples():
    assert {"findings", "growth", "encoded_log"} <= set(WITH_EXAMPLES)
