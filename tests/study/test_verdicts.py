"""Verdicts from scores whose truth is known."""

import contextlib
import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tamis.analysis import bootstrap_aucs, compare_auc, holm
from tamis.errors import ConfigError, DataError
from tamis.record import RunRecord, pair_test
from tamis.study import check_replaces_no_fuller, judge, read_study, write_verdicts
from tamis.study import verdicts as verdicts_file


@pytest.fixture
def made(tmp_path):
    """A study of which every final run is made up: scores by data set and label, ``(seeds, rows)``."""

    def make(labels, scores, *, names=None, reals=None, outside=(), **study):
        everyone = list(next(iter(scores.values())))
        table = {
            "study": {"name": "made", "seeds": [0, 1, 2], "bootstrap_draws": 20, **study},
            "data": [{"name": name, "recipe": "adult", "real": (reals or {}).get(name, True)} for name in scores],
            "model": [
                {"name": (names or {}).get(label, "mlp"), "label": label} for label in everyone if label not in outside
            ],
            "reference": [{"name": "lightgbm", "label": label} for label in outside],
        }
        for data, sides in scores.items():
            for label, runs in sides.items():
                for seed, side in enumerate(runs):
                    write_run(tmp_path / data / label / f"seed-{seed}", labels[data], side, seed=seed)
        return read_study(table, where="study.toml")

    return make


def write_run(folder, labels, scores, *, seed):
    folder.mkdir(parents=True)
    np.save(folder / "scores.npy", scores[:, None].astype(np.float32))
    np.save(folder / "labels.npy", labels[:, None].astype(np.float32))
    auc = float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else None
    record = RunRecord(
        dataset="adult",
        split="random-8-1-1",
        model="mlp",
        seed=seed,
        rows={"test": len(labels)},
        test={"auc": auc, "log_loss": 0.5},
        valid={"auc": 0.5},
        timings={"train_seconds": 1.0},
    )
    record.save(folder / "record.json")


def draw(generator, *, rows=300, gains=(0.0, 0.0, 0.0), own=0.6):
    """Labels, and scores of models a, b, c: a common signal, noise of each model, noise of each seed."""
    labels = generator.random(rows) < 0.4
    common = labels + generator.normal(size=rows)
    sides = {}
    for label, gain in zip("abc", gains, strict=True):
        side = common + gain * labels + own * generator.normal(size=rows)
        sides[label] = side + 0.3 * generator.normal(size=(3, rows))
    return labels, sides


def test_models_that_are_equal_are_seldom_told_apart(made, tmp_path):
    """A false alarm in any of the three pairs of a data set: at most 5 % of 100 data sets, give or take chance."""
    generator = np.random.default_rng(0)
    drawn = {f"d{number}": draw(generator) for number in range(100)}
    study = made(
        {name: labels for name, (labels, _) in drawn.items()}, {name: side for name, (_, side) in drawn.items()}
    )
    contests = judge(study, tmp_path)["data_sets"]
    alarms = sum(any(test["verdict"] != "not told apart" for test in contest["tests"]) for contest in contests)
    assert alarms <= 12  # of 100 with a chance of 0.05 each, more come once in a thousand times


def test_a_planted_difference_is_found_and_named_the_right_way_round(made, tmp_path):
    labels, sides = draw(np.random.default_rng(1), rows=3000, gains=(0.0, 1.5, 0.0))
    study = made({"log": labels}, {"log": sides})
    (contest,) = judge(study, tmp_path)["data_sets"]
    assert [line["model"] for line in contest["ranking"]][0] == "b"
    words = {line["model"]: line["against_best"] for line in contest["ranking"]}
    assert words == {"b": "best", "a": "worse", "c": "worse"}
    words = {pair: pair_test(contest["tests"], *pair)["verdict"] for pair in ("ba", "ab", "ac")}
    assert words == {"ba": "better", "ab": "worse", "ac": "not told apart"}


