"""Single runs that no study made: their results, and how they were tuned."""

import json

from tables.places import RESULTS
from tamis.record import RunRecord, find_runs, summarise

NO_RECORDS = (
    "bayes",
    "benchmarks",
    "context",
    "knob",
    "tuning",
    "scaling",
    "sparsity",
    "speed-quality",
    "studies",
    "worth",
)
GOALS = {
    ("movielens-100k", "ssr_d"): 0.790,
    ("movielens-100k", "mlp"): 0.780,
    ("movielens-1m", "mlp"): 0.815,
    ("movielens-1m", "ssr_d"): 0.815,
    ("movielens-1m", "dcn_v2"): 0.811,
    ("movielens-1m", "ssr_s"): 0.813,
    ("criteo-60k", "ssr_d"): 0.72,
}
"""The test AUC this version set out to reach."""


def results_table() -> str:
    """One line a data set and model: mean test AUC over seeds with its interval, and what was aimed at."""
    lines = [
        "| data set | split | model | dense parameters | seeds | test AUC [95 % interval] | log loss | goal |",
        "|---|---|---|---:|---:|---|---:|---|",
    ]
    for line in summarise(_records()):
        goal = GOALS.get((line.dataset, line.model))
        low, high, mean = line.auc_low, line.auc_high, line.auc_mean
        assert mean is not None
        interval = "" if low is None or high is None else f" [{low:.4f}, {high:.4f}]"
        verdict = "" if goal is None else f"{goal:.3f}: {'reached' if mean >= goal else f'missed by {goal - mean:.4f}'}"
        lines.append(
            f"| {line.dataset} | {line.split} | `{line.model}` | {line.parameters['dense']:,} | {len(line.seeds)} "
            f"| {mean:.4f}{interval} | {line.log_loss:.4f} | {verdict} |"
        )
    return "\n".join(lines)


def tuning_table() -> str:
    """How hard each model was tuned, and what dropping parts of the input was worth, on validation."""
    lines = [
        "| data set | model | trials | best validation AUC | best without input dropout |",
        "|---|---|---:|---:|---:|",
    ]
    for path in sorted((RESULTS / "tuning").glob("*.json")):
        trials = json.loads(path.read_text())["trials"]
        for name in sorted({trial["model"] for trial in trials}):
            own = [trial for trial in trials if trial["model"] == name]
            plain = [trial["valid_auc"] for trial in own if not trial["settings"].get("input_dropout")]
            best = max(trial["valid_auc"] for trial in own)
            without = f"{max(plain):.4f}" if plain else "not tried"
            lines.append(
                f"| [{path.stem}](../results/tuning/{path.name}) | `{name}` | {len(own)} | {best:.4f} | {without} |"
            )
    return "\n".join(lines)


def _records() -> list[RunRecord]:
    places = [path for path in RESULTS.iterdir() if path.is_dir() and path.name not in NO_RECORDS]
    records = [RunRecord.load(run) for place in sorted(places) for run in find_runs(place)]
    # Final runs of a study stand in its verdicts.
    return [record for record in records if not record.command.startswith("tamis compare")]
