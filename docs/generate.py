"""Fill in what documents say about results, models and rooms: every figure comes from a committed file.

    python docs/generate.py            rewrite the documents
    python docs/generate.py --check    say what would change, and fail if anything would

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``.
"""

import argparse
import ast
import dataclasses
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tamis.data.readers.planted import PlantedSource
from tamis.data.recipes import RECIPES
from tamis.models import MODELS, ssr_d, ssr_s
from tamis.record import RunRecord, find_runs, summarise
from tamis.study.verdicts import is_own, verdict_on

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))  # scripts, which import each other by file name

from findings import verdict  # noqa: E402
from run_all import SCRIPTS  # noqa: E402

DOCUMENTS = (
    "README.md",
    "docs/results.md",
    "docs/models.md",
    "docs/performance.md",
    "docs/planted.md",
    "docs/beyond.md",
)
NO_RECORDS = ("benchmarks", "knob", "tuning", "scaling", "sparsity", "speed-quality", "studies", "worth")
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


MAIN_SPEEDS = (
    ("train_step", "ssr_d official rows/s batch 4096"),
    ("train_step", "ssr_d share of matrix-product time"),
    ("train_step", "ssr_s rows/s batch 4096"),
    ("train_step", "dcn_v2 rows/s batch 4096"),
    ("peers", "dcn_v2 rows/s over fastest peer"),
    ("peers", "dcn_v2 test AUC minus best peer"),
    ("encode", "criteo-shaped rows/s"),
    ("encode", "rows/s over FuxiCTR"),
    ("memory", "peak MB of 10M rows minus 1M rows"),
    ("growth", "ssr_d rows/s at 10M rows over 1M rows"),
    ("score", "ssr_s 500 candidates p50 ms"),
    ("score", "ssr_s 500 candidates p99 ms"),
    ("score", "ssr_d 500 candidates p99 ms"),
    ("resume", "final weights bit-identical"),
    ("start", "help seconds"),
)
"""What a reader of the README wants to know first, by benchmark and name of the figure."""
SPARSITY_FIGURES = ("below_absolute", "below_rms", "dims_for_80", "dims_for_80_on_rows")
"""What the lab says of a layer's weights."""
WITH_WORTH = {"mlp_worth": "mlp", "ssr_s_worth": "ssr_s_paper", "ssr_d_worth": "ssr_d_paper"}
"""Models of the table that choose their fields, and the same models without."""


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
    for path in sorted((ROOT / "results" / "tuning").glob("*.json")):
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


def questions_table() -> str:
    """One line a benchmark: what it asks, how long it takes, and whether there are figures of it."""
    lines = ["| question | what it asks | minutes | figures |", "|---|---|---:|---|"]
    minutes = {script.name: f"{script.minutes:g}" for script in SCRIPTS}
    for name, duration in minutes.items():
        path = ROOT / "benchmarks" / f"{name}.py"
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        has_figures = (ROOT / "results" / "benchmarks" / f"{name}.json").exists()
        lines.append(
            f"| [{name}](../benchmarks/{path.name}) | {docstring.splitlines()[0]} | {duration} "
            f"| {'below' if has_figures else 'not yet'} |"
        )
    return "\n".join(lines)


def benchmarks_table() -> str:
    """Every figure of ``results/benchmarks``."""
    lines = ["| question | figure | median | unit | goal |", "|---|---|---:|---|---|"]
    for path in sorted((ROOT / "results" / "benchmarks").glob("*.json")):
        for figure in json.loads(path.read_text())["figures"]:
            lines.append(f"| [{path.stem}](../results/benchmarks/{path.name}) | {_measured(figure)} |")
    return "\n".join(lines)


def main_speeds_table() -> str:
    """The figures that the README shows."""
    lines = ["| question | figure | median | unit | goal |", "|---|---|---:|---|---|"]
    for question, name in MAIN_SPEEDS:
        figures = json.loads((ROOT / "results" / "benchmarks" / f"{question}.json").read_text())["figures"]
        found = next(figure for figure in figures if figure["name"] == name)
        lines.append(f"| [{question}](results/benchmarks/{question}.json) | {_measured(found)} |")
    return "\n".join(lines)


def _measured(figure: dict[str, Any]) -> str:
    goal, judged = figure["goal"], verdict(figure["value"], figure["goal"])
    return f"{figure['name']} | {figure['value']:,} | {figure['unit']} | {f'{goal}: {judged}' if judged else goal}"


