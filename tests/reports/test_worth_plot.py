"""What the page says of the fields of runs that chose them: order, colours, lengths of bars, and the words."""

import html
import math
import re
from dataclasses import dataclass

import pytest

from tamis.reports import write_report

COLOUR, GREY, CARD = "var(--series-0)", "var(--muted)", "var(--card)"
HOSTILE = '<b>&"$x^2$'


def measured(name, worth, error, *, kept):
    """A field in a record, with worth and error in thousandths of a nat."""
    return {
        "name": name,
        "worth": worth / 1000,
        "error": error / 1000,
        "z": worth / error if error else 0.0,
        "kept": kept,
    }


@dataclass(frozen=True)
class Row:
    name: str
    name_colour: str
    dot: float
    dot_colours: tuple[str, str]  # inside, edge
    bar: tuple[float, float]
    bar_colour: str
    numbers: tuple[str, ...]


def drawn(section):
    """The lines of all pictures in order, each put together from what stands at its height."""
    return [row for picture in section.split("<svg ")[1:] for row in drawn_rows(picture)]


def drawn_rows(picture):
    names = re.findall(r'ytick_\d+">.*?fill: ([^"]*)"[^>]*>([^<]*)</text>', picture, flags=re.DOTALL)
    dots = re.findall(r'x="([\d.]+)" y="([\d.]+)" style="fill: ([^;]*); stroke: (var\(--[\w-]+\))"', picture)
    bars = re.findall(r'd="M (\S+) (\S+) \nL (\S+) \S+ \n"[^>]*stroke: ([^;]*); stroke-opacity', picture)
    texts = re.findall(r'font-size: 11px[^>]* y="([\d.]+)"[^>]*>([^<]*)<', picture)
    assert [float(y) for _, y, _, _ in dots] == sorted(float(y) for _, y, _, _ in dots), "from above to below"
    for (colour, name), (x, y, fill, stroke), (low, bar_y, high, bar_colour) in zip(names, dots, bars, strict=True):
        assert bar_y == y
        yield Row(
            name=html.unescape(name),
            name_colour=colour,
            dot=float(x),
            dot_colours=(fill, stroke),
            bar=(float(low), float(high)),
            bar_colour=bar_colour,
            numbers=tuple(text for text_y, text in texts if abs(float(text_y) - float(y)) < 9),
        )


def nothing(section):
    """Where the line of no worth stands in each picture."""
    line = r'd="M (\S+) \S+ \nL \1 \S+ \n"[^>]*stroke: var\(--muted\); stroke-linecap'
    return [float(x) for x in re.findall(line, section)]


def words(section):
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", section)).split())


FIELDS = (
    measured("strong", 4.0, 0.5, kept=True),
    measured("weak", 0.3, 0.1, kept=True),
    measured("unread", 0.0, 0.0, kept=False),
    measured("useless", -0.1, 0.2, kept=False),
)


def test_fields_come_by_z_kept_ones_in_the_colour_of_the_model_and_others_grey(section):
    rows = drawn(section(FIELDS[::-1]))
    assert [row.name for row in rows] == ["strong", "weak", "unread", "useless"]
    assert [row.dot_colours for row in rows] == [(COLOUR, COLOUR)] * 2 + [(GREY, GREY)] * 2
    assert [row.bar_colour for row in rows] == [COLOUR] * 2 + [GREY] * 2
    assert [row.name_colour for row in rows] == ["var(--ink)"] * 2 + [GREY] * 2
    assert [row.numbers for row in rows] == [("4.00",), ("0.30",), ("0.00",), ("-0.10",)]


