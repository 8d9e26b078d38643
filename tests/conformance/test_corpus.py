"""Our verifier, with either pairing, says of every case of the corpus what the corpus says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.corpus_files import CORPUS
from tests.conformance.runner import NO_CASE, cases, outcome
from verifier.reasons import REASONS

#: Packages without which an ownership signature is not checked.
NEEDS: Final = {"ethereum": "eth_account"}
CASES: Final = {case["id"]: case for case in cases()}
#: A pairing that holds, one that does not, and several at once: in pure Python each takes a while.
REFERENCE: Final = ("account-honest", "account-verdict-flipped", "epoch-one-batch")


def agrees(case: dict[str, Any], found: dict[str, Any]) -> bool:
    """Return whether the verdict has every part that is expected."""
    return all(found.get(name) == part for name, part in case["expected"].items())


@pytest.mark.parametrize("case_id", CASES)
def test_the_verifier_says_what_the_corpus_says(case_id: str, tmp_path: Path) -> None:
    case = CASES[case_id]
    needed = case["given"].get("needs")
    if needed is not None and importlib.util.find_spec(NEEDS[needed]) is None:
        pytest.skip(f"{NEEDS[needed]} is not installed")
    found = outcome(case, "auto", tmp_path)
    assert agrees(case, found), found


@pytest.mark.parametrize("case_id", REFERENCE)
def test_the_reference_pairing_says_the_same(case_id: str, tmp_path: Path) -> None:
    found = outcome(CASES[case_id], "reference", tmp_path)
    assert agrees(CASES[case_id], found), found


@pytest.mark.slow
@pytest.mark.parametrize("case_id", [name for name in CASES if name not in REFERENCE])
def test_the_reference_pairing_says_the_same_of_all(case_id: str, tmp_path: Path) -> None:
    found = outcome(CASES[case_id], "reference", tmp_path)
    assert agrees(CASES[case_id], found), found


def test_every_code_that_a_file_can_cause_has_a_case() -> None:
    covered = {case["expected"].get("code") for case in CASES.values()} - {None}
    assert covered <= REASONS.keys()
    assert REASONS.keys() - covered == NO_CASE.keys()


def test_every_kind_has_cases_that_are_accepted() -> None:
    kinds = {case["kind"] for case in CASES.values()}
    assert kinds == {case["kind"] for case in CASES.values() if case["expected"]["outcome"] == "accepted"}


def test_no_key_of_the_corpus_passes_for_one_to_be_trusted() -> None:
    assert "never pin" in (CORPUS / "README.md").read_text()


def test_the_corpus_is_small_and_every_file_is_used() -> None:
    files = {str(path.relative_to(CORPUS)) for path in CORPUS.rglob("*") if path.is_file()}
    assert sum((CORPUS / path).stat().st_size for path in files) < 1_000_000
    index = (CORPUS / "index.json").read_text()
    unused = {path for path in files if f'"{path}"' not in index and not path.startswith("keys/")}
    assert unused == {"README.md", "index.json"}


@pytest.mark.slow
def test_the_corpus_is_what_the_generator_makes() -> None:
    from tests.conformance.generate import corpus_content  # makes an epoch as it is imported

    content = corpus_content()
    found = {str(path.relative_to(CORPUS)) for path in CORPUS.rglob("*") if path.is_file()}
    assert found - {"README.md"} == content.keys()
    assert [path for path, data in content.items() if (CORPUS / path).read_bytes() != data] == []
