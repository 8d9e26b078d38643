"""A report on the terminal: what was checked, what was found, and what each of it rests on."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from cli.errors import ExitCode
from cli.render import table
from verifier.report.findings import Report

#: Most rows of a table that are shown; --json and a written report have all.
_MOST_ROWS: Final = 20
_STYLES: Final = {"critical": "bold red", "warning": "yellow", "note": ""}


def print_report(out: Console, report: Report) -> None:
    """Print checks, findings and tables; the figures are for whoever prints the verdict."""
    if report.checks:
        checks = [(check.subject, check.text, check.assurance) for check in report.checks]
        out.print(table("Checked", ("subject", "what holds", "rests on"), checks))
    for shown in report.tables:
        if not shown.rows:
            continue
        out.print(table(f"{shown.title} ({shown.assurance})", shown.headings, shown.rows[:_MOST_ROWS]))
        if len(shown.rows) > _MOST_ROWS:
            out.print(f"and {len(shown.rows) - _MOST_ROWS} more: --json shows all")
    findings = [
        (Text(finding.severity, _STYLES[finding.severity]), finding.subject, finding.text, finding.assurance)
        for finding in report.findings
    ]
    if findings:
        out.print(table("Findings", ("severity", "subject", "finding", "rests on"), findings))
    out.print(report.summary, style="bold red" if report.count("critical") else "bold")


def exit_code(report: Report) -> ExitCode:
    """Return how a command ends whose report is this one: 1 where anything critical was found."""
    return ExitCode.FAILED if report.count("critical") else ExitCode.DONE
