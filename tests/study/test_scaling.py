"""Whole scaling studies on planted logs, and verdicts from scores whose truth is known."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tomli_w
from sklearn.metrics import roc_auc_score

from tamis.analysis import auc_side, fit_power_law, judge_saturation
from tamis.errors import ConfigError, DataError
from tamis.record import RunRecord
from tamis.reports import write_scaling_page
from tamis.study import budget as budget_file
from tamis.study import judge_scale, plan_scale, prepare_study, read_scale, read_study, scale, write_scale

SIZES = {"kind": "parameters", "targets": [100, 300, 1000, 3000], "tolerance": 0.2, "multiple": 1}


@pytest.fixture
def table_of(plant, tiny):
    """A small scaling study of one MLP, with parts added or replaced."""

    def make(**parts):
        model = tiny.mlp(budget_setting="hidden")
        base = tiny.study_of([plant("log", rows=1000)], [model], training={"epochs": 1})
        return {**base, "budget": SIZES, "scale": {"draws": 100}, **parts}

    return make


def run(table, folder, *, name="runs", **options):
    settings = read_scale(table, where="study.toml")
    encoded = prepare_study(settings.study)
    return scale(settings, encoded, runs=folder / name, results=folder / "results", **options)


def without_seconds(results):
    results = json.loads(json.dumps(results))
    for curve in results["curves"]:
        for point in curve["points"]:
            del point["train_seconds"]
    return results


def test_every_size_is_met_run_recorded_and_judged(table_of, tmp_path, in_this_process):
    results = run(table_of(), tmp_path)
    (curve,) = results["curves"]
    assert curve["curve"] == "mlp" and curve["along"] == ["size"]
    assert [point["label"] for point in curve["points"]] == ["mlp-100", "mlp-300", "mlp-1k", "mlp-3k"]
    for point, target in zip(curve["points"], SIZES["targets"], strict=True):
        assert abs(point["size"] - target) <= 0.2 * target and point["size"] == point["parameters"]["dense"]
        for seed in point["seeds"]:
            place = tmp_path / "results" / "log" / "random-8-1-1" / point["label"] / f"seed-{seed['seed']}.json"
            assert RunRecord.load(place).test["auc"] == seed["auc"]
    law = fit_power_law(
        [point["size"] for point in curve["points"]],
        [[seed["auc"] for seed in point["seeds"]] for point in curve["points"]],
        is_loss=False,
        draws=100,
    )
    assert curve["laws"]["auc"]["exponent"] == pytest.approx(
        [law.exponent.value, law.exponent.low, law.exponent.high], abs=1e-6
    )
    assert [part["factor"] for part in curve["extrapolation"]] == [2, 10, 100]
    far = law.at([100 * curve["points"][-1]["size"]])[0]
    assert curve["extrapolation"][-1]["auc"] == pytest.approx([far.value, far.low, far.high], abs=1e-6)
    text = write_scale(results, tmp_path / "out.json").read_text()
    assert str(tmp_path) not in text and len(text) < 60_000
    assert write_scaling_page(results, tmp_path / "page.html").read_text().count("<svg") == 2


def test_every_two_curves_on_the_same_data_are_compared(table_of, plant, tiny, tmp_path, in_this_process):
    models = [tiny.mlp(label, budget_setting="hidden") for label in ("one", "other")]
    results = run(table_of(model=models, data=[plant("log", rows=1000), plant("log2", rows=1000)]), tmp_path)
    (here, there), curves = results["slopes"], {(one["data"], one["curve"]): one for one in results["curves"]}
    assert [(pair["data"], pair["one"], pair["other"]) for pair in (here, there)] == [
        ("log", "one", "other"),
        ("log2", "one", "other"),
    ]
    for pair in (here, there):
        slopes = [curves[pair["data"], name]["saturation"]["slope"]["difference"] for name in ("one", "other")]
        assert pair["difference"] == pytest.approx(slopes[0] - slopes[1])
        assert pair["verdict"] == "not told apart" and pair["p_holm"] >= pair["p_value"]
    few = table_of(model=models, budget=SIZES | {"targets": SIZES["targets"][:2]})
    assert run(few, tmp_path)["slopes"] == []


def test_shares_of_the_training_rows_make_a_curve_along_rows(table_of, tmp_path, in_this_process):
    table = table_of(budget={}, scale={"axis": "rows", "data_shares": [0.1, 0.3, 1.0], "draws": 100})
    (curve,) = run(table, tmp_path)["curves"]
    rows = [point["train_rows"] for point in curve["points"]]
    assert rows == [point["size"] for point in curve["points"]] == sorted(rows)
    assert rows[-1] == pytest.approx(800, rel=0.1) and rows[0] == pytest.approx(0.1 * rows[-1], rel=0.3)
    assert curve["laws"] == {} and "needs at least 4 sizes" in curve["no_law"]
    assert len({point["parameters"]["dense"] for point in curve["points"]}) == 1


def test_a_size_beyond_this_machine_is_refused_unbuilt_and_the_rest_is_judged(
    table_of, tmp_path, in_this_process, monkeypatch
):
    monkeypatch.setattr(budget_file, "free_memory_bytes", lambda: 10**10)
    table = table_of(budget=SIZES | {"targets": [100, 300, 1000, 10**12]})
    settings = read_scale(table, where="study.toml")
    encoded = prepare_study(settings.study)
    plan = plan_scale(settings, encoded, runs=tmp_path / "runs", processes=1)
    assert [one.entrant.target for one in plan.study.entrants] == [100, 300, 1000]
    assert [(one.target, one.is_asked) for one in plan.paper] == [(10**12, True), (10**13, False), (10**14, False)]
    assert plan.paper[0].memory == 16 * 10**12
    assert plan.paper[0].minutes == pytest.approx(plan.study.entrants[-1].minutes * 10**9)
    (curve,) = run(table, tmp_path)["curves"]
    assert [point["size"] is None for point in curve["points"]] == [False, False, False, True]
    reason = curve["points"][-1]["failed"][0]["reason"]
    assert "1,000,000,000,000 parameters need 16,000.0 GB of memory" in reason and "10.0 GB are free" in reason
    assert curve["saturation"]["slope"] is not None


def test_each_size_may_be_tuned_equally_often(table_of, tmp_path, in_this_process):
    table = table_of(search={"model.dropout": {"choices": [0.0, 0.3]}})
    table["study"] |= {"trials": 2, "seeds": [0]}
    results = run(table, tmp_path)
    trials = sorted((tmp_path / "runs").rglob("trial.json"))
    assert len(trials) == 2 * len(SIZES["targets"]) and results["trials"] == 2
    settings = read_scale(table, where="study.toml")
    encoded = prepare_study(settings.study)
    for runs, results_of, left in (
        ("runs", None, 0),  # all is there
        ("none", tmp_path / "results", 1),  # the choices are, and no run
        ("none", None, 3),
    ):
        plan = plan_scale(settings, encoded, runs=tmp_path / runs, results=results_of, processes=1)
        assert [one.left for one in plan.study.entrants] == [left] * len(SIZES["targets"])


def test_a_killed_study_goes_on_repeats_nothing_and_says_the_same(tiny, table_of, tmp_path):
    table = table_of(budget=SIZES | {"targets": [100, 300, 1000]})
    (tmp_path / "study.toml").write_text(tomli_w.dumps(table))

    def start(name):
        words = ["scale", tmp_path / "study.toml", "--processes", "2", "--runs", tmp_path / name]
        words += ["--results", tmp_path / f"{name}-results"]
        return subprocess.Popen(
            [sys.executable, "-m", "tamis", *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def finished():
        # Not into the runs' own folders, where checkpoints come and go while one looks.
        return sorted(tmp_path.glob("killed/tiny/log/*/seed-*/record.json"))

    killed = start("killed")
    waited = time.monotonic()
    while len(finished()) < 2 and time.monotonic() - waited < 200:
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    done = {path: path.stat().st_mtime_ns for path in finished()}
    assert len(done) >= 2 and not (tmp_path / "killed-results" / "tiny.json").exists()
    for name in ("killed", "whole"):
        process = start(name)
        assert process.wait(300) == 0, process.communicate()[1]
        process.communicate()
    assert {path: path.stat().st_mtime_ns for path in done} == done
    both = [json.loads((tmp_path / f"{name}-results" / "tiny.json").read_text()) for name in ("killed", "whole")]
    assert without_seconds(both[0]) == without_seconds(both[1])
    assert (tmp_path / "whole" / "tiny" / "scaling.html").exists()

    # From the scores alone, without the data: the same bytes.
    shutil.rmtree(tmp_path / "d")
    tiny.judge_again("scale", tmp_path)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "whole-results" / "tiny.json").read_bytes()


def made_up_runs(settings, folder, gains, *, seed, rows=2000):
    """Final runs whose scores tell more the larger their gain, as if each size had been trained.

    What a row meets and what it costs are made up too, other than the size and growing with it.
    """
    generator = np.random.default_rng(seed)
    labels = generator.random(rows) < 0.4
    common = labels + generator.normal(size=rows)
    for point, gain in zip(settings.points(), gains, strict=True):
        own = common + gain * labels + 0.2 * generator.normal(size=rows)
        place = point.entrant.folder(folder)
        for number in point.entrant.seeds:
            scores = (own + 0.1 * generator.normal(size=rows)).astype(np.float32)
            (place / f"seed-{number}").mkdir(parents=True)
            np.save(place / f"seed-{number}" / "scores.npy", scores[:, None])
            np.save(place / f"seed-{number}" / "labels.npy", labels[:, None].astype(np.float32))
            RunRecord(
                dataset="log",
                split="random-8-1-1",
                model="mlp",
                seed=number,
                settings=point.entrant.settings.with_seed(number).to_table(),
                rows={"train": 10, "test": rows},
                test={"auc": float(roc_auc_score(labels, scores)), "log_loss": 0.5 + 0.01 * generator.normal()},
                valid={"auc": 0.5},
                best={"epoch": 1},
                timings={"train_seconds": 1.0},
            ).save(place / f"seed-{number}" / "record.json")
        target = point.entrant.target
        size = {"dense": target, "embedding": 8, "active": target + 5, "flops": 2 * target, "closed_flops": 2 * target}
        chosen = {"size": size, "values": {}, "settings": point.entrant.settings.to_table()}
        (place / "chosen.json").write_text(json.dumps(chosen))


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("parameters", [100, 300, 1000, 3000]),
        ("all_parameters", [108, 308, 1008, 3008]),
        ("active", [105, 305, 1005, 3005]),
        ("flops", [200, 600, 2000, 6000]),
    ],
)
def test_the_sizes_of_a_curve_are_those_of_its_axis(table_of, tmp_path, axis, expected):
    settings = read_scale(table_of(scale={"axis": axis, "draws": 100}), where="study.toml")
    made_up_runs(settings, tmp_path, [0, 0.1, 0.2, 0.3], seed=5)
    (curve,) = judge_scale(settings, tmp_path)["curves"]
    assert [point["size"] for point in curve["points"]] == expected
    assert curve["fitted"]["size"][0] == expected[0] and curve["extrapolation"][0]["size"] == 2 * expected[-1]


@pytest.mark.parametrize(("axis", "part"), [("parameters", 1.0), ("all_parameters", 1.5), ("flops", 3.0)])
def test_a_model_that_chose_its_fields_has_the_size_of_its_runs(table_of, tmp_path, axis, part):
    table = table_of(scale={"axis": axis, "draws": 100})
    table["model"][0]["worth"] = {"threshold": 2.5}
    settings = read_scale(table, where="study.toml")
    made_up_runs(settings, tmp_path, [0, 0.1, 0.2, 0.3], seed=6)
    for point in settings.points():
        for number in point.entrant.seeds:
            had = point.entrant.target // 2 + (-1) ** number  # not every seed leaves out the same
            costs = {"parameters": {"dense": had, "embedding": had // 2}, "flops": {"forward_per_row": 3 * had}}
            rewrite(point.entrant.folder(tmp_path) / f"seed-{number}", "record.json", lambda r, c=costs: r.update(c))
    (curve,) = judge_scale(settings, tmp_path)["curves"]
    halves = [target // 2 for target in SIZES["targets"]]
    assert [point["size"] for point in curve["points"]] == pytest.approx([part * half for half in halves], abs=1)
    assert [point["parameters"]["dense"] for point in curve["points"]] == halves


def test_the_verdicts_and_numbers_are_those_of_the_analysis(table_of, tmp_path):
    table = table_of(
        budget=SIZES | {"targets": [100, 1000, 10_000, 100_000, 1_000_000]}, scale={"threshold": 0.02, "draws": 100}
    )
    table["model"] = [{**table["model"][0], "label": label} for label in ("rises", "stops")]
    table["study"] |= {"seeds": [0, 1, 2]}
    settings = read_scale(table, where="study.toml")
    gains = [*np.linspace(0, 1.2, 5), 0, 0.6, 1.2, 1.2, 1.2]
    made_up_runs(settings, tmp_path, gains, seed=1, rows=20_000)
    found = {curve["curve"]: curve for curve in judge_scale(settings, tmp_path)["curves"]}
    assert found["rises"]["saturation"]["verdict"] == "still gains"
    assert found["stops"]["saturation"]["verdict"] == "saturates"
    assert found["stops"]["saturation"]["from_size"] == 10_000
    points = settings.curves()["log", "rises"]
    sides = []
    for point in points:
        places = [point.entrant.folder(tmp_path) / f"seed-{seed}" for seed in (0, 1, 2)]
        labels = np.load(places[0] / "labels.npy")[:, 0]
        sides.append(auc_side(labels, np.stack([np.load(place / "scores.npy")[:, 0] for place in places])))
    expected = judge_saturation([point.entrant.target for point in points], sides, threshold=0.02)
    assert found["rises"]["saturation"]["slope"]["difference"] == expected.slope.difference
    assert found["rises"]["saturation"]["slope"]["low"] == expected.slope.low


def rewrite(folder, name, change):
    """Change what one file says, as ``change`` does."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


