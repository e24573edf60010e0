"""What the page shows of fields that count in some values of a context only."""

import re


def line(name, z, *, kept=True, **more):
    return {"name": name, "worth": z / 1000, "error": 0.001, "z": float(z), "kept": kept, **more}


def dots(section):
    """Of each dot of the picture by context: its column, its row from the top, and whether it is full."""
    picture = next(part for part in section.split("<svg ")[1:] if "Where the fields" in part)
    uses = re.findall(
        r'<use [^>]*x="([^"]*)" y="([^"]*)" style="fill: var\(--([^)]*)\); stroke: var\(--series-0\)', picture
    )
    columns, rows = (sorted({float(use[axis]) for use in uses}) for axis in (0, 1))
    return sorted((columns.index(float(x)), rows.index(float(y)), fill != "card") for x, y, fill in uses)


SLOT = line("slot", 9, values=["top", "side"])


def test_a_dot_stands_where_a_field_counts_and_a_ring_where_it_does_by_some_seeds(section):
    first = (
        SLOT,
        line("a", 5, left_out_in=[]),
        line("b", 3, left_out_in=["top"]),
        line("c", 0, kept=False, left_out_in=[]),
    )
    second = (SLOT, line("a", 5, left_out_in=["side"]), line("b", 3, left_out_in=["top"]), first[3])
    shown = section(first, second)
    assert dots(shown) == [(0, 0, True), (1, 0, False), (1, 1, True)], "top: a by both; side: a by one, b by both"
    assert (
        "counts where slot has this value" in shown and "because they surely count where slot has some value" in shown
    )


def test_of_contexts_that_seeds_found_the_most_frequent_is_shown(section):
    slot = (SLOT, line("a", 5, left_out_in=["top"]), line("b", 1, left_out_in=["side"]))
    other = (line("slot", 9, left_out_in=[]), line("a", 5, values=["x"]), line("b", 1, left_out_in=["x"]))
    none = tuple(line(name, 5) for name in ("slot", "a", "b"))
    shown = section(other, slot, none, slot)
    assert "slot was found in 2 of 4 seeds. Dot: the field counts where slot has this value" in shown
    assert dots(shown) == [(0, 1, True), (1, 0, True)]
    assert "was found in" not in section(slot, slot)


def test_without_a_context_there_is_no_such_picture(section):
    shown = section((line("a", 5), line("b", 0, kept=False)))
    assert "Where the fields" not in shown and "counts where" not in shown


def test_of_many_fields_and_values_the_first_are_shown_and_it_is_said(section):
    values = [f"value {number}" for number in range(30)]
    fields = [line(f"f{number}", 100 - number, left_out_in=values[1:]) for number in range(70)]
    shown = section((line("slot", 200, values=values), *fields))
    assert dots(shown) == [(0, row, True) for row in range(60)]
    assert "The first 60 of 70 fields and 24 of 30 values; the record has all." in shown
