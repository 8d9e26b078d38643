"""The check page's program in Node, and a site to open in a browser."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.corpus_files import CORPUS
from tests.conformance.runner import cases
from verifier.policy import Policy
from verifier.site.check_page import PROGRAM_PATH
from verifier.site.publish import publish_site

_RUNNER = Path(__file__).with_name("check_page.mjs")


def in_page(calls: Iterable[list[Any]]) -> list[dict[str, Any]]:
    """Return what the page's program answers to each call: ``outcome`` with ``code`` or ``value``.

    A call is a name of `tests/support/check_page.mjs` with its arguments; bytes are passed as `b64`.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    lines = [json.dumps(call) for call in calls]
    result = subprocess.run(
        [node, _RUNNER, PROGRAM_PATH, CORPUS], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(answers) == len(lines)
    return answers


def b64(data: bytes) -> str:
    """Return bytes as a call passes them."""
    return base64.b64encode(data).decode()


def case_call(case: dict[str, Any]) -> list[Any]:
    """Return the call of a case of the corpus."""
    given = dict(case["given"])
    if "keys" in given:
        folder = CORPUS / given["keys"]
        given["key_files"] = {
            key.name: [f"{given['keys']}/{key.name}/{name}" for name in ("verification_key.json", "keys.lock.json")]
            for key in (sorted(folder.iterdir()) if folder.is_dir() else ())
        }
    return [case["kind"], given]


def corpus_site(folder: Path, *case_ids: str) -> Path:
    """Write the site of accepted epochs of the corpus below `folder` and return it; they are numbered in order."""
    site = folder / "site"
    chosen = [case["given"] for case_id in case_ids for case in cases() if case["id"] == case_id]
    for number, given in enumerate(chosen, start=1):
        epoch = folder / "epochs" / str(number)
        epoch.mkdir(parents=True)
        for name, path in given["epoch"].items():
            shutil.copyfile(CORPUS / path, epoch / name)
    site.mkdir()
    now_ms = chosen[-1]["policy"]["now_ms"]
    publish_site(folder / "epochs", site, keys=CORPUS / "keys" / "development", policy=Policy(now_ms=now_ms))
    return site
