"""Numbers about models and records that training itself does not need: budgets, and later sparsity and scaling.

Made from a module and a batch, and from what the machine tells of itself; asked for by ``experiment`` and ``cli``.
"""

from tamis.analysis.budgets import count_parameters, forward_flops_per_row
from tamis.analysis.free_space import folder_bytes, free_disk_bytes, free_memory_bytes
from tamis.analysis.product_rate import product_flops_per_second
from tamis.analysis.step_memory import PeakBytes, peak_bytes

__all__ = [
    "PeakBytes",
    "count_parameters",
    "folder_bytes",
    "forward_flops_per_row",
    "free_disk_bytes",
    "free_memory_bytes",
    "peak_bytes",
    "product_flops_per_second",
]