def test_the_numbers_are_those_of_the_analysis(made, tmp_path):
    labels, sides = draw(np.random.default_rng(2), gains=(0.3, 0.0, 0.1))
    sides = {label: side.astype(np.float32) for label, side in sides.items()}
    (contest,) = judge(made({"log": labels}, {"log": sides}), tmp_path)["data_sets"]
    assert len(contest["tests"]) == 3
    expected = [compare_auc(labels, sides[test["one"]], sides[test["other"]]) for test in contest["tests"]]
    for test, result in zip(contest["tests"], expected, strict=True):
        assert (test["difference"], test["low"], test["high"]) == (result.difference, result.low, result.high)
        assert 3 * result.spread.chance_beyond(test["told_from"]) == pytest.approx(verdicts_file.LEVEL, rel=1e-6)
        one, other = bootstrap_aucs(labels, [sides[test["one"]], sides[test["other"]]], draws=20)
        low, high = np.percentile(one - other, [2.5, 97.5])
        assert (test["bootstrap_low"], test["bootstrap_high"]) == pytest.approx((low, high), abs=1e-12)
    assert [test["p_holm"] for test in contest["tests"]] == holm([result.p_value for result in expected])
    for line in contest["ranking"]:
        values = [roc_auc_score(labels, scores) for scores in sides[line["model"]]]
        assert line["auc"] == pytest.approx(np.mean(values), abs=1e-12)
        assert line["low"] < line["auc"] < line["high"]
        assert [one["auc"] for one in line["seeds"]] == pytest.approx(values)


def test_real_sets_are_counted_where_an_ssr_model_is_first_or_tied(made, tmp_path):
    generator = np.random.default_rng(3)
    gains = {"won": (2.0, 0, 0), "tied": (0.0, 0, 0), "lost": (0.0, 2.0, 0), "planted": (2.0, 0, 0)}
    drawn = {name: draw(generator, rows=1500, gains=gain) for name, gain in gains.items()}
    study = made(
        {name: labels for name, (labels, _) in drawn.items()},
        {name: sides for name, (_, sides) in drawn.items()},
        names={"a": "ssr_s"},
        reals={"planted": False},
    )
    verdicts = judge(study, tmp_path)
    assert verdicts["real_sets"] == 3
    assert verdicts["ssr_first_or_tied_real_sets"] == 2
    assert verdicts["ssr_first_or_tied_names"] == ["won", "tied"]
    assert verdicts["data_sets"][3]["ssr_first_or_tied"]


@pytest.mark.parametrize(
    ("names", "outside", "not_run", "real_sets"),
    [
        ({"a": "ssr_s"}, (), "", 1),
        ({"a": "ssr_s", "b": "ssr_d", "c": "ssr_d"}, (), "", 0),
        ({}, (), "", 0),
        ({"a": "ssr_s", "b": "ssr_d"}, ("c",), "", 0),
        ({"a": "ssr_s"}, (), "a", 0),
        ({"a": "ssr_s"}, (), "bc", 0),
    ],
)
def test_only_contests_of_ssr_models_with_others_say_whether_ssr_is_first(
    names, outside, not_run, real_sets, made, tmp_path
):
    labels, sides = draw(np.random.default_rng(14), gains=(2.0, 0.0, 0.0))
    sides = {label: side[:0] if label in not_run else side for label, side in sides.items()}
    verdicts = judge(made({"log": labels}, {"log": sides}, names=names, outside=outside), tmp_path)
    assert verdicts["real_sets"] == verdicts["ssr_first_or_tied_real_sets"] == real_sets


def test_what_did_not_run_is_listed_with_its_reason_and_the_rest_is_judged(made, tmp_path):
    labels, sides = draw(np.random.default_rng(4))
    sides["b"], sides["c"] = sides["b"][:2], sides["c"][:0]
    study = made({"log": labels}, {"log": sides})
    (tmp_path / "log" / "b" / "seed-2").mkdir()
    (tmp_path / "log" / "b" / "seed-2" / "failed.json").write_text('{"reason": "TrainingError: the loss is nan"}')
    (contest,) = judge(study, tmp_path)["data_sets"]
    lines = {line["model"]: line for line in contest["ranking"]}
    assert lines["b"]["failed"] == [{"seed": 2, "reason": "TrainingError: the loss is nan"}]
    assert len(lines["b"]["seeds"]) == 2
    assert lines["c"]["against_best"] == "failed" and lines["c"]["auc"] is None
    assert [one["reason"] for one in lines["c"]["failed"]] == ["has not been run yet"] * 3
    assert contest["ranking"][-1]["model"] == "c"
    assert [(test["one"], test["other"]) for test in contest["tests"]] == [
        tuple(x["model"] for x in contest["ranking"][:2])
    ]


