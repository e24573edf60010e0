"""The page of a scaling study says what its results say, and no more."""

import copy
import re

import pytest

from tamis.errors import DataError
from tamis.reports import write_scaling_page

SIZES = [3_000, 10_000, 30_000, 100_000, 300_000]
HOSTILE = "<script>alert('1')</script>&"


def made_up_curve(label="mlp", *, limit=0.8, verdict="still gains", **changes):
    def law(size, spread):
        value = limit - 0.02 * (size / 3e4) ** -0.3
        return [value, value - spread, value + spread]

    def point(size, seeds):
        place = f"{label}-{size}"
        values = [{"seed": n, "auc": law(size, 0)[0] + 1e-3 * (n - 1), "log_loss": 0.5} for n in range(seeds)]
        return {
            "label": place,
            "size": size if seeds else None,
            "parameters": {"dense": size, "embedding": 43_216, "active": size + 32},
            "flops": 2 * size,
            "train_rows": 80_000,
            "auc": law(size, 0)[0] if seeds else None,
            "log_loss": 0.5 if seeds else None,
            "seeds": values,
            "failed": [] if seeds else [{"seed": 0, "reason": "TrainingError: will not fit"}],
            "train_seconds": 60.0 if seeds else None,
        }

    far = [*SIZES, 3_000_000, 30_000_000]
    slope = {"difference": 0.0123, "low": 0.0045, "high": 0.0234}
    return {
        "curve": label,
        "label": label,
        "data": "movielens-100k",
        "dataset": "movielens-100k",
        "split": "random-8-1-1",
        "test_rows": 10_031,
        "points": [*(point(size, 3) for size in SIZES), point(10**9, 0)],
        "laws": {
            metric: {
                "limit": [limit, limit - 0.01, limit + 0.01],
                "factor": [0.02, 0.01, 0.03],
                "exponent": [0.31, 0.21, 0.41],
                "centre": 3e4,
                "is_identified": True,
                "misfit": 0.61,
            }
            for metric in ("auc", "log_loss")
        },
        "no_law": None,
        "fitted": {
            "size": far,
            "auc": [law(size, 0.002) for size in far],
            "log_loss": [[0.5, 0.49, 0.51]] * len(far),
        },
        "extrapolation": [
            {"factor": f, "size": f * 300_000, "auc": law(f * 300_000, 0.004), "log_loss": [0.5, 0.48, 0.52]}
            for f in (2, 10, 100)
        ],
        "saturation": {
            "verdict": verdict,
            "reason": "surely more than nothing",
            "from_size": 30_000.0 if verdict == "saturates" else None,
            "window": [30_000.0, 300_000.0],
            "slope": slope,
            "overall": slope | {"difference": 0.0156},
        },
        "log_loss_slope": {"difference": -0.0071, "low": -0.0092, "high": -0.0052},
        **changes,
    }


def made_up_results(*curves):
    return {
        "format": 1,
        "study": "made up",
        "axis": "parameters",
        "threshold": 0.001,
        "trials": 0,
        "curves": list(curves) or [made_up_curve(), made_up_curve("ssr_s", limit=0.81, verdict="saturates")],
    }


@pytest.fixture
def draw(tmp_path):
    def drawn(results):
        return write_scaling_page(results, tmp_path / "scaling.html").read_text()

    return drawn


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))


def test_the_page_needs_nothing_but_itself(draw):
    page = draw(made_up_results())
    assert not re.findall(r"https?:|<script|<link|<img|@import|src=", page)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<svg") == 6  # both metrics of both curves together, and of each alone


def test_verdicts_laws_and_extrapolations_are_told_with_their_intervals(draw):
    text = text_of(draw(made_up_results()))
    assert "still gains: +0.0123 [+0.0045, +0.0234] AUC by ten times the size, from 30 k to 300 k" in text
    assert "saturates from 30 k: " in text
    assert "mlp: still gains" in text and "ssr_s: saturates" in text
    assert "0.8000 [0.7900, 0.8100]" in text and "0.31 [0.21, 0.41]" in text
    for factor, size in ((2, "600 k"), (10, "3 M"), (100, "30 M")):
        value = 0.8 - 0.02 * (factor * 300_000 / 3e4) ** -0.3
        assert f"{factor}× {size} {value:.4f} [{value - 0.004:.4f}, {value + 0.004:.4f}]" in text
    assert "1 run failed: TrainingError: will not fit" in text
    assert "not tuned" in text
    assert "8 tuning trials a size" in text_of(draw(made_up_results() | {"trials": 8}))
    assert "8 tuning trials at 1,000" in text_of(draw(made_up_results() | {"trials": 8, "tuned_at": 1000}))


