"""Encoders on disk: loaded unchanged, never half written, and damage is noticed."""

import json
import os
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tamis.errors import CheckpointError
from tamis.features import Encoders, Field, Kind, Schema, fit_encoders

FRAME = pl.DataFrame(
    {
        "user": ["a", "b", "b", None],
        "item": [1, 2, 2, 3],
        "count": [1, 50, None, 3],
        "size": [1, 2, 3, 4],
        "price": [0.5, None, 2.5, 9.0],
        "tags": [["1"], ["2", "4"], [], None],
        "image": [[0.1, 0.2]] * 4,
    }
)
FIELDS = {
    "user": Field(name="user", kind=Kind.CATEGORICAL),
    "item": Field(name="item", kind=Kind.CATEGORICAL, encoder="hash", buckets=20),
    "count": Field(name="count", kind=Kind.NUMERIC, encoder="log_bucket"),
    "size": Field(name="size", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=2),
    "price": Field(name="price", kind=Kind.NUMERIC),
    "tags": Field(name="tags", kind=Kind.MULTI_VALUED),
    "image": Field(name="image", kind=Kind.VECTOR),
}


def fitted(frame: pl.DataFrame = FRAME, **changed: Field) -> Encoders:
    return fit_encoders(Schema(fields=tuple({**FIELDS, **changed}.values())), [frame])


def test_loaded_encoders_equal_the_saved_ones(tmp_path):
    encoders = fitted()
    encoders.save(tmp_path / "encoders")
    loaded = Encoders.load(tmp_path / "encoders")
    assert loaded.fingerprint() == encoders.fingerprint()
    assert (loaded.schema, loaded.layout) == (encoders.schema, encoders.layout)
    new = pl.concat([FRAME, FRAME.with_columns(user=pl.lit("new"), count=pl.lit(10**6))], how="vertical_relaxed")
    before, after = encoders.encode(new), loaded.encode(new)
    for name, ids in before.ids.items():
        np.testing.assert_array_equal(after.ids[name], ids)
    for name, numbers in before.dense.items():
        np.testing.assert_array_equal(after.dense[name], numbers)
    np.testing.assert_array_equal(after.lists["tags"].values, before.lists["tags"].values)
    assert after.unseen == before.unseen


def test_encoders_without_any_vocabulary_are_saved_too(tmp_path):
    encoders = fit_encoders(Schema(fields=(FIELDS["price"],)), [FRAME])
    encoders.save(tmp_path)
    assert Encoders.load(tmp_path).fingerprint() == encoders.fingerprint()


def test_the_fingerprint_repeats():
    assert fitted().fingerprint() == fitted().fingerprint()
    assert len(fitted().fingerprint()) == 64


CHANGES = [
    {"user": replace(FIELDS["user"], min_count=2)},
    {"item": replace(FIELDS["item"], buckets=21)},
    {"size": replace(FIELDS["size"], buckets=3)},
    {"price": replace(FIELDS["price"], encoder="standardise")},
    {"price": replace(FIELDS["price"], not_finite="missing")},
    {"tags": replace(FIELDS["tags"], max_length=1)},
    {"tags": replace(FIELDS["tags"], max_length=2)},
    {"click": Field(name="click", kind=Kind.LABEL)},
]


@pytest.mark.parametrize("changed", CHANGES)
def test_the_fingerprint_changes_with_every_setting(changed):
    assert fitted(**changed).fingerprint() != fitted().fingerprint()


@pytest.mark.parametrize(
    "columns",
    [
        {"user": ["a", "b", "b", "c"]},
        {"user": ["ab", "b", "b", None]},
        {"user": ["a", "a", "b", None]},
        {"item": [1, 2, 2, None]},
        {"count": [1, 50, 1000, 3]},
        {"size": [1, 3, 3, 4]},
        {"price": [0.5, None, 2.5, 9.5]},
        {"price": [0.5, 1.0, 2.5, 9.0]},
        {"tags": [["1"], ["2", "5"], [], None]},
        {"tags": [["1"], ["2", "4", "4"], [], None]},
        {"image": [[0.1, 0.2, 0.3]] * 4},
    ],
)
def test_the_fingerprint_changes_with_what_training_held(columns):
    changed = FRAME.with_columns(**{name: pl.Series(values) for name, values in columns.items()})
    assert fitted(changed).fingerprint() != fitted().fingerprint()


def test_saving_again_leaves_no_old_values(tmp_path):
    fitted().save(tmp_path)
    changed = fitted(FRAME.with_columns(user=pl.lit("z")))
    changed.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert Encoders.load(tmp_path).fingerprint() == changed.fingerprint()


def test_a_full_disk_leaves_the_old_encoders_intact(tmp_path, monkeypatch):
    encoders = fitted()
    encoders.save(tmp_path)

    def refuse(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        fitted(FRAME.with_columns(user=pl.lit("z"))).save(tmp_path)
    assert Encoders.load(tmp_path).fingerprint() == encoders.fingerprint()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_without_encoders_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"encoders.json: no such file. Is this the folder of fitted encoders\?"):
        Encoders.load(tmp_path)


def test_missing_values_are_named(tmp_path):
    fitted().save(tmp_path)
    next(tmp_path.glob("values-*.arrow")).unlink()
    with pytest.raises(CheckpointError, match=r"values-.*\.arrow: no such file. Copy the whole folder"):
        Encoders.load(tmp_path)


def test_damaged_values_are_noticed(tmp_path):
    fitted().save(tmp_path)
    path = next(tmp_path.glob("values-*.arrow"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"\.arrow: is damaged \(its checksum differs\). Copy it again"):
        Encoders.load(tmp_path)


def test_a_half_written_file_is_noticed(tmp_path):
    fitted().save(tmp_path)
    path = tmp_path / "encoders.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(CheckpointError, match=r"encoders.json: is damaged \(.*\). Copy it again"):
        Encoders.load(tmp_path)


def test_a_changed_number_is_noticed(tmp_path):
    fitted().save(tmp_path)
    path = tmp_path / "encoders.json"
    table = json.loads(path.read_text())
    table["scales"]["price"]["mean"] += 0.5
    path.write_text(json.dumps(table))
    with pytest.raises(CheckpointError, match="was changed after fitting"):
        Encoders.load(tmp_path)


@pytest.mark.parametrize(("text", "version"), [('{"format": 99}', "99"), ("[]", "None")])
def test_another_format_is_named(tmp_path, text, version):
    (tmp_path / "encoders.json").write_text(text)
    with pytest.raises(CheckpointError, match=f"has format {version}, this tamis reads format 1"):
        Encoders.load(tmp_path)
