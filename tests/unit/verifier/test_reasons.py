"""The table of reason codes: complete, used, and written for a person."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import rtnet_core
import verifier
from verifier.reasons import REASONS, refusal_json, refuse

SOURCES = sorted(Path(verifier.__path__[0]).glob("*.py"))
CORE_SOURCES = sorted(Path(rtnet_core.__path__[0]).glob("*.py"))


def refused_codes(paths: list[Path]) -> set[str]:
    """Return the string constants that are passed first to `refuse` or `Refusal`."""
    return {
        call.args[0].value
        for path in paths
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("refuse", "Refusal")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_every_code_refused_with_is_in_the_table() -> None:
    assert refused_codes(SOURCES) <= REASONS.keys()


def test_every_code_in_the_table_is_used() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES + CORE_SOURCES if path.name != "reasons.py")
    assert [code for code in REASONS if f'"{code}"' not in text] == []


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_code_is_one_lower_case_word_with_a_sentence(code: str) -> None:
    assert re.fullmatch("[a-z][a-z0-9_]{3,40}", code)
    assert re.fullmatch(r"[A-Zk].*\.", REASONS[code])


def test_the_detail_follows_the_sentence() -> None:
    assert refuse("replayed", "statement 00").message == f"{REASONS['replayed']} (statement 00)"
    assert refuse("replayed").message == REASONS["replayed"]


def test_a_code_outside_the_table_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        refuse("no_such_code")


def test_a_refusal_as_json() -> None:
    assert refusal_json(refuse("stale")) == {"accepted": False, "reason": "stale", "message": REASONS["stale"]}
