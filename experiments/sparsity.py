"""The sparsity lab on finished runs: where weights and activations are zero, on a random share of the log's rows.

    python experiments/run.py movielens-1m/mlp.toml --seeds 0 1 2 --from FOLDER
    python experiments/sparsity.py runs/study/movielens-1m/random-8-1-1/*/seed-* --from FOLDER

Of a log that comes in parts the rows are those of the test part, else of all rows: labels are not needed, and what
was trained on is among them. Writes ``results/sparsity/DATASET/SPLIT/MODEL/seed-N.json``, as ``tamis inspect`` does,
where MODEL is the name of the folder that holds the runs.
"""

import argparse
from pathlib import Path

from tamis.data.readers.joined import CarvedSource
from tamis.experiment import inspect_model, load_settings
from tamis.experiment.prepare import open_data
from tamis.export import load_bundle
from tamis.record import RunRecord

RESULTS = Path(__file__).parents[1] / "results" / "sparsity"


def main() -> None:
    """Look into every run, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    parser.add_argument("--from", dest="data", type=Path, help="folder of the data set, as for tamis train")
    parser.add_argument("--share", type=float, default=0.02, help="of the rows")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    for run in arguments.runs:
        opened = open_data(load_settings(run / "settings.toml").data, from_folder=arguments.data)
        whole = opened.rows["test"] if isinstance(opened.rows, dict) else opened.rows
        rows = CarvedSource(whole, name=opened.name, fraction=arguments.share, is_share=True)
        record = RunRecord.load(run / "record.json")
        found = inspect_model(load_bundle(run / "model"), rows.chunks(), record=record)
        place = arguments.out / record.dataset / record.split / run.parent.name / f"seed-{record.seed}.json"
        print(found.save(place), f"{found.rows:,} rows", flush=True)


if __name__ == "__main__":
    main()
