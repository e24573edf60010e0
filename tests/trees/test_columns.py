"""The table that trees read, against naive loops."""

from types import SimpleNamespace

import numpy as np
import pytest

from tamis.data import EncodedSplit
from tamis.data.row_draws import row_draws
from tamis.errors import ConfigError
from tamis.features import Layout, ListColumn
from tamis.features.layout import DenseField, IdField, ListField
from tamis.trees import TreeColumns

LAYOUT = Layout(
    tables={"user": 6, "tags": 5},
    ids=(IdField(name="user", table="user"),),
    lists=(ListField(name="tags", table="tags", max_length=3, ordered=False),),
    dense=(DenseField(name="age", width=2),),
)
SMOOTHING = 2.0


def split_of(name, *, rows, seed):
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 4, rows)
    return EncodedSplit(
        name=name,
        rows=rows,
        ids={"user": random.integers(1, 6, rows).astype(np.uint8)},
        lists={
            "tags": ListColumn(
                values=random.integers(1, 5, lengths.sum()).astype(np.int32),
                offsets=np.concatenate([[0], np.cumsum(lengths)]),
            )
        },
        dense={"age": random.normal(size=(rows, 2)).astype(np.float32)},
        labels={"label": (random.random(rows) < 0.4).astype(np.float32)},
    )


def tags_of(split, row):
    column = split.lists["tags"]
    return column.values[column.offsets[row] : column.offsets[row + 1]].tolist()


def rate_by_loops(train, rows, ids_of, wanted):
    """The smoothed positive rate of an id among ``rows``, where each of a row's ids counts."""
    prior = float(train.labels["label"].mean())
    positives = count = 0.0
    for row in rows:
        for found in ids_of(row):
            if found == wanted:
                count += 1
                positives += float(train.labels["label"][row])
    return (positives + SMOOTHING * prior) / (count + SMOOTHING)


@pytest.fixture
def made():
    train, test = split_of("train", rows=40, seed=0), split_of("test", rows=9, seed=1)
    columns = TreeColumns(LAYOUT, train, encoding="rates", smoothing=SMOOTHING, seed=7)
    return SimpleNamespace(train=train, test=test, columns=columns)


def expected_row(made, split, row, teachers):
    """Number and rate of the user, length and mean rate of the tags, and the two dense numbers."""
    train, user = made.train, int(split.ids["user"][row])
    tags = tags_of(split, row)
    rates = [rate_by_loops(train, teachers, lambda r: tags_of(train, r), tag) for tag in tags]
    mean = np.mean(rates) if rates else train.labels["label"].mean()
    user_rate = rate_by_loops(train, teachers, lambda r: [int(train.ids["user"][r])], user)
    return [user, user_rate, len(tags), mean, *split.dense["age"][row]]


def test_other_rows_see_the_rates_of_all_training_rows(made):
    expected = [expected_row(made, made.test, row, range(40)) for row in range(9)]
    np.testing.assert_allclose(made.columns.of(made.test), np.array(expected), rtol=1e-6)
    assert made.columns.categorical == []


def test_a_training_row_sees_the_rates_of_the_other_folds_only(made):
    folds = np.floor(row_draws(7, 0, 40) * 5)
    expected = [
        expected_row(made, made.train, row, [r for r in range(40) if folds[r] != folds[row]]) for row in range(40)
    ]
    np.testing.assert_allclose(made.columns.training(), np.array(expected), rtol=1e-6)


def test_categories_stand_as_they_are_and_lists_keep_their_rates(made):
    columns = TreeColumns(LAYOUT, made.train, encoding="categories", smoothing=SMOOTHING, seed=7)
    assert columns.categorical == [0]
    table = columns.of(made.test)
    np.testing.assert_array_equal(table[:, 0], made.test.ids["user"])
    np.testing.assert_array_equal(table[:, 1:], made.columns.of(made.test)[:, 2:])


def test_several_labels_are_refused(made):
    layout = Layout(tables={}, dense=LAYOUT.dense, tasks=("click", "buy"))
    with pytest.raises(ConfigError, match=r"trees learn one label; the data have 2, click, buy. Leave the reference"):
        TreeColumns(layout, made.train, encoding="rates")
