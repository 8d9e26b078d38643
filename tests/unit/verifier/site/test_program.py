"""The check page's program: it is what its sources make, and the numbers in it are this verifier's."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from verifier.site.check_page import PROGRAM_PATH, program
from verifier.site.constants import CONSTANTS_PATH, constants_script

ROOT = Path(__file__).resolve().parents[4]


def test_the_constants_are_those_of_this_verifier() -> None:
    assert CONSTANTS_PATH.read_text() == constants_script(), "run `python -m verifier.site.constants`"


def test_the_program_is_what_its_sources_make(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "esbuild").is_dir():
        pytest.skip("Node or esbuild is not installed")
    made = tmp_path / "check.js"
    subprocess.run([node, ROOT / "verifier" / "site" / "build.mjs", "--out", made], check=True, cwd=tmp_path)
    assert made.read_bytes() == PROGRAM_PATH.read_bytes(), "run `npm run build-check-page`"


def test_the_program_names_its_libraries_with_their_licences() -> None:
    head = program().partition("*/")[0]
    assert re.findall(r"^(@noble/[a-z]+) 2\.[0-9]+\.[0-9]+$", head, re.MULTILINE) == ["@noble/curves", "@noble/hashes"]
    assert head.count("Permission is hereby granted, free of charge") == 2


def test_the_program_calls_nothing_that_reaches_the_network() -> None:
    code = program().partition("*/")[2]
    for word in ("fetch(", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "import(", "eval(", "innerHTML"):
        assert word not in code, word
