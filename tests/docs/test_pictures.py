"""The pictures of the documents: whole files of their own, drawn from the results as they are."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = json.loads((ROOT / "results" / "scaling" / "scaling-movielens-100k-small.json").read_text())


@pytest.fixture(autouse=True)
def tables(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "tables"]:
        sys.modules.pop(name)


def test_every_picture_is_shown_by_a_document_and_every_document_shows_one_that_is_made():
    from tables.pictures import FOLDER, pictures

    text = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    made = set(pictures())
    assert {path for path in made if f"pictures/{path.name}" not in text} == set()
    assert set(FOLDER.glob("*")) == made


def test_a_picture_is_stale_once_its_results_are_others(tmp_path, monkeypatch):
    from tables import pictures

    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    sources, picture = [tmp_path / "one.json", tmp_path / "other.json"], tmp_path / "picture.svg"
    for source in sources:
        source.write_text(json.dumps(RESULTS | {"study": source.stem}))
    assert pictures.is_stale(picture, sources)
    picture.write_text(pictures.draw(sources, pictures._growth("one")))
    assert not pictures.is_stale(picture, sources)
    sources[1].write_text(json.dumps(RESULTS | {"study": "other", "trials": 7}))
    assert pictures.is_stale(picture, sources)


def test_pictures_beside_each_other_have_one_height():
    from tables.pictures import _growth

    def ticks(*studies):
        return re.findall(r">(0\.\d+)</text>", str(_growth("one")(*studies)))

    def moved(study, by):
        table = json.loads(json.dumps(RESULTS | {"study": study}))
        for point in [point for curve in table["curves"] for point in curve["points"]]:
            point["auc"] += by
            for seed in point["seeds"]:
                seed["auc"] += by
        return table

    one = moved("one", 0.0)
    assert float(max(ticks(one))) < 0.81 < float(max(ticks(one, moved("other", 0.05))))


def test_a_model_has_one_colour_in_pictures_beside_each_other():
    from tables.pictures import _growth

    whole = RESULTS | {"study": "whole"}
    part = RESULTS | {"study": "part", "curves": RESULTS["curves"][1:2]}
    assert "--series-1" in str(_growth("part")(whole, part))
    assert "--series-0" not in str(_growth("part")(whole, part))
    assert "--series-0" in str(_growth("part")(part))


def test_a_picture_is_one_file_with_the_colours_of_the_page_and_its_own_legend(tmp_path, monkeypatch):
    from tables import pictures

    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    source = tmp_path / "results.json"
    source.write_text(json.dumps(RESULTS))
    text = pictures.draw([source], pictures._growth(RESULTS["study"]))
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = ["".join(part.itertext()).strip() for part in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {curve["curve"] for curve in RESULTS["curves"]} <= set(words)
    style = root.find("{http://www.w3.org/2000/svg}style").text
    used = {part.split(")")[0] for part in text.split("var(")[1:]}
    assert used >= {"--card", "--ink", "--series-0", "--series-1"}
    assert [name for name in used if style.count(f"{name}:") < (1 if name == "--sans" else 2)] == []  # by day, by night
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("low", "high", "colour"),
    [(0.01, 0.03, "--series-2"), (-0.03, -0.01, "--series-1"), (-0.01, 0.03, "--muted"), (0.0, 0.03, "--muted")],
)
def test_a_gap_is_in_colour_beyond_zero_and_full_where_it_is_told(low, high, colour):
    from tables.gap_picture import Gap, draw_gaps

    def dot(told):
        gaps = {"all": [Gap("one", (low + high) / 2, low, high, told)]}
        picture = str(draw_gaps(gaps, name="gap", title="A gap", axis="AUC"))
        (found,) = re.findall(r'<use [^>]*style="fill: var\(([^)]*)\); stroke: var\(([^)]*)\)"', picture)[-1:]
        return found

    assert dot(told=True) == (colour, colour)
    assert dot(told=False) == ("--card", colour)


def test_a_gap_is_that_of_the_model_named_first():
    from tables.gap_picture import Gap

    test = {"one": "b", "other": "a", "difference": 0.02, "low": -0.01, "high": 0.05, "verdict": "not told apart"}
    gap = Gap.of([test], "a", "b", label="A")
    assert (gap.label, gap.mean, gap.low, gap.high, gap.told) == ("A", -0.02, -0.05, 0.01, False)


def test_the_ablations_leave_no_variant_out_and_name_none_that_is_not_there(monkeypatch):
    from tables import ablations

    assert ablations.ablated_logs() == ["planted-sparse", "planted-context", "planted-null", "movielens-100k"]
    monkeypatch.setitem(ablations.GROUPS, "views", ["1-view"])
    with pytest.raises(AssertionError, match=r"'16-views', '2-views'\] must stand in GROUPS"):
        ablations.ablations_table()


def _inspected(model, milliseconds, *, threads=1, split="given"):
    """The inspection of one seed, as much of it as the pictures read."""
    sieve = {"name": "body", "kind": {"ssr_s": "static", "ssr_d": "dynamic"}.get(model)}
    sieve |= {"trained": {"zeros": [[0.5, 0.5], [0.6, 0.8]]}, "untrained": {"zeros": [[0.5, 0.5], [0.5, 0.6]]}}
    shares = {"trained": {"dims_for_80_on_rows": 0.5}, "untrained": {"dims_for_80_on_rows": 0.25}}
    relu = {"name": "head", "trained": {"zeros": 0.75}, "untrained": {"zeros": 0.5}}
    return {
        **{"model": model, "dataset": "log", "split": split, "machine": {"torch_threads": threads}},
        **{"filters": [sieve] if sieve["kind"] else [], "relu_layers": [relu]},
        "layers": [{"name": "deep.linears.0", "reads_fields": True, **shares}],
        "milliseconds": {"rows": 8, "model": milliseconds, "blocks": {}},
    }


@pytest.fixture
def drawn(monkeypatch):
    """The lines that a picture of the lab would draw, by heading, of inspections given."""
    from tables import lab, lab_pictures

    def lines(draw, *inspected):
        monkeypatch.setattr(lab, "inspected", lambda: [(seed["model"], [seed]) for seed in inspected])
        monkeypatch.setattr(lab_pictures, "draw_rows", lambda groups, *_, **__: groups)
        return {
            heading: [(move.label, move.now, move.before, move.is_ssr) for move in moves]
            for heading, moves in draw().items()
        }

    return lines


def test_a_model_takes_so_many_times_as_long_as_the_mlp_of_its_own_log_by_one_thread(drawn):
    from tables.lab_pictures import draw_times

    mlp = _inspected("mlp", {"as_it_is": [1, 2.0, 3]})
    ssr = _inspected("ssr_s", {"as_it_is": [1, 5.0, 9], "without_filter": [1, 20.0, 99]})
    assert drawn(draw_times, mlp, ssr) == {"log": [("mlp", 1.0, None, False), ("ssr_s", 2.5, 10.0, True)]}
    assert drawn(draw_times, mlp, _inspected("ssr_s", ssr["milliseconds"]["model"], threads=2)) == {
        "log": [("mlp", 1.0, None, False)]
    }
    other = _inspected("ssr_s", ssr["milliseconds"]["model"], split="last-10")
    assert drawn(draw_times, mlp, other) == {"log, given": [("mlp", 1.0, None, False)]}


def test_first_zeros_are_those_of_the_competition_or_the_first_relu_and_none_where_views_gather(drawn):
    from tables.lab_pictures import draw_zeros

    seeds = [_inspected(name, {}) for name in ("mlp", "ssr_d", "ssr_s")]
    ((mlp, ssr_d),) = drawn(draw_zeros, *seeds).values()
    assert mlp == ("mlp", 0.75, 0.5, False)
    assert ssr_d == ("ssr_d", pytest.approx(0.7), pytest.approx(0.55), True)


def test_every_layer_that_reads_the_fields_has_its_line(drawn):
    from tables.lab_pictures import draw_inputs

    seed = _inspected("dcn_v2", {})
    crosses = seed["layers"][0] | {"name": "crosses.0.linear"}
    behind = seed["layers"][0] | {"name": "deep.linears.1", "reads_fields": False}
    seed["layers"] = [crosses, *seed["layers"], behind]
    assert drawn(draw_inputs, seed) == {
        "log": [("dcn_v2 crosses", 0.5, 0.25, False), ("dcn_v2 deep", 0.5, 0.25, False)]
    }


def test_a_picture_of_many_files_is_stale_once_one_of_them_is_another(tmp_path, monkeypatch):
    from tables import pictures

    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    sources = [tmp_path / f"seed-{seed}.json" for seed in range(pictures._FEW + 1)]
    for source in sources:
        source.write_text("{}")
    said = pictures._drawn_from(sources)
    assert len(said) < 200 and f"{len(sources)} files" in said
    sources[2].write_text("[]")
    assert pictures._drawn_from(sources) != said