def test_the_bars_are_two_errors_long_on_an_axis_of_the_inverse_hyperbolic_sine(section):
    text = section(FIELDS)
    rows, (zero,) = drawn(text), nothing(text)
    unit = (rows[0].dot - zero) / math.asinh(4.0 / 0.4)  # even up to two of the middle error, which is 0.2
    for row, field in zip(rows, FIELDS, strict=True):
        ends = (field["worth"] - 2 * field["error"], field["worth"], field["worth"] + 2 * field["error"])
        expected = [zero + unit * math.asinh(1000 * end / 0.4) for end in ends]
        assert [row.bar[0], row.dot, row.bar[1]] == pytest.approx(expected, abs=1e-3)


def test_several_seeds_are_averaged_and_a_field_that_only_some_kept_is_a_ring(section):
    other = [measured("strong", 2.0, 0.3, kept=True), measured("weak", 0.1, 0.1, kept=False), *FIELDS[2:]]
    text = section(FIELDS, tuple(other))
    rows, (zero,) = drawn(text), nothing(text)
    assert [row.dot_colours for row in rows] == [(COLOUR, COLOUR), (CARD, COLOUR), (GREY, GREY), (GREY, GREY)]
    assert [row.numbers for row in rows] == [("3.00",), ("0.20", "1 of 2"), ("0.00",), ("-0.10",)]
    assert "1 to 2 of 4 fields kept" in words(text) and "Ring: kept by some seeds only" in words(text)
    assert rows[1].bar[0] == pytest.approx(zero, abs=1e-3), "the error of one seed: 0.2 - 2 * 0.1"


def test_the_words_say_what_was_kept_and_only_what_is_to_be_seen(section):
    text = words(section(FIELDS, settings={"worth": {"threshold": 2.5}}))
    assert "mlp 2 of 4 fields kept, at a threshold of 2.5 standard errors. Without a bar:" in text
    assert "Ring" not in text and "more field" not in text
    assert "Without a bar" not in words(section(FIELDS[:2]))


@pytest.mark.parametrize(
    ("fields", "shown", "pictures", "said"),
    [(40, 40, 2, None), (41, 40, 3, "1 more field"), (65, 40, 4, "25 more fields")],
)
def test_after_forty_fields_the_others_are_folded_on_the_same_axis(fields, shown, pictures, said, section):
    text = section(tuple(measured(f"f{i:02}", 50.0 - i, 1.0, kept=i < 47) for i in range(fields)))
    above, _, folded = text.partition("<details>")
    assert [row.name for row in drawn(above)] == [f"f{i:02}" for i in range(shown)]
    assert [row.name for row in drawn(folded)] == [f"f{i:02}" for i in range(shown, fields)]
    assert (re.findall(r"<summary>(.*?)</summary>", folded) or [None]) == [said]
    assert len(nothing(text)) == pictures and len(set(nothing(text))) == 1


def test_names_of_fields_are_text(section):
    text = section((measured(HOSTILE, 4.0, 0.5, kept=True), measured("line\nbreak" + "k" * 30, 0.1, 0.2, kept=False)))
    assert "<b>" not in text
    assert [row.name for row in drawn(text)] == [HOSTILE, "line\N{REPLACEMENT CHARACTER}break" + "k" * 7 + "…"]


def test_a_field_that_does_not_vary_at_all_is_drawn(section):
    (row,) = drawn(section((measured("constant", 0.0, 0.0, kept=True),)))
    assert row.numbers == ("0.0",) and row.dot == pytest.approx(row.bar[0])


def test_only_models_that_chose_their_fields_are_named_and_without_any_nothing_is_said(tmp_path, make_runs):
    plain = make_runs("mlp", [0.8])
    before = write_report(plain, tmp_path / "plain.html").read_text()
    assert "What each field is worth" not in before and "standard errors" not in before
    both = write_report([*plain, *make_runs("dcn_v2", [0.7], worth=FIELDS)], tmp_path / "both.html").read_text()
    section = both.split("What each field is worth</h2>")[1].split("<h2>Settings")[0]
    assert re.findall(r"</span>(\w+)</h3>", section) == ["dcn_v2"]
    assert drawn(section)[0].dot_colours == ("var(--series-1)",) * 2, "its colour in all pictures of the page"
