"""The tiny model and rows that the tests of this room train on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on many threads than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The module ``tiny.py`` beside this file, which subprocesses import too."""
    return module_at(Path(__file__).with_name("tiny.py"))
