"""The scripts in ``experiments/`` import each other by file name; tests do the same while they run."""

import pytest


@pytest.fixture(autouse=True)
def experiments_on_the_path(scripts_of):
    scripts_of("experiments")
