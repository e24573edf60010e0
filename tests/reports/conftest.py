"""Made-up runs, small but complete, from which pages are drawn."""

import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tamis.record import CurvePoint, RunRecord, write_curve
from tamis.reports import write_report


def made_up_record(model: str, seed: int, auc: float | None, **changes) -> RunRecord:
    facts = {
        "dataset": "movielens-100k",
        "split": "random-8-1-1",
        "model": model,
        "preset": "official",
        "status": "reconstruction",
        "source": "An author 2025, a paper",
        "seed": seed,
        "rows": {"train": 80_123, "valid": 10_017, "test": 10_031},
        "parameters": {"dense": 970_897, "embedding": 43_216},
        "flops": {"forward_per_row": 1_941_777},
        "settings": {"model": {"name": model, "dim": 16}, "training": {"seed": seed, "batch_size": 2048}},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "machine": {
            "processor": "A Chip",
            "cores": 2,
            "memory_bytes": 2**34,
            "flags": ["avx2", "avx512_bf16"],
        },
        "data": {
            "fingerprint": "f1" * 32,
            "sources": [{"name": "u.data", "bytes": 1_979_173, "sha256": "ab" * 32}],
        },
        "command": f"tamis train {model}.toml --set training.seed={seed}",
        "timings": {"train_seconds": 12.75, "rows_per_second": 41_234.5},
        "best": {"epoch": 3, "step": 80, "metric": "auc", "value": 0.7911},
        "valid": {"rows": 10_017, "auc": 0.7911},
        "test": {
            **{"rows": 10_031, "positives": 5_511, "positive_rate": 0.54939, "auc": auc},
            **{"gauc_impression": 0.7123, "gauc_user": 0.7234, "gauc_positive": 0.7345, "log_loss": 0.5512},
            **{
                "normalised_entropy": 0.8017,
                "calibration_ratio": 1.0321,
                "expected_calibration_error": 0.0112,
            },
        },
        "reliability": tuple({"rows": 2_000, "predicted": (i + 0.5) / 5, "observed": (i + 0.4) / 5} for i in range(5)),
        "slices": (
            {
                "slice": "age",
                "value": "under 18",
                "rows": 6_000,
                "positives": 77,
                "auc": 0.6613,
                "log_loss": 0.61,
            },
            {
                "slice": "age",
                "value": "18 and more",
                "rows": 4_031,
                "positives": 0,
                "auc": None,
                "log_loss": 0.1,
            },
        ),
        "unseen": {"item": 312, "user": 0},
        "alarms": (),
    }
    return RunRecord(**(facts | changes))


def made_up_curve(seed: int) -> list[CurvePoint]:
    chance = random.Random(seed)
    return [
        CurvePoint(
            step=step,
            epoch=step // 40,
            rows=step * 2048,
            seconds=step / 10,
            train_loss=0.45 + 0.25 * math.exp(-step / 60) + chance.gauss(0, 0.005),
            learning_rate=1e-3,
            valid={"auc": 0.8 - 0.1 * math.exp(-step / 50)} if step % 20 == 0 else None,
        )
        for step in range(10, 161, 10)
    ]


@pytest.fixture
def make_runs(tmp_path) -> Callable[..., list[Path]]:
    """Write runs of one model, one a given AUC, and return their folders."""

    def make(model: str, aucs: list[float | None], *, has_curve: bool = True, **changes) -> list[Path]:
        folders = []
        for seed, auc in enumerate(aucs):
            folder = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
            made_up_record(model, seed, auc, **changes).save(folder / "record.json")
            if has_curve:
                write_curve(folder / "curve.jsonl", made_up_curve(seed))
            folders.append(folder)
        return folders

    return make


@pytest.fixture
def section(tmp_path, make_runs):
    """The part of the page on what fields are worth, drawn from the ``worth`` of each seed."""

    def draw(*seeds, **changes):
        runs = make_runs("mlp", [0.8] * len(seeds), **changes)
        for run, worth in zip(runs, seeds, strict=True):
            file = run / "record.json"
            replace(RunRecord.load(file), worth=worth).save(file)
        page = write_report(runs, tmp_path / "page.html").read_text()
        return re.search(r"<h2>What each field is worth</h2>(.*?)<h2>Settings", page, flags=re.DOTALL)[1]

    return draw