def speed_quality_table() -> str:
    """What the fast defaults are worth against the slow ways, on each data set of ``results/speed-quality``."""
    lines = [
        "| data set | model | AUC fast | AUC slow | fast less slow, over seeds | over rows | on validation, over seeds "
        "| rows/s fast | rows/s slow |",
        "|---|---|---:|---:|---|---|---|---:|---:|",
    ]
    for path in _speed_quality():
        found = json.loads(path.read_text())
        for model, line in found["models"].items():
            part = _last_part(line["differences"])
            auc = [statistics.fmean(run[part]["auc"] for run in line["runs"][arm]) for arm in ("fast", "slow")]
            speeds = [line["rows_per_second"][arm]["median"] for arm in ("fast", "slow")]
            lines.append(
                f"| [{path.stem}](../results/speed-quality/{path.name}) | `{model}` | {auc[0]:.4f} | {auc[1]:.4f} "
                f"| {_cells(line['differences'])} | {speeds[0]:,} | {speeds[1]:,} |"
            )
        lines.append(f"| {path.stem} | mean of the models | | | {_cells(found['mean_of_models'])} | | |")
    return "\n".join(lines)


def one_factor_table() -> str:
    """The slow way made fast in one thing at a time."""
    lines = [
        "| data set | model | fast in | less slow, over seeds | over rows | on validation, over seeds |",
        "|---|---|---|---|---|---|",
    ]
    for path in _speed_quality():
        for model, factors in json.loads(path.read_text())["one_factor"].items():
            for name, line in factors.items():
                lines.append(f"| {path.stem} | `{model}` | {name} | {_cells(line['differences'])} |")
    return "\n".join(lines)


