"""`report.html`: the verdict and everything behind it, for people to read."""

from segmetrics.report.data import ReportData, read_report_data
from segmetrics.report.names import NameKind, Rename
from segmetrics.report.page import render, write_report

__all__ = ["NameKind", "Rename", "ReportData", "read_report_data", "render", "write_report"]
