"""Run experiment files over seeds and keep their records in ``results/``; what is there already is not run again.

    python experiments/run.py movielens-1m/mlp.toml movielens-1m/ssr_d.toml --seeds 0 1 2 --from FOLDER

A killed study is started again with the same line: finished runs are skipped, the one cut short resumes.
"""

import argparse
from pathlib import Path

from tamis.experiment import is_record_of, load_settings, prepare_data, run_experiment
from tamis.record import RunRecord, result_path, write_whole

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
RUNS = HERE.parent / "runs" / "study"


def main() -> None:
    """Run what is asked for and not yet there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="experiment files, below experiments/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--from", dest="data", type=Path, help="folder of the data set, as for tamis train")
    arguments = parser.parse_args()
    for file in arguments.files:
        for seed in arguments.seeds:
            run_once(file, seed, arguments.data)


def run_once(file: str, seed: int, data: Path | None) -> None:
    """Train one model with one seed, unless its record is there with the same settings."""
    settings = load_settings(HERE / file, [f"training.seed={seed}"])
    encoded = prepare_data(settings.data, from_folder=data)
    planned = RunRecord(dataset=encoded.name, split=encoded.manifest.split_description, model=settings.model, seed=seed)
    place = result_path(RESULTS, planned)
    if place.exists() and is_record_of(RunRecord.load(place), settings, encoded):
        print(f"{place.relative_to(RESULTS.parent)}: there already", flush=True)
        return
    folder = RUNS / place.relative_to(RESULTS).with_suffix("")
    command = f"tamis train experiments/{file} --seed {seed}"
    record = run_experiment(settings, encoded, folder=folder, resume=True, command=command)
    if record is None:
        return
    record.save(place)
    curve = (folder / "curve.jsonl").read_text()
    write_whole(place.with_name(f"{place.stem}.curve.jsonl"), curve)
    auc, loss = record.test["auc"], record.test["log_loss"]
    print(f"{place.relative_to(RESULTS.parent)}: test AUC {auc:.4f}, log loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
