"""The page of a comparison, from verdicts alone."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from tamis.record import pair_test, resolution
from tamis.reports import write_comparison
from tamis.reports.verdict_plots import draw_matrix, draw_ranking, draw_small_ranking

PUBLISHED = Path(__file__).parents[2] / "results" / "verdicts.json"

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
        **{"p_holm": 0.0001 if verdict == "better" else 0.4, "told_from": 0.0061, "verdict": verdict},
        **{"bootstrap_low": difference - 0.003, "bootstrap_high": difference + 0.002},
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
        **{"level": 0.05, "correction": "Holm over all pairs of a data set and budget"},
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
    assert page.tags["svg"] == 6 and page.tags["script"] == 0 and "http" not in text
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
        "Half of the models would be told apart from the best by a difference of 0.0061 or more.",
        "told from 0.0061",
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
    both = verdicts(contest(), contest(tuned_at=300_000, target=1_000_000))
    for found, said in (
        (verdicts(contest(tuned_at=300_000, target=1_000_000)), [f" {note}"]),
        (verdicts(contest(tuned_at=300_000)), []),
        # Beside another budget it says of which it speaks; what holds of both is said once, and of no budget.
        (both, [f"1,000,000 dense parameters: {note}", "TrainingError: nan mlp: its size was left as it is"]),
    ):
        path = write_comparison(found, tmp_path / "verdicts.html")
        text = " ".join(page_of.Page(path.read_text(encoding="utf-8")).text.split())
        assert (note in text) is bool(said)
        assert all(sentence in text for sentence in said)
        assert text.count("its size was left as it is") == 1


def test_the_difference_to_the_best_has_its_sign_whichever_side_a_test_names_first(tmp_path):
    path = write_comparison(verdicts(contest()), tmp_path / "verdicts.html")
    rows = re.findall(r"<tr>(.*?)</tr>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    cells = {row.partition("</th>")[0]: row for row in rows}
    (outside,) = [row for head, row in cells.items() if "outside reference" in head]
    assert "+0.0100<small>[+0.0060, +0.0140]" in outside and "<small>p &lt; 0.001</small>" in outside
    assert "<td><small>[+0.0070, +0.0120]</small></td>" in outside
    (own,) = [row for head, row in cells.items() if "ssr_d" in head and "small" in row and "swatch" in head]
    assert "-0.0200<small>[-0.0240, -0.0160]" in own and "p 0.400" in own
    assert "<td><small>[-0.0220, -0.0170]</small></td>" in own


def test_budgets_stand_side_by_side_and_what_waits_is_named_with_its_reason(tmp_path, page_of):
    larger = contest(target=1_000_000)
    reason = f"a comparison needs at least two rows of each class; got 1 of the rarer one {HOSTILE}"
    waiting = {"study": "s", "data": "frappe", "budget": "parameters", "target": 300_000, "reason": reason}
    path = write_comparison(verdicts(contest(), larger, waiting=[waiting]), tmp_path / "verdicts.html")
    page = page_of.Page(path.read_text(encoding="utf-8"))
    assert page.ids["data-adult"] == 1 and page.tags["section"] == 1 and page.tags["svg"] == 6
    assert f"frappe, 300,000 dense parameters: {reason}" in page.text and "1 not judged yet" in page.text
    assert "not judged" not in write_comparison(verdicts(contest()), path).read_text()


def test_pictures_come_first_and_long_tables_are_folded_away(tmp_path):
    long = contest(
        ranking=[*contest()["ranking"], *(line(f"m{n}", None, "failed") for n in range(3))], target=1_000_000
    )
    text = write_comparison(verdicts(contest(), long), tmp_path / "verdicts.html").read_text(encoding="utf-8")
    assert text.index("<svg") < text.index("<details") < text.index("<table")
    without = re.sub(r"<details.*?</details>", "", text, flags=re.DOTALL)
    assert "<table" not in without and without.count("<svg") == 4  # the matrices are folded with the tables
    assert re.findall(r"<details( open)?><summary>(\S+) dense parameters: every model", text) == [
        (" open", "300,000"),
        ("", "1,000,000"),
    ]


def test_one_contest_needs_no_small_pictures_of_others(tmp_path):
    text = write_comparison(verdicts(contest()), tmp_path / "verdicts.html").read_text(encoding="utf-8")
    assert '<div class="panels' not in text and "The same in numbers" not in text and text.count("<svg") == 2


def test_the_level_and_the_correction_of_the_verdicts_are_said(tmp_path):
    for found in (verdicts(contest()), verdicts(contest(), contest("frappe"))):
        said = found | {"level": 0.01, "correction": "a rule of ours"}
        text = write_comparison(said, tmp_path / "verdicts.html").read_text(encoding="utf-8")
        assert text.count("A word is told at a level of 1 %, corrected by a rule of ours.") == 1


def panels_of(text):
    """The words of each small panel, its picture left out, in the order of the page."""
    panels = re.search(r'<div class="panels contests">(.*?)</div>', text, flags=re.DOTALL)
    assert panels is not None
    words = re.sub(r"<svg.*?</svg>|<[^>]*>", " ", panels[1], flags=re.DOTALL)
    figures = re.split(r"(?=\badult \d|\bfrappe \d|\bplanted \d)", " ".join(words.split()))
    return [figure.strip() for figure in figures if figure.strip()]


def test_a_panel_says_who_is_first_what_is_tied_with_it_and_where_ssr_stands(tmp_path):
    won = contest("frappe", ranking=[line("ssr_s", 0.82, "best"), line("mlp", 0.79, "worse")])
    won |= {"tests": [pair("mlp-300k", "ssr_s-300k", -0.03, "worse")]}
    many = [line("fm", 0.82, "best"), *(line(f"ssr_{n}", 0.81, "not told apart") for n in range(6))]
    tests = [pair("fm-300k", one["model"], 0.01, "not told apart") for one in many[1:]]
    tests += [pair(one["model"], other["model"], 0, "not told apart") for one in many[1:] for other in many[1:]]
    crowd = contest("planted", real=False, ranking=many, tests=tests, target=None, budget="none")
    crowd |= {"target": 1_000_000, "budget": "parameters"}
    text = write_comparison(verdicts(crowd, contest(), won), tmp_path / "verdicts.html").read_text(encoding="utf-8")
    assert panels_of(text) == [  # real data first; the reference from outside, above all, has no place
        "adult 300 k dense parameters SSR tied dcn_v2 0.8100 first, not told apart from ssr_d "
        "ssr_d 0.8000 place 2 of 4, -0.0200 [-0.0240, -0.0160]",
        "frappe 300 k dense parameters SSR first ssr_s 0.8200 first, told apart from all others "
        "mlp 0.7900 best other, -0.0300 [-0.0340, -0.0260]",
        "planted 1 M dense parameters, made up SSR tied fm 0.8200 first, not told apart from any of 6 others "
        "ssr_0 0.8100 place 2 of 7, -0.0100 [-0.0140, -0.0060]",
    ]


def scale_of(picture):
    """From a place in a picture to the AUC that it stands for, by the numbers below the axis."""
    ticks = [
        (float(x), float(text))
        for x, text in re.findall(r'text-anchor: middle[^>]*x="([\d.]+)"[^>]*>([\d.]+)<', picture)
    ]
    (x0, auc0), (x1, auc1) = ticks[0], ticks[-1]

    def auc(x):
        return auc0 + (float(x) - x0) * (auc1 - auc0) / (x1 - x0)

    return auc


def read_back(picture):
    """What a picture shows of each model, from the top: ends of its bar and its dot as AUC, colour, whether full."""
    auc = scale_of(picture)
    bars = re.findall(r'd="M ([\d.]+) ([\d.]+) \nL ([\d.]+) [\d.]+ \n"[^>]*stroke-opacity: 0.35', picture)
    ends = {float(y): (auc(low), auc(high)) for low, y, high in bars}
    marks = re.findall(
        r'<use [^>]*x="([\d.]+)" y="([\d.]+)" style="fill: var\(--([\w-]+)\); stroke: var\(--(series-\d)\)', picture
    )
    return [
        (ends[float(y)][0], auc(x), ends[float(y)][1], colour, fill != "card")
        if float(y) in ends
        else (colour, fill != "card")
        for x, y, fill, colour in sorted(marks, key=lambda mark: float(mark[1]))
    ]


def shown(ranking):
    """The same from what the verdicts hold."""
    return [
        (
            *(one[key] for key in ("low", "auc", "high")),
            "series-0" if one["name"].startswith("ssr") else "series-6",
            one["against_best"] in ("best", "not told apart"),
        )
        for one in ranking
        if one["auc"] is not None
    ]


def band_of(picture):
    """From where to where the band before the best is; None where none is drawn."""
    found = re.findall(r'd="M ([\d.-]+) [\d.]+ \nL ([\d.]+) [^"]*"[^>]*style="fill: var\(--line\)', picture)
    return tuple(scale_of(picture)(x) for x in found[0]) if found else None


@pytest.mark.parametrize("draw", [draw_ranking, draw_small_ranking])
def test_the_band_before_the_best_is_as_wide_as_the_contest_is_blind(draw):
    for contest in json.loads(PUBLISHED.read_text())["data_sets"]:
        ranking = [one for one in contest["ranking"] if one["auc"] is not None]
        best = next(one["auc"] for one in ranking if one["against_best"] == "best")
        seen = band_of(str(draw(ranking, name="p", title="t", resolution=resolution(contest))))
        assert seen == pytest.approx((best - resolution(contest), best), abs=2e-6)
        assert band_of(str(draw(ranking, name="p", title="t"))) is None


@pytest.mark.parametrize("draw", [draw_ranking, draw_small_ranking])
def test_every_number_of_the_published_pictures_is_that_of_the_verdicts(draw):
    contests = json.loads(PUBLISHED.read_text())["data_sets"]
    assert len(contests) >= 14
    for contest in contests:
        ranking = [one for one in contest["ranking"] if one["auc"] is not None]
        found = read_back(str(draw(ranking, name="p", title="t")))
        assert len(found) == len(ranking)
        for seen, held in zip(found, shown(ranking), strict=True):
            if len(seen) == 2:  # an arrow, of which only colour and filling are shown
                assert seen == held[3:] and held[0] < min(one[0] for one in found if len(one) == 5)
            else:
                assert seen[3:] == held[3:]
                assert seen[:3] == pytest.approx(held[:3], abs=2e-6)


def test_the_pictures_of_a_page_are_those_of_its_contests_in_its_order(tmp_path):
    """What a panel of the page shows is what its contest holds."""
    found = json.loads(PUBLISHED.read_text())
    text = write_comparison(found, tmp_path / "verdicts.html").read_text(encoding="utf-8")
    panels = re.findall(
        r'<figure class="card">\n<h3><a href="#data-([\w-]+)">.*?(<svg.*?</svg>)(.*?)</figure>', text, flags=re.DOTALL
    )
    assert len(panels) == len(found["data_sets"])
    left = list(found["data_sets"])
    for data, picture, words in panels:
        contest = next(one for one in left if one["data"] == data)
        left.remove(contest)
        seen = [one[1] for one in read_back(picture) if len(one) == 5]
        aucs = [one["auc"] for one in contest["ranking"] if one["auc"] is not None]
        assert seen == pytest.approx(aucs[: len(seen)], abs=2e-6)
        best = next(one for one in contest["ranking"] if one["against_best"] == "best")
        assert f"<strong>{best['label']}</strong> {best['auc']:.4f}" in words
        own = next(one for one in contest["ranking"] if one["name"].startswith("ssr"))
        assert f"<strong>{own['label']}</strong> {own['auc']:.4f}" in words
        if own is not best:
            gap = pair_test(contest["tests"], own["model"], best["model"])
            assert f"{gap['difference']:+.4f} <span>[{gap['low']:+.4f}, {gap['high']:+.4f}]" in words


@pytest.mark.parametrize(("count", "numbers"), [(3, [1, 2, 3]), (14, list(range(1, 15))), (22, [1, 5, 10, 15, 20])])
def test_the_numbers_of_a_matrix_do_not_run_together(count, numbers):
    ranking = [line(f"m{n}", 0.8, "best") for n in range(count)]
    tests = [pair(f"m{n}-300k", f"m{m}-300k", 0.0, "better") for n in range(count) for m in range(n + 1, count)]
    picture = str(draw_matrix(ranking, tests, name="matrix", title="Verdicts"))
    assert [int(number) for number in re.findall(r">(\d+)</text>", picture)] == numbers
    assert re.findall(r">m\d+ (\d+)</text>", picture) == [str(n + 1) for n in range(count)]


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


def test_seeds_that_learned_nothing_are_said_where_others_learned(tmp_path):
    """The interval of such a model is so wide that nothing is told of it, however far it lies behind."""

    def page(best_auc, other_seed):
        aucs = (0.5, other_seed, 0.504)
        seeds = [{"seed": seed, "auc": auc, "log_loss": 0.5, "valid": auc} for seed, auc in enumerate(aucs)]
        ranking = [line("dcn_v2", best_auc, "best"), line("masknet", sum(aucs) / 3, "not told apart", seeds=seeds)]
        tests = [pair("dcn_v2-300k", "masknet-300k", best_auc - sum(aucs) / 3, "not told apart")]
        return write_comparison(verdicts(contest(ranking=ranking, tests=tests)), tmp_path / "page.html").read_text()

    assert "masknet: of 3 seeds 2 learned nothing, at AUC 0.5" in page(0.81, 0.7)
    assert "learned nothing" not in page(0.54, 0.53), "where nothing can be learned, all are at 0.5"
