"""The training part of Frappe from a log so small that every rule can be checked by hand, and from the real one."""

from collections import Counter

import polars as pl
import pytest

from tamis.data.readers.frappe import NAMES, FrappeTraining, number_features
from tamis.data.readers.libsvm import LibsvmSource
from tamis.errors import DataError

USERS = 10
# Users are 0 to 9, their apps 10 to 19, and each of the eight other fields has one feature.
REST = tuple(range(20, 28))


def line(label, user, item):
    return f"{label} " + " ".join(f"{number}:1" for number in (user, USERS + item, *REST)) + "\n"


@pytest.fixture
def make(tmp_path):
    """Ten users with one app each, and what is in the other parts; ``more`` are further logs."""

    def write(valid, test, more=()):
        rows = [f"u{user}\ta{item}\t1" + "\tx" * 8 for user, item in [*((n, n) for n in range(USERS)), *more]]
        (tmp_path / "frappe.csv").write_text("\n".join(["\t".join(["user", "item", "cnt", *NAMES[2:]]), *rows]) + "\n")
        (tmp_path / "valid.libfm").write_text(valid)
        (tmp_path / "test.libfm").write_text(test)
        parts = {"valid": tmp_path / "valid.libfm", "test": tmp_path / "test.libfm"}
        return FrappeTraining(tmp_path / "frappe.csv", **parts, name="frappe")

    return write


def rows_of(source):
    return pl.concat(source.chunks())


def test_the_parts_that_are_known_are_left_out_and_the_rest_is_drawn(make):
    """User 0's log is a validation row, and so is a negative of user 1; one of user 2 is a test row."""
    train = rows_of(make(line(1, 0, 0) + line(-1, 1, 5), line(-1, 2, 6)))
    assert sorted(train.filter(label=1).select("field_0", "field_1").rows()) == [(n, 10 + n) for n in range(1, USERS)]
    negatives = train.filter(label=-1)
    assert Counter(negatives["field_0"]) == {user: 1 if user in (1, 2) else 2 for user in range(USERS)}
    pairs = negatives.select("field_0", "field_1").rows()
    assert len(set(pairs)) == len(pairs) == 18
    assert not set(pairs) & {(n, 10 + n) for n in range(USERS)} and (1, 15) not in pairs and (2, 16) not in pairs
    assert set(train.select(train.columns[3:]).unique().row(0)) == set(REST)


def test_a_log_that_is_there_twice_may_be_in_two_parts(make):
    train = rows_of(make(line(1, 3, 3), line(-1, 2, 6), more=[(3, 3)]))
    assert train.filter(label=1, field_0=3).height == 1 and train.filter(label=-1, field_0=3).height == 4


def test_too_few_apps_to_draw_from_are_refused(make):
    source = make(line(1, 0, 0), line(1, 1, 1), more=[(7, item) for item in range(4)])
    with pytest.raises(DataError, match="user 7 has too few. Get the three files of one release"):
        source.head(1)


def test_a_positive_that_is_no_log_is_refused(make):
    with pytest.raises(DataError, match=r"must hold every positive row of valid.libfm and test.libfm; 1 are missing"):
        make(line(1, 0, 0), line(1, 1, 2)).head(1)


def test_features_are_numbered_by_first_appearance_field_after_field():
    logs = pl.DataFrame({"user": ["b", "a", "b"], "item": [9, 8, 7]})
    assert number_features(logs).rows() == [(0, 2), (1, 3), (0, 4)]


@pytest.mark.shared
def test_the_real_training_part_keeps_every_promise(shared_data):
    folder = shared_data / "frappe"
    log, parts = folder / "frappe.csv.gz", [folder / f"frappe.{part}.libfm.gz" for part in ("validation", "test")]
    source = FrappeTraining(log, valid=parts[0], test=parts[1], name="frappe train")
    train, known = rows_of(source), pl.concat(rows_of(LibsvmSource(part, as_lists=False)) for part in parts)
    every = pl.concat([train, known.select(train.columns)])
    # As published: 96,203 logs with two negatives each.
    counts = Counter(every["label"])
    assert counts == {1: 96_203, -1: 2 * 96_203} and len(train) == 202_027
    fields = [name for name in train.columns if name.startswith("field")]
    ends = [0, 957, 5039, 5046, 5053, 5055, 5058, 5060, 5069, 5149, 5382]
    for number, name in enumerate(fields):
        assert ends[number] <= every[name].min() and every[name].max() < ends[number + 1]
    # The positives of all parts are the logs, each as often as it is there.
    raw = pl.read_csv(log, separator="\t")
    for number, name in enumerate(["user", "item"]):  # their numbers in the log are their order in it
        logged = Counter(raw[name])
        assert Counter((every.filter(label=1)[f"field_{number}"] - ends[number]).to_list()) == logged
    # Negatives: never an app of the user, never one twice, and two a log in each situation.
    pairs = every.select("label", pair=pl.struct("field_0", "field_1"))
    used, drawn = (set(map(tuple, every.filter(label=label).select(fields[:2]).rows())) for label in (1, -1))
    assert not used & drawn and len(drawn) == len(pairs.filter(label=-1))
    context = [fields[0], *fields[2:]]
    positive, negative = (Counter(every.filter(label=label).select(context).rows()) for label in (1, -1))
    assert negative == {situation: 2 * logs for situation, logs in positive.items()}
    # The same seed draws the same rows, another seed other apps for the same situations.
    arguments = {"valid": parts[0], "test": parts[1], "name": "again"}
    assert rows_of(FrappeTraining(log, **arguments)).equals(train)
    other = rows_of(FrappeTraining(log, **arguments, seed=1))
    assert other.sort(fields).filter(label=1).equals(train.sort(fields).filter(label=1))
    new = set(map(tuple, other.filter(label=-1).select(fields[:2]).rows()))
    old = set(map(tuple, train.filter(label=-1).select(fields[:2]).rows()))
    assert len(new) == len(old) and len(new & old) < 0.2 * len(old)
