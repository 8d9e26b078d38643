"""The check page says of every case what the corpus says: another verifier, in another language, on other libraries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.runner import cases
from tests.support.check_page import case_call, in_page

#: What the page checks; signed snapshots and market proofs are for whoever installs the verifier.
KINDS = ("account", "inclusion", "chain", "epoch")
#: What the page has not: a register of what was accepted before, and a check of reserves.
NOT_ASKED = ("seen", "reserves")

CASES = [case for case in cases() if case["kind"] in KINDS and not set(NOT_ASKED) & case["given"].keys()]


def one_of_each() -> list[dict[str, Any]]:
    """Return one case for each code, and for each kind one that is accepted."""
    first: dict[str, dict[str, Any]] = {}
    for case in CASES:
        first.setdefault(case["expected"].get("code", case["kind"]), case)
    return list(first.values())


def disagreements(chosen: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the cases of which the page says something else, with what it says."""
    found = []
    for case, answer in zip(chosen, in_page(map(case_call, chosen)), strict=True):
        flat = {**answer, **(answer.get("value") or {})}
        if any(flat.get(name) != part for name, part in case["expected"].items()):
            found.append((case["id"], answer))
    return found


def test_the_page_answers_every_kind_with_every_code() -> None:
    assert disagreements(one_of_each()) == []


@pytest.mark.slow
def test_the_page_says_what_the_corpus_says() -> None:
    assert disagreements(CASES) == []


def test_what_is_left_out_is_a_handful() -> None:
    left_out = [case["id"] for case in cases() if case["kind"] in KINDS and case not in CASES]
    assert len(left_out) <= 10, left_out
    assert len(CASES) > 170
