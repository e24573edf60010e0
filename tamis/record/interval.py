"""How sure a mean over few seeds is: Student's t."""

import math
import statistics
from collections.abc import Sequence


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean by Student's t, or None for fewer than two values.

    Example:
        >>> low, high = mean_interval([1.0, 2.0, 3.0])
        >>> round(low, 4), round(high, 4)
        (-0.4841, 4.4841)
    """
    if len(values) < 2:
        return None
    mean = statistics.fmean(values)
    reach = student_t_quantile(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return mean - reach, mean + reach


def student_t_quantile(freedom: int, *, inside: float = 0.95) -> float:
    """The t that a Student variable of ``freedom`` degrees stays within, on both sides, with chance
    ``inside``.

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4: the chance is a finite sum of cosines; bisected
    here.

    Example:
        >>> round(student_t_quantile(2), 4)
        4.3027
    """
    low, high = 0.0, math.pi / 2
    for _ in range(100):
        angle = (low + high) / 2
        low, high = (angle, high) if _chance_within(angle, freedom) < inside else (low, angle)
    return math.tan(low) * math.sqrt(freedom)


def _chance_within(angle: float, freedom: int) -> float:
    """The chance that ``|t| <= tan(angle) * sqrt(freedom)``."""
    cosine, sine = math.cos(angle), math.sin(angle)
    is_odd = freedom % 2
    term = cosine if is_odd else 1.0
    total = term if freedom > 1 else 0.0
    for step in range(2 + is_odd, freedom - 1, 2):
        term *= cosine * cosine * (step - 1) / step
        total += term
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total
