"""The page of a comparison, from verdicts alone."""

import importlib.util
import re
from pathlib import Path

import pytest

from tamis.reports import write_comparison
from tamis.reports.verdict_plots import draw_ranking

HOSTILE = "<script>alert(1)</script>&"


def line(label, auc, word, **changes):
    low, high = (None, None) if auc is None else (auc - 0.01, auc + 0.01)
    return {
        **{"model": f"{label}-300k", "label": label, "name": label, "outside": False, "against_best": word},
        **{"auc": auc, "low": low, "high": high, "log_loss": 0.5, "failed": [], "trees": None},
        "seeds": [{"seed": 0, "auc": auc, "log_loss": 0.5, "valid": auc}],
        "parameters": {"dense": 299_100, "embedding": 162_344, "active": 300_000},
        **{"flops": 600_000, "within_budget": True, "trials": 8, "failed_trials": [], "selection_gain": None},
        **{"chosen_values": {"training.dense.learning_rate": 0.00123}, "train_seconds": 12.0},
        **changes,
    }


def pair(one, other, difference, verdict):
    return {
        **{"one": one, "other": other, "difference": difference, "low": difference - 0.004, "high": difference + 0.004},
        **{"p_holm": 0.0001 if verdict == "better" else 0.4, "verdict": verdict},
    }


def contest(data="adult", **changes):
    ranking = [
        line("lightgbm", 0.82, "better", outside=True, model="lightgbm", trees={"trees": 211.0, "leaves": 6541.0}),
        line("dcn_v2", 0.81, "best"),
        line("ssr_d", 0.80, "not told apart", selection_gain={"gain": 0.0042}),
        line("mlp", 0.79, "worse", within_budget=False, failed_trials=[{"trial": 1, "reason": "TrainingError: nan"}]),
        line("lr", 0.5, "worse"),
        line("fm", None, "failed", log_loss=None, train_seconds=None, seeds=[])
        | {"failed": [{"seed": 0, "reason": f"killed by {HOSTILE}"}]},
    ]
    names = [one["model"] for one in ranking if one["auc"] is not None]
    tied = {"dcn_v2-300k", "ssr_d-300k"}
    tests = [
        pair(one, other, 0.01 * (n + 1), "not told apart" if {one, other} == tied else "better")
        for n, one in enumerate(names)
        for other in names[names.index(one) + 1 :]
    ]
    return {
        **{"study": "s", "data": data, "budget": "parameters", "target": 300_000, "tolerance": 0.05, "trials": 8},
        **{"dataset": data, "split": "random-8-1-1", "real": True, "positives": 1219, "ssr_first_or_tied": True},
        "rows": {"train": 8000, "valid": 1000, "test": 1000},
        **{"ranking": ranking, "tests": tests},
        **changes,
    }


def verdicts(*contests, waiting=()):
    return {
        **{"data_sets": list(contests), "waiting": list(waiting), "real_sets": 1},
        **{"ssr_first_or_tied_real_sets": 1, "ssr_first_or_tied_names": ["adult"]},
    }


