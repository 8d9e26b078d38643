"""The check page's pairing and that of snarkjs: one verdict on every proof that both read."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.corpus_files import CORPUS
from tests.conformance.runner import cases
from tests.support.check_page import case_call, in_page

ROOT = Path(__file__).resolve().parents[2]
CASES = {case["id"]: case for case in cases()}
CHOSEN = (
    "account-honest",
    "account-falls-short",
    "account-rerandomised",
    "account-verdict-flipped",
    "account-threshold-raised",
    "account-a-negated",
    "account-another-key",
)


def claim(case: dict[str, Any]) -> dict[str, Any]:
    """Return key, public signals and proof of a case, as snarkjs takes them."""
    given = case["given"]
    bundle = json.loads((CORPUS / given["bundle"]).read_bytes())
    key = json.loads((CORPUS / given["keys"] / bundle["circuit"] / "verification_key.json").read_bytes())
    return {"key": key, "public": list(bundle["statement"].values()), "proof": bundle["proof"]}


def test_page_and_snarkjs_agree() -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "snarkjs").is_dir():
        pytest.skip("Node or snarkjs is not installed")
    chosen = [CASES[name] for name in CHOSEN]
    result = subprocess.run(
        [node, ROOT / "tests" / "support" / "snarkjs_verify.mjs"],
        input=json.dumps([claim(case) for case in chosen]),
        capture_output=True,
        text=True,
        check=True,
    )
    holds = [answer["outcome"] == "accepted" for answer in in_page(map(case_call, chosen))]
    assert holds == json.loads(result.stdout)
    assert holds == [True, True, True, False, False, False, False]
