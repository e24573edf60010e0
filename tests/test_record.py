import dataclasses
import json
import math
import os
import statistics
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tamis.errors import DataError
from tamis.record import (
    CurvePoint,
    Inspection,
    RunRecord,
    find_runs,
    machine,
    mean_interval,
    read_curve,
    read_run,
    remove_whole,
    student_t_quantile,
    summarise,
    versions,
    write_curve,
    write_whole,
)

CONTRACT_KEYS = [
    *(
        "format",
        "dataset",
        "split",
        "model",
        "preset",
        "status",
        "source",
        "seed",
        "rows",
        "parameters",
        "flops",
    ),
    *(
        "settings",
        "versions",
        "machine",
        "data",
        "command",
        "plan",
        "timings",
        "best",
        "valid",
        "test",
        "reliability",
    ),
    *("slices", "unseen", "alarms", "worth"),
]


def make_record(**changes) -> RunRecord:
    facts = {
        "dataset": "movielens-100k",
        "split": "random-8-1-1",
        "model": "ssr_d",
        "preset": "official",
        "status": "published",
        "source": "a paper",
        "seed": 0,
        "rows": {"train": 80, "valid": 10, "test": 10},
        "parameters": {"dense": 123, "embedding": 456},
        "flops": {"forward_per_row": 1_000},
        "settings": {"seed": 0, "model": {"dim": 16, "hidden": [8, 4]}, "input_norm": "batch"},
        "versions": {"python": "3.11"},
        "machine": {"cores": 2},
        "data": {"fingerprint": "ab", "sources": [{"name": "u.data", "bytes": 3, "sha256": "cd"}]},
        "command": "tamis train x.toml",
        "timings": {"train_seconds": 1.5, "rows_per_second": 100.0},
        "best": {"epoch": 2, "step": 40, "metric": "auc", "value": 0.8},
        "valid": {"rows": 10, "auc": 0.8},
        "test": {"rows": 10, "auc": 0.79, "log_loss": 0.5},
        "reliability": ({"rows": 5, "predicted": 0.2, "observed": 0.25},),
        "slices": ({"slice": "age", "value": "18-24", "rows": 4, "positives": 0, "auc": None, "log_loss": 0.1},),
        "unseen": {"city": 3},
        "alarms": ("epoch 2 is worse than epoch 1",),
    }
    return RunRecord(**(facts | changes))


def seeds(model: str, aucs: list[float | None], **changes) -> list[RunRecord]:
    return [
        make_record(
            model=model,
            seed=seed,
            settings={"seed": seed, "model": {"dim": 16}},
            test={"auc": auc, "log_loss": 0.5 + seed},
            timings={"rows_per_second": 100.0 * (seed + 1) ** 2},
            **changes,
        )
        for seed, auc in enumerate(aucs)
    ]


def test_what_is_saved_is_loaded(tmp_path):
    record = make_record()
    path = record.save(tmp_path / "deep" / "record.json")
    assert RunRecord.load(path) == record


def test_the_keys_are_the_contracts(tmp_path):
    make_record().save(tmp_path / "record.json")
    assert list(json.loads((tmp_path / "record.json").read_text())) == [
        "format",
        *(field.name for field in dataclasses.fields(RunRecord) if field.name != "format"),
    ]
    assert sorted(make_record().to_json()) == sorted(CONTRACT_KEYS)


def test_what_is_not_a_number_becomes_null(tmp_path):
    record = make_record(test={"auc": math.nan, "log_loss": math.inf, "rows": np.int64(3), "ece": np.float32(0.5)})
    text = record.save(tmp_path / "record.json").read_text()
    assert json.loads(text)["test"] == {"auc": None, "log_loss": None, "rows": 3, "ece": 0.5}
    assert RunRecord.load(tmp_path / "record.json").test["auc"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tset": {}}, r"record\.json: a run record has no key 'tset'\. Did you mean 'test'\?"),
        ({"format": 99}, r"record\.json: has format 99; this tamis reads up to 1\. Upgrade tamis\."),
        ({"seed": "zero"}, r"record\.json seed: must be a whole number; got 'zero'"),
        ({"test": [1]}, r"record\.json test: must be a table; got \[1\]"),
        ({"rows": {"train": 1.5}}, r"record\.json rows\.train: must be a whole number; got 1\.5"),
    ],
)
def test_a_foreign_record_is_refused_by_name(tmp_path, changes, message):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(make_record().to_json() | changes))
    with pytest.raises(DataError, match=message):
        RunRecord.load(path)


