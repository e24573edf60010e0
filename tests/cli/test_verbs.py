"""Every verb, as a person types it."""

import json
import re
import subprocess
import sys

import polars as pl
import pytest
import tomli_w

from tamis.cli import main
from tamis.models import MODELS

PLACES = {"path": "log.parquet", "schema": "schema.toml", "folder": "encoded"}


@pytest.fixture
def tamis(monkeypatch, capsys):
    """Run the command line in this process; gives exit code, output and error output."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tamis", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return ended.value.code or 0, written.out, written.err

    return run


@pytest.fixture
def experiment(click_log, tmp_path):
    """A log, its schema and a quick experiment file."""
    click_log.write_parquet(tmp_path / "log.parquet")
    from tamis.features import Schema

    Schema.infer(click_log, label="click").save(tmp_path / "schema.toml")
    table = {
        "data": {
            "path": str(tmp_path / "log.parquet"),
            "schema": str(tmp_path / "schema.toml"),
            "folder": str(tmp_path / "encoded"),
        },
        "model": {"name": "mlp", "dim": 4, "hidden": [8]},
        "training": {"epochs": 1, "batch_size": 128, "device": "cpu"},
    }
    (tmp_path / "experiment.toml").write_text(tomli_w.dumps(table))
    return tmp_path


def test_models_lists_every_model_as_a_table_and_as_json(tamis):
    code, out, _ = tamis("models")
    assert code == 0
    assert all(name in out for name in MODELS)
    code, out, _ = tamis("models", "--json")
    facts = {entry["name"]: entry for entry in json.loads(out)}
    assert set(facts) == set(MODELS)
    assert all(entry["source"] and entry["status"] in ("published", "reconstruction") for entry in facts.values())


def test_a_log_is_inspected_prepared_trained_evaluated_predicted_and_reported(tamis, experiment, click_log):
    code, out, _ = tamis(
        "data", "inspect", experiment / "log.parquet", "--label", "click", "--write", experiment / "s.toml"
    )
    assert code == 0 and "multi_valued" in out and (experiment / "s.toml").exists()

    code, out, _ = tamis("data", "prepare", experiment / "experiment.toml")
    assert code == 0 and "train" in out

    run = experiment / "run"
    code, out, _ = tamis("train", experiment / "experiment.toml", "--out", run, "--seed", 3)
    assert code == 0 and "calibration ratio" in out
    record = json.loads((run / "record.json").read_text())
    assert record["seed"] == 3
    assert record["command"].startswith("tamis train")

    code, out, _ = tamis("evaluate", run / "model", experiment / "log.parquet", "--json")
    assert code == 0 and json.loads(out)["rows"] == len(click_log)

    for name in ("scores.parquet", "scores.csv", "scores.tsv"):
        wanted = [experiment / "log.parquet", experiment / name, "--keep", "user_id"]
        code, out, err = tamis("predict", run / "model", *wanted)
        assert code == 0, err
        assert "2,000 rows scored" in out
    scores = pl.read_parquet(experiment / "scores.parquet")
    assert scores.columns == ["user_id", "score"]
    assert scores["user_id"].to_list() == click_log["user_id"].to_list()
    from_text = pl.read_csv(experiment / "scores.tsv", separator="\t")["score"].to_numpy()
    assert abs(from_text - scores["score"].to_numpy()).max() < 1e-6
    assert not list(experiment.glob(".*.partial"))

    code, out, _ = tamis("report", run, "--out", experiment / "page.html")
    assert code == 0 and "<svg" in (experiment / "page.html").read_text()
    assert "page.html (1 run)" in out


def test_a_model_is_inspected_with_rows_and_without(tamis, experiment, click_log):
    run, out = experiment / "run", experiment / "found" / "seed-0.json"
    assert tamis("train", experiment / "experiment.toml", "--out", run)[0] == 0
    log = experiment / "log.parquet"
    code, said, err = tamis("inspect", run / "model", log, log, "--rows", 2500, "--out", out)
    assert code == 0, err
    assert "hidden.linears.0" in said and "of the" in said and f"{out}\n{out.with_suffix('.html')}" in said
    found = json.loads(out.read_text())
    assert (found["rows"], found["sources"], found["seed"]) == (2500, ["log.parquet"] * 2, 0)
    assert str(experiment) not in out.read_text() + out.with_suffix(".html").read_text()
    assert "<svg" in out.with_suffix(".html").read_text()
    code, said, err = tamis("inspect", run / "model", "--out", out, "--json")
    assert code == 0 and json.loads(said)["rows"] == 0
    code, _, err = tamis("inspect", experiment, "--out", out)
    assert code == 1 and "is not a saved model" in err


def test_settings_are_overridden_from_the_command_line(tamis, experiment):
    words = ["--set", "model.hidden=[4]", "--set", "training.batch_size=64", "--out", experiment / "run"]
    code, _, err = tamis("train", experiment / "experiment.toml", *words)
    assert code == 0, err
    settings = json.loads((experiment / "run" / "record.json").read_text())["settings"]
    assert settings["model"]["hidden"] == [4]
    assert settings["training"]["batch_size"] == 64


def test_the_settings_a_run_leaves_repeat_it(tamis, experiment):
    tamis("train", experiment / "experiment.toml", "--seed", 5, "--out", experiment / "first")
    code, _, err = tamis("train", experiment / "first" / "settings.toml", "--out", experiment / "second")
    assert code == 0, err
    records = [json.loads((experiment / name / "record.json").read_text()) for name in ("first", "second")]
    assert records[0]["test"] == records[1]["test"]
    assert records[0]["settings"] == records[1]["settings"]


def test_the_plan_is_printed_before_training_and_alone_if_asked_for(tamis, experiment):
    code, out, err = tamis("train", experiment / "experiment.toml", "--out", experiment / "run", "--plan")
    assert code == 0, err
    assert "the plan" in out and "tables" in out and " min " in out and "one batch" in out
    assert not (experiment / "run").exists()
    code, out, err = tamis("train", experiment / "experiment.toml", "--out", experiment / "run")
    assert code == 0 and out.index("the plan") < out.index("calibration ratio")
    plan = json.loads((experiment / "run" / "record.json").read_text())["plan"]
    assert plan["memory_needed"] > plan["memory"]["tables"] > 0 and plan["rough_minutes"] >= 0


def test_what_will_not_fit_is_refused_in_one_line_unless_told_otherwise(tamis, experiment, monkeypatch):
    monkeypatch.setattr("tamis.experiment.planning.free_memory_bytes", lambda: 10**6)
    words = ["train", experiment / "experiment.toml", "--out", experiment / "run"]
    for more in ([], ["--plan"]):
        code, out, err = tamis(*words, *more)
        assert code == 1 and "1.0 MB" in out
        assert "and 1.0 MB are free. To need less:" in err and "--anyway" in err and "Traceback" not in err
    assert tamis(*words, "--anyway", "--plan")[0] == 0
    assert tamis(*words, "--anyway")[0] == 0
    assert (experiment / "run" / "record.json").exists()


def test_a_planted_log_is_prepared_trained_on_and_told_its_bound(tamis, experiment, monkeypatch):
    monkeypatch.setenv("TAMIS_CACHE", str(experiment / "cache"))
    few = ["--set", "data.options.rows=3000"]
    code, out, err = tamis("data", "prepare", "--recipe", "planted-sparse", *few, "--out", experiment / "planted")
    assert code == 0 and "60 fields" in out and "planted-sparse-rows-3000: 3,000 rows made up" in err, err
    code, out, err = tamis("data", "bayes", "--recipe", "planted-sparse", *few, "--json")
    assert code == 0, err
    bounds = json.loads(out)
    assert list(bounds) == ["train", "valid", "test"] and 0.75 < bounds["test"]["auc"] < 0.9
    assert sum(bound["rows"] for bound in bounds.values()) == 3000
    table = {
        "data": {"recipe": "planted-sparse", "options": {"rows": 3000}, "folder": str(experiment / "planted")},
        "model": {"name": "mlp", "dim": 4, "hidden": [8]},
        "training": {"epochs": 1, "device": "cpu"},
    }
    (experiment / "planted.toml").write_text(tomli_w.dumps(table))
    code, out, err = tamis("data", "bayes", experiment / "planted.toml")
    assert code == 0 and f"{bounds['test']['auc']:.4f}" in out, err
    code, out, err = tamis("train", experiment / "planted.toml", "--out", experiment / "run")
    assert code == 0, err
    record = json.loads((experiment / "run" / "record.json").read_text())
    assert record["dataset"] == "planted-sparse-rows-3000"
    assert [source["name"].endswith(".planted") for source in record["data"]["sources"]] == [True]


def test_a_study_is_planned_compared_and_judged_again(tamis, experiment, monkeypatch):
    table = tomli_w.dumps(
        {
            "study": {"name": "tiny", "seeds": [0, 1], "bootstrap_draws": 20},
            "budget": {"kind": "flops", "targets": [2000]},
            "data": [{"name": "log", **{k: str(experiment / v) for k, v in PLACES.items()}}],
            "training": {"epochs": 1, "batch_size": 128, "device": "cpu"},
            "model": [
                {"name": "mlp", "settings": {"dim": 4, "hidden": [8]}, "budget_setting": "hidden"},
                {"name": "mlp", "label": "broken", "settings": {"dim": 4}},
            ],
        }
    )
    broken = "[model.training.dense]\nlearning_rate = 1e30\n"
    (experiment / "study.toml").write_text(table + broken)
    words = ["compare", experiment / "study.toml", "--runs", experiment / "runs", "--results", experiment / "results"]
    code, out, err = tamis(*words, "--plan", "--processes", 2)
    assert code == 0, err
    assert "4 runs, 4 left, 2 at a time: " in out
    [mlp], [broken] = (
        [line.split() for line in out.splitlines() if line.startswith(name)] for name in ("mlp", "broken")
    )
    assert mlp[-2] == broken[-2] == "2/2" and broken[-3] == "-"  # which is left at its size
    assert not (experiment / "runs").exists()
    code, out, err = tamis(*words, "--processes", 1)
    assert code == 0, err
    assert "best" in out and "failed: broken seed 1: TrainingError" in out
    assert "SSR first" not in out  # no SSR model took part
    assert (experiment / "results" / "log" / "random-8-1-1" / "mlp" / "seed-1.curve.jsonl").exists()
    code, _, err = tamis(*words, "--judge", "--out", experiment / "again.json")
    assert code == 0, err
    written = [place.read_bytes() for place in (experiment / "results" / "verdicts.json", experiment / "again.json")]
    assert written[0] == written[1]
    monkeypatch.chdir(experiment)
    code, _, err = tamis("compare", "study.toml", "--runs", "runs", "--judge")
    assert code == 0, err
    (place,) = experiment.glob("results/studies/*/verdicts.json")  # a study's own place, if none is named
    assert place.read_bytes() == written[0]


def test_growth_is_planned_run_judged_and_drawn(tamis, experiment):
    table = tomli_w.dumps(
        {
            "study": {"name": "tiny", "seeds": [0, 1]},
            "budget": {"kind": "parameters", "targets": [100, 400, 1600, 10**13], "tolerance": 0.2, "multiple": 1},
            "data": [{"name": "log", **{k: str(experiment / v) for k, v in PLACES.items()}}],
            "training": {"epochs": 1, "batch_size": 128, "device": "cpu"},
            "model": [
                {"name": "mlp", "label": label, "settings": {"dim": 4, "hidden": [8]}, "budget_setting": "hidden"}
                for label in ("mlp", "same")
            ],
        }
    )
    (experiment / "study.toml").write_text(table)
    words = ["scale", experiment / "study.toml", "--runs", experiment / "runs", "--results", experiment / "results"]
    code, out, err = tamis(*words, "--plan", "--processes", 2)
    assert code == 0, err
    assert "mlp-1600" in out and "memory" in out
    assert "12 runs, 12 left, 2 at a time: " in out and "160,000.0 GB" in out and "too large for this machine" in out
    assert not (experiment / "runs").exists()
    code, out, err = tamis(*words, "--processes", 1)
    assert code == 0, err
    assert "AUC by ten times the size, last decade" in out and "no law: a power law of three numbers needs" in out
    assert re.search(r"log +mlp +same +\+0\.0000 \[.*not told apart\nWhich curve gains more AUC", out)
    assert "failed: mlp-10000000m seed 0: model 'mlp-10000000m' on 'log': 10,000,000,000,000 parameters need" in out
    assert (experiment / "results" / "tiny" / "log" / "random-8-1-1" / "mlp-400" / "seed-1.json").exists()
    assert "extrapolated" not in (experiment / "runs" / "tiny" / "scaling.html").read_text().split("What it means")[0]
    code, _, err = tamis(*words, "--judge", "--out", experiment / "again.json")
    assert code == 0, err
    written = [place.read_bytes() for place in (experiment / "results" / "tiny.json", experiment / "again.json")]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "none.toml"], "none.toml: no such file"),
        (["train", "{x}", "--set", "model.hiden=[1]"], "MLPConfig has no setting 'hiden'. Did you mean 'hidden'?"),
        (["train", "{x}", "--set", "training.epochs=x"], "epochs: must be a whole number; got 'x'"),
        (["train", "{x}", "--set", "model.name=ssrd"], "no model is called 'ssrd'. Did you mean 'ssr_d'?"),
        (["data", "prepare"], "takes an experiment file or --recipe NAME"),
        (["data", "prepare", "--recipe", "movilens-1m"], "Did you mean 'movielens-1m'?"),
        (["data", "prepare", "--recipe", "planted", "--set", "data.options.row=5"], "Did you mean 'rows'?"),
        (["data", "bayes"], "tamis data bayes takes an experiment file or --recipe NAME"),
        (["data", "bayes", "--recipe", "adult"], "true chances are known of planted logs only"),
        (["evaluate", "{dir}", "{log}"], "is not a saved model"),
        (["predict", "{dir}", "{log}", "out.xlsx"], "is not a saved model"),
        (["report", "{dir}"], "holds no run"),
        (["compare", "none.toml"], "none.toml: no such file"),
        (["compare", "{x}"], "experiment.toml: a study needs at least one block [[data]], in double brackets."),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(words, message, tamis, experiment):
    places = {"x": experiment / "experiment.toml", "dir": experiment, "log": experiment / "log.parquet"}
    code, _, err = tamis(*[word.format(**places) for word in words])
    assert code == 1
    assert message in err
    assert "Traceback" not in err


def test_scores_are_written_only_as_known_kinds_and_a_failed_prediction_leaves_nothing(tamis, experiment, click_log):
    tamis("train", experiment / "experiment.toml", "--out", experiment / "run")
    model, log = experiment / "run" / "model", experiment / "log.parquet"
    code, _, err = tamis("predict", model, log, experiment / "scores.xlsx")
    assert code == 1 and "scores are written as .parquet, .csv, .tsv" in err
    click_log.drop("user_id").write_parquet(experiment / "short.parquet")
    (experiment / "scores.csv").write_text("the old scores")
    code, _, err = tamis("predict", model, experiment / "short.parquet", experiment / "scores.csv")
    assert code == 1 and "user_id" in err
    assert (experiment / "scores.csv").read_text() == "the old scores"
    assert not list(experiment.glob(".*.partial"))


def test_the_help_names_every_format():
    from tamis.cli.options import Format
    from tamis.data.readers import FORMATS

    (option,) = Format.__metadata__
    assert all(name in option.help for name in FORMATS)


def test_help_is_quick_to_read_and_loads_no_torch():
    code = """
