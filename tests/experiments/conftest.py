"""The scripts in ``experiments/`` import each other by file name; tests do the same while they run."""

import pytest

from tamis.experiment import load_settings, prepare_data, run_experiment


@pytest.fixture(autouse=True)
def experiments_on_the_path(scripts_of):
    scripts_of("experiments")


@pytest.fixture
def experiment(tmp_path):
    """The file of an experiment on a planted log."""
    settings = tmp_path / "ssr_d.toml"
    settings.write_text(
        f"""
        [data]
        recipe = "planted"
        options.rows = 3000
        folder = "{tmp_path / "data"}"

        [model]
        name = "ssr_d"
        dim = 4
        views = [4]
        widths = [8]
        iterations = 3

        [training]
        epochs = 1
        batch_size = 500
        device = "cpu"
        """
    )
    return settings


@pytest.fixture
def run(experiment, tmp_path):
    """A finished run of it."""
    loaded = load_settings(experiment)
    folder = tmp_path / "ssr_d" / "seed-0"
    run_experiment(loaded, prepare_data(loaded.data), folder=folder, command="test")
    return folder