def test_a_record_without_its_model_is_refused(tmp_path):
    table = make_record().to_json()
    del table["model"]
    with pytest.raises(DataError, match="a run record needs the key 'model', which is missing"):
        RunRecord.from_json(table, where="record.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not valid JSON"),
        (b"[]", "a run record must be a JSON object; got list"),
        (b"\xff\xfe", "is not text in UTF-8"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content, message):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        RunRecord.load(tmp_path / "record.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"record\.json: no such file\. Give the folder of a finished run"):
        read_run(tmp_path / "record.json")
    with pytest.raises(DataError, match=r"record\.json: no such file"):
        read_run(tmp_path)


def test_what_json_cannot_hold_is_named():
    with pytest.raises(DataError, match=r"cannot hold settings\.model\.act: .* of type builtin_function_or_method"):
        make_record(settings={"model": {"act": len}}).to_json()


def test_a_failed_write_keeps_the_old_file_and_leaves_no_rest(tmp_path, monkeypatch):
    path = make_record().save(tmp_path / "record.json")
    before = path.read_bytes()

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        make_record(seed=5).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["record.json"]


def test_a_text_is_written_as_it_is(tmp_path):
    assert write_whole(tmp_path / "a" / "page.html", "é\n").read_bytes() == "é\n".encode()


def test_a_folder_is_removed_in_one_step_and_a_removal_cut_short_leaves_nothing_by_its_name(tmp_path, monkeypatch):
    place = tmp_path / "run"

    def fill():
        place.mkdir()
        (place / "record.json").write_text("{}")
        (place / "weights").mkdir()

    def die(*_, **__):
        raise InterruptedError

    fill()
    remove_whole(place)
    assert list(tmp_path.iterdir()) == []
    remove_whole(place)
    fill()
    (tmp_path / ".run.gone").mkdir()  # of a removal before
    (tmp_path / ".run.gone" / "old").touch()
    remove_whole(place)
    assert list(tmp_path.iterdir()) == []
    fill()
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr("shutil.rmtree", lambda folder, **_: die() if folder.exists() else None)
        remove_whole(place)
    assert not place.exists() and (tmp_path / ".run.gone" / "record.json").exists()
    with pytest.raises(DataError, match="holds no run"):
        find_runs(tmp_path)


def test_a_curve_comes_back(tmp_path):
    first = CurvePoint(step=1, epoch=0, rows=64, seconds=0.5, train_loss=math.nan, learning_rate=0.1)
    second = CurvePoint(step=2, epoch=0, rows=128, seconds=1.0, train_loss=0.6, valid={"auc": 0.7})
    path = write_curve(tmp_path / "curve.jsonl", [first, second])
    assert read_curve(path) == (dataclasses.replace(first, train_loss=None), second)


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path):
    point = CurvePoint(step=1, epoch=0, rows=64, seconds=0.5)
    path = write_curve(tmp_path / "curve.jsonl", [point])
    with open(path, "a") as file:
        file.write('{"step": 2, "epo')
    assert read_curve(path) == (point,)


def test_a_damaged_line_in_the_middle_is_refused(tmp_path):
    path = tmp_path / "curve.jsonl"
    path.write_text('{"step": 2, "epo\n' + CurvePoint(step=1, epoch=0, rows=64, seconds=0.5).to_line())
    with pytest.raises(DataError, match=r"curve\.jsonl line 1: is not valid JSON"):
        read_curve(path)


def test_an_unknown_key_in_a_curve_is_refused(tmp_path):
    path = tmp_path / "curve.jsonl"
    path.write_text('{"step": 2, "lr": 0.1}\n')
    with pytest.raises(DataError, match="line 1: a curve point has no key 'lr'"):
        read_curve(path)


def test_a_run_is_read_from_its_folder_or_its_file(tmp_path):
    record, point = make_record(), CurvePoint(step=1, epoch=0, rows=64, seconds=0.5)
    record.save(tmp_path / "run" / "record.json")
    write_curve(tmp_path / "run" / "curve.jsonl", [point])
    record.save(tmp_path / "results" / "seed-0.json")
    assert read_run(tmp_path / "run") == (record, (point,))
    assert read_run(tmp_path / "run" / "record.json") == (record, (point,))
    assert read_run(tmp_path / "results" / "seed-0.json") == (record, ())
    write_curve(tmp_path / "results" / "seed-0.curve.jsonl", [point])
    assert read_run(tmp_path / "results" / "seed-0.json") == (record, (point,))


