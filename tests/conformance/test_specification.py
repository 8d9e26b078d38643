"""The pages for those who write a verifier or audit an epoch: their examples run, and every code is specified."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.runner import NO_CASE, cases
from verifier.reasons import REASONS

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
SPECIFICATION: Final = (DOCS / "verifier-spec.md").read_text()


@pytest.mark.parametrize("page", ["verifier-spec.md", "audit.md"])
def test_the_pages_examples_run(page: str) -> None:
    result = doctest.testfile(str(DOCS / page), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_code_that_a_verifier_may_answer_is_specified_and_no_other() -> None:
    named = set(re.findall(r"`([a-z][a-z0-9_]+)`", SPECIFICATION))
    assert [code for code in REASONS if code not in named | NO_CASE.keys()] == []
    assert [code for code in NO_CASE if code in named] == []


def test_every_kind_of_case_is_described() -> None:
    readme = (Path(__file__).parent / "corpus" / "README.md").read_text()
    for case in cases():
        assert f"| `{case['kind']}` |" in readme
        assert [name for name in case["given"] if f"`{name}`" not in readme] == []
        assert [name for name in case["expected"] if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("page", ["verifier-spec.md", "audit.md"])
def test_links_lead_somewhere(page: str) -> None:
    for path in re.findall(r"\]\(([^)#]+)", (DOCS / page).read_text()):
        assert (DOCS / path).exists(), path