def test_a_point_that_could_not_be_chosen_again_has_failed_with_the_reason(table_of, tmp_path):
    settings = read_scale(table_of(), where="study.toml")
    made_up_runs(settings, tmp_path, [0, 0.1, 0.2, 0.3], seed=2)
    last = settings.points()[-1].entrant.folder(tmp_path)
    (last / "chosen.json").write_text('{"trials": 0, "reason": "too large for this machine"}')
    (curve,) = judge_scale(settings, tmp_path)["curves"]
    assert [point["auc"] is None for point in curve["points"]] == [False, False, False, True]
    assert {failed["reason"] for failed in curve["points"][-1]["failed"]} == {"too large for this machine"}


def test_a_data_set_that_has_not_run_does_not_keep_the_others_from_a_verdict(table_of, plant, tmp_path):
    table = table_of(data=[plant("log"), plant("later")])
    settings = read_scale(table, where="study.toml")
    made_up_runs(settings, tmp_path, [0, 0.1, 0.2, 0.3] * 2, seed=3)
    shutil.rmtree(tmp_path / "later")
    results = judge_scale(settings, tmp_path)
    curves = {curve["data"]: curve for curve in results["curves"]}
    assert curves["log"]["laws"].keys() == {"auc", "log_loss"} and curves["log"]["best"] == "mlp-3k"
    assert curves["later"]["best"] is None and curves["later"]["laws"] == {}
    assert [len(point["failed"]) for point in curves["later"]["points"]] == [2] * 4
    assert "has not been run yet" in write_scaling_page(results, tmp_path / "page.html").read_text()


