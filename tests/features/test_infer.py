"""What a column is taken for when nobody says what it is."""

import datetime

import polars as pl
import pytest

from tamis.errors import ConfigError
from tamis.features import Kind, Schema

ROWS = 2_000
NUMBERS = list(range(ROWS))


def kinds_of(frame: pl.DataFrame, **settings) -> dict[str, str]:
    click = pl.Series("click", [i % 2 for i in range(frame.height)])
    schema = Schema.infer(frame.with_columns(click), label="click", **settings)
    return {field.name: str(field.kind) for field in schema.fields}


@pytest.mark.parametrize(
    ("name", "values", "dtype", "kind"),
    [
        ("city", [str(i) for i in NUMBERS], pl.String, "categorical"),
        ("premium", [i % 3 == 0 for i in NUMBERS], pl.Boolean, "categorical"),
        ("item_id", NUMBERS, pl.Int64, "categorical"),
        ("movieId", NUMBERS, pl.Int64, "categorical"),
        ("zip_code", NUMBERS, pl.Int32, "categorical"),
        ("paid", NUMBERS, pl.Int64, "numeric"),
        ("views", NUMBERS, pl.Int64, "numeric"),
        ("hour", [i % 24 for i in NUMBERS], pl.Int64, "categorical"),
        ("score", [i % 150 for i in NUMBERS], pl.Int64, "numeric"),
        ("price", [i / 7 for i in NUMBERS], pl.Float64, "numeric"),
        ("item_id", [None, *(float(i) for i in NUMBERS[1:])], pl.Float64, "categorical"),
        ("code", [i / 7 for i in NUMBERS], pl.Float64, "numeric"),
        ("tags", [[str(i)] * (i % 3) for i in NUMBERS], pl.List(pl.String), "multi_valued"),
        ("seen", [[i] * (i % 3) for i in NUMBERS], pl.List(pl.Int64), "multi_valued"),
        ("image", [[0.1, 0.2, i] for i in NUMBERS], pl.List(pl.Float32), "vector"),
        ("image", [[0.1, 0.2, i] for i in NUMBERS], pl.Array(pl.Float32, 3), "vector"),
        ("day", [datetime.date(2024, 1, 1)] * ROWS, pl.Date, "time"),
        ("day", [datetime.datetime(2024, 1, 1)] * ROWS, pl.Datetime, "time"),
        ("timestamp", NUMBERS, pl.Int64, "time"),
        ("nested", [{"a": 1}] * ROWS, pl.Struct({"a": pl.Int64}), "ignored"),
        ("nothing", [None] * ROWS, pl.Null, "ignored"),
    ],
)
def test_a_column_is_taken_for_its_kind(name, values, dtype, kind):
    frame = pl.DataFrame({"other": ["a"] * ROWS, name: pl.Series(values, dtype=dtype)})
    assert kinds_of(frame)[name] == kind


def test_few_rows_do_not_make_numbers_categorical():
    assert kinds_of(pl.DataFrame({"hour": [1, 2, 3]}))["hour"] == "numeric"


def test_the_width_of_a_vector_is_written_down():
    frame = pl.DataFrame({"image": [[0.5, 1.0], [0.0, 2.0]], "click": [0, 1]})
    assert Schema.infer(frame, label="click").fields[0].width == 2


def test_lists_of_floats_of_different_lengths_are_refused():
    frame = pl.DataFrame({"image": [[0.5, 1.0], [0.0]], "click": [0, 1]})
    with pytest.raises(ConfigError, match=r"'image' holds lists of floats of lengths \[1, 2\]; a vector must"):
        Schema.infer(frame, label="click")


@pytest.mark.parametrize("name", ["user", "user_id", "userid", "uid", "User_ID"])
def test_the_user_is_also_the_group(name):
    frame = pl.DataFrame({name: [1, 2], "click": [0, 1]})
    schema = Schema.infer(frame, label="click")
    assert schema.group is not None
    assert (schema.group.name, schema.group.source) == ("group", name)
    assert [field.name for field in schema.features] == [name]


def test_a_given_group_wins_over_the_user_and_stays_a_feature():
    frame = pl.DataFrame({"user": ["u", "v"], "session": ["a", "b"], "click": [0, 1]})
    schema = Schema.infer(frame, label="click", group="session")
    assert schema.group is not None
    assert schema.group.source == "session"
    assert [field.name for field in schema.features] == ["user", "session"]
    only_group = Schema.infer(frame, label="click", group="session", ignored=["session"])
    assert [field.name for field in only_group.features] == ["user"]


@pytest.mark.parametrize("users", [[1, 2], [1, None]])
def test_there_is_no_group_when_it_is_refused_or_not_known_in_every_row(users):
    frame = pl.DataFrame({"user": users, "click": [0, 1]})
    group = False if None not in users else None
    assert Schema.infer(frame, label="click", group=group).group is None


def test_the_group_field_finds_a_free_name():
    frame = pl.DataFrame({"user": [1, 2], "group": ["a", "b"], "click": [0, 1]})
    schema = Schema.infer(frame, label="click")
    assert schema.group is not None
    assert schema.group.name == "user_group"


def test_given_roles_are_kept():
    frame = pl.DataFrame(
        {
            "page": ["a", "b"],
            "seconds": [5, 6],
            "importance": [1.0, 2.0],
            "history": ["1 2", "3"],
            "timestamp": [7, 8],
            "rating": [3, 5],
            "note": ["x", "y"],
        }
    )
    schema = Schema.infer(
        frame,
        label="rating",
        at_least=4.0,
        scenario="page",
        time="seconds",
        weight="importance",
        sequences=["history"],
        ignored=["note"],
        min_count=2,
    )
    assert {field.name: field.kind for field in schema.fields} == {
        "page": Kind.SCENARIO,
        "seconds": Kind.TIME,
        "importance": Kind.WEIGHT,
        "history": Kind.SEQUENCE,
        "timestamp": Kind.IGNORED,
        "rating": Kind.LABEL,
        "note": Kind.IGNORED,
    }
    assert schema.labels[0].at_least == 4.0
    assert {field.name: field.min_count for field in schema.features} == {"page": 2, "history": 2}


def test_several_labels_are_several_tasks():
    frame = pl.DataFrame({"item": ["a"], "click": [1], "buy": [0]})
    assert [field.name for field in Schema.infer(frame, label=["click", "buy"]).labels] == ["click", "buy"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": "clik"}, "label='clik': the frame has no such column. Did you mean 'click'"),
        (
            {"label": "click", "group": "usr"},
            "group='usr': the frame has no such column. Did you mean 'user'",
        ),
        (
            {"label": "click", "ignored": ["zzz"]},
            "ignored='zzz': the frame has no such column. Known: click, user",
        ),
    ],
)
def test_a_name_that_is_not_there_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Schema.infer(pl.DataFrame({"user": ["a"], "click": [1]}), **settings)
