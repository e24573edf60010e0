"""Words and numbers of the page: how sure a difference is, said without flattery."""

from collections.abc import Sequence
from typing import Any

from tamis.reports.comparison import Comparison, Model

NAMED_AT_MOST = 6
MISSING = "–"

METRICS = {
    "auc": "AUC: the chance that a positive row scores above a negative one; 0.5 is guessing, 1 is perfect.",
    "gauc_impression": "GAUC by impression: AUC inside each group (often a user), weighted by its rows.",
    "gauc_user": "GAUC by user: AUC inside each group, every group counting the same.",
    "gauc_positive": "GAUC by positive: AUC inside each group, weighted by its positive rows.",
    "log_loss": "Log loss: mean surprise of the labels in nats; lower is better.",
    "normalised_entropy": "Normalised entropy (NE): log loss over that of always guessing the positive rate; "
    "below 1 beats it.",
    "calibration_ratio": "Calibration ratio (PCOC): predicted over observed positives; 1 is right.",
    "expected_calibration_error": "Expected calibration error (ECE): mean distance of predicted and observed "
    "rates over bins of equally many rows; 0 is right.",
    "rows_per_second": "Rows/s: training rows passed through the model in one second, median over seeds.",
}


def verdict(comparison: Comparison) -> list[str]:
    """Which model is best, and from which others it can be told apart, in full sentences."""
    known = [model for model in comparison.models if model.summary.auc_mean is not None]
    if not known:
        return ["No run has a test AUC."]
    best, rivals = known[0], known[1:]
    if not rivals:
        return [f"{best.label} reaches a test AUC of {describe_auc(best)}.", _seed_note(best)]
    sentences = [f"{best.label} has the highest mean test AUC: {describe_auc(best)}."]
    unsure = [rival for rival in rivals if best.summary.auc_low is None or rival.summary.auc_low is None]
    overlapping = [rival for rival in rivals if rival not in unsure and _overlap(best, rival)]
    apart = [rival for rival in rivals if rival not in unsure and rival not in overlapping]
    if overlapping:
        names = list_names([model.label for model in overlapping])
        sentences.append(f"It is not told apart from {names}: the 95 % intervals overlap.")
    if apart:
        sentences.append(
            f"Its 95 % interval lies above {list_names([model.label for model in apart])}: more than the luck of seeds."
        )
    if unsure:
        sentences.append(
            f"Nothing can be said against {list_names([model.label for model in unsure])}: one seed has no interval."
        )
    return sentences


def describe_auc(model: Model) -> str:
    """Mean and interval as text."""
    line = model.summary
    if line.auc_low is None or line.auc_high is None:
        return format_number(line.auc_mean)
    return f"{format_number(line.auc_mean)} [{format_number(line.auc_low)}, {format_number(line.auc_high)}]"


def format_gain(found: dict[str, Any]) -> str:
    """A difference with the ends of its interval, signs shown.

    Example:
        >>> format_gain({"difference": 0.00214, "low": -0.001, "high": 0.0053})
        '+0.0021 [-0.0010, +0.0053]'
    """
    return f"{found['difference']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"


def format_number(value: Any, *, decimals: int = 4) -> str:
    """Counts with thousands apart, measures with a fixed number of decimals, nothing as a dash.

    Example:
        >>> format_number(1234567), format_number(0.81234), format_number(None)
        ('1,234,567', '0.8123', '–')
    """
    if value is None:
        return MISSING
    if isinstance(value, float):
        return f"{value:,.{decimals}f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def format_short(value: float | None) -> str:
    """A count in three digits, for a narrow column; its unit stays on its line.

    Example:
        >>> format_short(970_897), format_short(31_400_000), format_short(12)
        ('971\xa0k', '31.4\xa0M', '12')
    """
    if value is None:
        return MISSING
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * unit:
            return f"{value / unit:.3g}\N{NO-BREAK SPACE}{name}"
    return f"{value:.3g}"


def format_p(value: float) -> str:
    """A p-value; none is ever nothing.

    Example:
        >>> format_p(0.0417), format_p(1e-9)
        ('0.042', '< 0.001')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def format_share(value: float | None) -> str:
    """A share as a percentage of two or three digits.

    Example:
        >>> format_share(0.01234), format_share(0.5678), format_share(0.00012), format_share(None)
        ('1.2 %', '57 %', '0.01 %', '–')
    """
    if value is None:
        return MISSING
    percent = 100 * value
    decimals = 0 if abs(percent) >= 9.95 or percent == 0 else 1 if abs(percent) >= 0.095 else 2
    return f"{percent:.{decimals}f} %"


def format_bytes(value: float | None) -> str:
    """A size in binary units.

    Example:
        >>> format_bytes(1_979_173)
        '1.89 MiB'
    """
    if value is None:
        return MISSING
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if value >= 1024**power:
            return f"{value / 1024**power:.3g} {name}"
    return f"{value:.0f} B"


def _overlap(first: Model, second: Model) -> bool:
    low, high = first.summary.auc_low, first.summary.auc_high
    other_low, other_high = second.summary.auc_low, second.summary.auc_high
    assert low is not None and high is not None and other_low is not None and other_high is not None
    return low <= other_high and other_low <= high


def list_names(names: Sequence[str]) -> str:
    """Names as a part of a sentence; of many, only the first.

    Example:
        >>> list_names(["a", "b", "c"])
        'a, b and c'
    """
    if len(names) > NAMED_AT_MOST:
        names = [*names[: NAMED_AT_MOST - 1], f"{len(names) - NAMED_AT_MOST + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _seed_note(model: Model) -> str:
    seeds = len(model.runs)
    if seeds == 1:
        return "One seed has no interval: run more seeds before you believe a difference."
    return f"The interval is for the mean of {seeds} seeds, 95 %."
