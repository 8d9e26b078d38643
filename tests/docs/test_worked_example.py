"""The README's worked example is what its commands print."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.worked_example import README, STEPS, Step, as_markdown, run
from prover.keys import development_keys


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Step, str, int]]:
    development_keys("account-standard")
    return run(tmp_path_factory.mktemp("example"))


def test_every_command_of_the_example_runs(results: list[tuple[Step, str, int]]) -> None:
    assert [code for _, _, code in results] == [0] * (len(STEPS) - 1) + [1]
    assert results[-1][1].startswith("refused: wrong_challenge")
    assert "accepted: the account clears 100.00 %" in results[-2][1]


def test_the_readme_shows_what_the_commands_print(results: list[tuple[Step, str, int]]) -> None:
    text = README.read_text()
    for step, output, code in results:
        assert f"$ {step.command}\n" in text, "run `python -m examples.worked_example --write`"
        if step.repeatable:
            assert as_markdown([(step, output, code)]) in text, f"the README is stale: {step.command}"


def test_the_readme_names_no_path_of_a_machine() -> None:
    assert str(Path.home()) not in README.read_text()