def test_records_of_older_settings_do_not_count_where_none_could_be_chosen_now(made, tmp_path):
    labels, sides = draw(np.random.default_rng(13))
    study = made({"log": labels}, {"log": sides})
    (tmp_path / "log" / "b" / "chosen.json").write_text('{"trials": 2, "reason": "all 2 trials failed"}')
    (tmp_path / "log" / "b" / "seed-0" / "failed.json").write_text('{"reason": "an older one"}')
    (contest,) = judge(study, tmp_path)["data_sets"]
    lines = {line["model"]: line for line in contest["ranking"]}
    assert lines["b"]["against_best"] == "failed" and len(lines["a"]["seeds"]) == 3
    assert [one["reason"] for one in lines["b"]["failed"]] == ["all 2 trials failed"] * 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_other_test_rows_are_refused_whichever_seed_has_them(made, tmp_path, seed):
    labels, sides = draw(np.random.default_rng(5))
    study = made({"log": labels}, {"log": sides})
    np.save(tmp_path / "log" / "b" / f"seed-{seed}" / "labels.npy", 1.0 - labels[:, None])
    with pytest.raises(DataError, match=r"was scored on other test rows than .*Remove the older"):
        judge(study, tmp_path)


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_what_is_farther_apart_than_it_says_is_told_and_what_is_nearer_is_not_where_nothing_else_is(share):
    """The same pair again, moved to a little less and a little more than that, in a family of hundreds."""
    labels, sides = draw(np.random.default_rng(3), rows=2000)
    found = compare_auc(labels, sides["a"], sides["b"])
    least = verdicts_file.told_from(found, family=276)
    assert least is not None and least > found.high - found.difference > abs(found.difference)
    moved = found.spread.chance_beyond(share * least)
    others = [found.spread.chance_beyond(found.difference)] * 275
    assert (holm([moved, *others])[0] < verdicts_file.LEVEL) is (share > 1)


def test_one_seed_each_tells_nothing_apart(made, tmp_path):
    labels, sides = draw(np.random.default_rng(1), rows=3000, gains=(0.0, 1.5, 0.0))
    sides = {label: side[:1] for label, side in sides.items()}
    verdicts = judge(made({"log": labels}, {"log": sides}, names={"a": "ssr_s"}, seeds=[0]), tmp_path)
    (contest,) = verdicts["data_sets"]
    assert contest["ssr_first_or_tied"] and verdicts["real_sets"] == verdicts["ssr_first_or_tied_real_sets"] == 0
    assert {test["verdict"] for test in contest["tests"]} == {"not told apart"}
    assert {test["seeds_error"] for test in contest["tests"]} == {None}
    assert min(test["p"] for test in contest["tests"]) < 1e-6, "by the rows alone"
    assert {test["told_from"] for test in contest["tests"]} == {None}


def test_a_run_of_other_settings_than_the_study_has_now_does_not_count(made, tmp_path):
    labels, sides = draw(np.random.default_rng(15))
    study = made({"log": labels}, {"log": sides})
    (entrant,) = [one for one in study.entrants() if one.label == "b"]
    own = entrant.settings.to_table()
    other = {**own, "training": {**own["training"], "epochs": 77}}
    for chosen, ran, counted in ((own, own, 3), (own, other, 0), (other, other, 0)):
        (tmp_path / "log" / "b" / "chosen.json").write_text(json.dumps({"values": {}, "settings": chosen}))
        for seed in range(3):
            path = tmp_path / "log" / "b" / f"seed-{seed}" / "record.json"
            settings = {**ran, "training": {**ran["training"], "seed": seed}}
            path.write_text(json.dumps({**json.loads(path.read_text()), "settings": settings}))
        (contest,) = judge(study, tmp_path)["data_sets"]
        (line,) = [line for line in contest["ranking"] if line["model"] == "b"]
        assert len(line["seeds"]) == counted
        reasons = {one["reason"] for one in line["failed"]}
        assert reasons == (
            set() if counted else {"was run with other settings than the study has now; start the study again"}
        )


def test_a_data_set_of_one_class_waits_and_the_others_are_judged(made, tmp_path):
    labels, sides = draw(np.random.default_rng(16))
    study = made({"log": labels, "lone": np.arange(len(labels)) < 1}, {"log": sides, "lone": sides})
    verdicts = judge(study, tmp_path)
    assert [contest["data"] for contest in verdicts["data_sets"]] == ["log"]
    (waiting,) = verdicts["waiting"]
    assert waiting["reason"].startswith("a comparison needs at least two rows of each class; got 1 of the rarer one.")


