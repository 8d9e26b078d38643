"""The README's worked example is what its commands print."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.worked_example import EXAMPLES, README, Step, as_markdown, run
from prover.keys import development_keys

Results = list[tuple[Step, str, int]]


@pytest.fixture(scope="module", params=list(EXAMPLES))
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    for circuit in ("account-small", "account-standard", "batch-small", "merge-small"):
        development_keys(circuit)
    return run(EXAMPLES[request.param], tmp_path_factory.mktemp("example"))


def test_every_command_of_the_example_runs(results: Results) -> None:
    """The one that fails is there to fail: a proof shown to someone else."""
    for step, output, code in results:
        if "Second Desk" in step.command:
            assert (code, output.partition(":")[0]) == (1, "refused")
        else:
            assert code == 0, (step.command, output)
        if step.command.startswith("zkm2m verify") and not code:
            assert output.startswith("accepted: ")


def test_the_readme_shows_what_the_commands_print(results: Results) -> None:
    text = README.read_text()
    for step, output, code in results:
        assert f"$ {step.command}\n" in text, "run `python -m examples.worked_example --write`"
        if step.repeatable:
            assert as_markdown([(step, output, code)]) in text, f"the README is stale: {step.command}"


def test_the_readme_names_no_path_of_a_machine() -> None:
    assert str(Path.home()) not in README.read_text()
