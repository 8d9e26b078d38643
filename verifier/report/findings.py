"""What a report consists of: figures, checks that passed, findings, tables - each with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from verifier.verdict import Assurance

#: ``critical``: what is published is not so, or not enough; ``warning``: it may mean less than it seems;
#: ``note``: as it should be, and worth knowing.
Severity = Literal["critical", "warning", "note"]

#: The gravest first.
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "note")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as a person reads it."""

    name: str
    value: str
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was checked and holds."""

    subject: str
    text: str
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reader of the report should know."""

    severity: Severity
    subject: str
    text: str
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Figures in rows and columns that all rest on the same."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class Report:
    """One report; its findings stand in the order of their severity."""

    title: str
    figures: tuple[Figure, ...]
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    tables: tuple[ReportTable, ...] = field(default=())

    def __post_init__(self) -> None:
        ordered = sorted(self.findings, key=lambda finding: SEVERITIES.index(finding.severity))
        object.__setattr__(self, "findings", tuple(ordered))

    def count(self, severity: Severity) -> int:
        """Return how many findings are of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def summary(self) -> str:
        """One line for all findings: ``no critical finding, 2 warnings, 1 note``."""
        parts = []
        for severity in SEVERITIES:
            count = self.count(severity)
            noun = "critical finding" if severity == "critical" else severity
            parts.append(f"{count or 'no'} {noun}{'s' if count > 1 else ''}")
        return ", ".join(parts)

    def to_json(self) -> dict[str, object]:
        """Return the report as a JSON object."""
        return {
            "title": self.title,
            "summary": {severity: self.count(severity) for severity in SEVERITIES},
            "figures": [{"name": f.name, "value": f.value, "assurance": f.assurance} for f in self.figures],
            "checks": [{"subject": c.subject, "text": c.text, "assurance": c.assurance} for c in self.checks],
            "findings": [
                {"severity": f.severity, "subject": f.subject, "text": f.text, "assurance": f.assurance}
                for f in self.findings
            ],
            "tables": [
                {
                    "title": table.title,
                    "headings": list(table.headings),
                    "rows": [list(row) for row in table.rows],
                    "assurance": table.assurance,
                }
                for table in self.tables
            ],
        }


@dataclass(slots=True)
class Notebook:
    """Checks and findings while a report is made."""

    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def holds(self, subject: str, text: str, assurance: Assurance = "recomputed") -> None:
        """Note a check that passed."""
        self.checks.append(Check(subject, text, assurance))

    def found(self, severity: Severity, subject: str, text: str, assurance: Assurance = "recomputed") -> None:
        """Note a finding."""
        self.findings.append(Finding(severity, subject, text, assurance))

    def judge(self, subject: str, faults: Iterable[str], text: str, assurance: Assurance = "recomputed") -> None:
        """Note that a check passed, or each of its faults as a critical finding."""
        listed = list(faults)
        for fault in listed:
            self.found("critical", subject, fault, assurance)
        if not listed:
            self.holds(subject, text, assurance)
