"""What documents show of records: a table that is up to date may still be wrong."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

TESTS = [{"one": "mlp", "other": "ssr_s-1m", "difference": 0.02, "low": 0.01, "high": 0.04, "verdict": "better"}]


@pytest.fixture(autouse=True)
def tables(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "docs")
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "tables"]:
        sys.modules.pop(name)


def test_a_difference_is_that_of_the_first_whichever_a_test_names_first():
    from tables.studies import difference

    assert difference(TESTS, "mlp", "ssr_s-1m") == ("+0.0200 [+0.0100, +0.0400]", "better")
    assert difference(TESTS, "ssr_s-1m", "mlp") == ("-0.0200 [-0.0400, -0.0100]", "worse")


def test_the_resolution_with_all_seeds_is_that_of_the_verdicts_and_with_fewer_is_coarser():
    from tables.studies import resolution_with, table_contests

    from tamis.record import resolution

    for contest in table_contests():
        seeds, held = len(contest["ranking"][0]["seeds"]), resolution(contest)
        assert resolution_with(contest, seeds=seeds) == pytest.approx(held, rel=1e-4)
        assert seeds == 3 or resolution_with(contest, seeds=3) > 1.5 * held


def test_trained_stands_before_untrained_and_both_are_means():
    from tables.lab import _trained_and_not

    layers = [{"trained": {"x": a}, "untrained": {"x": 0.5}} for a in (0.1, 0.3)]
    assert _trained_and_not(layers, "x") == "20.0% (50.0%)"


def test_an_arrow_says_that_all_seeds_moved_one_way_beyond_chance():
    from tables.lab import _trained_and_not

    def cell(trained, fresh=(0.5, 0.5, 0.5)):
        pairs = zip(trained, fresh, strict=True)
        return _trained_and_not([{"trained": {"x": a}, "untrained": {"x": b}} for a, b in pairs], "x")

    assert cell((0.6, 0.61, 0.59)) == "60.0% (50.0%) ↑"
    assert cell((0.4, 0.41, 0.39)) == "40.0% (50.0%) ↓"
    assert cell((0.5, 0.9, 0.4)) == "60.0% (50.0%)"


def test_milliseconds_are_medians_over_seeds_and_only_of_one_thread(monkeypatch):
    from tables import lab

    def seed(middle, threads=1, split="given"):
        own = {"gathered": [1, middle, 9], "dense": [2, 4.0, 9]}
        whole = {"as_it_is": [1, 10 * middle, 99], "without_filter": [1, 50.0, 99]}
        return {
            **{"dataset": "log", "split": split, "machine": {"torch_threads": threads}},
            "milliseconds": {"rows": 1024, "model": whole, "blocks": {"body": own}},
            "filters": [{"name": "body", "kind": "static", "width": 32, "d_in": 128}],
        }

    inspected = [("ssr_s", [seed(1.0), seed(3.0), seed(2.0)]), ("mlp", [seed(1.0, threads=2)])]
    monkeypatch.setattr(lab, "inspected", lambda: inspected)
    (alone,) = lab.milliseconds_table().splitlines()[2:]
    assert alone == "| log | `ssr_s` | 1,024 | 20 | 50 | 1 | 25% | 2 | 4 |  |  |"
    inspected.append(("ssr_s", [seed(2.0, split="last-10")]))
    lines = lab.milliseconds_table().splitlines()[2:]
    assert lines == [alone.replace("| log |", f"| log, {split} |") for split in ("given", "last-10")]


def test_what_a_first_block_reads_of_some_fields_is_their_sum_in_the_mean_of_its_views(tmp_path):
    from tables.lab import kept_shares

    sources = ["signal_1", "noise_1", "signal_2"]
    for seed, views in enumerate(([[0.2, 0.6, 0.2], [0.5, 0.5, 0.0]], [[0.0, 1.0, 0.0], [0.1, 0.9, 0.0]])):
        filters = [{"sources": sources, "kept": views}, {"sources": ["view 1"], "kept": [[1.0]]}]
        (tmp_path / f"seed-{seed}.json").write_text(json.dumps({"filters": filters}))
    assert kept_shares(tmp_path, "signal_") == pytest.approx([0.45, 0.05])


def test_the_share_of_named_fields_is_their_sum_over_the_seeds_that_list_them_all(monkeypatch):
    from tables import lab

    def seed(*kept, names=("signal_1", "noise_1", "signal_2")):
        fields = {"names": list(names), "untrained": [0.1, 0.8, 0.1]}
        fields |= {"trained": [0.2, 0.6, 0.2], "on_rows": [0.3, 0.5, 0.2]}
        sieve = {"kind": "dynamic", "reads_fields": True, "sources": fields["names"], "kept": list(kept)}
        layer = {"name": "projection", "reads_fields": True, "fields": fields}
        return {"dataset": "log", "layers": [layer], "filters": [sieve]}

    whole = [seed([0.2, 0.6, 0.2], [0.4, 0.2, 0.4]), seed([0.3, 0.4, 0.3], [0.3, 0.4, 0.3])]
    folded = seed([0.9, 0.1, 0.0], names=("signal_1", "noise_1", "3 others"))
    inspected = [("ssr_d", [*whole, folded]), ("ssr_s", [whole[0], folded]), ("mlp", [{"dataset": "another"}])]
    monkeypatch.setattr(lab, "inspected", lambda: inspected)
    assert lab.signal_table("log", ["signal_1", "signal_2"]).splitlines()[2:] == [
        "| `ssr_d` | `projection` | 2 | 20.0% | 40.0% [40.0%, 40.0%] | 50.0% [50.0%, 50.0%] | 60.0% [60.0%, 60.0%] |"
    ]


def test_first_tied_and_worse_are_counted_over_real_sets_at_the_smallest_budget(monkeypatch):
    from tables import studies

    def contest(*words, target=1000, real=True, p_of_b=0.03):
        names = ("a", "b", "c")
        ranking = [
            {"label": name, "model": f"{name}-1k", "auc": 0.7, "outside": False, "against_best": word}
            for name, word in zip(names, words, strict=True)
        ]
        tests = [
            {"one": "a-1k", "other": "b-1k", "p": p_of_b},
            {"one": "c-1k", "other": "a-1k", "p": 0.001},
            {"one": "b-1k", "other": "c-1k", "p": 0.5},
        ]
        return {"target": target, "real": real, "ranking": ranking, "tests": tests}

    contests = [
        contest("best", "not told apart", "worse"),
        contest("best", "not told apart", "not told apart", p_of_b=0.3),
        contest("worse", "best", "worse", target=5000),
        contest("worse", "worse", "best", real=False),
    ]
    monkeypatch.setattr(studies, "table_contests", lambda: contests)
    # b: Holm over two pairs leaves its p of 0.03 below 0.05 on the first set, and 0.3 above it on the second.
    assert studies.first_or_tied_table().splitlines()[2:] == [
        "| `a` | 2 | 2 | 0 | 0 | 0 |",
        "| `b` | 2 | 0 | 2 | 0 | 1 |",
        "| `c` | 2 | 0 | 1 | 1 | 2 |",
    ]


def test_a_law_stands_with_its_intervals_and_too_few_sizes_are_said(monkeypatch):
    from tables import scaling

    law = {"limit": [0.8, 0.79, 0.81], "exponent": [0.5, 0.1, 0.9], "is_identified": False}
    tenfold = {"factor": 10, "size": 30_000, "auc": [0.79, 0.78, 0.8]}
    curves = [
        {"curve": "mlp", "laws": {"auc": law}, "extrapolation": [{**tenfold, "factor": 2}, tenfold], "points": [1] * 4},
        {"curve": "lr", "laws": None, "points": [1] * 3},
    ]
    monkeypatch.setattr(scaling, "read", lambda study: {"curves": curves})
    assert scaling.laws_table("s").splitlines()[2:] == [
        "| `mlp` | 0.8000 [0.7900, 0.8100] | 0.50 [0.10, 0.90] | 0.7900 [0.7800, 0.8000] at 30,000 "
        "| limit and exponent not identified |",
        "| `lr` | | | | no law of three numbers from 3 sizes |",
    ]


def test_what_a_static_view_reads_is_its_width_over_its_input(tmp_path):
    from tables.static_views import _shares

    from tamis.record import RunRecord

    run = RunRecord(
        dataset="log",
        split="given",
        model="ssr_s",
        seed=0,
        settings={"model": {"dim": 4, "views": [2, 3], "widths": [6, 3]}},
        unseen={"user": 0, "item": 5, "hour": 0},
    )
    assert _shares(run.save(tmp_path / "seed-0.json")) == [6 / 12, 3 / 12]


def test_what_choosing_by_test_would_feign_stands_beside_the_honest_figure(tmp_path):
    from tables.studies import selection_table

    gain = {"test_auc_of_the_chosen": 0.70, "test_auc_if_chosen_on_test": 0.72, "gain": 0.02}
    line = {"label": "mlp", "auc": 0.701, "low": 0.69, "high": 0.71, "against_best": "worse", "selection_gain": gain}
    (tmp_path / "v.json").write_text(json.dumps({"data_sets": [{"data": "log", "ranking": [line]}]}))
    assert selection_table(tmp_path / "v.json").splitlines()[2:] == [
        "| log | `mlp` | 0.7010 [0.6900, 0.7100] | worse | 0.7000 | 0.7200 | +0.0200 |"
    ]


def test_a_pair_stands_with_its_difference_on_every_data_set(tmp_path):
    from tables.studies import pairs_table

    contests = [{"data": name, "tests": TESTS} for name in ("a", "b")]
    (tmp_path / "verdicts.json").write_text(json.dumps({"data_sets": contests}))
    gap = "-0.0200 [-0.0400, -0.0100] worse"
    assert pairs_table(tmp_path / "verdicts.json", [("ssr_s-1m", "mlp")]).splitlines() == [
        "| model | beside | a | b |",
        "|---|---|---|---|",
        f"| `ssr_s-1m` | `mlp` | {gap} | {gap} |",
    ]


def test_narrower_views_stand_in_order_with_what_they_read(tmp_path, monkeypatch):
    from tables import static_views

    from tamis.record import RunRecord

    aucs = {"static": 0.7, "many": 0.72, "few": 0.69}
    for label, views, width in (("static", 8, 6), ("many", 32, 3), ("few", 2, 12)):
        settings = {"model": {"dim": 4, "views": [views], "widths": [width]}}
        run = RunRecord(
            dataset="log", split="given", model=label, seed=0, settings=settings, unseen=dict.fromkeys("abc", 0)
        )
        run.save(tmp_path / "studies" / "s" / "log" / "given" / label / "seed-0.json")
    tests = [
        {"one": "static", "other": "many", "difference": -0.02, "low": -0.03, "high": -0.01, "verdict": "worse"},
        {"one": "few", "other": "static", "difference": -0.01, "low": -0.02, "high": 0.0, "verdict": "not told apart"},
    ]
    ranking = [{"model": label, "auc": auc} for label, auc in aucs.items()]
    contest = {"data": "log", "dataset": "log", "split": "given", "ranking": ranking, "tests": tests}
    (tmp_path / "studies" / "s" / "verdicts.json").write_text(json.dumps({"data_sets": [contest]}))
    monkeypatch.setattr(static_views, "RESULTS", tmp_path)
    assert static_views.narrower_views_table("s", ["static", "many", "few"]).splitlines()[2:] == [
        "| 2 | 100%, 0.6900: -0.0100 [-0.0200, +0.0000] not told apart |",
        "| 8 | 50%, 0.7000 |",
        "| 32 | 25%, 0.7200: +0.0200 [+0.0100, +0.0300] better |",
    ]


def test_zeros_of_a_filter_are_those_after_its_last_iteration():
    from tables.lab import _zeros_behind

    zeros = {"trained": {"zeros": [[0.5, 0.5], [0.6, 0.8]]}, "untrained": {"zeros": [[0.5, 0.5], [0.5, 0.6]]}}
    seed = {"relu_layers": [], "filters": [{"name": "block", "kind": "dynamic", **zeros}]}
    assert _zeros_behind([seed], "block.projection") == "70.0% (55.0%)"
    assert _zeros_behind([seed], "head") == ""


def test_the_contexts_that_seeds_found_and_what_they_leave_out():
    from tables.worth import contexts

    def seed(name, *left_out):
        fields = [{"name": f"f{place}", "kept": True, "left_out_in": part} for place, part in enumerate(left_out)]
        return [{"name": name, "kept": True, "values": ["a", "b"]}, *fields, {"name": "g", "kept": False}]

    none = [{"name": "f0", "kept": True}]
    assert contexts([seed("slot", ["a"], []), seed("slot", ["a", "b"], [])]) == "slot: 38%"
    assert (
        contexts([seed("slot", ["a"]), none, seed("time", [])]) == "slot: 50% (1 of 3 seeds), time: 0% (1 of 3 seeds)"
    )
    assert contexts([none]) == "none found"


def test_kept_fields_are_counted_seed_by_seed():
    from tables.worth import kept_fields

    seeds = [[{"kept": True}, {"kept": False}, {"kept": False}], [{"kept": True}, {"kept": True}, {"kept": False}]]
    assert kept_fields(seeds) == "1 to 2 of 3"
    assert kept_fields(seeds[:1]) == "1 of 3"


def test_a_size_that_has_not_run_is_an_empty_cell_and_a_gain_stands_with_its_interval(tmp_path, monkeypatch):
    from tables import scaling

    def curve(name, aucs, slope):
        points = [{"target": target, "auc": auc} for target, auc in aucs.items()]
        return {"curve": name, "points": points, "saturation": {"verdict": "still gains", "slope": slope}}

    gain = {"difference": 0.00214, "low": -0.001, "high": 0.0053}
    pair = {"one": "mlp", "other": "ssr_s", **gain, "verdict": "gains less"}
    results = {
        "curves": [curve("mlp", {3_000: None, 1_000: 0.7}, gain), curve("ssr_s", {3_000: 0.75}, None)],
        "slopes": [pair],
    }
    (tmp_path / "scaling").mkdir()
    (tmp_path / "scaling" / "s.json").write_text(json.dumps(results))
    monkeypatch.setattr(scaling, "RESULTS", tmp_path)
    head, _, *lines = scaling.growth_table("s").splitlines()
    assert head.startswith("| model | 1,000 | 3,000 |")
    assert lines == [
        "| `mlp` | 0.7000 |  | +0.0021 [-0.0010, +0.0053] | still gains |",
        "| `ssr_s` |  | 0.7500 |  | still gains |",
    ]
    assert scaling.slopes_table("s").splitlines()[2] == (
        "| `mlp` | `ssr_s` | +0.0021 [-0.0010, +0.0053] | gains less |"
    )


def test_a_part_of_batch_norm_stands_with_its_gain_over_none_seed_by_seed(tmp_path, monkeypatch):
    from tables import one_by_one

    aucs = {"none": (0.5, 0.7), "centre": (0.6, 0.9)}
    runs = [
        {"model": "mlp", "variant": variant, "seed": seed, "valid_auc": auc}
        for variant, pair in aucs.items()
        for seed, auc in enumerate(pair)
    ]
    place = tmp_path / "studies" / "input-norm"
    place.mkdir(parents=True)
    (place / "parts.json").write_text(json.dumps({"runs": runs}))
    monkeypatch.setattr(one_by_one, "RESULTS", tmp_path)
    # Gains of 0.1 and 0.2: their mean's standard error is 0.05, and t of one degree of freedom 12.7062.
    assert one_by_one.batch_norm_parts_table().splitlines()[2:] == [
        "| none | 0.6000 |",
        "| centre | 0.7500: +0.1500 [-0.4853, +0.7853] |",
    ]


def test_what_a_model_promises_stands_beside_its_gain_as_tuned_seed_by_seed(tmp_path, monkeypatch):
    from tables import one_by_one

    def run(variant, seed, auc, ratio):
        numbers = {"auc": auc, "normalised_entropy": 0.9, "calibration_ratio": ratio}
        return {
            "model": "ssr_s",
            "variant": variant,
            "seed": seed,
            **numbers,
            "calibration_ratio_in_training": 2 * ratio,
        }

    # The second variant was run again, its second seed first.
    runs = [run("as tuned", 0, 0.5, 0.3), run("as tuned", 1, 0.7, 0.5), run("base rate", 1, 0.9, 1.2)]
    runs.append(run("base rate", 0, 0.6, 1.0))
    (tmp_path / "studies" / "start").mkdir(parents=True)
    (tmp_path / "studies" / "start" / "calibration.json").write_text(json.dumps({"runs": runs}))
    monkeypatch.setattr(one_by_one, "RESULTS", tmp_path)
    assert one_by_one.calibration_parts_table().splitlines()[2:] == [
        "| `ssr_s` | as tuned | 0.40 | 0.80 | 0.900 | 0.6000 |",
        "| `ssr_s` | base rate | 1.10 | 2.20 | 0.900 | 0.7500: +0.1500 [-0.4853, +0.7853] |",
    ]


def test_a_change_stands_beside_the_model_without_it(tmp_path, monkeypatch):
    from tables import probabilities

    names = ("ssr_s", "ssr_s-both")
    ranking = [{"label": name, "model": name, "auc": auc} for name, auc in zip(names, (0.7, 0.72), strict=True)]
    test = {"one": "ssr_s", "other": "ssr_s-both", "difference": -0.02, "low": -0.03, "high": -0.01, "verdict": "worse"}
    contest = {"data": "log", "dataset": "log-1", "split": "given", "ranking": ranking, "tests": [test]}
    place = tmp_path / "studies" / "start"
    place.mkdir(parents=True)
    (place / "verdicts.json").write_text(json.dumps({"data_sets": [contest]}))
    monkeypatch.setattr(probabilities, "RESULTS", tmp_path)

    def records(where, told, label):
        assert (where, told) == (place, contest)
        numbers = [(0.98, 0.3), (1.02, 0.5)] if label == "ssr_s" else [(0.9, 0.97), (0.92, 1.03)]
        return [SimpleNamespace(test={"normalised_entropy": n, "calibration_ratio": r}) for n, r in numbers]

    monkeypatch.setattr(probabilities, "_records", records)
    assert probabilities.start_table().splitlines()[2:] == [
        "| log | `ssr_s` | both | 0.7000 → 0.7200 | +0.0200 [+0.0100, +0.0300] | better | 1.000 → 0.910 | 0.40 → 1.00 |"
    ]
