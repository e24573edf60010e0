"""Numbers about models, scores and records that training itself does not need: budgets, and what a gain is worth.

Made from a module and a batch, from scores of the same rows, and from what the machine tells of itself; asked for by
``experiment`` and ``cli``.
"""

from tamis.analysis.bootstrap import bootstrap_auc_differences
from tamis.analysis.budgets import active_parameters, closed_flops_per_row, count_parameters, forward_flops_per_row
from tamis.analysis.free_space import folder_bytes, free_disk_bytes, free_memory_bytes
from tamis.analysis.product_rate import product_flops_per_second
from tamis.analysis.significance import Comparison, compare_auc, compare_log_loss, holm
from tamis.analysis.step_memory import PeakBytes, peak_bytes

__all__ = [
    "Comparison",
    "PeakBytes",
    "active_parameters",
    "bootstrap_auc_differences",
    "closed_flops_per_row",
    "compare_auc",
    "compare_log_loss",
    "count_parameters",
    "folder_bytes",
    "forward_flops_per_row",
    "free_disk_bytes",
    "free_memory_bytes",
    "holm",
    "peak_bytes",
    "product_flops_per_second",
]
