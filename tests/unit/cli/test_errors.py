"""Exit codes and messages: 0, 1, 2, 3, 130, one line, never a traceback."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from cli import doctor
from cli.errors import ExitCode, report
from rtnet_core.errors import InputError, RangeError, Refusal, ToolError
from tests.support.command_line import zkm2m, zkm2m_process

CANARY = "918273645"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("strike", "must be below 2^27", 5), 2, "error: strike: must be below 2^27 (found 5)"),
        (RangeError("strike", "must be below 2^27"), 2, "error: strike: must be below 2^27"),
        (ToolError("node was not found"), 1, "error: node was not found"),
        (Refusal("stale", "too old"), 1, "refused: stale: too old"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.json"), 2, "error: a.json: No such file"),
        (OSError(errno.ENOSPC, "No space left on device", "out"), 2, "error: out: No space left on device"),
        (KeyError(CANARY), 1, "error: unexpected KeyError"),
    ],
)
def test_every_kind_of_error_has_its_code_and_one_line(
    error: Exception, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, as_json=False) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(message)
    assert said.err.count("\n") == 1
    assert CANARY not in said.err


def test_a_refusal_is_one_json_object_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(Refusal("stale", "too old"), as_json=True) is ExitCode.FAILED
    said = capsys.readouterr()
    assert json.loads(said.out) == {"accepted": False, "reason": "stale", "message": "too old"}
    assert said.err == "refused: stale: too old\n"


def test_control_characters_of_a_message_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report(Refusal("stale", "\x1b[2J\x07gone"), as_json=False)
    assert capsys.readouterr().err == "refused: stale: \ufffd[2J\ufffdgone\n"


def test_an_interrupted_command_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "examine", interrupted)
    assert zkm2m("doctor").exit_code == ExitCode.INTERRUPTED


def test_an_unforeseen_error_shows_its_kind_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(doctor, "examine", broken)
    monkeypatch.delenv("ZKM2M_DEBUG", raising=False)
    result = zkm2m("doctor")
    assert result.exit_code == ExitCode.FAILED
    assert "ZeroDivisionError" in result.stderr
    assert CANARY not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("market",),
        ("market", "sample", "--out", "m.json"),
        ("market", "sample", "--seed", "-1", "--out", "m.json"),
        ("verify",),
        ("prove", "account", "a", "--threshold-bps", "0"),
    ],
)
def test_wrong_usage_ends_with_2(words: tuple[str, ...]) -> None:
    assert zkm2m(*words).exit_code == ExitCode.BAD_INPUT


def test_a_process_ends_with_the_code_and_no_traceback(tmp_path: Path) -> None:
    result = zkm2m_process("market", "show", "absent.json", folder=tmp_path)
    assert result.returncode == ExitCode.BAD_INPUT
    assert result.stderr == "error: absent.json: cannot be read: No such file or directory\n"
    assert result.stdout == ""


def test_debug_adds_the_traceback(tmp_path: Path) -> None:
    result = zkm2m_process("market", "show", "absent.json", folder=tmp_path, ZKM2M_DEBUG="1")
    assert result.returncode == ExitCode.BAD_INPUT
    assert "Traceback" in result.stderr