def verdicts_table(path: Path) -> str:
    """One line a model, one column a data set and budget: test AUC, and what the tests say of it beside the best."""
    contests = json.loads(path.read_text())["data_sets"]
    heads = [f"{contest['data']}, {contest['target']:,} {contest['budget']}" for contest in contests]
    lines = [f"| model | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    places = [{line["label"]: line for line in contest["ranking"]} for contest in contests]
    for label in sorted({label for place in places for label in place}):
        lines.append(f"| `{label}` | {' | '.join(_rank(place.get(label)) for place in places)} |")
    return "\n".join(lines)


def evidence_table() -> str:
    """One line a data set and budget: the best of the SSR family beside the best of all other models."""
    lines = [
        "| data set | dense parameters | test rows (clicks) | best SSR | best of the others | difference [95 %] "
        "| after Holm | best of all | LightGBM |",
        "|---|---:|---:|---|---|---|---|---|---|",
    ]
    for contest in _contests():
        models = [line for line in contest["ranking"] if not line["outside"] and line["auc"] is not None]
        best = {is_ssr: next(line for line in models if is_own(line) == is_ssr) for is_ssr in (True, False)}
        trees = next((line for line in contest["ranking"] if line["outside"]), None)
        gap, verdict_word = _gap(contest["tests"], best[True]["model"], best[False]["model"])
        lines.append(
            f"| {contest['data']} | {contest['target']:,} | {contest['rows']['test']:,} ({contest['positives']:,}) "
            f"| {_named_auc(best[True])} | {_named_auc(best[False])} "
            f"| {gap} | {verdict_word} | {'SSR' if is_own(models[0]) else 'another model'} "
            f"| {'' if trees is None or trees['auc'] is None else format(trees['auc'], '.4f')} |"
        )
    return "\n".join(lines)


def worth_table() -> str:
    """One line a data set, budget and model: without and with the choice of fields by their worth."""
    lines = [
        "| data set | dense parameters | model | all fields | chosen fields | difference [95 %] | after Holm | kept |",
        "|---|---:|---|---:|---:|---|---|---|",
    ]
    for contest in _contests():
        by_label = {line["label"]: line for line in contest["ranking"] if line["auc"] is not None}
        for chosen, plain in WITH_WORTH.items():
            if chosen not in by_label or plain not in by_label:
                continue
            one, other = by_label[chosen], by_label[plain]
            gap, word = _gap(contest["tests"], one["model"], other["model"])
            place = ROOT / "results" / contest["dataset"] / contest["split"] / one["model"]
            records = [RunRecord.load(path) for path in sorted(place.glob("seed-*.json"))]
            lines.append(
                f"| {contest['data']} | {contest['target']:,} | `{other['label']}` | {other['auc']:.4f} "
                f"| {one['auc']:.4f} | {gap} | {word} | {kept_fields([record.worth for record in records])} |"
            )
    return "\n".join(lines)


def worth_by_epoch_table() -> str:
    """One line an epoch: what fields that decide and fields of noise look worth, in the mean over fields and seeds."""
    seeds = json.loads((ROOT / "results" / "worth" / "planted-sparse.json").read_text())["seeds"]
    lines = [
        "| epoch | its rows were seen | mean z of the 6 that decide | of the 54 of noise | of noise beyond 2 "
        "| validation AUC after it |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for epoch, parts in enumerate(zip(*(seed["epochs"] for seed in seeds), strict=True), start=1):
        true, noise = ([z for part in parts for z in part[kind]] for kind in ("true", "noise"))
        beyond = sum(z > 2 for z in noise) / len(noise)
        auc = statistics.fmean(part["valid_auc"] for part in parts)
        seen = "never" if epoch == 1 else "once" if epoch == 2 else f"{epoch - 1} times"
        lines.append(
            f"| {epoch} | {seen} | {statistics.fmean(true):.1f} | {statistics.fmean(noise):.1f} | {beyond:.0%} "
            f"| {auc:.4f} |"
        )
    return "\n".join(lines)


def kept_fields(seeds: Sequence[Sequence[dict[str, Any]]]) -> str:
    """How many fields the seeds kept, of how many.

    Example:
        >>> kept_fields([[{"kept": True}, {"kept": False}], [{"kept": True}, {"kept": True}]])
        '1 to 2 of 2'
    """
    counts = sorted({sum(field["kept"] for field in fields) for fields in seeds})
    between = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{between} of {len(seeds[0])}"


def _contests() -> list[dict[str, Any]]:
    """All contests of the table, real data sets first."""
    found = json.loads((ROOT / "results" / "verdicts.json").read_text())["data_sets"]
    return sorted(found, key=lambda contest: (not contest["real"], contest["data"], contest["target"]))


def ablations_table(path: Path, base: str) -> str:
    """One line a variant, one column a data set: test AUC, how far it is from ``base``, what the tests say."""
    contests = json.loads(path.read_text())["data_sets"]
    lines = [f"| variant | {' | '.join(contest['data'] for contest in contests)} |", f"|---|{'---|' * len(contests)}"]
    aucs = [{line["model"]: line["auc"] for line in contest["ranking"]} for contest in contests]
    for label in (base, *sorted(set(aucs[0]) - {base})):
        cells = [
            f"{auc[label]:.4f}" + ("" if label == base else ": " + " ".join(_gap(contest["tests"], label, base)))
            for contest, auc in zip(contests, aucs, strict=True)
        ]
        lines.append(f"| `{label}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _named_auc(line: dict[str, Any]) -> str:
    """A model and its AUC with half the width of its interval."""
    return f"`{line['label']}` {line['auc']:.4f} ± {(line['high'] - line['low']) / 2:.4f}"


def _gap(tests: list[dict[str, Any]], one: str, other: str) -> tuple[str, str]:
    """The difference of two models with its interval, and what the corrected test says of the first."""
    test = next(test for test in tests if {test["one"], test["other"]} == {one, other})
    sign = 1 if test["one"] == one else -1
    low, high = sorted((sign * test["low"], sign * test["high"]))
    gap = {"mean": sign * test["difference"], "low": low, "high": high}
    return _interval(gap), verdict_on(one, other, tests)


def ranking_tables() -> str:
    """A table a budget: the test AUC of each model on each data set."""
    parts = []
    for target in sorted({contest["target"] for contest in _contests()}):
        contests = [contest for contest in _contests() if contest["target"] == target]
        places = [{line["label"]: line for line in contest["ranking"]} for contest in contests]
        lines = [
            f"| {target:,} dense parameters | {' | '.join(contest['data'] for contest in contests)} |",
            f"|---|{'---:|' * len(contests)}",
        ]
        for label in dict.fromkeys(label for place in places for label in place):
            lines.append(f"| `{label}` | {' | '.join(_mark(place.get(label)) for place in places)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _mark(line: dict[str, Any] | None) -> str:
    """An AUC: in bold the best, with = what is not told apart from it."""
    if line is None or line["auc"] is None:
        return "" if line is None else "failed"
    said, auc = line["against_best"], f"{line['auc']:.4f}"
    return {"best": f"**{auc}**", "not told apart": f"{auc} ="}.get(said, auc)


def sparsity_table() -> str:
    """What the lab found in every layer that reads the fields, mean over seeds; in brackets before training."""
    lines = [
        "| data set | model | layer | weights below 0.001 | below a tenth of their RMS | inputs with 80 % of the mass "
        "| the same, weighed by the size of the input | effective rank of full | exact zeros behind it |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for place in sorted({path.parent for path in (ROOT / "results" / "sparsity").rglob("seed-*.json")}):
        seeds = [json.loads(path.read_text()) for path in sorted(place.glob("seed-*.json"))]
        for name in (layer["name"] for layer in seeds[0]["layers"] if layer["reads_fields"]):
            layers = [next(layer for layer in seed["layers"] if layer["name"] == name) for seed in seeds]
            shares = [_trained_and_not(layers, key) for key in SPARSITY_FIGURES]
            rank = statistics.mean(layer["trained"]["effective_rank"] for layer in layers)
            lines.append(
                f"| {seeds[0]['dataset']} | `{place.name}` | `{name}` | {' | '.join(shares)} "
                f"| {rank:.0f} of {layers[0]['trained']['full_rank']} | {_zeros_behind(seeds, name)} |"
            )
    return "\n".join(lines)


def _trained_and_not(parts: list[dict[str, Any]], key: str) -> str:
    trained, fresh = (statistics.mean(part[when][key] for part in parts) for when in ("trained", "untrained"))
    return f"{trained:.1%} ({fresh:.1%})"


def _zeros_behind(seeds: list[dict[str, Any]], name: str) -> str:
    """Zeros of the ReLU behind a layer, or of the filter in front of or behind it; nothing where there is neither."""
    behind = [layer for seed in seeds for layer in seed["relu_layers"] if layer["name"] == name]
    if behind:
        return _trained_and_not(behind, "zeros")
    filters = [one for seed in seeds for one in seed["filters"] if name.startswith(f"{one['name']}.")]
    if not filters:
        return ""
    if filters[0]["kind"] == "static":
        return f"{statistics.mean(one['zeros'] for one in filters):.1%} of inputs unread by a view"
    means = {
        when: statistics.mean(statistics.mean(one[when]["zeros"][-1]) for one in filters)
        for when in ("trained", "untrained")
    }
    return f"{means['trained']:.1%} ({means['untrained']:.1%})"


def _rank(line: dict[str, Any] | None) -> str:
    if line is None or line["auc"] is None:
        return "" if line is None else line["against_best"]
    return f"{line['auc']:.4f} [{line['low']:.4f}, {line['high']:.4f}] {line['against_best']}"


def lighter_table() -> str:
    """What each trained model loses and saves when it is made lighter."""
    lines = [
        "| data set, model | iterations | last views | AUC less that of the full model, over rows "
        "| ms for 500 candidates |",
        "|---|---:|---:|---|---:|",
    ]
    for path in sorted((ROOT / "results" / "knob").glob("*.json")):
        curve = json.loads(path.read_text())
        for point in curve["points"]:
            gap, steps = point["auc_less_full"], point["iterations"] or "-"
            lines.append(
                f"| [{curve['dataset']}, `{curve['model']}`](../results/knob/{path.name}) | {steps} "
                f"| {point['views']} | {_interval(gap)} | {point['milliseconds']['candidates']:.1f} |"
            )
    return "\n".join(lines)


def _speed_quality() -> list[Path]:
    return sorted((ROOT / "results" / "speed-quality").glob("*.json"))


def _last_part(differences: dict[str, Any]) -> str:
    """The test rows, or the folds where no test rows were read."""
    return "test" if "test" in differences else "valid"


def _cells(differences: dict[str, Any]) -> str:
    """The difference on the last part, over seeds with its verdict and over rows, and the one on validation."""
    part = _last_part(differences)
    own = differences[part]
    validation = "the same" if part == "valid" else _interval(differences["valid"]["auc"])
    over_rows = _interval(own["auc_over_rows"]) if "auc_over_rows" in own else ""
    return f"{_interval(own['auc'])} {own['verdict']} | {over_rows} | {validation}"


def _interval(found: dict[str, float]) -> str:
    return f"{found['mean']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"


def models_table() -> str:
    """The registry: what ``tamis models`` prints."""
    lines = ["| model | status | source | our own part |", "|---|---|---|---|"]
    lines += [
        f"| `{entry.name}` | {entry.status} | {entry.source} | {entry.note or '-'} |"
        for entry in (MODELS[name] for name in MODELS)
    ]
    return "\n".join(lines)


def presets_table() -> str:
    """Where the presets of SSR-D and SSR-S differ."""
    parts = []
    for title, presets in (("SSR-D", ssr_d.PRESETS), ("SSR-S", ssr_s.PRESETS)):
        names = list(presets)
        lines = [f"| {title} | {' | '.join(f'`{name}`' for name in names)} |", f"|---|{'---|' * len(names)}"]
        for field in dataclasses.fields(presets[names[0]]):
            values = [getattr(presets[name], field.name) for name in names]
            lines.append(f"| `{field.name}` | {' | '.join(_plain(value) for value in values)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def rooms_table() -> str:
    """Each room with the first line of its docstring."""
    lines = ["| room | what it does |", "|---|---|"]
    package = ROOT / "tamis"
    places = [path for path in sorted(package.iterdir()) if path.suffix == ".py" or (path / "__init__.py").exists()]
    for path in places:
        if path.name == "__init__.py":
            continue
        source = path if path.suffix == ".py" else path / "__init__.py"
        docstring = ast.get_docstring(ast.parse(source.read_text())) or ""
        name = f"{path.name}/" if path.is_dir() else path.name
        lines.append(f"| [`{name}`](tamis/{name}) | {docstring.splitlines()[0]} |")
    return "\n".join(lines)


def planted_table() -> str:
    """The planted logs by name, with their Bayes bounds, which a test computes again."""
    lines = [
        "| recipe | what is planted | rows | fields | Bayes AUC | Bayes log loss |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name in RECIPES:
        source = RECIPES[name].open(cache=Path(tempfile.gettempdir())) if name.startswith("planted") else None
        if isinstance(source, PlantedSource):
            (bound,) = RECIPES[name].references
            lines.append(
                f"| `{name}` | {RECIPES[name].title} | {source.settings.rows:,} | {len(source.settings.columns)} "
                f"| {bound.auc:.4f} | {bound.log_loss:.4f} |"
            )
    return "\n".join(lines)


GENERATED: dict[str, Callable[[], str]] = {
    "results": results_table,
    "tuning": tuning_table,
    "questions": questions_table,
    "benchmarks": benchmarks_table,
    "main_speeds": main_speeds_table,
    "speed_quality": speed_quality_table,
    "one_factor": one_factor_table,
    "models": models_table,
    "presets": presets_table,
    "rooms": rooms_table,
    "planted": planted_table,
    "beyond": lambda: verdicts_table(ROOT / "results" / "studies" / "beyond-planted-small" / "verdicts.json"),
    "lighter": lighter_table,
    "evidence": evidence_table,
    "sparsity": sparsity_table,
    "rankings": ranking_tables,
    "worth": worth_table,
    "worth_by_epoch": worth_by_epoch_table,
    "ablations": lambda: ablations_table(ROOT / "results" / "studies" / "ablations" / "verdicts.json", "ssr_d"),
}


def render(text: str) -> str:
    """The document with every generated part made anew."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- generated: {match[1]} -->\n{GENERATED[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


def _records() -> list[RunRecord]:
    places = [path for path in (ROOT / "results").iterdir() if path.is_dir() and path.name not in NO_RECORDS]
    records = [RunRecord.load(run) for place in sorted(places) for run in find_runs(place)]
    # Final runs of a study stand in its verdicts.
    return [record for record in records if not record.command.startswith("tamis compare")]


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " → ".join([*map(str, value), "1"]) if value else "one layer"
    return f"{value:g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Rewrite the documents, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = []
    for name in DOCUMENTS:
        path = ROOT / name
        text = path.read_text()
        fresh = render(text)
        if fresh != text:
            stale.append(name)
            if not is_check:
                path.write_text(fresh)
    print("\n".join(f"{'stale' if is_check else 'written'}: {name}" for name in stale) or "nothing to change")
    sys.exit(is_check and bool(stale))


if __name__ == "__main__":
    main()
