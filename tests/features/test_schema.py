"""The schema: what is refused, what is remembered, and that TOML gives back what was saved."""

import json

import pytest

from tamis.errors import ConfigError
from tamis.features import Field, Kind, Schema

CITY = Field(name="city", kind=Kind.CATEGORICAL)
CLICK = Field(name="click", kind=Kind.LABEL)

EVERY_SETTING = Schema(
    fields=(
        Field(name="user", kind=Kind.CATEGORICAL, min_count=3),
        Field(name="user_again", kind=Kind.CATEGORICAL, column="user", encoder="hash", buckets=100),
        Field(name="age", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=10, not_finite="missing"),
        Field(name="price", kind=Kind.NUMERIC),
        Field(name="item", kind=Kind.CATEGORICAL),
        Field(name="history", kind=Kind.SEQUENCE, share="item", max_length=20, separator="|", target="item"),
        Field(name="tags", kind=Kind.MULTI_VALUED),
        Field(name="image", kind=Kind.VECTOR, width=8),
        Field(name="page", kind=Kind.SCENARIO),
        Field(name="click", kind=Kind.LABEL, column="rating", at_least=4.0),
        Field(name="buy", kind=Kind.LABEL, positive="yes"),
        Field(name="group", kind=Kind.GROUP, column="user"),
        Field(name="when", kind=Kind.TIME),
        Field(name="sample_weight", kind=Kind.WEIGHT),
        Field(name="comment", kind=Kind.IGNORED),
    )
)


def test_the_parts_of_a_schema_are_found():
    schema = EVERY_SETTING
    assert [field.name for field in schema.labels] == ["click", "buy"]
    assert [field.name for field in schema.features] == [
        *("user", "user_again", "age", "price", "item", "history", "tags", "image", "page"),
    ]
    for part, name in (
        ("group", "group"),
        ("time", "when"),
        ("scenario", "page"),
        ("weight", "sample_weight"),
    ):
        assert getattr(schema, part).name == name
    assert schema.columns == (
        *("user", "age", "price", "item", "history", "tags", "image", "page"),
        *("rating", "buy", "when", "sample_weight"),
    )
    assert schema.feature_columns == ("user", "age", "price", "item", "history", "tags", "image", "page")


def test_parts_that_are_not_there_are_none():
    schema = Schema(fields=(CITY,))
    assert (schema.group, schema.time, schema.scenario, schema.weight) == (None, None, None, None)
    assert schema.labels == ()


def test_a_saved_schema_is_loaded_unchanged(tmp_path):
    path = tmp_path / "schema.toml"
    EVERY_SETTING.save(path)
    assert Schema.load(path) == EVERY_SETTING
    assert [child.name for child in tmp_path.iterdir()] == ["schema.toml"]


def test_a_schema_passes_through_json():
    assert Schema.from_table(json.loads(json.dumps(EVERY_SETTING.to_table()))) == EVERY_SETTING


def test_settings_at_their_default_are_not_written():
    assert Schema(fields=(CITY,)).to_table() == {"field": [{"name": "city", "kind": "categorical"}]}


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        ("categorical", "vocabulary"),
        ("multi_valued", "vocabulary"),
        ("sequence", "vocabulary"),
        ("scenario", "vocabulary"),
        ("numeric", "log_standardise"),
        ("vector", None),
        ("label", None),
        ("group", None),
    ],
)
def test_each_kind_has_its_default_encoder(kind, encoding):
    assert Field(name="x", kind=Kind(kind)).encoding == encoding


def test_numbers_have_no_table_and_buckets_have_one():
    assert Field(name="x", kind=Kind.NUMERIC).table is None
    assert Field(name="x", kind=Kind.NUMERIC, encoder="log_bucket").table == "x"
    assert Field(name="x", kind=Kind.CATEGORICAL, share="items").table == "items"


FIELD_MISTAKES = [
    (
        {"kind": "numeric", "encoder": "hash", "buckets": 9},
        r"kind 'numeric' takes one of \['log_standardise', .*\]; got 'hash'",
    ),
    ({"kind": "label", "encoder": "hash"}, "kind 'label' takes no encoder; got 'hash'"),
    ({"kind": "categorical", "encoder": "hash"}, "encoder 'hash' needs the number of buckets. Add `buckets"),
    (
        {"kind": "numeric", "encoder": "quantile_bucket"},
        "encoder 'quantile_bucket' needs the number of buckets",
    ),
    ({"kind": "numeric", "encoder": "quantile_bucket", "buckets": 1}, "buckets must be at least 2; got 1"),
    ({"kind": "categorical", "encoder": "hash", "buckets": 0}, "buckets must be at least 1; got 0"),
    (
        {"kind": "categorical", "buckets": 9},
        "buckets has no meaning for kind 'categorical' with encoder 'vocabulary'",
    ),
    ({"kind": "categorical", "min_count": 0}, "min_count must be at least 1; got 0"),
    ({"kind": "numeric", "min_count": 2}, "min_count has no meaning for kind 'numeric'"),
    ({"kind": "numeric", "share": "items"}, "share has no meaning for kind 'numeric'"),
    ({"kind": "categorical", "max_length": 3}, "max_length has no meaning for kind 'categorical'"),
    ({"kind": "sequence", "max_length": 0}, "max_length must be at least 1; got 0"),
    ({"kind": "numeric", "separator": ","}, "separator has no meaning for kind 'numeric'"),
    ({"kind": "sequence", "separator": ""}, "separator must not be empty"),
    ({"kind": "numeric", "width": 3}, "width has no meaning for kind 'numeric'"),
    ({"kind": "vector", "width": 0}, "width must be at least 1; got 0"),
    ({"kind": "numeric", "at_least": 3.0}, "at_least has no meaning for kind 'numeric'"),
    ({"kind": "numeric", "positive": "yes"}, "positive has no meaning for kind 'numeric'"),
    ({"kind": "label", "at_least": 3.0, "positive": "yes"}, "at_least and positive exclude each other"),
    ({"kind": "categorical", "not_finite": "missing"}, "not_finite has no meaning for kind 'categorical'"),
    ({"kind": "numeric", "not_finite": "ignore"}, "not_finite must be 'error' or 'missing'; got 'ignore'"),
    ({"kind": "numerical"}, "kind must be one of .*; got 'numerical'. Did you mean 'numeric'"),
]


