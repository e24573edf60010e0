"""Where runs lie on disk, and how one is read back."""

from pathlib import Path

from tamis.errors import DataError
from tamis.record.curve import CurvePoint, read_curve
from tamis.record.run_record import RunRecord

RECORD_FILE = "record.json"
CURVE_FILE = "curve.jsonl"


def read_run(path: Path | str) -> tuple[RunRecord, tuple[CurvePoint, ...]]:
    """Read a run's folder (``record.json`` and, if there, ``curve.jsonl``), or a record file by itself.

    The curve of ``seed-0.json`` is ``seed-0.curve.jsonl``; without the file the curve is empty.
    """
    path = Path(path)
    record_path = path / RECORD_FILE if path.is_dir() else path
    is_folder_record = record_path.name == RECORD_FILE
    curve_path = record_path.with_name(CURVE_FILE if is_folder_record else f"{record_path.stem}.{CURVE_FILE}")
    record = RunRecord.load(record_path)
    return record, read_curve(curve_path) if curve_path.is_file() else ()


def result_path(results: Path | str, record: RunRecord) -> Path:
    """Where a record is kept for comparison.

    Example:
        >>> record = RunRecord(dataset="adult", split="random-8-1-1", model="mlp", seed=2)
        >>> result_path("results", record).as_posix()
        'results/adult/random-8-1-1/mlp/seed-2.json'
    """
    return Path(results) / record.dataset / record.split / record.model / f"seed-{record.seed}.json"


def find_runs(place: Path | str) -> list[Path]:
    """Every run at ``place``, in order of path: a run's folder, a record file, or a folder that holds runs.

    What lies in a folder with a dot before its name is no run: it may be one whose removal was cut short.

    Raises:
        DataError: there is none.
    """
    place = Path(place)
    if place.is_file() or (place / RECORD_FILE).is_file():
        return [place]
    found = [path.parent for path in place.rglob(RECORD_FILE)] + list(place.rglob("seed-*.json"))
    found = [path for path in found if not any(part.startswith(".") for part in path.relative_to(place).parts)]
    if not found:
        raise DataError(f"{place}: holds no run, that is no {RECORD_FILE} and no seed-N.json. Give a run's folder.")
    return sorted(found)
