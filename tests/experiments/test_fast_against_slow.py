"""The rates of an arm are searched alike, and the comparison is paired by seed."""

import doctest
import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from tamis.analysis import compare_auc
from tamis.config import read_config, read_toml
from tamis.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted(ROOT.glob("experiments/*/speed/*.toml"))


def study(**changes):
    from fast_against_slow import Study

    table = {
        "models": ["mlp"],
        "seeds": [1, 2],
        "table_rates": {"row_wise_adagrad": 0.05, "dense_adam": 0.001},
        "most_trials": 30,
    }
    return read_config(Study, table | changes, where="study")


def cell(**changes):
    from fast_against_slow import ARMS, Cell

    return Cell(dataset="movielens-1m", study=study(**changes), model="mlp", arm=ARMS["fast"], data=None)


def search(best, monkeypatch, **changes):
    import fast_against_slow

    tried = []

    def try_rates(cell, *steps):
        tried.append(steps)
        return {"steps": steps, "valid_auc": -sum(abs(one - other) for one, other in zip(steps, best, strict=True))}

    monkeypatch.setattr(fast_against_slow, "try_rates", try_rates)
    return fast_against_slow.choose(cell(**changes))["steps"], tried


def test_where_the_start_is_best_only_its_neighbours_are_tried(monkeypatch):
    chosen, tried = search((0, 0), monkeypatch)
    assert chosen == (0, 0)
    assert tried == [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]


@pytest.mark.parametrize("best", [(2, 1), (-2, 2), (-1, -3)])
def test_the_search_for_rates_goes_as_far_as_it_helps(best, monkeypatch):
    chosen, tried = search(best, monkeypatch)
    assert chosen == best
    assert len(tried) == len(set(tried))


def test_the_search_for_rates_ends_after_so_many_trials(monkeypatch):
    _, tried = search((100, 100), monkeypatch, most_trials=6)
    assert len(tried) == 6


def test_a_step_multiplies_a_rate(monkeypatch):
    import fast_against_slow

    asked = []

    def run_once(cell, changes, fold):
        asked.append((changes["training.tables.learning_rate"], changes["training.dense.learning_rate"]))
        return {"by_epoch": [0.7, 0.8, 0.75]}

    monkeypatch.setattr(fast_against_slow, "run_once", run_once)
    trial = fast_against_slow.try_rates(cell(), 2, -1)
    assert asked == [(0.312, 0.0004)]
    assert (trial["epoch"], trial["valid_auc"]) == (2, 0.8)


def run(seed, auc):
    return {"seed": seed, "valid": {"auc": auc, "log_loss": 1 - auc}}


def test_differences_are_paired_by_seed():
    from fast_against_slow import differences

    fast = [run(1, 0.70), run(2, 0.80), run(3, 0.75)]
    slow = [run(1, 0.69), run(2, 0.78), run(3, 0.72)]
    found = differences(fast, slow)["valid"]
    reach = 4.302653 * 0.01 / math.sqrt(3)  # Student's t of two degrees of freedom; differences 0.01, 0.02, 0.03
    assert found["auc"] == pytest.approx({"mean": 0.02, "low": 0.02 - reach, "high": 0.02 + reach})
    assert found["log_loss"]["mean"] == pytest.approx(-0.02)
    assert found["verdict"] == "not below"
    assert differences(slow, [run(seed, 0.9) for seed in (1, 2, 3)])["valid"]["verdict"] == "below"


def scored(folder, seed, noise):
    """A run that kept the scores of a hundred rows: what they say, spoiled by noise of its own."""
    generator = np.random.default_rng(seed)
    labels = np.arange(100) % 3 == 0
    scores = labels + noise * generator.normal(size=100)
    np.savez(folder / f"{seed}.npz", valid=scores, valid_labels=labels)
    auc = compare_auc(labels, scores, np.zeros(100)).difference + 0.5
    return {**run(seed, auc), "scores": [f"{seed}.npz"]}