def test_nothing_to_judge_is_said(made, tmp_path):
    labels, sides = draw(np.random.default_rng(6))
    study = made({"log": labels}, {"log": {label: side[:0] for label, side in sides.items()}})
    with pytest.raises(DataError, match=r"study.toml: there is nothing to judge \(log: a: has not been run yet"):
        judge(study, tmp_path)


def test_the_same_scores_give_the_same_bytes(made, tmp_path):
    labels, sides = draw(np.random.default_rng(7))
    study = made({"log": labels}, {"log": sides})
    for number in (1, 2):
        write_verdicts(judge(study, tmp_path), tmp_path / f"{number}.json")
    first, second = ((tmp_path / f"{number}.json").read_bytes() for number in (1, 2))
    assert first == second
    write_verdicts(judge(study, tmp_path), tmp_path / "1.json")  # added to itself
    assert (tmp_path / "1.json").read_bytes() == second

    def refuse(constant):
        raise AssertionError(constant)

    json.loads(first, parse_constant=refuse)


def test_a_reference_is_tested_and_ranked_but_the_best_is_a_model(made, tmp_path):
    labels, sides = draw(np.random.default_rng(8), rows=3000, gains=(0.0, 0.8, 3.0))
    study = made({"log": labels}, {"log": sides}, names={"b": "ssr_s"}, outside=("c",))
    verdicts = judge(study, tmp_path)
    (contest,) = verdicts["data_sets"]
    words = [(line["model"], line["outside"], line["against_best"]) for line in contest["ranking"]]
    assert words == [("c", True, "better"), ("b", False, "best"), ("a", False, "worse")]
    assert len(contest["tests"]) == 3
    # The trees are better than SSR, and that says nothing of SSR among the models.
    assert contest["ssr_first_or_tied"] and verdicts["ssr_first_or_tied_names"] == ["log"]
    assert contest["ranking"][0]["trees"] == {"trees": None, "leaves": None} and contest["ranking"][1]["trees"] is None


def test_a_reference_called_like_ours_wins_nothing_for_us(made, tmp_path):
    labels, sides = draw(np.random.default_rng(9), rows=3000, gains=(0.0, 2.0, 0.0))
    sides = {"ssr_like": sides["c"], "a": sides["a"], "b": sides["b"]}
    study = made({"log": labels}, {"log": sides}, outside=("ssr_like",))
    assert not judge(study, tmp_path)["data_sets"][0]["ssr_first_or_tied"]


def test_a_data_set_of_which_no_model_has_ended_waits_and_the_others_are_judged(made, tmp_path):
    labels, sides = draw(np.random.default_rng(10))
    later = {
        label: side if label == "c" else side[:0] for label, side in sides.items()
    }  # of c alone, which is no model
    study = made({"log": labels, "later": labels}, {"log": sides, "later": later}, outside=("c",))
    verdicts = judge(study, tmp_path)
    assert [contest["data"] for contest in verdicts["data_sets"]] == ["log"]
    (waiting,) = verdicts["waiting"]
    assert waiting["data"] == "later" and waiting["reason"] == "a: has not been run yet; b: has not been run yet"


def test_a_verdict_among_some_models_takes_no_place_of_a_fuller_one(made, tmp_path):
    labels, sides = draw(np.random.default_rng(12))
    study = made({"log": labels}, {"log": sides}, outside=("c",))
    some, out = study.only(labels=["a", "b"]), tmp_path / "verdicts.json"
    check_replaces_no_fuller(some, out)
    write_verdicts(judge(some, tmp_path), out)
    check_replaces_no_fuller(some, out)
    write_verdicts(judge(study, tmp_path), out)
    check_replaces_no_fuller(study, out)
    message = (
        r"its verdict on 'log' is among 3 models, and this one would leave out 1 of them, as 'c'. Name another file"
    )
    with pytest.raises(ConfigError, match=message):
        check_replaces_no_fuller(some, out)


def test_a_verdict_with_some_seeds_takes_no_place_of_one_with_more(made, tmp_path):
    labels, sides = draw(np.random.default_rng(14))
    study, out = made({"log": labels}, {"log": sides}), tmp_path / "verdicts.json"
    write_verdicts(judge(study, tmp_path), out)
    message = r"has 3 seeds of 'a', and this one would leave out \[2\]. .* --set 'study.seeds=\[0, 1, 2\]'"
    with pytest.raises(ConfigError, match=message):
        check_replaces_no_fuller(with_seeds(study, 0, 1), out)
    check_replaces_no_fuller(with_seeds(study, 0, 1, 2, 3), out)


