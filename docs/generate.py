"""Fill in what documents say about results, models and rooms: every figure comes from a committed file.

    python docs/generate.py            rewrite the documents
    python docs/generate.py --check    say what would change, and fail if anything would

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``, a figure within a sentence between
``<!-- = FIGURE WORDS -->`` and ``<!-- end -->``; ``tables/`` makes them, and draws the pictures.
"""

import argparse
import re
import sys
from collections.abc import Callable

from tables import (
    ablations,
    false_alarms,
    figures,
    house,
    lab,
    one_by_one,
    pictures,
    probabilities,
    runs,
    scaling,
    speed,
    static_views,
    studies,
    worth,
)
from tables.places import RESULTS, ROOT

DOCUMENTS = (
    "README.md",
    "docs/results.md",
    "docs/models.md",
    "docs/performance.md",
    "docs/planted.md",
    "docs/beyond.md",
    "docs/comparing.md",
)
BEYOND = [
    ("adaptive", "static"),
    ("static-field", "static"),
    ("static-field-dimension", "static"),
    ("closed-form", "ssr_d"),
    ("ssr_d", "no-gate"),
    ("paper-with-gate", "paper"),
]
"""What goes beyond the paper, each beside what it replaces."""
STATIC = ["static", "static-2-views", "static-32-views", "static-128-views"]
GENERATED: dict[str, Callable[[], str]] = {
    "results": runs.results_table,
    "tuning": runs.tuning_table,
    "questions": speed.questions_table,
    "benchmarks": speed.benchmarks_table,
    "main_speeds": speed.main_speeds_table,
    "speed_quality": speed.speed_quality_table,
    "one_factor": speed.one_factor_table,
    "models": house.models_table,
    "presets": house.presets_table,
    "rooms": house.rooms_table,
    "planted": house.planted_table,
    "evidence": studies.evidence_table,
    "ranking_pictures": pictures.ranking_pictures,
    "rankings": studies.ranking_tables,
    "baselines": studies.baselines_tables,
    "first_or_tied": studies.first_or_tied_table,
    "resolution": studies.resolution_table,
    "static_views": static_views.static_views_table,
    "scaled_views_movielens_1m": lambda: static_views.scaled_views_table("scaling-movielens-1m"),
    "scaled_views_planted": lambda: static_views.scaled_views_table("scaling-planted"),
    "ablations": ablations.ablations_table,
    "ablation_pictures": pictures.ablation_pictures,
    "beyond": lambda: studies.pairs_table(ablations.VERDICTS, BEYOND),
    "again": lambda: studies.pairs_table(
        ablations.VERDICTS, [(f"{name}-again", name) for name in ("ssr_d", "static", "mlp")]
    ),
    "narrower_views": lambda: static_views.narrower_views_table("ablations", STATIC),
    "worth": lambda: worth.worth_table(worth.WITH_WORTH),
    "by_context": lambda: worth.worth_table(worth.WITH_CONTEXT, with_context=True),
    "worth_pictures": lambda: pictures.worth_pictures("worth"),
    "by_context_pictures": lambda: pictures.worth_pictures("by-context"),
    "worth_by_epoch": worth.worth_by_epoch_table,
    "context_known": worth.context_known_table,
    "context_found": worth.context_found_table,
    "table_rate": lambda: studies.verdicts_table(RESULTS / "studies" / "table-rate" / "verdicts.json"),
    "probabilities": probabilities.probabilities_table,
    "start": probabilities.start_table,
    "growth_planted": lambda: scaling.growth_table("scaling-planted"),
    "growth_planted_no_norm": lambda: scaling.growth_table("scaling-planted-no-norm"),
    "bounds_planted": lambda: scaling.bounds_sentence("scaling-planted", "planted-39-rows-5000000"),
    "input_norm": lambda: studies.verdicts_table(RESULTS / "studies" / "input-norm" / "verdicts.json"),
    "batch_norm_parts": one_by_one.batch_norm_parts_table,
    "calibration_parts": one_by_one.calibration_parts_table,
    "slopes_planted": lambda: scaling.slopes_table("scaling-planted"),
    "laws_planted": lambda: scaling.laws_table("scaling-planted"),
    "laws_movielens_1m": lambda: scaling.laws_table("scaling-movielens-1m"),
    "growth_movielens_1m": lambda: scaling.growth_table("scaling-movielens-1m"),
    "slopes_movielens_1m": lambda: scaling.slopes_table("scaling-movielens-1m"),
    "lighter": lab.lighter_table,
    "sparsity_pictures": lambda: pictures.lab_pictures_of("sparsity-inputs", "sparsity-zeros"),
    "time_picture": lambda: pictures.lab_pictures_of("sparsity-times"),
    "sparsity": lab.sparsity_table,
    "milliseconds": lab.milliseconds_table,
    "selection": lambda: studies.selection_table(RESULTS / "studies" / "movielens-100k-small" / "verdicts.json"),
    "signal": lambda: lab.signal_table("planted-sparse", [f"signal_{number}" for number in range(1, 7)]),
    "false_alarms": false_alarms.false_alarms_table,
}


def render(text: str) -> str:
    """The document with every generated part made anew."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- generated: {match[1]} -->\n{GENERATED[match[1]]()}\n<!-- end -->"

    def fill_in(match: re.Match[str]) -> str:
        return f"<!-- = {match[1]} -->{figures.figure(match[1])}<!-- end -->"

    text = re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)
    return re.sub(r"<!-- = ([^>]+?) -->.*?<!-- end -->", fill_in, text, flags=re.DOTALL)


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
    for path, (sources, how) in pictures.pictures().items():
        if pictures.is_stale(path, sources):
            stale.append(path.relative_to(ROOT).as_posix())
            if not is_check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(pictures.draw(sources, how))
    print("\n".join(f"{'stale' if is_check else 'written'}: {name}" for name in stale) or "nothing to change")
    sys.exit(is_check and bool(stale))


if __name__ == "__main__":
    main()