def test_no_law_is_fitted_to_an_auc_that_is_not_defined(table_of, tmp_path):
    settings = read_scale(table_of(), where="study.toml")
    made_up_runs(settings, tmp_path, [0, 0.1, 0.2, 0.3], seed=4)
    for path in tmp_path.rglob("record.json"):
        rewrite(path.parent, path.name, lambda record: record["test"].update(auc=None))
    results = judge_scale(settings, tmp_path)
    (curve,) = results["curves"]
    assert curve["laws"].keys() == {"log_loss"} and "AUC of a run is not defined" in curve["no_law"]
    assert curve["best"] is None and curve["log_loss_slope"] is not None
    text = write_scaling_page(results, tmp_path / "page.html").read_text()
    assert text.count("×<small>") == 3 and text.count("<svg") == 1
    for path in tmp_path.rglob("record.json"):
        rewrite(path.parent, path.name, lambda record: record["test"].update(log_loss=None))
    (curve,) = judge_scale(settings, tmp_path)["curves"]
    assert curve["laws"] == {} and curve["log_loss_slope"] is None


def test_what_has_not_run_is_said(table_of, tmp_path):
    with pytest.raises(DataError, match=r"study.toml: no run has ended, .*has not been run yet"):
        judge_scale(read_scale(table_of(), where="study.toml"), tmp_path)


def test_a_comparison_does_not_take_a_scaling_study_for_its_own(table_of, tmp_path):
    with pytest.raises(ConfigError, match="a study has no part 'scale'"):
        read_study(table_of(), where="study.toml")
