"""Studies that are cut short, killed or changed go on where they were, and say what they would have said."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import tomli_w

from tamis.errors import ConfigError, DataError
from tamis.study import judge, plan_study, prepare_study, processes, read_study
from tamis.study.processes import Outcome
from tamis.study.runs import EntrantRuns, Places


def test_more_trials_go_on_from_those_that_are_there(plant, tiny, tmp_path, in_this_process):
    data = [plant("log")]

    def table(trials):
        return {**tiny.study_of(data, [tiny.mlp()], trials=trials, seeds=[0]), "search": tiny.SEARCH}

    tiny.run(table(2), tmp_path)
    assert runs_left(table(2), tmp_path) == {"mlp": 0}
    assert runs_left(table(4), tmp_path) == {"mlp": 3}  # two trials, and what they choose has to be run
    before = {path: path.stat().st_mtime_ns for path in tiny.trial_files(tmp_path)}
    tiny.run(table(4), tmp_path)
    assert len(tiny.trial_files(tmp_path)) == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_trials_of_other_settings_are_not_taken_for_ones_own(plant, tiny, tmp_path, in_this_process):
    data = [plant("log")]
    table = {**tiny.study_of(data, [tiny.mlp()], trials=2, seeds=[0]), "search": tiny.SEARCH}
    tiny.run(table, tmp_path)
    table["training"] = {**table["training"], "epochs": 1}
    with pytest.raises(ConfigError, match=r"trial.json: is a trial of other settings, .* than study.toml has now"):
        tiny.run(table, tmp_path)


@pytest.mark.parametrize("hidden", [[16], [8, 8]])
def test_trials_of_another_shape_are_not_taken_for_ones_own(plant, tiny, tmp_path, in_this_process, hidden):
    """What is scaled to the budget is left out of the settings that are compared, but not what it is scaled from."""
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp(budget_setting="hidden")], trials=2, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
        "search": tiny.SEARCH,
    }
    tiny.run(table, tmp_path)
    table["model"][0]["settings"]["hidden"] = hidden
    with pytest.raises(ConfigError, match=r"trial.json: is a trial of other settings, .* than study.toml has now"):
        tiny.run(table, tmp_path)


def test_a_trial_that_could_not_meet_its_budget_is_made_once_it_can(plant, tiny, tmp_path, in_this_process):
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp(budget_setting="hidden")], trials=1, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
        "search": tiny.SEARCH,
    }
    table["model"][0]["settings"]["dim"] = 256
    with pytest.raises(DataError, match="the budget of 200 parameters must be met"):
        tiny.run(table, tmp_path)
    table["model"][0]["settings"]["dim"] = 4  # the way out that the message names
    assert tiny.all_ran(tiny.run(table, tmp_path)["data_sets"][0])


@pytest.mark.parametrize("room", ["tamis.study.budget", "tamis.experiment.planning"])
def test_a_trial_for_which_memory_was_short_is_made_once_there_is_enough(
    plant, tiny, tmp_path, in_this_process, monkeypatch, room
):
    """Looked up before a model of its size is built at all, and before a run, it is short for the second trial only."""
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp(budget_setting="hidden")], trials=3, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
        "search": tiny.SEARCH,
    }
    free = iter([None, 1000])
    with monkeypatch.context() as patch:
        patch.setattr(f"{room}.free_memory_bytes", lambda: next(free, None))
        (line,) = tiny.run(table, tmp_path)["data_sets"][0]["ranking"]
    (refused,) = line["failed_trials"]
    assert refused["trial"] == 1 and "0.0 MB are free" in refused["reason"] and not line["failed"]
    assert not chosen_files(tmp_path), "a choice that will be made again"
    tried = [json.loads(path.read_text())["values"] for path in tiny.trial_files(tmp_path)]
    assert runs_left(table, tmp_path)["mlp"] >= 1
    assert tiny.all_ran(tiny.run(table, tmp_path)["data_sets"][0])
    assert [json.loads(path.read_text())["values"] for path in tiny.trial_files(tmp_path)] == tried
    assert len(chosen_files(tmp_path)) == 1 and runs_left(table, tmp_path) == {"mlp": 0}


def test_what_has_run_needs_no_memory_to_be_found_again(plant, tiny, tmp_path, in_this_process, monkeypatch):
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp(budget_setting="hidden")], trials=1, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200, 400], "tolerance": 0.2, "tuned_at": 400},
        "search": tiny.SEARCH,
    }
    verdicts = tiny.run(table, tmp_path)
    monkeypatch.setattr("tamis.study.budget.free_memory_bytes", lambda: 1000)
    assert tiny.run(table, tmp_path) == verdicts and tiny.all_ran(verdicts["data_sets"][0])
    table["study"]["name"] = "anew"
    with pytest.raises(DataError, match="200 parameters need 0.0 MB of memory"):
        tiny.run(table, tmp_path, name="anew")


@pytest.mark.parametrize(
    "budget", [{"kind": "parameters", "targets": [1000]}, {"kind": "flops", "targets": [200]}, {"kind": "none"}]
)
def test_runs_of_another_budget_are_not_judged_as_of_this_one(plant, tiny, tmp_path, in_this_process, budget):
    models = [tiny.mlp(budget_setting="hidden"), {"name": "lr"}]
    table = {
        **tiny.study_of([plant("log")], models, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
    }
    tiny.run(table, tmp_path)
    table["budget"] = budget
    (contest,) = judge(read_study(table, where="study.toml"), tmp_path / "runs")["data_sets"]
    lines = {line["model"]: line for line in contest["ranking"]}
    assert len(lines["lr"]["seeds"]) == 1, "it has one size at all budgets"
    assert [one["reason"] for one in lines["mlp"]["failed"]] == [
        "was run with other settings than the study has now; start the study again"
    ]


def test_values_that_do_not_go_together_fail_their_trial_and_not_the_study(plant, tiny, tmp_path, in_this_process):
    settings = {"dim": 4, "num_tokens": 2, "token_width": 12}
    model = {"name": "rank_mixer", "label": "mixer", "settings": settings}
    table = {
        **tiny.study_of([plant("log")], [model], trials=6, seeds=[0]),
        "search": {"model.num_tokens": {"choices": [2, 3]}, "model.token_width": {"choices": [4, 8]}},
    }
    (line,) = tiny.run(table, tmp_path)["data_sets"][0]["ranking"]
    assert 0 < len(line["failed_trials"]) < 6 and len(line["seeds"]) == 1
    reasons = {trial["reason"] for trial in line["failed_trials"]}
    assert all("token_width must be a multiple of num_tokens, 3" in reason for reason in reasons)


@pytest.mark.parametrize("trials", [1, 2])
def test_trials_made_before_a_setting_existed_are_ones_own_if_it_has_its_default(
    plant, tiny, tmp_path, in_this_process, trials
):
    model = tiny.mlp(budget_setting="hidden")
    table = {
        **tiny.study_of([plant("log")], [model], trials=trials, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
        "search": tiny.SEARCH,
    }
    tiny.run(table, tmp_path)
    for path in tiny.trial_files(tmp_path):
        content = json.loads(path.read_text())
        assert content["settings"]["model"].pop("input_dropout") == 0.0
        path.write_text(json.dumps(content))
    before = {path: path.read_bytes() for path in tiny.trial_files(tmp_path)}
    assert len(before) == trials and tiny.all_ran(tiny.run(table, tmp_path)["data_sets"][0])
    assert {path: path.read_bytes() for path in tiny.trial_files(tmp_path)} == before
    model["settings"] = {**model["settings"], "input_dropout": 0.1}
    with pytest.raises(ConfigError, match=r"trial.json: is a trial of other settings"):
        tiny.run(table, tmp_path)


def runs_left(table, folder):
    study = read_study(table, where="study.toml")
    places = {"runs": folder / "runs", "results": folder / "results"}
    planned = plan_study(study, prepare_study(study), **places, processes=1)
    return {one.entrant.label: one.left for one in planned.entrants}


def chosen_files(folder):
    return sorted((folder / "results").rglob("chosen.json"))


def test_where_only_the_results_are_left_nothing_is_tuned_again(plant, tiny, tmp_path, in_this_process):
    models = [tiny.mlp("a", budget_setting="hidden"), tiny.mlp("b", settings={"dim": 4, "hidden": [16]})]
    table = {
        **tiny.study_of([plant("log")], models, trials=3, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200, 400], "tuned_at": 200, "tolerance": 0.2},
        "search": tiny.SEARCH,
    }
    before = tiny.run(table, tmp_path)["data_sets"]
    published = {path: path.read_bytes() for path in chosen_files(tmp_path)}
    assert [path.parent.name for path in published] == ["a-200", "b-200"]  # what was tuned, not what keeps a choice
    shutil.rmtree(tmp_path / "runs")
    assert runs_left(table, tmp_path) == {"a-200": 1, "a-400": 1, "b-200": 1, "b-400": 1}  # no trial
    heard = []
    after = tiny.run(table, tmp_path, report=lambda done, total, _: heard.append((done, total)))["data_sets"]
    assert heard == [(number, 10) for number in range(1, 11)]
    assert not tiny.trial_files(tmp_path)
    assert [trained_anew(contest) for contest in after] == [trained_anew(contest) for contest in before]
    assert {path: path.read_bytes() for path in chosen_files(tmp_path)} == published

    # Seeds that were not asked for before cost their runs only.
    assert runs_left(table, tmp_path) == {"a-200": 0, "a-400": 0, "b-200": 0, "b-400": 0}
    table["study"] = {**table["study"], "seeds": [0, 1]}
    assert runs_left(table, tmp_path) == {"a-200": 1, "a-400": 1, "b-200": 1, "b-400": 1}
    (contest, _) = tiny.run(table, tmp_path)["data_sets"]
    assert not tiny.trial_files(tmp_path) and [len(line["seeds"]) for line in contest["ranking"]] == [2, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"study": {"trials": 3}},
        {"study": {"selection_gain": True}},
        {"training": {"epochs": 1}},
        {"search": {"model.dropout": {"choices": [0.0, 0.4]}}},
        {"seed": 1},
        {"hidden": [16]},
        {"hidden": [8, 8]},
    ],
)
def test_a_choice_by_other_rules_is_not_taken_from_the_results(plant, tiny, tmp_path, in_this_process, change):
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp(budget_setting="hidden")], trials=2, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
        "search": tiny.SEARCH,
    }
    tiny.run(table, tmp_path)
    (path,) = chosen_files(tmp_path)
    before = json.loads(path.read_text())
    shutil.rmtree(tmp_path / "runs")
    if "seed" in change:
        plant("log", seed=change["seed"])
    if "hidden" in change:  # the same size, by another shape
        table["model"][0]["settings"]["hidden"] = change["hidden"]
    for part in ("study", "training", "search"):
        table[part] = {**table[part], **change.get(part, {})}
    assert tiny.all_ran(tiny.run(table, tmp_path)["data_sets"][0])
    assert len(tiny.trial_files(tmp_path)) == table["study"]["trials"]
    after = json.loads(path.read_text())
    assert (after == before) == (change == {"study": {"selection_gain": True}})


def test_a_trial_whose_process_was_killed_is_made_again_and_until_then_no_choice_is_published(
    plant, tiny, tmp_path, in_this_process, monkeypatch
):
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp()], trials=2, seeds=[0]),
        "search": tiny.SEARCH,
    }
    real, killed = processes._Lane.outcome, []

    def outcome(lane, future):
        found = real(lane, future)
        if not killed:
            killed.append(found)
            return Outcome(reason="its process was killed", was_killed=True)
        return found

    monkeypatch.setattr(processes._Lane, "outcome", outcome)
    tiny.run(table, tmp_path)
    first = [json.loads(path.read_text()) for path in tiny.trial_files(tmp_path)]
    assert [(trial["value"] is None, trial["is_put_off"]) for trial in first] == [(True, True), (False, False)]
    assert not chosen_files(tmp_path)
    tiny.run(table, tmp_path)
    again = [json.loads(path.read_text()) for path in tiny.trial_files(tmp_path)]
    assert again[0]["value"] is not None and again[1] == first[1]
    assert len(chosen_files(tmp_path)) == 1


def test_a_final_run_whose_scores_are_gone_is_run_again(plant, tiny, tmp_path, in_this_process):
    table = tiny.study_of([plant("log")], [tiny.mlp()], seeds=[0, 1])
    before = tiny.run(table, tmp_path)["data_sets"]
    (scores,) = tmp_path.rglob("seed-1/scores.npy")
    scores.unlink()
    assert runs_left(table, tmp_path) == {"mlp": 1}
    assert [trained_anew(contest) for contest in tiny.run(table, tmp_path)["data_sets"]] == [
        trained_anew(contest) for contest in before
    ]


def test_a_size_that_has_no_number_yet_is_refused_with_the_way_out(plant, tiny, tmp_path, in_this_process):
    model = {"name": "dcn_v2", "settings": {"dim": 4, "hidden": [8]}, "budget_setting": "rank"}
    table = {
        **tiny.study_of([plant("log")], [model, tiny.mlp(budget_setting="hidden")], trials=1, seeds=[0]),
        "budget": {"kind": "parameters", "targets": [200], "tolerance": 0.2},
        "search": tiny.SEARCH,
    }
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    reasons = {line["label"]: line["failed"][0]["reason"] for line in contest["ranking"] if line["failed"]}
    assert reasons.keys() == {"dcn_v2"} and "'rank' must be a whole number" in reasons["dcn_v2"]


def test_a_study_that_tunes_nothing_publishes_no_choice(plant, tiny, tmp_path, in_this_process):
    tiny.run(tiny.study_of([plant("log")], [tiny.mlp()], seeds=[0]), tmp_path)
    assert list((tmp_path / "results").rglob("seed-0.json")) and not chosen_files(tmp_path)


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


@pytest.mark.parametrize("trials", [0, 1])
def test_a_run_cut_short_begins_again_where_its_settings_have_changed(
    plant, tiny, tmp_path, in_this_process, cut_short, trials
):
    table = tiny.study_of([plant("log")], [tiny.mlp()], trials=trials, seeds=[0])
    cut_short(table)
    table["model"] = [tiny.mlp(settings={"dim": 4, "hidden": [12]})]
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert tiny.all_ran(contest) and contest["ranking"][0]["settings"]["model"]["hidden"] == [12]


@pytest.mark.parametrize("trials", [0, 1])
def test_a_run_cut_short_begins_again_where_the_data_have_changed(
    plant, tiny, tmp_path, in_this_process, cut_short, trials
):
    table = tiny.study_of([plant("log")], [tiny.mlp()], trials=trials, seeds=[0])
    cut_short(table)
    plant("log", seed=1)
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert tiny.all_ran(contest)


def test_a_run_cut_short_that_says_nothing_of_its_data_goes_on(plant, tiny, tmp_path, in_this_process, cut_short):
    table = tiny.study_of([plant("log")], [tiny.mlp()], seeds=[0])
    cut_short(table)
    folder = tmp_path / "runs" / "log" / "mlp" / "seed-0"
    (folder / "data.json").unlink()
    (folder / "stays").touch()
    assert tiny.all_ran(tiny.run(table, tmp_path)["data_sets"][0])
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
    with pytest.raises(DataError, match="there is nothing to judge"):
        judge(study, tmp_path / "runs")


def test_a_run_that_was_done_when_its_process_died_is_done(plant, tiny, tmp_path, in_this_process):
    table = tiny.study_of([plant("log")], [tiny.mlp()])
    tiny.run(table, tmp_path)
    failed = tmp_path / "runs" / "log" / "mlp" / "seed-1" / "failed.json"
    failed.write_text('{"reason": "its process was killed, perhaps for want of memory"}')
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert tiny.all_ran(contest) and not failed.exists()


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
    assert removed and not tiny.trial_files(tmp_path)
    (contest,) = tiny.run(table, tmp_path)["data_sets"]
    assert tiny.all_ran(contest)


def trained_anew(contest):
    """A contest as it is each time, which is all but the seconds that its runs took."""
    lines = [{key: value for key, value in line.items() if key != "train_seconds"} for line in contest["ranking"]]
    return contest | {"ranking": lines}


def without_seconds(path):
    verdicts = json.loads(path.read_text())
    return verdicts | {"data_sets": [trained_anew(contest) for contest in verdicts["data_sets"]]}


def test_a_killed_study_goes_on_repeats_nothing_and_says_the_same(plant, tiny, tmp_path):
    table = {
        **tiny.study_of([plant("log")], [tiny.mlp("a"), tiny.mlp("b", settings={"dim": 4, "hidden": [16]})], trials=3),
        "search": tiny.SEARCH,
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
    done = {path: path.stat().st_mtime_ns for path in tiny.trial_files(tmp_path / "killed")}
    assert not (tmp_path / "killed-results" / "verdicts.json").exists()
    assert start("killed").wait(300) == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert start("whole").wait(300) == 0
    verdicts = [without_seconds(tmp_path / f"{name}-results" / "verdicts.json") for name in ("killed", "whole")]
    assert all(tiny.all_ran(contest) for each in verdicts for contest in each["data_sets"])
    assert verdicts[0] == verdicts[1]

    # From the scores alone, in one command, without the data: the same bytes.
    shutil.rmtree(tmp_path / "d")
    tiny.judge_again("compare", tmp_path)
    whole = tmp_path / "whole-results" / "verdicts.json"
    for old, new in ((whole, "again.json"), (whole.with_suffix(".html"), "again.html")):
        assert (tmp_path / new).read_bytes() == old.read_bytes()


def test_a_process_that_is_killed_in_a_final_run_fails_that_run_only(plant, tiny, tmp_path, monkeypatch):
    submit = ProcessPoolExecutor.submit

    def submit_and_kill(pool, function, table, *rest):
        future = submit(pool, function, table, *rest)
        if table["training"]["seed"] == 1:
            (child,) = multiprocessing.active_children()
            os.kill(child.pid, signal.SIGKILL)
        return future

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit_and_kill)
    table = tiny.study_of([plant("log")], [tiny.mlp()], seeds=[0, 1, 2])
    (contest,) = tiny.run(table, tmp_path, processes=1)["data_sets"]
    (line,) = contest["ranking"]
    assert [one["seed"] for one in line["seeds"]] == [0, 2]
    assert [failed["seed"] for failed in line["failed"]] == [1]
    assert "killed" in line["failed"][0]["reason"]
    assert judge(read_study(table, where="study.toml"), tmp_path / "runs")["data_sets"] == [contest]
    assert (tmp_path / "runs" / "log" / "mlp" / "seed-1" / "failed.json").exists()