def test_over_rows_it_is_the_same_difference_of_single_models_with_the_error_of_the_rows(tmp_path, monkeypatch):
    import fast_against_slow

    monkeypatch.setattr(fast_against_slow, "RUNS", tmp_path)
    fast, slow = (
        [scored(tmp_path, seed, noise) for seed in seeds] for noise, seeds in ((0.5, (1, 2, 3)), (3, (4, 5, 6)))
    )
    found = fast_against_slow.differences(fast, slow)["valid"]
    assert found["auc_over_rows"]["mean"] == pytest.approx(found["auc"]["mean"])
    labels = np.load(tmp_path / "1.npz")["valid_labels"]
    one, other = (np.array([np.load(tmp_path / of["scores"][0])["valid"] for of in side]) for side in (fast, slow))
    reach = 1.96 * compare_auc(labels, one, other).rows_error
    assert found["auc_over_rows"]["high"] - found["auc_over_rows"]["low"] == pytest.approx(2 * reach)
    # Scores averaged over seeds are another model, and a better one.
    together = compare_auc(labels, one.mean(axis=0), other.mean(axis=0)).difference
    assert abs(together - found["auc"]["mean"]) > 0.01


def test_a_run_is_trained_again_where_the_data_or_the_settings_are_others(tmp_path, monkeypatch):
    import fast_against_slow

    monkeypatch.setattr(fast_against_slow, "RUNS", tmp_path)
    trained = []

    def train_and_score(settings, encoded, arm, scores):
        trained.append((encoded.fingerprint, settings.training.batch_size))
        return {"by_epoch": [0.7], "rows_per_second": 1}

    monkeypatch.setattr(fast_against_slow, "train_and_score", train_and_score)

    def start(fingerprint, batch_size):
        encoded = SimpleNamespace(fingerprint=fingerprint)
        monkeypatch.setattr(fast_against_slow.Cell, "encoded", lambda *words: encoded)
        return fast_against_slow.run_once(cell(), {"training.batch_size": batch_size}, None)

    for asked in (("a", 8), ("a", 8), ("b", 8), ("b", 8), ("b", 9)):
        assert start(*asked)["by_epoch"] == [0.7]
    assert trained == [("a", 8), ("b", 8), ("b", 9)]


def test_a_study_of_another_number_of_planted_rows_reads_another_log(scripts_of, tmp_path, monkeypatch):
    import fast_against_slow

    scripts_of("benchmarks")
    monkeypatch.setattr(fast_against_slow, "HERE", tmp_path / "experiments")
    folder = tmp_path / "runs" / "planted-log"
    every = {
        "data.path": str(folder / "log.parquet"),
        "data.schema": str(folder / "schema.toml"),
        "model.name": "mlp",
    }
    for rows in (300, 500, 300):
        fast_against_slow.write_planted_log(rows)
        data = cell(planted_rows=rows, every=every).settings({}).data
        assert pl.scan_parquet(data.path).select(pl.len()).collect().item() == rows
    assert Path(data.schema).exists()


def test_an_arm_is_what_its_runs_are_told():
    from fast_against_slow import ARMS

    told = cell(every={"training.epochs": 2}).settings({"training.seed": 7})
    assert (told.training.precision, told.training.tables.name) == (ARMS["fast"].precision, ARMS["fast"].tables)
    assert (told.training.epochs, told.training.seed) == (2, 7)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_model_of_a_study_has_settings(path):
    from fast_against_slow import ARMS, Cell, Study

    found = read_config(Study, read_toml(path), where=str(path))
    for model in found.models:
        own = Cell(dataset=path.parent.parent.name, study=found, model=model, arm=ARMS["slow"], data=None)
        assert own.settings({}).model == model


def test_criteo_is_compared_without_its_test_part():
    from fast_against_slow import Study

    path = ROOT / "experiments" / "criteo-60k" / "speed" / "quality.toml"
    folds = read_config(Study, read_toml(path), where="study").folds
    assert folds == {"column": "part", "values": [0, 1, 2, 3, 4]}


def test_a_setting_that_a_study_does_not_have_is_refused():
    with pytest.raises(ConfigError, match=re.escape("study: Study has no setting 'seed'. Did you mean 'seeds'?")):
        study(seed=[1])


def test_the_example_runs():
    import fast_against_slow

    assert doctest.testmod(fast_against_slow) == (0, 1)
