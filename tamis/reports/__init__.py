"""Reports: records become one HTML page that a person enjoys and can check.

Made here: self-contained pages (pictures, tables, settings, the command to repeat) that need no network.
From: the records and curves of runs, inspections of models, the verdicts of studies or what a scaling study found; no
torch, no weights, no data. Who may ask: the command line.
"""

from tamis.reports.inspection_page import write_inspection
from tamis.reports.page import write_report
from tamis.reports.scaling import write_scaling_page
from tamis.reports.sparsity_wording import headlines
from tamis.reports.verdicts import write_comparison

__all__ = ["headlines", "write_comparison", "write_inspection", "write_report", "write_scaling_page"]
