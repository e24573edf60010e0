import html.parser
import re
from collections import Counter

import pytest

from tamis.record import Inspection
from tamis.reports import headlines, write_inspection
from tamis.reports.sparsity_plots import pooled_magnitudes

HOSTILE = "<script>alert('1')</script>&\"$x^2$"


class Tags(html.parser.HTMLParser):
    """Fails on tags that do not close in order; counts ids and keeps the words."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open, self.ids, self.words = [], Counter(), []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.ids.update(value for name, value in attrs if name == "id")
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids.update(value for name, value in attrs if name == "id")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def figures(**changes):
    facts = {"below_absolute": 0.02, "below_largest": 0.03, "below_rms": 0.08, "dims_for_80": 0.75}
    facts |= {"dims_for_80_of_squares": 0.7, "dims_for_80_on_rows": 0.4, "full_rank": 8, "effective_rank": 6.5}
    facts |= {
        "stable_rank": 3.25,
        "curve": [0.0, 0.5, 1.0],
        "curve_on_rows": [0.0, 0.8, 1.0],
        "magnitudes": [0.25, 0.75],
    }
    return facts | changes


def made_up(**changes) -> Inspection:
    fields = {"names": ["user", HOSTILE], "trained": [0.9, 0.1], "untrained": [0.5, 0.5], "on_rows": [0.6, 0.4]}
    shape = {"blocks": 1, "outputs": 10, "inputs": 8}
    layers = (
        {
            "name": HOSTILE,
            **shape,
            "reads_fields": True,
            "trained": figures(),
            "untrained": figures(),
            "fields": fields,
        },
        {
            **{"name": "deep", **shape, "blocks": 3, "reads_fields": False},
            **{"trained": figures(below_absolute=0.1, magnitudes=[1.0, 0.0]), "untrained": figures()},
        },
    )
    activity = {
        **{"zeros": [[0.5, 0.25], [0.75, 0.65]], "zeros_spread": [0.1, 0.2], "dead": [0.0, 0.25], "always": [0.0, 0.0]},
        **{"empty": [0.0, 0.0], "overlap": 0.2, "chance_overlap": 0.21, "row_overlap": [0.5, 0.7]},
    }
    dynamic = {
        **{"kind": "dynamic", "name": "body.blocks.0", "reads_fields": True, "d_in": 8, "views": 2, "width": 4},
        **{"iterations": 1, "alpha": [[0.2], [-0.1]], "alpha_start": 0.1, "gamma_start": 1.0},
        **{
            "gamma_quartiles": [[0.9, 0.95, 1.0, 1.1, 1.2], [0.8, 0.9, 1.0, 1.0, 1.1]],
            "overlaps": [[1.0, 0.2], [0.2, 1.0]],
        },
        **{"trained": activity, "untrained": activity, "sources": ["user", HOSTILE]},
        **{"kept": [[0.7, 0.3], [None, None]], "projected": [[0.5, 0.5], [0.5, 0.5]]},
        **{"kept_spread": [[0.1, 0.2], [None, None]], "samples": [[0.6, 0.4], [0.8, 0.2], [None, None]]},
    }
    static = {
        **{"kind": "static", "name": "body.blocks.1", "reads_fields": False, "d_in": 8, "views": 20, "width": 4},
        **{"zeros": 0.5, "unread": 0.125, "overlap": 0.34, "chance_overlap": 0.33, "overlaps": None},
        **{"sources": ["view 1", "view 2"], "kept": [[0.5, 0.5]] * 20},
    }
    both = {"zeros": 0.52, "zeros_spread": 0.1, "dead": 0.0, "row_overlap": None}
    facts = {
        **{"model": "ssr_d", "rows": 4000, "dataset": HOSTILE, "seed": 3, "sources": (HOSTILE,), "num_fields": 2},
        **{"parameters": {"dense": 320}, "layers": layers, "filters": (dynamic, static)},
        **{"curve_shares": (0.0, 0.5, 1.0), "magnitude_edges": (-6.0, -3.0, 1.0), "not_inspected": ("embed.dense",)},
        "relu_layers": ({"name": "hidden", "trained": both, "untrained": both},),
        "milliseconds": {
            "rows": 1024,
            "model": {"as_it_is": [1.0, 2.0, 3.0], "without_filter": [5.0, 6.0, 7.0]},
            "blocks": {
                "body.blocks.0": {"dense": [1.0, 1.1, 1.2], "sparse": [0.5, 0.6, 0.7], "conversion": [2.0, 2.1, 2.2]},
                "body.blocks.1": {"gathered": [1.0, 1.1, 1.2], "dense": [0.5, 0.6, 0.7]},
            },
        },
    }
    return Inspection(**(facts | changes))


@pytest.fixture
def draw(tmp_path):
    return lambda inspection: write_inspection(inspection, tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_page_is_whole_needs_nothing_but_itself_and_runs_nothing(draw):
    source = draw(made_up())
    tags = Tags(source)
    assert tags.ids and set(tags.ids.values()) == {1}
    assert not re.search(r"@import|url\((?!#)|https?://|<script|\ssrc=|<link|<img", source)
    used = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', source))
    assert {one or other for one, other in used} <= set(tags.ids)
    assert "<script>alert('1')</script>" in " ".join(tags.words)


def test_every_picture_and_table_is_there(draw):
    source = draw(made_up())
    assert re.findall(r"<h3>([^<]*)</h3>", source)[1:] == [
        "How large the weights are",
        "Weight mass of the fields, &lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#34;$x^2$",
        "Zeros of block 1",
        "What the views of block 1 keep",
        "How block 1 differs from row to row",
        "What single rows keep in block 1",
        "Overlap of the views of block 1",
        "Rates of block 1",
        "Scales of block 1",
        "What the views of block 2 keep",
    ]
    text = " ".join(" ".join(Tags(source).words).split())
    assert "finding the non-zeros" in text and "one product with all dimensions, same result" in text
    assert "Not looked at, because their weights are of another kind: embed.dense." in text
    assert "2, static 20 views of 4 50 % – – – – 12 % 34 % by chance 33 %" in text
    assert "1, dynamic 2 views of 4 70 % untrained 70 % 38 % 15 % 12 % 0 % – 20 % by chance 21 % 60 %" in text


def test_of_many_fields_and_views_the_page_draws_the_largest_and_the_first(draw):
    fields, views = 60, 40
    # Field 59 has most, then 58 and so on: the first twenty are the small ones.
    shares = [place / sum(range(fields)) for place in range(fields)]
    one = made_up()
    static = one.filters[1] | {
        **{"reads_fields": True, "views": views, "sources": [f"field {place}" for place in range(fields)]},
        **{"kept": [shares] * views},
    }
    source = draw(made_up(filters=(static,)))
    assert "The first 32 of 40 views." in source
    picture = source[source.index('id="kept-1-') :]
    picture = picture[: picture.index("</svg>")]
    names = re.findall(r">(field \d+|\d+ others)<", picture)
    assert names == [*(f"field {place}" for place in range(20, 60)), "20 others"]


def test_the_headlines_say_what_was_found_and_what_it_was_before():
    found = headlines(made_up())
    assert found[0] == "8.0 % of the 320 dense weights are below 0.001; before training 2.0 %."
    assert "lies in 75 % of its input dimensions; before training in 75 %" in found[1]
    assert found[2] == (
        "Of what competes in block 1, 70 % is exactly zero; 38 % would be without competition (plain ReLU), and 70 % "
        "is before training. Two rows share 60 % of what a view keeps."
    )
    assert found[3].startswith("Each view of block 2 leaves out 50 % of its input")
    assert found[4] == ("With no filter at all, ReLU leaves 52 % of the hidden layer at zero; before training 52 %.")
    assert found[5] == "1,024 rows take 2 ms, without filters 6 ms: the filters save 4 ms."


@pytest.mark.parametrize(
    ("without", "expected"),
    [([0.1, 0.2, 0.3], "the filters cost 1.8 ms; nothing skips the zeros."), ([2.5, 2.6, 9.0], "no difference beyond")],
)
def test_time_is_not_called_saved_unless_it_is(without, expected):
    times = {"rows": 1024, "model": {"as_it_is": [1.0, 2.0, 3.0], "without_filter": without}, "blocks": {}}
    assert expected in headlines(made_up(milliseconds=times))[-1]


def test_every_weight_counts_once_in_the_histogram():
    # 80 weights with a quarter in the first bin, 240 with all of them there.
    assert pooled_magnitudes(made_up(), "trained") == pytest.approx([260 / 320, 60 / 320])


def test_the_same_inspection_gives_the_same_bytes(draw):
    assert draw(made_up()) == draw(Inspection.from_json(made_up().to_json(), where="memory"))


def test_a_model_without_layers_or_rows_makes_a_page(draw):
    source = draw(Inspection(model="mlp", rows=0))
    assert "No rows were given" in source and "<svg" not in source


def test_long_names_break_between_their_parts_and_the_preset_is_called_one(draw):
    one = made_up(preset="paper")
    source = draw(made_up(preset="paper", layers=({**one.layers[0], "name": "body.blocks.0.a&b"}, *one.layers[1:])))
    assert "body.<wbr>blocks.<wbr>0.<wbr>a&amp;b<small>" in source
    assert "<li>preset paper</li>" in source and "<li>preset" not in draw(made_up())