def with_seeds(study, *seeds):
    return dataclasses.replace(study, rules=dataclasses.replace(study.rules, seeds=seeds))


def test_a_verdict_takes_no_place_of_one_of_another_study(made, tmp_path):
    labels, sides = draw(np.random.default_rng(13))
    study, out = made({"log": labels}, {"log": sides}), tmp_path / "verdicts.json"
    content = judge(study, tmp_path)
    content["data_sets"][0]["study"] = "another"
    write_verdicts(content, out)
    message = (
        r"its verdict on 'log' is of the study 'another', and that of '.*' would take its place. Name another file"
    )
    with pytest.raises(ConfigError, match=message):
        check_replaces_no_fuller(study, out)


def test_several_studies_fill_one_file_and_a_newer_verdict_replaces_an_older(made, tmp_path):
    generator = np.random.default_rng(11)
    (first_labels, first), (labels, second) = (draw(generator, rows=1500, gains=(g, 0, 0)) for g in (2.0, 0.0))
    out = tmp_path / "verdicts.json"
    whole = made(
        {"one": first_labels, "two": labels}, {"one": first, "two": second}, names={"a": "ssr_d"}, outside=("c",)
    )
    write_verdicts(judge(whole.only(["one"]), tmp_path), out)
    merged = write_verdicts(judge(whole.only(["two"]), tmp_path), out)
    assert merged == json.loads(out.read_text()) == judge(whole, tmp_path)
    assert merged["real_sets"] == 2 and merged["ssr_first_or_tied_real_sets"] >= 1
    # Another budget of a data set is a contest of its own; SSR must hold in all of them.
    other = {**merged["data_sets"][0], "target": 5, "budget": "parameters", "ssr_first_or_tied": False}
    added = write_verdicts({"data_sets": [other], "waiting": []}, out)
    assert [(c["data"], c["target"]) for c in added["data_sets"]] == [("one", None), ("two", None), ("one", 5)]
    assert "one" in merged["ssr_first_or_tied_names"] and "one" not in added["ssr_first_or_tied_names"]
    again = write_verdicts({"data_sets": [{**other, "ssr_first_or_tied": True}], "waiting": []}, out)
    assert len(again["data_sets"]) == 3 and "one" in again["ssr_first_or_tied_names"]


def test_what_waited_and_is_judged_now_waits_no_more(made, tmp_path):
    labels, sides = draw(np.random.default_rng(12))
    judged = judge(made({"log": labels}, {"log": sides}), tmp_path)
    place = {key: judged["data_sets"][0][key] for key in ("study", "data", "budget", "target")}
    out = tmp_path / "verdicts.json"
    write_verdicts({"data_sets": [], "waiting": [{**place, "reason": "a: has not been run yet"}]}, out)
    assert write_verdicts(judged, out)["waiting"] == []


def test_studies_that_add_to_one_file_at_the_same_time_lose_nothing(tmp_path, monkeypatch):
    """Each would have read the file before the other wrote, if it were let."""
    out, both_have_read = tmp_path / "new" / "verdicts.json", threading.Barrier(2)
    read = verdicts_file._read_verdicts

    def read_and_wait(path):
        found = read(path)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_have_read.wait(timeout=0.3)
        return found

    def add(name):
        place = {"study": "s", "data": name, "budget": "none", "target": None}
        write_verdicts({"data_sets": [], "waiting": [{**place, "reason": "has not been run yet"}]}, out)

    add("first")
    monkeypatch.setattr(verdicts_file, "_read_verdicts", read_and_wait)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, ("second", "third")))
    assert sorted(one["data"] for one in json.loads(out.read_text())["waiting"]) == ["first", "second", "third"]
    assert [path.name for path in out.parent.iterdir()] == ["verdicts.json"]


@pytest.mark.parametrize("content", ['{"format": 2, "data_sets": []}', "no JSON", "[]"])
def test_a_file_that_holds_something_else_is_left_alone(tmp_path, content):
    out = tmp_path / "verdicts.json"
    out.write_text(content)
    with pytest.raises(DataError, match=r"must hold verdicts of format 4 to add others to them; .* --out"):
        write_verdicts({"data_sets": [], "waiting": []}, out)
    assert out.read_text() == content
