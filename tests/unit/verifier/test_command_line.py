"""``python -m verifier``: the verdicts of ``zkm2m verify``, from an installation of the verifier alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.corpus_files import CORPUS
from tests.conformance.runner import cases
from tests.support.command_line import ROOT, zkm2m_json
from verifier import given
from verifier.__main__ import main

#: What depends on the moment of asking.
_OF_THE_MOMENT = ("age_ms", "seconds", "verify_seconds")


@pytest.fixture(autouse=True)
def no_locked_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corpus's keys are of circuits that no lock file knows."""
    monkeypatch.setattr(given, "pinned_versions", dict)


def words_of(case: dict[str, Any], folder: Path) -> list[str]:
    """Return the command line of a case, kind first; an epoch or chain is put together in `folder`."""
    files = case["given"]
    path = {name: str(CORPUS / part) for name, part in files.items() if isinstance(part, str)}
    keys = ["--keys", path.get("keys", "")]
    match case["kind"]:
        case "account":
            published = ["--market", path["market"], "--params", path["params"], "--record", path["record"]]
            return ["account", path["bundle"], *published, "--challenge", files["challenge"], *keys]
        case "market":
            given_files = ["--snapshot", path["signed"], "--oracles", path["oracles"], "--params", path["params"]]
            return ["market", path["bundle"], *given_files, "--by", files["ground"], *keys]
        case "epoch":
            for name, part in files["epoch"].items():
                shutil.copy(CORPUS / part, folder / name)
            return ["epoch", str(folder), *keys]
        case "chain":
            for name, part in files["records"].items():
                (folder / name).mkdir()
                shutil.copy(CORPUS / part, folder / name / "record.json")
            return ["chain", str(folder)]
    for name in ("record", "market"):
        shutil.copy(path[name], folder / f"{name}.json")
    return ["inclusion", path["inclusion"], "--epoch", str(folder)]


def case_named(name: str) -> dict[str, Any]:
    """Return one case of the corpus."""
    return next(case for case in cases() if case["id"] == name)


@pytest.mark.parametrize(
    "name", ["account-honest", "market-honest-by-recomputing", "epoch-one-batch", "chain-honest", "inclusion-honest-0"]
)
def test_the_verdict_is_that_of_the_large_command(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = words_of(case_named(name), tmp_path)
    assert main(words) == 0
    small = json.loads(capsys.readouterr().out)
    large = zkm2m_json("verify", *words)
    for moment in _OF_THE_MOMENT:
        assert (small.pop(moment, None) is None) == (large.pop(moment, None) is None)
    assert small == large
    assert small["accepted"] is True


def test_a_refusal_has_its_code_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = words_of(case_named("inclusion-honest-0"), tmp_path)
    assert main([*words, "--venue-key", "00" * 32]) == 1
    refused = json.loads(capsys.readouterr().out)
    assert refused["accepted"] is False
    assert refused["reason"] == "wrong_venue"


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--venue-key", "xyz"], "--venue-key"),
        (["--max-age", "-1"], "--max-age"),
        (["--epoch", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_input_has_exit_code_2(
    more: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words_of(case_named("inclusion-honest-0"), tmp_path), *more]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert named in said.err


def test_an_account_below_its_threshold_is_accepted_with_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    below = next(case for case in cases() if case["expected"].get("clears") is False)
    assert main(words_of(below, tmp_path)) == 3
    assert json.loads(capsys.readouterr().out)["accepted"] is True


def test_wrong_usage_has_exit_code_2() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["inclusion"])
    assert caught.value.code == 2


def test_a_key_of_another_circuit_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    words = words_of(case_named("account-honest"), tmp_path)
    assert main(words) == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "wrong_circuit_version"


def test_without_the_large_commands_package_it_is_said_what_is_there() -> None:
    script = "import sys; sys.modules['typer'] = None\nimport importlib.util as u; u.find_spec = lambda name: None\n"
    result = subprocess.run(
        [sys.executable, "-c", script + "from cli.__main__ import main\nmain()"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 2
    assert "python -m verifier" in result.stderr
    assert "zk-m2m[cli]" in result.stderr
