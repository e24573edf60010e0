"""Reports: records become one HTML page that a person enjoys and can check.

Made here: a self-contained page (pictures, table, settings, the command to repeat) that needs no network.
From: the records and curves of runs; no torch, no weights, no data.
Who may ask: the command line.
"""

from tamis.reports.page import write_report

__all__ = ["write_report"]