@pytest.mark.parametrize(("settings", "message"), FIELD_MISTAKES)
def test_a_setting_that_does_not_fit_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Field(name="x", **settings)
    assert "field 'x'" in str(caught.value)


def test_a_field_without_a_name_is_refused():
    with pytest.raises(ConfigError, match="a field needs a name"):
        Field(name="", kind=Kind.LABEL)


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="two fields are called 'city'. Rename one"):
        Schema(fields=(CITY, Field(name="city", kind=Kind.NUMERIC)))


@pytest.mark.parametrize("kind", ["group", "time", "scenario", "weight"])
def test_a_second_field_of_a_single_kind_is_refused(kind):
    fields = tuple(Field(name=name, kind=Kind(kind)) for name in "ab")
    with pytest.raises(ConfigError, match=rf"at most one {kind} field; got \['a', 'b'\]"):
        Schema(fields=(CITY, *fields))


def test_a_schema_without_features_is_refused():
    with pytest.raises(ConfigError, match="needs at least one feature field"):
        Schema(fields=(CLICK,))


def test_a_feature_that_reads_the_label_is_refused():
    leak = Field(name="rating", kind=Kind.NUMERIC)
    label = Field(name="liked", kind=Kind.LABEL, column="rating", at_least=4.0)
    with pytest.raises(ConfigError, match="'rating' .* is also the label 'liked': the model would see the answer"):
        Schema(fields=(leak, label))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "hash", "buckets": 5}, "must agree in encoder; got 'vocabulary' and 'hash'"),
        ({"min_count": 2}, "must agree in min_count; got 1 and 2"),
    ],
)
def test_fields_of_one_table_must_agree(settings, message):
    other = Field(name="history", kind=Kind.SEQUENCE, share="city", **settings)
    with pytest.raises(ConfigError, match=f"'city' and 'history' share the table 'city' and {message}"):
        Schema(fields=(CITY, other))


def test_hashed_fields_of_one_table_must_agree_in_buckets():
    first = Field(name="a", kind=Kind.CATEGORICAL, encoder="hash", buckets=5, share="t")
    second = Field(name="b", kind=Kind.CATEGORICAL, encoder="hash", buckets=6, share="t")
    with pytest.raises(ConfigError, match="must agree in buckets; got 5 and 6"):
        Schema(fields=(first, second))


TOML_MISTAKES = [
    (
        '[[field]]\nname = "a"\nkind = "categorical"\nmin_cuont = 3\n',
        "'a': Field has no setting 'min_cuont'.*'min_count'",
    ),
    ('[[field]]\nname = "a"\nkind = "categorial"\n', "'a' kind: must be one of .*Did you mean 'categorical'"),
    (
        '[[field]]\nname = "a"\nkind = "sequence"\nmax_length = "3"\n',
        "max_length: must be a whole number; got '3'",
    ),
    ('[[field]]\nkind = "sequence"\n', "number 1: Field needs 'name', which is missing"),
    ('[[field]]\nname = "a"\n', "'a': Field needs 'kind', which is missing"),
    ('[[feild]]\nname = "a"\n', "a schema has no setting 'feild'. Did you mean 'field'"),
    ("field = 3\n", r"must hold \[\[field\]\] tables; got 3"),
    ("field =\n", "is not valid TOML"),
]


@pytest.mark.parametrize(("text", "message"), TOML_MISTAKES)
def test_a_mistake_in_the_file_is_named_with_the_file(tmp_path, text, message):
    path = tmp_path / "my_schema.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        Schema.load(path)
    assert "my_schema.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            [Field(name="seen", kind=Kind.SEQUENCE, share="city", target="cty")],
            "field 'seen': its target must be a feature of the schema; got 'cty'. Did you mean 'city'?",
        ),
        (
            [Field(name="seen", kind=Kind.SEQUENCE, share="city", target="click")],
            "field 'seen': its target must be a feature of the schema; got 'click'. Known: city, seen.",
        ),
        (
            [Field(name="seen", kind=Kind.SEQUENCE, share="city", target="seen")],
            "field 'seen': its target must be a single id, of kind 'categorical' or 'scenario'; got 'seen' of kind "
            "'sequence'. Name another, or remove `target`.",
        ),
        (
            [Field(name="age", kind=Kind.NUMERIC), Field(name="seen", kind=Kind.SEQUENCE, target="age")],
            "field 'seen': its target must be a single id, of kind 'categorical' or 'scenario'; got 'age' of kind "
            "'numeric'. Name another, or remove `target`.",
        ),
        (
            [Field(name="seen", kind=Kind.SEQUENCE, target="city")],
            "field 'seen' and its target 'city' must share a table; got 'seen' and 'city'. Set share = 'city' "
            "in 'seen'.",
        ),
    ],
)
def test_a_target_that_cannot_be_attended_from_is_refused(fields, message):
    with pytest.raises(ConfigError) as error:
        Schema(fields=(CITY, CLICK, *fields))
    assert str(error.value) == message


def test_only_a_sequence_has_a_target():
    with pytest.raises(ConfigError, match="field 'tags': target has no meaning for kind 'multi_valued'"):
        Field(name="tags", kind=Kind.MULTI_VALUED, target="city")
