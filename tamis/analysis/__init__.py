"""Numbers that training does not need: what a model costs and what of it is zero, and what a gain is worth.

Made from a module with its ``layers`` and a batch, from scores of the same rows, and from what the machine tells of
itself; asked for by ``experiment`` and ``study``.
"""

from tamis.analysis.bootstrap import bootstrap_auc_differences
from tamis.analysis.budgets import active_parameters, closed_flops_per_row, count_parameters, forward_flops_per_row
from tamis.analysis.dense_matrices import DenseMatrix, dense_matrices, field_readers, unknown_products
from tamis.analysis.effective_rank import Rank, matrix_rank
from tamis.analysis.filter_cost import block_costs, model_cost
from tamis.analysis.free_space import folder_bytes, free_disk_bytes, free_memory_bytes
from tamis.analysis.mass_curve import CURVE_SHARES, curve_at, dims_holding, group_shares, mass_curve
from tamis.analysis.product_rate import product_flops_per_second
from tamis.analysis.significance import Comparison, compare_auc, compare_log_loss, holm
from tamis.analysis.static_choice import StaticChoice, static_choice
from tamis.analysis.step_memory import PeakBytes, peak_bytes
from tamis.analysis.view_activity import ViewActivity, ViewCounts
from tamis.analysis.weight_sparsity import MAGNITUDE_EDGES, THRESHOLDS, WeightSparsity, weight_sparsity

__all__ = [
    "CURVE_SHARES",
    "MAGNITUDE_EDGES",
    "THRESHOLDS",
    "Comparison",
    "DenseMatrix",
    "PeakBytes",
    "Rank",
    "StaticChoice",
    "ViewActivity",
    "ViewCounts",
    "WeightSparsity",
    "active_parameters",
    "block_costs",
    "bootstrap_auc_differences",
    "closed_flops_per_row",
    "compare_auc",
    "compare_log_loss",
    "count_parameters",
    "curve_at",
    "dense_matrices",
    "dims_holding",
    "field_readers",
    "folder_bytes",
    "forward_flops_per_row",
    "free_disk_bytes",
    "free_memory_bytes",
    "group_shares",
    "holm",
    "mass_curve",
    "matrix_rank",
    "model_cost",
    "peak_bytes",
    "product_flops_per_second",
    "static_choice",
    "unknown_products",
    "weight_sparsity",
]