def test_the_slopes_of_two_curves_are_compared_in_the_section_of_their_data(draw):
    pair = {"one": "ssr_s", "other": "mlp", "difference": 0.0021, "low": 0.0011, "high": 0.0031}
    slopes = [pair | {"data": name, "verdict": word} for name, word in (("a", "gains more"), ("b", "not told apart"))]
    curves = [made_up_curve(label, data=data) for data in "ab" for label in ("mlp", "ssr_s")]
    one, other = draw(made_up_results(*curves) | {"slopes": slopes}).split('<h2 class="dataset">')[1:]
    assert "ssr_s less mlp +0.0021 [+0.0011, +0.0031] gains more" in text_of(one) and "gains more</td>" not in other
    assert "ssr_s less mlp +0.0021 [+0.0011, +0.0031] not told apart" in text_of(other)
    assert "Which gains more: 1 pair " in text_of(one)
    assert "Which gains more" not in draw(made_up_results())


def test_what_ten_times_the_size_brings_is_said_of_auc_and_of_log_loss(draw):
    nothing = made_up_curve("none", log_loss_slope=None)
    nothing["saturation"] |= {"slope": None, "overall": None, "window": None, "reason": "too few sizes"}
    page = draw(made_up_results(made_up_curve(), nothing))
    table = text_of(page[page.index("What ten times the size brings") : page.index("</table>")])
    assert "curve AUC, last decade AUC, all sizes log loss, all sizes" in table
    assert (
        "mlp still gains +0.0123 [+0.0045, +0.0234] 30 k to 300 k +0.0156 [+0.0045, +0.0234] "
        "-0.0071 [-0.0092, -0.0052]" in table
    )
    assert "none still gains – – –" in table
    assert page.index("<svg") < page.index("What ten times the size brings")


def test_the_extrapolation_is_drawn_dashed_and_the_measured_part_is_not(draw):
    page = draw(made_up_results(made_up_curve()))
    lines = [tag for tag in re.findall(r"<path[^>]*>", page) if "fill: none" in tag and "series-0" in tag]
    dashed, solid = (
        [line for line in lines if ("stroke-dasharray" in line) == is_dashed] for is_dashed in (True, False)
    )
    assert len(dashed) == 2 and len(solid) >= 2

    def ends(line):
        places = re.findall(r"[ML] ([\d.]+) ", line)
        return float(places[0]), float(places[-1])

    fitted = [ends(line) for line in solid if line.count("L ") > 1]
    assert [end for _, end in fitted] == [start for start, _ in map(ends, dashed)]
    assert page.count("> extrapolated<") == 2


def test_what_is_not_sure_is_said(draw):
    curve = made_up_curve()
    curve["laws"]["auc"] |= {"is_identified": False, "misfit": 0.004}
    text = text_of(draw(made_up_results(curve)))
    assert "Exponent of AUC not identified" in text and "Exponent of log loss" not in text
    assert "AUC follows no power law here (chance 0.004)" in text
    # The other law, with a chance of 0.61, is none to warn of; nor is one of 0.06, while of nothing there is no chance.
    assert "log loss follows" not in text
    curve["laws"]["auc"]["misfit"] = 0.06
    assert "follows no power law" not in text_of(draw(made_up_results(curve)))
    curve["laws"]["auc"]["misfit"] = 1e-9
    assert "(chance &lt; 0.001)" in text_of(draw(made_up_results(curve)))


def test_a_curve_without_a_law_or_without_a_run_makes_a_page(draw):
    few = made_up_curve(laws={}, fitted={}, extrapolation=[], no_law="a power law needs at least 4 sizes")
    few["saturation"] |= {"slope": None, "overall": None, "verdict": "not told apart", "reason": "too few sizes"}
    empty = copy.deepcopy(few) | {"curve": "none", "points": few["points"][-1:], "dataset": None, "split": None}
    text = text_of(draw(made_up_results(few, empty)))
    assert "No law was fitted: a power law needs at least 4 sizes" in text
    assert "not told apart: too few sizes" in text


def test_data_sets_have_sections_of_their_own(draw):
    page = draw(made_up_results(made_up_curve(), made_up_curve(data="adult")))
    assert re.findall(r'<h2 class="dataset">(.*?)</h2>', page) == ["movielens-100k", "adult"]


def test_hostile_names_are_text(draw):
    page = draw(made_up_results(made_up_curve(HOSTILE), made_up_curve()))
    assert "<script" not in page and "&lt;script&gt;" in page


def test_the_same_results_give_the_same_bytes(draw):
    assert draw(made_up_results()) == draw(made_up_results())


def test_newer_or_empty_results_are_refused(draw):
    with pytest.raises(DataError, match=r"scaling results have format 2; this tamis reads up to 1"):
        draw(made_up_results() | {"format": 2})
    with pytest.raises(DataError, match="scaling results hold no curve. Run tamis scale first."):
        draw(made_up_results() | {"curves": []})


def test_a_legend_above_pictures_is_no_small_print(draw):
    """The small print below the pictures of a comparison has the same class, but is a paragraph."""
    page = draw(made_up_results())
    rules = re.findall(r"^([^\n{]*\.legend[^\n{]*){([^}]*)}", page, flags=re.MULTILINE)
    assert '<ul class="facts legend">' in page
    assert all(selector.startswith("p.") for selector, style in rules if "font-size" in style or "0.6rem" in style)
