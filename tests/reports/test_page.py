import html.parser
import json
import os
import re
import shutil
from collections import Counter

import pytest

from tamis.errors import DataError
from tamis.record import RunRecord
from tamis.reports import write_report

HOSTILE = "<script>alert('1')</script>&\"$x^2$"
VOID = {"meta", "link", "br", "img", "input", "hr", "col", "source"}
LOADING = {"src", "srcset", "data", "action", "formaction", "poster", "background", "manifest", "ping"}


class Page(html.parser.HTMLParser):
    """Reads a page and fails on tags that do not close in order; keeps ids, links, tags and visible text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: Counter[str] = Counter()
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == [], "tags left open"

    def handle_starttag(self, tag, attrs):
        self._note(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._note(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]} at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"style", "script"}:
            self.words.append(data)

    def _note(self, tag, attrs):
        self.tags[tag] += 1
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids[value] += 1

    @property
    def text(self) -> str:
        return " ".join(self.words)


def leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@pytest.fixture
def draw(tmp_path):
    def draw_page(runs, **options):
        return write_report(runs, tmp_path / "out" / "report.html", **options).read_text(encoding="utf-8")

    return draw_page


@pytest.fixture
def four_models(make_runs):
    return [
        *make_runs("ssr_d", [0.812, 0.811, 0.813]),
        *make_runs("mlp", [0.811, 0.812, 0.8105], preset=None, status="published"),
        *make_runs("dcn_v2", [0.75, 0.751, 0.752], alarms=("epoch 2 is worse than epoch 1",)),
        *make_runs("ssr_s", [0.80]),
    ]


def test_the_page_needs_nothing_but_itself(draw, four_models):
    source = draw(four_models)
    page = Page(source)
    for tag, name, value in page.attributes:
        assert name not in LOADING, (tag, name, value)
        assert not name.startswith("on"), (tag, name, value)
        if name in {"href", "xlink:href"}:
            assert value.startswith("#"), (tag, value)
    assert not page.tags.keys() & {"link", "img", "iframe", "object", "embed", "base", "image"}
    assert not re.search(r"@import|url\((?!#)|https?://|//[a-z]+\.[a-z]", source)


def test_every_tag_closes_and_no_id_is_given_twice(draw, four_models, make_runs):
    page = Page(draw([*four_models, *make_runs("mlp", [0.7, 0.8], dataset="adult")]))
    assert page.ids and set(page.ids.values()) == {1}
    used = {value[1:] for _, name, value in page.attributes if name == "href"}
    used |= {place for _, _, value in page.attributes for place in re.findall(r"url\(#([^)]*)\)", value)}
    assert used and used <= set(page.ids)


def test_every_number_of_every_record_is_on_the_page(draw, four_models):
    text = Page(draw(four_models)).text
    for folder in four_models:
        for leaf in leaves(json.loads((folder / "record.json").read_text())):
            if leaf is not None:
                assert str(leaf) in text


def test_the_table_shows_means_over_seeds(draw, four_models):
    source = draw(four_models)
    table = re.search(r'<table class="wide results">(.*?)</table>', source, flags=re.DOTALL)
    assert table
    cells = [re.sub(r"<[^>]*>", " ", row).split() for row in table[1].split("<tr>")[2:]]
    assert [row[0] for row in cells] == ["ssr_d", "mlp", "ssr_s", "dcn_v2"]
    expected = ["ssr_d", "official,", "reconstruction", "0.8120", "[0.8095,", "0.8145]"]
    expected += ["0.7123", "0.7234", "0.7345", "0.5512", "0.8017", "1.0321", "0.0112"]
    assert cells[0] == [*expected, "971", "k", "dense", "43.2", "k", "embedding", "41.2", "k", "3"]


def test_the_headline_does_not_flatter(draw, four_models):
    text = Page(draw(four_models)).text
    assert "ssr_d has the highest mean test AUC: 0.8120 [0.8095, 0.8145]." in text
    assert "It is not told apart from mlp: the 95 % intervals overlap." in text
    assert "Its 95 % interval lies above dcn_v2: more than the luck of seeds." in text
    assert "Nothing can be said against ssr_s: one seed has no interval." in text


def test_pictures_slices_alarms_and_commands_are_there(draw, four_models):
    page = Page(draw(four_models))
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert labels == [
        "Test AUC of 4 models on movielens-100k",
        "training loss (nats) against training rows seen on movielens-100k",
        "validation AUC against training rows seen on movielens-100k",
        *(f"Reliability of {model}" for model in ("ssr_d", "mlp", "ssr_s", "dcn_v2")),
    ]
    assert "dcn_v2, seed 0, 1, 2: epoch 2 is worse than epoch 1" in " ".join(page.text.split())
    assert "under 18" in page.text and "0.6613" in page.text
    assert "tamis train ssr_d.toml --set training.seed=2" in page.text
    assert "item: 312 test values (3.11% of rows) never seen in training" in page.text


def test_hostile_names_are_text(draw, make_runs):
    runs = make_runs(
        HOSTILE,
        [0.8, 0.81],
        dataset=HOSTILE,
        split=HOSTILE,
        preset=HOSTILE,
        status=HOSTILE,
        command=HOSTILE,
        settings={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        machine={HOSTILE: HOSTILE},
        data={"sources": [{"name": HOSTILE, "bytes": 1, "sha256": HOSTILE}]},
        unseen={HOSTILE: 3},
        alarms=(HOSTILE,),
        slices=({"slice": HOSTILE, "value": HOSTILE, "rows": 4, "positives": 2, "auc": 0.5, "log_loss": 0.1},),
    )
    source = draw(runs, title=HOSTILE)
    page = Page(source)
    assert page.tags["script"] == 1
    assert "alert" not in re.sub(r"&lt;script&gt;alert\(&#39;1&#39;\)|&lt;script&gt;alert\('1'\)", "", source)
    assert page.text.count("<script>alert('1')</script>") >= 12


def test_names_in_any_script_are_drawn(draw, make_runs):
    assert "日本語モデル" in Page(draw(make_runs("日本語モデル", [0.8, 0.81]))).text
    assert Page(draw(make_runs("bad\x00\x1b\nname", [0.8]))).tags["svg"] == 4


def test_the_same_records_give_the_same_bytes(tmp_path, four_models):
    first = write_report(four_models, tmp_path / "a.html").read_bytes()
    assert first == write_report(four_models, tmp_path / "b.html").read_bytes()
    assert first == write_report(four_models[::-1], tmp_path / "c.html").read_bytes()


def test_one_run_without_a_curve_makes_a_page(draw, make_runs):
    page = Page(draw(make_runs("mlp", [0.8], has_curve=False)))
    assert "mlp reaches a test AUC of 0.8000." in page.text
    assert "One seed has no interval" in page.text
    assert page.tags["svg"] == 2


def test_a_record_of_bare_facts_makes_a_page(tmp_path, draw):
    record = RunRecord(dataset="adult", split="random", model="mlp", seed=0)
    page = Page(draw([record.save(tmp_path / "seed-0.json")]))
    assert "No run has a test AUC." in page.text
    assert page.tags["svg"] == 0


def test_data_sets_are_not_mixed(draw, make_runs):
    page = Page(draw([*make_runs("mlp", [0.8]), *make_runs("mlp", [0.9], dataset="adult")]))
    assert "mlp reaches a test AUC of 0.9000." in page.text
    assert "mlp reaches a test AUC of 0.8000." in page.text
    assert page.tags["section"] == 2


def test_unfair_comparisons_are_called_so(draw, make_runs):
    runs = [
        *make_runs("mlp", [0.8]),
        *make_runs("ssr_d", [0.8, 0.8], data={"fingerprint": "other"}, machine={}),
    ]
    text = Page(draw(runs)).text
    assert "their fingerprints differ" in text
    assert "do not compare rows per second" in text
    assert "different numbers of seeds" in text


def test_settings_that_differ_are_set_apart(draw, make_runs):
    small, large = ({"model": {"dim": dim}, "training": {"epochs": 8}} for dim in (8, 16))
    source = draw([*make_runs("mlp", [0.8, 0.81], settings=small), *make_runs("mlp", [0.9], settings=large)])
    differing = re.search(r"What differs(.*?)</table>", source, flags=re.DOTALL)
    assert differing and "model.dim" in differing[1] and "training.epochs" not in differing[1]
    assert "mlp official dim=16 has the highest" in source.replace("&#39;", "'")
    assert "1 setting that all models share" in source


def test_many_slices_are_folded(draw, make_runs):
    slices = tuple(
        {
            "slice": "city",
            "value": f"city {i}",
            "rows": 100 + i,
            "positives": 50,
            "auc": 0.5 + i / 100,
            "log_loss": 0.6,
        }
        for i in range(15)
    )
    source = draw(make_runs("mlp", [0.8], slices=slices))
    shown, folded = source.split("3 smaller slices")
    assert "city 14" in shown and "city 2<" not in shown
    assert "city 2<" in folded


def test_no_runs_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"a report needs at least one run; got none\. Give the folders"):
        write_report([], tmp_path / "page.html")


def test_a_run_given_twice_counts_once_and_a_copy_is_refused(tmp_path, draw, make_runs):
    (run,) = make_runs("mlp", [0.8])
    assert "1 model, 1 run<" in draw([run, run])
    shutil.copytree(run, tmp_path / "copy")
    with pytest.raises(DataError, match="have the same settings and seed, 0"):
        draw([run, tmp_path / "copy"])


def test_a_failed_write_keeps_the_old_page(tmp_path, draw, make_runs, monkeypatch):
    runs = make_runs("mlp", [0.8])
    before = draw(runs)

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        draw(runs, title="Another")
    assert (tmp_path / "out" / "report.html").read_text() == before
    assert os.listdir(tmp_path / "out") == ["report.html"]


def test_each_of_several_tasks_has_lines_of_its_own_and_one_task_has_none(make_runs, tmp_path):
    alone = Page(write_report(make_runs("mlp", [0.7]), tmp_path / "alone.html").read_text())
    assert "by task" not in alone.text

    def both(first, second):
        return {"test": {"auc": (first + second) / 2, "click.auc": first, "pay.auc": second, "pay.log_loss": 0.4321}}

    runs = [
        *make_runs("mmoe", [None], **both(0.61, 0.72)),
        *make_runs("mlp", [None], **both(0.64, 0.71), settings={"model": {"name": "mlp"}, "training": {"seed": 0}}),
    ]
    page = Page(write_report(runs, tmp_path / "both.html").read_text())
    lines = page.text.split("Test results by task")[1].split("Learning")[0].split()
    places = [lines.index(word) for word in ("click", "0.6100", "pay", "0.7200")]
    assert places == sorted(places), "the tasks in order, and in each the models in theirs"
    assert lines.count("0.4321") == 2 and "0.7100" in lines
    assert "Of the task click." in page.text, "what else the page shows belongs to the first"