def test_runs_are_found_wherever_they_lie(tmp_path):
    runs = [tmp_path / "b" / "seed-0", tmp_path / "a" / "seed-1"]
    for run in runs:
        make_record().save(run / "record.json")
    kept = make_record().save(tmp_path / "results" / "mlp" / "seed-2.json")
    assert find_runs(tmp_path) == [runs[1], runs[0], kept]
    assert find_runs(runs[0]) == [runs[0]]
    assert find_runs(kept) == [kept]


def test_a_place_without_runs_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no run, that is no record\.json and no seed-N\.json"):
        find_runs(tmp_path)


def test_a_run_is_summed_up_over_its_seeds():
    aucs = [0.80, 0.81, 0.83]
    (line,) = summarise(seeds("mlp", aucs))
    interval = stats.t.interval(0.95, 2, loc=np.mean(aucs), scale=stats.sem(aucs))
    assert (line.model, line.seeds, line.settings) == ("mlp", (0, 1, 2), {})
    assert line.auc_mean == pytest.approx(np.mean(aucs), abs=1e-12)
    assert (line.auc_low, line.auc_high) == pytest.approx(interval, abs=1e-9)
    assert line.log_loss == pytest.approx(1.5)
    assert line.rows_per_second == 400.0


def test_one_seed_has_no_interval():
    (line,) = summarise(seeds("mlp", [0.8]))
    assert (line.auc_mean, line.auc_low, line.auc_high) == (0.8, None, None)


def test_the_best_model_comes_first_and_the_unknown_last():
    lines = summarise([*seeds("none", [None]), *seeds("mlp", [0.8]), *seeds("ssr_d", [0.9])])
    assert [line.model for line in lines] == ["ssr_d", "mlp", "none"]
    assert lines[-1].auc_mean is None


def test_runs_that_differ_in_a_setting_are_not_averaged():
    small, large = make_record(settings={"model": {"dim": 8}}), make_record(settings={"model": {"dim": 16}})
    lines = summarise([small, large])
    assert sorted(line.settings["model.dim"] for line in lines) == [8, 16]


def test_the_same_run_twice_is_refused():
    with pytest.raises(
        DataError, match="two records of 'ssr_d' on 'movielens-100k' have the same settings and seed, 0"
    ):
        summarise([make_record(), make_record()])


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 30, 101])
def test_the_t_quantile_equals_scipy(freedom):
    assert student_t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)
    assert student_t_quantile(freedom, inside=0.9) == pytest.approx(stats.t.ppf(0.95, freedom), rel=1e-9)


def test_an_interval_needs_two_values():
    assert mean_interval([0.5]) is None
    low, high = mean_interval([0.5, 0.5]) or (0, 1)
    assert low == high == statistics.fmean([0.5, 0.5])


def test_the_machine_is_described_without_its_name():
    facts = machine(torch_threads=2)
    assert facts["torch_threads"] == 2
    assert facts["cores"] >= 1
    assert os.uname().nodename not in json.dumps(facts)
    json.dumps(facts, allow_nan=False)


def test_a_processor_is_read_from_linuxs_list(monkeypatch):
    text = "processor\t: 0\nmodel name\t: A Chip @ 2 GHz\nflags\t\t: fpu avx2 avx512_bf16\n\nprocessor\t: 1\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    facts = machine()
    assert facts["processor"] == "A Chip @ 2 GHz"
    assert facts["flags"] == ["avx2", "avx512_bf16"]


def test_versions_name_what_is_installed():
    found = versions(["numpy", "no-such-package"])
    assert found["numpy"] == np.__version__
    assert sorted(found) == ["numpy", "python"]


def test_an_inspection_survives_saving_a_line_for_each_layer(tmp_path):
    layers = tuple({"name": f"layer {number}", "trained": {"curve": [0.0, 1.0]}} for number in range(3))
    found = Inspection(model="mlp", rows=5, seed=2, layers=layers, machine={"processor": None})
    place = found.save(tmp_path / "inspection.json")
    assert Inspection.load(place) == found
    assert sum(line.startswith('  {"name":"layer ') for line in place.read_text().splitlines()) == 3


def test_an_inspection_refuses_what_it_does_not_know(tmp_path):
    (tmp_path / "one.json").write_text('{"format": 1, "model": "mlp", "rows": 5, "layer": []}')
    with pytest.raises(
        DataError, match=r"one\.json: a record of an inspection has no key 'layer'\. Did you mean 'layers'\?"
    ):
        Inspection.load(tmp_path / "one.json")
    with pytest.raises(DataError, match="has format 9; this tamis reads up to 2. Upgrade tamis"):
        Inspection.from_json({"format": 9, "model": "mlp", "rows": 5}, where="new.json")