@pytest.fixture(scope="module")
def page_of():
    """The reader of pages of the test beside this one, which fails on tags out of order."""
    spec = importlib.util.spec_from_file_location("test_page", Path(__file__).with_name("test_page.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_one_file_that_loads_nothing_and_runs_nothing(tmp_path, page_of):
    made_up = contest("planted", real=False)
    path = write_comparison(verdicts(contest(), made_up), tmp_path / "verdicts.html", title=HOSTILE)
    text = path.read_text(encoding="utf-8")
    page = page_of.Page(text)
    assert page.tags["svg"] == 4 and page.tags["script"] == 0 and "http" not in text
    assert not [name for _, name, _ in page.attributes if name in page_of.LOADING]
    assert max(page.ids.values()) == 1
    assert all(link[1:] in page.ids for _, name, link in page.attributes if name == "href")
    assert HOSTILE in page.text
    again = write_comparison(verdicts(contest(), made_up), tmp_path / "again.html", title=HOSTILE)
    assert again.read_bytes() == path.read_bytes()


def test_it_says_who_is_best_who_is_tied_and_what_stands_outside(tmp_path, page_of):
    path = write_comparison(verdicts(contest()), tmp_path / "verdicts.html")
    text = " ".join(page_of.Page(path.read_text(encoding="utf-8")).text.split())
    for sentence in (
        "SSR first or tied on 1 of 1 real data set",
        "dcn_v2 has the highest test AUC of the models: 0.8100. It is not told apart from ssr_d. It is better than mlp",
        "lightgbm, from outside, has 0.8200: better than the best model.",
        "211 trees, 6.54 k leaves",
        "fm, seed 0: killed by",
        "mlp: 1 of 8 trials failed, the first because: TrainingError: nan",
        "mlp: its size was left as it is, outside of the budget.",
        "+0.0042",
        "training.dense.learning_rate = 0.00123",
    ):
        assert sentence in text, sentence


def test_it_says_where_settings_of_another_size_were_kept(tmp_path, page_of):
    note = "Settings were chosen at 300,000 dense parameters, by 8 trials each, and kept at this size."
    for tuned_at, target, is_said in ((300_000, 1_000_000, True), (300_000, 300_000, False)):
        path = write_comparison(verdicts(contest(tuned_at=tuned_at, target=target)), tmp_path / "verdicts.html")
        assert (note in " ".join(page_of.Page(path.read_text(encoding="utf-8")).text.split())) is is_said


def test_the_difference_to_the_best_has_its_sign_whichever_side_a_test_names_first(tmp_path, page_of):
    path = write_comparison(verdicts(contest()), tmp_path / "verdicts.html")
    rows = re.findall(r"<tr>(.*?)</tr>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    cells = {row.partition("</th>")[0]: row for row in rows}
    (outside,) = [row for head, row in cells.items() if "outside reference" in head]
    assert "+0.0100<small>[+0.0060, +0.0140]" in outside and "<td>&lt; 0.001</td>" in outside
    (own,) = [row for head, row in cells.items() if "ssr_d" in head and "small" in row and "swatch" in head]
    assert "-0.0200<small>[-0.0240, -0.0160]" in own and "0.400" in own


def test_budgets_stand_side_by_side_and_what_waits_is_named(tmp_path, page_of):
    larger = contest(target=1_000_000)
    waiting = {"study": "s", "data": "frappe", "budget": "parameters", "target": 300_000, "reason": "not run"}
    path = write_comparison(verdicts(contest(), larger, waiting=[waiting]), tmp_path / "verdicts.html")
    page = page_of.Page(path.read_text(encoding="utf-8"))
    assert page.ids["data-adult"] == 1 and page.tags["section"] == 1 and page.tags["svg"] == 4
    assert "frappe, 300,000 parameters: no model's final run has ended" in page.text


def test_a_model_far_behind_is_an_arrow_and_leaves_the_others_their_room(tmp_path):
    text = write_comparison(verdicts(contest()), tmp_path / "verdicts.html").read_text(encoding="utf-8")
    first = text[text.index("<svg") : text.index("</svg>")]
    ticks = [float(number) for number in re.findall(r">(0\.\d+)</text>", first)]
    assert 0.5 in ticks  # the arrow's own number
    assert min(number for number in ticks if number != 0.5) > 0.6


def test_where_no_real_data_set_counts_nothing_is_said_of_them(tmp_path, page_of):
    none = verdicts(contest()) | {"real_sets": 0, "ssr_first_or_tied_real_sets": 0, "ssr_first_or_tied_names": []}
    page = page_of.Page(write_comparison(none, tmp_path / "verdicts.html").read_text(encoding="utf-8"))
    assert "SSR first or tied on" not in page.text


def drawn(*ranking):
    return str(draw_ranking(ranking, name="ranking", title="Test AUC"))


def test_an_interval_that_would_be_cut_is_an_arrow(tmp_path):
    """Of a model far behind, whose dot just falls into the room of the arrows."""
    near = [line("dcn_v2", 0.8, "best"), line("mlp", 0.799, "worse"), line("fm", 0.798, "worse")]
    far = line("lr", 0.7875, "worse", low=0.72, high=0.80)
    assert ">0.7875<" in drawn(*near, far)
    assert ">0.7875<" not in drawn(*near, far | {"low": 0.7872})


def test_the_best_and_what_is_not_told_apart_from_it_are_full_dots_the_others_rings():
    def rings(*words):
        models = [line(f"m{number}", 0.8 - 0.001 * number, word) for number, word in enumerate(words)]
        return drawn(*models).count("fill: var(--card)")

    assert rings("best", "worse") == rings("best", "worse", "not told apart") == 1
    assert rings("best", "not told apart") == 0


def test_long_labels_end_inside_of_the_picture():
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    from tamis.reports.svg import TEXT, WIDTH, shorten
    from tamis.reports.verdict_plots import _LABELS, _LETTERS

    text = shorten("ssr_d_without_competition", _LETTERS)
    width = TextPath((0, 0), text, prop=FontProperties(weight="bold", size=TEXT)).get_extents().width
    assert width + 0.03 * (WIDTH - _LABELS) < _LABELS
