"""Records: what a run leaves behind, and how it is read again.

Made here: ``RunRecord`` (``record.json``), the curve (``curve.jsonl``), ``Inspection`` (``inspection.json``), the facts
of the machine, the summary over seeds, and what verdicts say of a model or a pair. From: plain data only; no
tensors, so that a page can be redrawn next year without torch or weights. Who may ask: everyone.
"""

from tamis.record.contest import is_ssr, pair_test, resolution
from tamis.record.curve import CurvePoint, read_curve, write_curve
from tamis.record.environment import command_line, machine, versions
from tamis.record.inspection import Inspection
from tamis.record.interval import mean_interval, student_t_quantile
from tamis.record.run_record import FORMAT, RunRecord
from tamis.record.runs import CURVE_FILE, RECORD_FILE, find_runs, read_run, result_path
from tamis.record.seeds import ModelSummary, flatten_settings, group_seeds, summarise, summarise_groups
from tamis.record.whole_file import remove_whole, write_whole

__all__ = [
    "CURVE_FILE",
    "FORMAT",
    "RECORD_FILE",
    "CurvePoint",
    "Inspection",
    "ModelSummary",
    "RunRecord",
    "command_line",
    "find_runs",
    "flatten_settings",
    "group_seeds",
    "is_ssr",
    "machine",
    "mean_interval",
    "pair_test",
    "read_curve",
    "read_run",
    "remove_whole",
    "resolution",
    "result_path",
    "student_t_quantile",
    "summarise",
    "summarise_groups",
    "versions",
    "write_curve",
    "write_whole",
]
