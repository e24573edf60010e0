"""Whole studies on planted logs: fair, and blind to the test rows until the end."""

import json
import os
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tamis.cli.study_tables import print_study_plan, print_verdicts
from tamis.data import EncodedSet
from tamis.errors import ConfigError, DataError
from tamis.experiment import planning
from tamis.features import Schema
from tamis.record import RunRecord
from tamis.study import compare, plan_study, prepare_study, read_study
from tamis.study.budget import Size
from tamis.study.lock import LOCK, alone_in


def lines_of(contest):
    return {line["model"]: line for line in contest["ranking"]}


def test_a_study_is_tuned_run_recorded_and_judged(plant, tiny, tmp_path, in_this_process):
    models = [
        tiny.mlp(settings={"dim": 4, "hidden": [16]}, budget_setting="hidden"),
        {"name": "ssr_s", "settings": {"dim": 4, "views": [4], "widths": [8]}, "budget_setting": "widths"},
    ]
    table = {
        **tiny.study_of([plant("log")], models, trials=3, selection_gain=True),
        "budget": {"kind": "parameters", "targets": [1000]},
        "search": tiny.SEARCH,
    }
    heard = []
    verdicts = tiny.run(table, tmp_path, report=lambda done, total, name: heard.append((done, total, name)))
    (contest,) = verdicts["data_sets"]
    tried = [
        [json.loads(path.read_text())["values"] for path in tiny.trial_files(tmp_path / "runs" / "log" / label)]
        for label in ("mlp", "ssr_s")
    ]
    assert tried[0] == tried[1] and len({str(values) for values in tried[0]}) == 3  # none has the luckier draws
    for label, line in lines_of(contest).items():
        # The tuning budget is the same for all, and so is the size.
        assert line["trials"] == len(tiny.trial_files(tmp_path / "runs" / "log" / label)) == 3
        assert abs(line["parameters"]["dense"] - 1000) <= 50 and line["within_budget"]
        assert line["flops"] == pytest.approx(line["closed_flops"], rel=0.02)
        trials = [json.loads(path.read_text()) for path in tiny.trial_files(tmp_path / "runs" / "log" / label)]
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
    assert {path.parents[2].name for path in tiny.trial_files(tmp_path)} == {"mlp-1k", "lr-1k"}
    assert len(tiny.trial_files(tmp_path)) == 6
    trials = {path: path.read_bytes() for path in tiny.trial_files(tmp_path)}
    heard.clear()
    tuned = start(1000)["data_sets"][0]
    assert heard == [(done, 16) for done in range(1, 17)]  # with the scoring of the trials
    assert {path: path.read_bytes() for path in tiny.trial_files(tmp_path)} == trials
    for other, target in ((small, 500), (large, 2000)):
        assert other["tuned_at"] == tuned["tuned_at"] == 1000 and other["target"] == target and tiny.all_ran(other)
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
    # What is asked for at other sizes needs the trials too; what lies there is not left.
    other_size = study.only(targets=[500])
    for runs, left in (("none", [3, 3, 2, 2]), ("runs", [0, 0, 0, 0])):
        planned = plan_study(other_size, encoded, runs=tmp_path / runs, processes=1)
        assert [one.entrant.label for one in planned.entrants] == ["mlp-1k", "lr-1k", "mlp-500", "lr-500"]
        assert [one.runs for one in planned.entrants] == [3, 3, 2, 2]
        assert [one.left for one in planned.entrants] == left and planned.left == sum(left)
        assert planned.minutes == sum(one.minutes * one.left for one in planned.entrants)
    # The same trials serve a study that tunes at one size only.
    del table["budget"]["tuned_at"]
    study = read_study({**table, "study": {**table["study"], "selection_gain": False}}, where="study.toml").only(
        targets=[1000]
    )
    compare(study, encoded, runs=tmp_path / "runs")
    assert {path: path.read_bytes() for path in tiny.trial_files(tmp_path)} == trials


def test_final_runs_do_not_wait_for_the_trials_of_another_model(plant, tiny, tmp_path, in_this_process):
    table = {
        **tiny.study_of(
            [plant("log")],
            [tiny.mlp(settings={"dim": 4, "hidden": [16]}, budget_setting="hidden"), {"name": "lr"}],
            trials=2,
        ),
        "budget": {"kind": "parameters", "targets": [500, 1000], "tuned_at": 1000, "tolerance": 0.1},
        "search": {"training.tables.learning_rate": {"log": [1e-2, 1.0]}},
    }
    study = read_study(table, where="study.toml").only(targets=[500])
    heard = []
    compare(study, prepare_study(study), runs=tmp_path / "runs", report=lambda _, __, name: heard.append(name))
    trials, finals = ["trial 0", "trial 1"], ["seed 0", "seed 1"]
    expected = [
        f"log {model}-{size} {run}"
        for model in ("mlp", "lr")
        for size, runs in (("1k", trials), ("500", finals))
        for run in runs
    ]
    assert heard == expected


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
    assert tiny.all_ran(contest) and all(line["selection_gain"]["gain"] >= 0 for line in lines.values())
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
        "search": tiny.SEARCH,
        "reference": [reference],
    }
    verdicts = tiny.run(table, tmp_path)
    assert [contest["target"] for contest in verdicts["data_sets"]] == [500, 1000]
    lines = [lines_of(contest)["lightgbm"] for contest in verdicts["data_sets"]]
    assert lines[0]["auc"] == lines[1]["auc"] > 0.6  # run once, and beside both budgets
    line, folder = lines[0], tmp_path / "runs" / "log" / "lightgbm"
    trials = [json.loads(path.read_text()) for path in tiny.trial_files(folder)]
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


