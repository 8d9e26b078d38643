"""The corpus while it is made: files by their path, and cases that name them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

CORPUS: Final = Path(__file__).parent / "corpus"
INDEX_NAME: Final = "index.json"
FORMAT: Final = "zkm2m/conformance/v1"


@dataclass
class Corpus:
    """Files and cases; a file that several cases share is written once."""

    files: dict[str, bytes] = field(default_factory=dict)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def put(self, path: str, content: bytes) -> str:
        """Take a file and return its path in the corpus; a path has one content."""
        if self.files.setdefault(path, content) != content:
            raise ValueError(f"two contents for {path}")
        return path

    def add(self, case_id: str, kind: str, given: Mapping[str, Any], expected: Mapping[str, Any], why: str) -> None:
        """Take a case; its number in the index is its place."""
        if any(case["id"] == case_id for case in self.cases):
            raise ValueError(f"two cases {case_id}")
        self.cases.append({"id": case_id, "kind": kind, "given": given, "expected": expected, "why": why})

    def content(self) -> dict[str, bytes]:
        """Return every file with the index."""
        index = {"format": FORMAT, "cases": self.cases}
        return {**self.files, INDEX_NAME: json.dumps(index, indent=1).encode() + b"\n"}


def accepted(**verdict: Any) -> dict[str, Any]:
    """Return the expectation of an acceptance, with those parts of the verdict that must agree."""
    return {"outcome": "accepted", **verdict}


def refused(code: str) -> dict[str, Any]:
    """Return the expectation of a refusal."""
    return {"outcome": "refused", "code": code}


BAD_INPUT: Final = {"outcome": "bad_input"}
