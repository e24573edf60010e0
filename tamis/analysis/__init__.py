"""Numbers about models and records that training itself does not need: budgets, and later sparsity and scaling.

Made from a module and a batch; asked for by ``experiment`` and ``cli``.
"""

from tamis.analysis.budgets import count_parameters, forward_flops_per_row

__all__ = ["count_parameters", "forward_flops_per_row"]
