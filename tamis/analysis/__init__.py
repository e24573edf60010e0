"""Numbers that training does not need: what a model costs and what of it is zero, and what a gain is worth.

Made from a module with its ``layers`` and a batch, from scores of the same rows, and from what the machine tells of
itself; asked for by ``experiment`` and ``study``.
"""

from tamis.analysis.bootstrap import bootstrap_aucs
from tamis.analysis.budgets import active_parameters, closed_flops_per_row, count_parameters, forward_flops_per_row
from tamis.analysis.context_worth import ContextWorth, measure_context_worth
from tamis.analysis.dense_matrices import DenseMatrix, dense_matrices, field_readers, unknown_products
from tamis.analysis.effective_rank import Rank, matrix_rank
from tamis.analysis.field_worth import FieldWorth, WorthMeter
from tamis.analysis.filter_cost import block_costs, model_cost
from tamis.analysis.free_space import folder_bytes, free_disk_bytes, free_memory_bytes
from tamis.analysis.interactions import Interactions, measure_interactions
from tamis.analysis.mass_curve import CURVE_SHARES, curve_at, dims_holding, group_shares, mass_curve
from tamis.analysis.power_law import Estimate, PowerLaw, fit_power_law
from tamis.analysis.product_rate import product_flops_per_second
from tamis.analysis.saturation import Saturation, compare_slopes, judge_saturation, slope_weights
from tamis.analysis.significance import (
    AucSide,
    Comparison,
    auc_side,
    compare_auc,
    holm,
    weigh_auc,
    weigh_values,
)
from tamis.analysis.static_choice import StaticChoice, static_choice
from tamis.analysis.step_memory import PeakBytes, peak_bytes
from tamis.analysis.view_activity import ViewActivity, ViewCounts
from tamis.analysis.weight_sparsity import MAGNITUDE_EDGES, THRESHOLDS, WeightSparsity, weight_sparsity

__all__ = [
    "AucSide",
    "CURVE_SHARES",
    "Comparison",
    "ContextWorth",
    "DenseMatrix",
    "Estimate",
    "FieldWorth",
    "Interactions",
    "MAGNITUDE_EDGES",
    "PeakBytes",
    "PowerLaw",
    "Rank",
    "Saturation",
    "StaticChoice",
    "THRESHOLDS",
    "ViewActivity",
    "ViewCounts",
    "WeightSparsity",
    "WorthMeter",
    "active_parameters",
    "auc_side",
    "block_costs",
    "bootstrap_aucs",
    "closed_flops_per_row",
    "compare_auc",
    "compare_slopes",
    "count_parameters",
    "curve_at",
    "dense_matrices",
    "dims_holding",
    "field_readers",
    "fit_power_law",
    "folder_bytes",
    "forward_flops_per_row",
    "free_disk_bytes",
    "free_memory_bytes",
    "group_shares",
    "holm",
    "judge_saturation",
    "mass_curve",
    "matrix_rank",
    "measure_context_worth",
    "measure_interactions",
    "model_cost",
    "peak_bytes",
    "product_flops_per_second",
    "slope_weights",
    "static_choice",
    "unknown_products",
    "weigh_auc",
    "weight_sparsity",
    "weigh_values",
]