import sys
import tamis.cli
sys.argv = ["tamis", "--help"]
try:
    tamis.cli.main()
except SystemExit:
    pass
print([name for name in ("torch", "polars", "pyarrow", "matplotlib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    for verb in ("train", "evaluate", "predict", "models", "report", "demo", "data", "compare", "scale"):
        assert verb in done.stdout


def test_the_worth_of_fields_is_shown_and_a_run_leaves_out_what_has_none(tamis, experiment):
    code, out, _ = tamis("worth", experiment / "experiment.toml", "--set", "worth.threshold=2.5")
    lines = [line.split() for line in out.splitlines()]
    worths = {
        words[0]: words for words in lines if words and words[0] in ("user_id", "item_id", "price", "page", "tags")
    }
    assert code == 0 and {"user_id", "item_id"} <= set(worths)
    assert "out" not in worths["user_id"] and float(worths["user_id"][3]) > 2.5
    assert "a run with [worth] would keep" in out and not (experiment / "worth.json").exists()
    run = experiment / "run"
    code, _, _ = tamis("train", experiment / "experiment.toml", "--out", run, "--set", "worth.threshold=2.5")
    record = json.loads((run / "record.json").read_text())
    left_out = {words[0] for words in lines if words[-2:] == ["left", "out"]}
    assert code == 0 and left_out == {line["name"] for line in record["worth"] if not line["kept"]}
    names = pl.read_parquet(experiment / "log.parquet").drop(left_out & set(worths))
    names.write_parquet(experiment / "fewer.parquet")
    code, out, _ = tamis("evaluate", run / "model", experiment / "fewer.parquet", "--json")
    assert code == 0 and json.loads(out)["rows"] == 2000
