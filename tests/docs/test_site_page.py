"""The page about the site: its examples run, its links lead somewhere, and its table is what a site holds."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path

from tests.support.check_page import corpus_site

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "site.md"


def test_the_pages_examples_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_links_lead_somewhere() -> None:
    for path in re.findall(r"\]\(([^)#]+)", PAGE.read_text()):
        assert (PAGE.parent / path).exists(), path


def test_the_table_names_every_file_of_a_site(tmp_path: Path) -> None:
    site = corpus_site(tmp_path, "epoch-honest")
    text = PAGE.read_text()
    for path in site.rglob("*"):
        if path.is_file() and "keys" not in path.parts:
            assert f"`{path.name}`" in text or f"/{path.name}`" in text, path


def test_the_command_that_makes_the_program_exists() -> None:
    assert "build-check-page" in json.loads((ROOT / "package.json").read_bytes())["scripts"]
