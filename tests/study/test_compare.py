"""Whole studies on planted logs: fair, resumable, and blind to the test rows until the end."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tomli_w

from tamis.cli.study_tables import print_verdicts
from tamis.data import EncodedSet
from tamis.errors import ConfigError, DataError
from tamis.features import Schema
from tamis.record import RunRecord
from tamis.study import compare, judge, plan_study, prepare_study, read_study
from tamis.study.runs import EntrantRuns, Places

SEARCH = {"training.dense.learning_rate": {"log": [1e-3, 1e-1]}, "model.dropout": {"choices": [0.0, 0.3]}}


def lines_of(contest):
    return {line["model"]: line for line in contest["ranking"]}


def trial_files(folder):
    return sorted(folder.rglob("trial.json"))


def test_a_study_is_tuned_run_recorded_and_judged(plant, tiny, tmp_path, in_this_process):
    models = [
        tiny.mlp(settings={"dim": 4, "hidden": [16]}, budget_setting="hidden"),
        {"name": "ssr_s", "settings": {"dim": 4, "views": [4], "widths": [8]}, "budget_setting": "widths"},
    ]
    table = {
        **tiny.study_of([plant("log")], models, trials=3, selection_gain=True),
        "budget": {"kind": "parameters", "targets": [1000]},
        "search": SEARCH,
    }
    heard = []
    verdicts = tiny.run(table, tmp_path, report=lambda done, total, name: heard.append((done, total, name)))
    (contest,) = verdicts["data_sets"]
    for label, line in lines_of(contest).items():
        # The tuning budget is the same for all, and so is the size.
        assert line["trials"] == len(trial_files(tmp_path / "runs" / "log" / label)) == 3
        assert abs(line["parameters"]["dense"] - 1000) <= 50 and line["within_budget"]
        assert line["flops"] == pytest.approx(line["closed_flops"], rel=0.02)
        trials = [json.loads(path.read_text()) for path in trial_files(tmp_path / "runs" / "log" / label)]
        assert trials[0]["values"] == {}
        chosen = trials[line["chosen_trial"]]
        assert line["chosen_valid"] == chosen["value"] == max(trial["value"] for trial in trials)
        assert line["selection_gain"]["gain"] >= 0
        for one in line["seeds"]:
            record = RunRecord.load(tmp_path / "results" / "log" / "random-8-1-1" / label / f"seed-{one['seed']}.json")
            assert record.test["auc"] == one["auc"]
            assert record.settings["training"] == {**line["settings"]["training"], "seed": one["seed"]}
            assert record.settings["model"] == line["settings"]["model"]
    assert [done for done, _, _ in heard] == list(range(1, 17)) and heard[-1][1] == 16  # 2 models, 3 + 2 + 3 jobs each
    finals = [place for place, (_, _, name) in enumerate(heard) if " seed " in name]
    scorings = [place for place, (_, _, name) in enumerate(heard) if " test rows of " in name]
    assert max(finals) < min(scorings)


def test_what_is_tuned_at_one_size_is_kept_at_the_others(plant, tiny, tmp_path, in_this_process, capsys):
    models = [tiny.mlp(settings={"dim": 4, "hidden": [16]}, budget_setting="hidden"), {"name": "lr"}]
    table = {
        **tiny.study_of([plant("log")], models, trials=3, selection_gain=True),
        "budget": {"kind": "parameters", "targets": [500, 1000, 2000], "tuned_at": 1000, "tolerance": 0.1},
        "search": {"training.tables.learning_rate": {"log": [1e-2, 1.0]}},
    }
    study = read_study(table, where="study.toml")
    encoded = prepare_study(study)
    heard = []

    def start(*targets):
        chosen = study.only(targets=targets)
        return compare(
            chosen, encoded, runs=tmp_path / "runs", report=lambda done, total, _: heard.append((done, total))
        )

    # Asked first for the sizes that are not tuned, a study makes the trials they need, and each of them once.
    small, large = start(500, 2000)["data_sets"]
    assert heard == [(done, 14) for done in range(1, 15)]  # 2 models of 3 trials; at 2 sizes each has 2 seeds
    assert {path.parents[2].name for path in trial_files(tmp_path)} == {"mlp-1k", "lr-1k"}
    assert len(trial_files(tmp_path)) == 6
    trials = {path: path.read_bytes() for path in trial_files(tmp_path)}
    heard.clear()
    tuned = start(1000)["data_sets"][0]
    assert heard == [(done, 16) for done in range(1, 17)]  # with the scoring of the trials
    assert {path: path.read_bytes() for path in trial_files(tmp_path)} == trials
    for other, target in ((small, 500), (large, 2000)):
        assert other["tuned_at"] == tuned["tuned_at"] == 1000 and other["target"] == target and all_ran(other)
        for label in ("mlp", "lr"):
            (ours,) = [line for line in other["ranking"] if line["label"] == label]
            (theirs,) = [line for line in tuned["ranking"] if line["label"] == label]
            assert ours["chosen_values"] == theirs["chosen_values"] and ours["trials"] == theirs["trials"] == 3
            assert ours["settings"]["training"] == theirs["settings"]["training"]
            assert ours["selection_gain"] is None and theirs["selection_gain"]["gain"] >= 0
        (mlp,) = [line for line in other["ranking"] if line["label"] == "mlp"]
        assert abs(mlp["parameters"]["dense"] - target) <= 0.1 * target
    print_verdicts({"data_sets": [small, tuned], "waiting": [], "real_sets": 0})
    assert capsys.readouterr().out.count("settings: as chosen at 1,000 parameters") == 1
    planned = plan_study(study, encoded, runs=tmp_path / "none", processes=1)
    assert {one.entrant.label: one.runs for one in planned.entrants if one.entrant.model.name == "mlp"} == {
        "mlp-500": 2,
        "mlp-1k": 5,
        "mlp-2k": 2,
    }
    # The same trials serve a study that tunes at one size only.
    del table["budget"]["tuned_at"]
    study = read_study({**table, "study": {**table["study"], "selection_gain": False}}, where="study.toml").only(
        targets=[1000]
    )
    compare(study, encoded, runs=tmp_path / "runs")
    assert {path: path.read_bytes() for path in trial_files(tmp_path)} == trials


def test_a_model_that_chooses_its_fields_stands_beside_the_one_that_does_not(plant, tiny, tmp_path, in_this_process):
    block = plant("log")
    log = pl.read_parquet(block["path"])
    noise = np.random.default_rng(1).integers(0, 50, len(log)).astype(str)
    log.with_columns(noise=pl.Series(noise)).write_parquet(block["path"])
    schema = Schema.load(block["schema"])
    field = {"name": "noise", "kind": "categorical"}
    Schema.from_table({"field": [*schema.to_table()["field"], field]}).save(block["schema"])
    models = [tiny.mlp("all"), tiny.mlp("worth", worth={"threshold": 2.5})]
    table = {
        **tiny.study_of([block], models, trials=2, selection_gain=True),
        "search": {"training.dense.learning_rate": {"choices": [0.003, 0.01]}},
    }
    table["model"][1]["search"] = {"worth.threshold": {"choices": [2.5, 3.0]}}
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    lines = lines_of(contest)
    assert all_ran(contest) and all(line["selection_gain"]["gain"] >= 0 for line in lines.values())
    # The sizes are those of the runs, which the field of noise is not part of.
    parameters = {label: line["parameters"] for label, line in lines.items()}
    assert parameters["all"]["dense"] - parameters["worth"]["dense"] == 4 * 8 + 2 * 4  # with its input norm
    assert parameters["all"]["embedding"] - parameters["worth"]["embedding"] == 4 * (50 + 2)
    assert 0 < lines["worth"]["flops"] < lines["all"]["flops"] and parameters["worth"]["active"] is None
    assert lines["worth"]["settings"]["worth"]["threshold"] in (2.5, 3.0) and "worth" not in lines["all"]["settings"]
    for seed in (0, 1):
        record = RunRecord.load(tmp_path / "results" / "log" / "random-8-1-1" / "worth" / f"seed-{seed}.json")
        assert {line["name"] for line in record.worth if line["kept"]} == {"user", "item"}
        assert not RunRecord.load(tmp_path / "results" / "log" / "random-8-1-1" / "all" / f"seed-{seed}.json").worth


def test_a_reference_is_tuned_run_recorded_and_scored_like_the_models(plant, tiny, tmp_path, in_this_process):
    pytest.importorskip("lightgbm")
    reference = {"name": "lightgbm", "settings": {"rounds": 20, "leaf_rows": 5}}
    reference["search"] = {
        "reference.encoding": {"choices": ["rates", "categories"]},
        "reference.leaves": {"choices": [3, 7]},
    }
    table = {
        **tiny.study_of([plant("log", rows=3000)], [tiny.mlp(budget_setting="hidden")], trials=3, selection_gain=True),
        "budget": {"kind": "parameters", "targets": [500, 1000]},
        "search": SEARCH,
        "reference": [reference],
    }
    verdicts = tiny.run(table, tmp_path)
    assert [contest["target"] for contest in verdicts["data_sets"]] == [500, 1000]
    lines = [lines_of(contest)["lightgbm"] for contest in verdicts["data_sets"]]
    assert lines[0]["auc"] == lines[1]["auc"] > 0.6  # run once, and beside both budgets
    line, folder = lines[0], tmp_path / "runs" / "log" / "lightgbm"
    trials = [json.loads(path.read_text()) for path in trial_files(folder)]
    assert len(trials) == line["trials"] == 3 and trials[0]["values"] == {}
    assert line["chosen_valid"] == max(trial["value"] for trial in trials)
    assert line["selection_gain"]["gain"] >= 0
    assert line["parameters"] == {"dense": None, "embedding": None, "active": None} and line["within_budget"] is None
    for one in line["seeds"]:
        record = RunRecord.load(tmp_path / "results" / "log" / "random-8-1-1" / "lightgbm" / f"seed-{one['seed']}.json")
        assert (record.status, record.seed, record.test["auc"]) == ("outside reference", one["seed"], one["auc"])
        assert 1 <= record.parameters["trees"] <= 20 and record.parameters["leaves"] > record.parameters["trees"]
        assert record.best["value"] == record.valid["auc"] and record.rows["train"] > 2000
    finished = {path: path.stat().st_mtime_ns for path in folder.rglob("record.json")}
    assert len(finished) == 5
    assert tiny.run(table, tmp_path) == verdicts
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("record.json")} == finished


def test_a_study_with_a_reference_says_at_once_that_the_package_is_missing(plant, tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    table = {**tiny.study_of([plant("log")], [tiny.mlp()]), "reference": [{"name": "lightgbm"}]}
    with pytest.raises(ConfigError, match=r"needs the package lightgbm"):
        tiny.run(table, tmp_path)
    assert not (tmp_path / "runs").exists()


def test_equal_models_are_not_told_apart_on_noise_and_on_signal(plant, tiny, tmp_path, in_this_process):
    """Twelve pairs of one model with other seeds; with 0.05 each, three alarms come in 2 % of such studies."""
    data = [plant(f"log{n}", seed=n, rows=800, signal=float(n % 2)) for n in range(12)]
    models = [tiny.mlp("one"), tiny.mlp("other", seeds=[2, 3])]
    verdicts = tiny.run(tiny.study_of(data, models), tmp_path)
    alarms = [test for contest in verdicts["data_sets"] for test in contest["tests"] if test["p_holm"] < 0.05]
    assert len(alarms) <= 2
    assert all(test["verdict"] == "not told apart" for c in verdicts["data_sets"] for test in c["tests"]) == (
        not alarms
    )
    noise = [line["auc"] for contest in verdicts["data_sets"][::2] for line in contest["ranking"]]
    signal = [line["auc"] for contest in verdicts["data_sets"][1::2] for line in contest["ranking"]]
    assert all(abs(auc - 0.5) < 0.2 for auc in noise) and min(signal) > 0.6


def test_a_model_that_cannot_learn_is_worse(plant, tiny, tmp_path, in_this_process):
    frozen = {"tables": {"learning_rate": 1e-9}, "dense": {"learning_rate": 1e-9}}
    models = [tiny.mlp("learns"), tiny.mlp("frozen", training=frozen)]
    (contest,) = tiny.run(tiny.study_of([plant("log", rows=4000)], models), tmp_path)["data_sets"]
    assert [(line["model"], line["against_best"]) for line in contest["ranking"]] == [
        ("learns", "best"),
        ("frozen", "worse"),
    ]
    (test,) = contest["tests"]
    assert test["verdict"] == "better" and test["bootstrap_low"] > 0


def test_tuning_does_not_read_the_test_rows(plant, tiny, tmp_path, in_this_process):
    table = {**tiny.study_of([plant("log")], [tiny.mlp()], trials=3, seeds=[0]), "search": SEARCH}
    study = read_study(table, where="study.toml")
    tiny.run(table, tmp_path, name="intact")
    folder = prepare_study(study)["log"].folder
    whole = EncodedSet.open(folder)
    for column in whole.manifest.splits["test"].columns:
        (folder / whole.manifest.folder / column.file).unlink()
    with pytest.raises(DataError):
        EncodedSet.open(folder)
    blind = {"log": EncodedSet.open(folder, splits=("train", "valid"))}
    with pytest.raises(DataError, match="no final run has ended"):
        compare(study, blind, runs=tmp_path / "poisoned")
    trials = [[json.loads(f.read_text()) for f in trial_files(tmp_path / name)] for name in ("intact", "poisoned")]
    assert len(trials[0]) == 3
    assert trials[0] == trials[1]


def test_the_set_that_a_study_hands_out_has_no_test_rows(plant, tiny):
    study = read_study(tiny.study_of([plant("log")], [tiny.mlp()]), where="study.toml")
    assert prepare_study(study)["log"].split_names == ("train", "valid")
    block = plant("bare", split={"kind": "random", "fractions": [0.9, 0.1, 0.0]})
    bare = read_study(tiny.study_of([block], [tiny.mlp()]), where="study.toml")
    with pytest.raises(DataError, match="bare: has no test rows to compare models on"):
        prepare_study(bare)


def test_a_run_that_fails_is_reported_and_tried_again(plant, tiny, tmp_path, in_this_process):
    broken = tiny.mlp("broken", training={"dense": {"learning_rate": 1e30}})
    table = tiny.study_of([plant("log")], [tiny.mlp(), broken])
    lines = lines_of(tiny.run(table, tmp_path)["data_sets"][0])
    assert len(lines["mlp"]["seeds"]) == 2 and lines["mlp"]["against_best"] == "best"
    assert lines["broken"]["against_best"] == "failed"
    assert all("TrainingError" in failed["reason"] for failed in lines["broken"]["failed"])
    heard = []
    tiny.run(table, tmp_path, report=lambda done, total, name: heard.append(name))
    assert len(heard) == 4 and len(list((tmp_path / "runs").rglob("failed.json"))) == 2


def test_when_all_trials_fail_the_model_has_failed_with_the_reason(plant, tiny, tmp_path, in_this_process, capsys):
    broken = tiny.mlp("broken", training={"dense": {"learning_rate": 1e30}})
    table = tiny.study_of([plant("log")], [tiny.mlp(), broken], trials=2)
    table["search"] = {"model.dropout": {"choices": [0.0, 0.1]}}
    verdicts = tiny.run(table, tmp_path)
    lines = lines_of(verdicts["data_sets"][0])
    reason = lines["broken"]["failed"][0]["reason"]
    assert reason.startswith("all 2 trials failed, the first because: TrainingError")
    assert len(lines["broken"]["failed_trials"]) == 2
    print_verdicts(verdicts)
    assert "broken: 2 of 2 trials failed, the first because: TrainingError" in capsys.readouterr().out
    assert len(lines["mlp"]["seeds"]) == 2


def test_more_trials_go_on_from_those_that_are_there(plant, tiny, tmp_path, in_this_process):
    data = [plant("log")]

    def table(trials):
        return {**tiny.study_of(data, [tiny.mlp()], trials=trials, seeds=[0]), "search": SEARCH}

    tiny.run(table(2), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in trial_files(tmp_path)}
    tiny.run(table(4), tmp_path)
    assert len(trial_files(tmp_path)) == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_trials_of_other_settings_are_not_taken_for_ones_own(plant, tiny, tmp_path, in_this_process):
    data = [plant("log")]
    table = {**tiny.study_of(data, [tiny.mlp()], trials=2, seeds=[0]), "search": SEARCH}
    tiny.run(table, tmp_path)
    table["training"] = {**table["training"], "epochs": 1}
    with pytest.raises(ConfigError, match=r"trial.json: is a trial of other settings, .* than study.toml has now"):
        tiny.run(table, tmp_path)


@pytest.mark.parametrize("trials", [1, 2])
def test_trials_made_before_a_setting_existed_are_ones_own_if_it_has_its_default(
    plant, tiny, tmp_path, in_this_process, trials
):
    model = tiny.mlp(budget_setting="hidden")
    table = {
        **tiny.study_of([plant("log")], [model], trials=trials, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
        "search": SEARCH,
    }
    tiny.run(table, tmp_path)
    for path in trial_files(tmp_path):
        content = json.loads(path.read_text())
        assert content["settings"]["model"].pop("input_dropout") == 0.0
        path.write_text(json.dumps(content))
    before = {path: path.read_bytes() for path in trial_files(tmp_path)}
    assert len(before) == trials and all_ran(tiny.run(table, tmp_path)["data_sets"][0])
    assert {path: path.read_bytes() for path in trial_files(tmp_path)} == before
    model["settings"] = {**model["settings"], "input_dropout": 0.1}
    with pytest.raises(ConfigError, match=r"trial.json: is a trial of other settings"):
        tiny.run(table, tmp_path)


@pytest.fixture
def cut_short(tiny, tmp_path, monkeypatch):
    """Leave a study as a kill would: its runs have checkpoints, and what says that they are done is not there yet."""

    def start(table):
        with monkeypatch.context() as patch:
            patch.setattr("tamis.study.work.remove_whole", lambda _: None)
            tiny.run(table, tmp_path)
        for name in ("trial.json", "record.json", "chosen.json"):
            for path in (tmp_path / "runs").rglob(name):
                path.unlink()
        assert list((tmp_path / "runs").rglob("checkpoints/step-*"))

    return start


def all_ran(contest):
    return not any(line["failed"] or line["failed_trials"] for line in contest["ranking"])


@pytest.mark.parametrize("trials", [0, 1])
def test_a_run_cut_short_begins_again_where_its_settings_have_changed(
    plant, tiny, tmp_path, in_this_process, cut_short, trials
):
    table = tiny.study_of([plant("log")], [tiny.mlp()], trials=trials, seeds=[0])
    cut_short(table)
    table["model"] = [tiny.mlp(settings={"dim": 4, "hidden": [12]})]
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert all_ran(contest) and contest["ranking"][0]["settings"]["model"]["hidden"] == [12]


@pytest.mark.parametrize("trials", [0, 1])
def test_a_run_cut_short_begins_again_where_the_data_have_changed(
    plant, tiny, tmp_path, in_this_process, cut_short, trials
):
    table = tiny.study_of([plant("log")], [tiny.mlp()], trials=trials, seeds=[0])
    cut_short(table)
    plant("log", seed=1)
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert all_ran(contest)


def test_a_run_cut_short_that_says_nothing_of_its_data_goes_on(plant, tiny, tmp_path, in_this_process, cut_short):
    table = tiny.study_of([plant("log")], [tiny.mlp()], seeds=[0])
    cut_short(table)
    folder = tmp_path / "runs" / "log" / "mlp" / "seed-0"
    (folder / "data.json").unlink()
    (folder / "stays").touch()
    assert all_ran(tiny.run(table, tmp_path)["data_sets"][0])
    assert (folder / "stays").exists() and (folder / "data.json").exists()


def test_scores_on_older_data_are_gone_before_the_first_run_on_newer(plant, tiny, tmp_path, in_this_process):
    table = tiny.study_of([plant("log")], [tiny.mlp()])
    tiny.run(table, tmp_path)
    plant("log", seed=1)
    study = read_study(table, where="study.toml")
    places = Places(runs=tmp_path / "runs", results=None, command="")
    (entrant,) = study.entrants()
    jobs = next(EntrantRuns(study, entrant, prepare_study(study)["log"], places, print).tune_and_run())
    assert len(jobs) == 2
    with pytest.raises(DataError, match="no final run has ended"):
        judge(study, tmp_path / "runs")


def test_a_run_that_was_done_when_its_process_died_is_done(plant, tiny, tmp_path, in_this_process):
    table = tiny.study_of([plant("log")], [tiny.mlp()])
    tiny.run(table, tmp_path)
    failed = tmp_path / "runs" / "log" / "mlp" / "seed-1" / "failed.json"
    failed.write_text('{"reason": "its process was killed, perhaps for want of memory"}')
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert all_ran(contest) and not failed.exists()


def test_a_process_that_dies_while_it_removes_the_checkpoints_of_a_trial_fails_nothing(
    plant, tiny, tmp_path, in_this_process, monkeypatch
):
    # Of one epoch there is one checkpoint: what is removed is the folder of all of them, at the end.
    table = tiny.study_of([plant("log")], [tiny.mlp()], trials=1, seeds=[0], training={"epochs": 1})
    removed = []

    class Killed(BaseException):
        pass

    def die_half_way(folder, **_):
        if "checkpoints" in str(folder) and (files := sorted(Path(folder).rglob("manifest.json"))):
            removed.append(files[-1])
            files[-1].unlink()
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("shutil.rmtree", die_half_way)
        tiny.run(table, tmp_path)
    assert removed and not trial_files(tmp_path)
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert all_ran(contest)


def test_data_with_several_labels_are_refused(plant, tiny):
    block = plant("log")
    log = pl.read_parquet(block["path"]).with_columns(pay=pl.col("click"))
    log.write_parquet(block["path"])
    Schema.infer(log, label=["click", "pay"]).save(block["schema"])
    study = read_study(tiny.study_of([block], [tiny.mlp()]), where="study.toml")
    with pytest.raises(DataError, match="log: models are compared on the AUC of exactly one label; got 2: click, pay"):
        prepare_study(study)


def test_two_data_sets_that_share_a_place_are_refused(plant, tiny):
    first = plant("log")
    second = {**first, "name": "again"}
    study = read_study(tiny.study_of([first, second], [tiny.mlp()]), where="study.toml")
    with pytest.raises(ConfigError, match=r"data sets 'log' and 'again' are both 'log' split as 'random-8-1-1'"):
        prepare_study(study)


def without_seconds(path):
    verdicts = json.loads(path.read_text())
    for contest in verdicts["data_sets"]:
        for line in contest["ranking"]:
            del line["train_seconds"]
    return verdicts


def test_a_killed_study_goes_on_repeats_nothing_and_says_the_same(plant, tiny, tmp_path):
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp("a"), tiny.mlp("b", settings={"dim": 4, "hidden": [16]})], trials=3),
        "search": SEARCH,
    }
    (tmp_path / "study.toml").write_text(tomli_w.dumps(table))

    def start(runs):
        words = [
            "compare",
            tmp_path / "study.toml",
            "--runs",
            tmp_path / runs,
            "--results",
            tmp_path / f"{runs}-results",
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "tamis", *map(str, words), "--processes", "2"], stderr=subprocess.DEVNULL
        )

    killed = start("killed")
    end = time.monotonic() + 200
    # Not into the runs' own folders, where checkpoints come and go while one looks.
    while len(list(tmp_path.glob("killed/tiny/log/*/trials/*/trial.json"))) < 3:
        assert killed.poll() is None and time.monotonic() < end, "the study ended or hung before it could be killed"
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    done = {path: path.stat().st_mtime_ns for path in trial_files(tmp_path / "killed")}
    assert not (tmp_path / "killed-results" / "verdicts.json").exists()
    assert start("killed").wait(300) == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert start("whole").wait(300) == 0
    verdicts = [without_seconds(tmp_path / f"{name}-results" / "verdicts.json") for name in ("killed", "whole")]
    assert all(all_ran(contest) for each in verdicts for contest in each["data_sets"])
    assert verdicts[0] == verdicts[1]

    # From the scores alone, in one command, without the data: the same bytes.
    shutil.rmtree(tmp_path / "d")
    words = [
        "compare",
        tmp_path / "study.toml",
        "--judge",
        "--runs",
        tmp_path / "whole",
        "--out",
        tmp_path / "again.json",
    ]
    subprocess.run([sys.executable, "-m", "tamis", *map(str, words)], check=True, capture_output=True)
    whole = tmp_path / "whole-results" / "verdicts.json"
    for old, new in ((whole, "again.json"), (whole.with_suffix(".html"), "again.html")):
        assert (tmp_path / new).read_bytes() == old.read_bytes()


def test_a_process_that_is_killed_in_a_final_run_fails_that_run_only(plant, tiny, tmp_path):
    heard = []

    def kill_once(done, total, name):
        heard.append(name)
        if len(heard) == 1:  # the first run has ended, and the same process takes the next
            (child,) = multiprocessing.active_children()
            os.kill(child.pid, signal.SIGKILL)

    table = tiny.study_of([plant("log")], [tiny.mlp()], seeds=[0, 1, 2])
    (contest,) = tiny.run(table, tmp_path, processes=1, report=kill_once)["data_sets"]
    (line,) = contest["ranking"]
    assert [one["seed"] for one in line["seeds"]] == [0, 2]
    assert [failed["seed"] for failed in line["failed"]] == [1]
    assert "killed" in line["failed"][0]["reason"]
    assert judge(read_study(table, where="study.toml"), tmp_path / "runs")["data_sets"] == [contest]
    assert (tmp_path / "runs" / "log" / "mlp" / "seed-1" / "failed.json").exists()