def test_the_package_is_not_asked_for_where_no_reference_stands(plant, tiny, tmp_path, in_this_process, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    data = [plant("log"), plant("other")]
    table = {
        **tiny.study_of(data, [tiny.mlp()], seeds=[0]),
        "reference": [{"name": "lightgbm", "only": ["other"]}],
    }
    study = read_study(table, where="study.toml").only(["log"])
    (contest,) = compare(study, prepare_study(study), runs=tmp_path / "runs")["data_sets"]
    assert contest["data"] == "log" and tiny.all_ran(contest)


def test_two_studies_do_not_train_into_the_same_folders_at_once(plant, tiny, tmp_path, in_this_process):
    table = tiny.study_of([plant("log")], [tiny.mlp()], seeds=[0])
    with alone_in(tmp_path / "runs" / "log"):
        with pytest.raises(
            ConfigError,
            match=rf"runs/log: only one study .*, and process {os.getpid()} of .* does so now. Wait .* with --runs",
        ):
            tiny.run(table, tmp_path)
        assert [path.name for path in (tmp_path / "runs").rglob("*")] == ["log", LOCK]
        assert tiny.all_ran(tiny.run(table, tmp_path, name="elsewhere")["data_sets"][0])
    assert tiny.all_ran(tiny.run(table, tmp_path)["data_sets"][0])


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
    table = {**tiny.study_of([plant("log")], [tiny.mlp()], trials=3, seeds=[0]), "search": tiny.SEARCH}
    study = read_study(table, where="study.toml")
    tiny.run(table, tmp_path, name="intact")
    folder = prepare_study(study)["log"].folder
    whole = EncodedSet.open(folder)
    for column in whole.manifest.splits["test"].columns:
        (folder / whole.manifest.folder / column.file).unlink()
    with pytest.raises(DataError):
        EncodedSet.open(folder)
    blind = {"log": EncodedSet.open(folder, splits=("train", "valid"))}
    with pytest.raises(DataError, match="there is nothing to judge"):
        compare(study, blind, runs=tmp_path / "poisoned")
    trials = [[json.loads(f.read_text()) for f in tiny.trial_files(tmp_path / name)] for name in ("intact", "poisoned")]
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
    # Started again it would make no run, and its plan says so.
    study = read_study(table, where="study.toml")
    planned = plan_study(study, prepare_study(study), runs=tmp_path / "runs", processes=1)
    assert [(one.entrant.label, one.runs, one.left) for one in planned.entrants] == [("mlp", 4, 0), ("broken", 4, 0)]
    assert planned.left == 0 and [one.problem for one in planned.refused] == [reason]
    print_study_plan(planned)
    assert f"would fail: log broken: {reason}" in capsys.readouterr().out


def test_a_choice_that_cannot_meet_another_size_has_no_run_left_there(plant, tiny, tmp_path, in_this_process):
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp(budget_setting="hidden")], trials=1),
        "budget": {"kind": "parameters", "targets": [500, 1000], "tuned_at": 1000, "tolerance": 0.1},
        "search": {"model.dropout": {"choices": [0.0]}},
    }
    tiny.run(table, tmp_path)
    table["budget"]["targets"] = [2, 1000]
    (tuned,) = tiny.run(table, tmp_path)["data_sets"]
    study = read_study(table, where="study.toml")
    planned = plan_study(study, prepare_study(study), runs=tmp_path / "runs", processes=1)
    assert [(one.entrant.target, one.left) for one in planned.entrants] == [(2, 0), (1000, 0)]
    small, other = planned.entrants
    assert small.matched is None and other.matched is not None and tiny.all_ran(tuned)
    written = json.loads((small.entrant.folder(tmp_path / "runs") / "chosen.json").read_text())
    assert small.problem == written["reason"] and "the budget of 2 parameters must be met" in small.problem


def test_a_plan_names_what_this_machine_cannot_hold(plant, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(planning, "free_memory_bytes", lambda: 10**6)
    study = read_study(tiny.study_of([plant("log")], [tiny.mlp()]), where="study.toml")
    planned = plan_study(study, prepare_study(study), runs=tmp_path / "runs", processes=1)
    assert planned.left == 2 and planned.memory_free == 10**6 and len(planned.refused) == 1
    print_study_plan(planned)
    assert "would fail: log mlp: training needs about " in capsys.readouterr().out


def test_a_plan_of_millions_is_readable_in_eighty_columns(plant, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    study = read_study(tiny.study_of([plant("log")], [tiny.mlp("dcn_v2_base_rate-300k")]), where="study.toml")
    planned = plan_study(study, prepare_study(study), runs=tmp_path / "runs", processes=1)
    [one] = planned.entrants
    size = Size(dense=1_002_489, embedding=165_120, active=1_002_689, flops=2_000_720, closed_flops=2_000_720)
    large = replace(one, matched=replace(one.matched, size=size, factor=2.155), runs=5, left=3, minutes=12.3)
    print_study_plan(replace(planned, entrants=(large,)))
    name, _, headings, line, *_ = capsys.readouterr().out.splitlines()
    assert name == "log" and " ".join(headings.split()) == "model dense ding active a row times left each"
    sizes = ["1,002,489", "165,120", "1,002,689", "2,000,720"]
    assert line.split() == ["dcn_v2_base_rate-300k", *sizes, "2.155", "3/5", "12.3"] and len(line) <= 80


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
