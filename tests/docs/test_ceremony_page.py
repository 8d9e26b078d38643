"""The page on ceremonies: its example runs, its commands are there, its refusals are all and in the program's words."""

from __future__ import annotations

import doctest
import re

import typer.main

from cli import ceremony, keys
from prover.paths import project_root
from verifier.ceremony.reasons import CEREMONY_REASONS

PAGE = project_root() / "docs" / "ceremony.md"


def test_the_example_runs() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_commands_are_those_of_the_program() -> None:
    for group, app in (("ceremony", ceremony.app), ("keys", keys.app)):
        known = set(typer.main.get_group(app).commands)
        named = set(re.findall(rf"zkm2m {group} ([a-z]+)", PAGE.read_text()))
        assert named <= known
        assert group != "ceremony" or named == known


def test_every_refusal_is_listed_in_its_words() -> None:
    listed = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE))
    assert listed == CEREMONY_REASONS
