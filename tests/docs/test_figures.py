"""Figures within sentences: each is made from a record, and a sentence has no other."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUOTED = {
    "3.11": "the Python that is needed",
    "0.001": "what the SSR paper counts as near zero, and the bound below which a curve saturates",
}
PAIR = {"one": "fm-1k", "other": "mlp-1k", "difference": -0.02, "low": -0.03, "high": 0.004, "verdict": "worse"}


@pytest.fixture
def figures(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "docs")
    from tables import figures, scaling

    def line(label, auc):
        return {"label": label, "model": f"{label}-1k", "name": label, "auc": auc, "outside": False}

    ranking = [line("mlp", 0.72), line("lr", 0.71), line("fm", 0.70), line("afn", None)]
    for place, one in enumerate(ranking):
        one["chosen_trial"] = place
    tests = [
        PAIR,
        {**PAIR, "one": "mlp-1k", "other": "lr-1k", "difference": 0.01, "verdict": "better"},
        {**PAIR, "one": "fm-1k", "other": "lr-1k", "difference": -0.01, "verdict": "not told apart"},
    ]
    contest = {"data": "log", "target": 1000, "ranking": ranking, "tests": tests, "real": True}
    verdicts = json.dumps({"data_sets": [contest], "real_sets": 6, "ssr_first_or_tied_real_sets": 4})
    (tmp_path / "verdicts.json").write_text(verdicts)
    (tmp_path / "studies" / "start").mkdir(parents=True)
    (tmp_path / "studies" / "start" / "verdicts.json").write_text(verdicts)
    slope = {"difference": 0.005, "low": 0.004, "high": 0.0061}
    (tmp_path / "scaling").mkdir()
    points = [{"target": 100, "auc": 0.71}, {"target": 1000, "auc": 0.73}]
    curves = {"curves": [{"curve": "mlp", "saturation": {"slope": slope}, "points": points}], "slopes": [PAIR]}
    (tmp_path / "scaling" / "s.json").write_text(json.dumps(curves))
    for module in (figures, scaling):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    yield figures
    for name in [name for name in sys.modules if name.split(".")[0] in ("tables", "generate")]:
        sys.modules.pop(name)


def test_a_gap_is_that_of_the_first_whichever_the_test_names_first(figures):
    assert figures.figure("gap log/1k mlp fm") == "0.0200 [-0.0040, 0.0300]"
    assert figures.figure("gap log/1k fm mlp") == "-0.0200 [-0.0300, 0.0040]"
    assert figures.figure("gap start:log/1k fm mlp") == "-0.0200 [-0.0300, 0.0040]"


def test_a_model_takes_so_many_times_as_long_by_the_medians_of_its_seeds(figures, monkeypatch):
    speeds = {"mlp": (90.0, 100.0, 500.0), "fm": (20.0, 40.0, 60.0)}

    def records(place, label):
        return [SimpleNamespace(timings={"rows_per_second": speed}) for speed in speeds[label]]

    monkeypatch.setattr(figures, "_records", records)
    assert figures.figure("times_as_long log/1k fm mlp") == "2.5"


def test_seeds_that_were_best_at_their_last_epoch_are_counted(figures, monkeypatch):
    def records(place, label):
        settings = {"training": {"epochs": 10}}
        return [SimpleNamespace(best={"epoch": epoch}, settings=settings) for epoch in (9, 10, 10)]

    monkeypatch.setattr(figures, "_records", records)
    assert figures.figure("at_last_epoch log/1k fm mlp") == "4 of 6"


def test_networks_that_kept_their_first_trial_are_counted_and_what_has_no_size_is_not(figures):
    assert figures.figure("kept_first_trial log/1k") == "1 of 2"


def test_a_point_of_a_curve_is_that_of_its_size(figures):
    assert figures.figure("grown s mlp 1k") == "0.7300"


def test_distances_of_pairs_have_no_sign(figures):
    assert figures.figure("gaps log/1k fm:mlp mlp:lr") == "0.0100 to 0.0200"
    assert figures.figure("spread log/1k fm mlp lr") == "0.0200"


def test_who_is_told_better_is_named_and_who_failed_is_not(figures):
    assert figures.figure("told better log/1k mlp") == "`lr` and `fm`"
    assert figures.figure("told worse log/1k fm") == "`mlp`"
    with pytest.raises(AssertionError, match="lr is told better than no model of log/1k"):
        figures.figure("told better log/1k lr")


def test_pairs_that_are_told_and_intervals_that_leave_zero_out_are_counted(figures):
    assert figures.figure("told_pairs log/1k") == "2 of 3"
    assert figures.figure("beyond_zero log/1k") == "0 of 3"  # all three reach from below zero to 0.004


def test_an_auc_a_count_and_a_slope(figures):
    assert figures.figure("auc log/1k mlp") == "0.7200"
    assert figures.figure("real_sets") == "4 of 6"
    assert figures.figure("slope s mlp") == "0.0050 [0.0040, 0.0061]"


def test_a_single_model_is_first_or_tied_on_so_many_real_sets(figures, tmp_path):
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    [contest] = verdicts["data_sets"]
    for line, word in zip(contest["ranking"], ("best", "not told apart", "worse", "failed"), strict=True):
        line["against_best"] = word
    verdicts["data_sets"] += [{**contest, "real": False}, {**contest, "target": 5000}, contest]
    (tmp_path / "verdicts.json").write_text(json.dumps(verdicts))
    assert [figures.figure(f"tied 1k {name}") for name in ("mlp", "lr", "fm")] == ["2 of 2", "2 of 2", "0 of 2"]


def test_a_difference_of_slopes_is_that_of_the_first_whichever_the_pair_names_first(figures):
    assert figures.figure("slope_gap s fm-1k mlp-1k") == "-0.0200 [-0.0300, 0.0040]"
    assert figures.figure("slope_gap s mlp-1k fm-1k") == "0.0200 [-0.0040, 0.0300]"


def test_real_gaps_are_from_the_best_of_others_to_the_best_ssr_as_published(figures, tmp_path):
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    aucs = {"ssr_s_worth": 0.9, "ssr_s_paper": 0.715, "ssr_d_paper": 0.7}
    own = [
        {"label": label, "model": label, "name": label[:5], "auc": auc, "outside": False} for label, auc in aucs.items()
    ]
    verdicts["data_sets"][0]["ranking"] += own
    (tmp_path / "verdicts.json").write_text(json.dumps(verdicts))
    assert figures.figure("real_gaps 1k") == "-0.0050 to -0.0050"


def test_a_document_is_filled_in_and_what_is_around_a_figure_stays(figures):
    from generate import render

    text = "A gap of <!-- = gap log/1k mlp fm -->1 [2,\n3]<!-- end -->, and <!-- = auc log/1k mlp --><!-- end -->."
    assert render(text) == (
        "A gap of <!-- = gap log/1k mlp fm -->0.0200 [-0.0040, 0.0300]<!-- end -->, "
        "and <!-- = auc log/1k mlp -->0.7200<!-- end -->."
    )


@pytest.mark.parametrize("name", ["README.md", "docs/results.md", "docs/beyond.md"])
def test_a_sentence_has_no_figure_that_no_record_made(name):
    text = (ROOT / name).read_text()
    prose = re.sub(r"<!-- (generated: |= ).*?<!-- end -->", "", text, flags=re.DOTALL)
    prose = re.sub(r"```.*?```|`[^`]*`|\(arXiv[^)]*\)|\b\d{4}\.\d{4,5}\b", "", prose, flags=re.DOTALL)
    assert set(re.findall(r"\d\.\d{2,}", prose)) - set(QUOTED) == set()


@pytest.mark.parametrize("path", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=lambda path: path.name)
def test_no_line_begins_with_a_figure(path):
    """Markdown takes such a line for a block of HTML, and ends the paragraph before it."""
    assert re.findall(r"^ *<!-- = .*", path.read_text(), flags=re.MULTILINE) == []
