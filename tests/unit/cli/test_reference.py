"""Every command has help with an example, and docs/cli.md is what the commands say."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from cli.reference import PAGE, command_reference, commands, example
from tests.support.command_line import zkm2m

COMMANDS = dict(commands())


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == command_reference(), "run `make docs`"


def test_the_commands_are_those_of_the_main_job_in_its_order() -> None:
    assert list(COMMANDS) == [
        "zkm2m doctor",
        "zkm2m market sample",
        "zkm2m market show",
        "zkm2m market params",
        "zkm2m market plot",
        "zkm2m market import deribit",
        "zkm2m snapshot build",
        "zkm2m oracle keygen",
        "zkm2m oracle set",
        "zkm2m oracle sign",
        "zkm2m oracle combine",
        "zkm2m oracle check",
        "zkm2m book sample",
        "zkm2m book commit",
        "zkm2m margin",
        "zkm2m prove account",
        "zkm2m prove market",
        "zkm2m prove epoch",
        "zkm2m verify account",
        "zkm2m verify epoch",
        "zkm2m verify chain",
        "zkm2m verify inclusion",
        "zkm2m verify market",
        "zkm2m venue init",
        "zkm2m venue reserves-message",
        "zkm2m epoch status",
        "zkm2m epoch refused",
        "zkm2m inclusion export",
        "zkm2m audit",
        "zkm2m publish",
        "zkm2m export solidity",
        "zkm2m engine run",
        "zkm2m engine top",
        "zkm2m engine queue",
        "zkm2m engine tune",
        "zkm2m engine cascade",
        "zkm2m engine cut",
        "zkm2m engine replay",
        "zkm2m engine sample",
        "zkm2m keeper run",
        "zkm2m keeper status",
        "zkm2m risk models",
        "zkm2m risk attribute",
        "zkm2m risk greeks",
        "zkm2m risk retune",
        "zkm2m risk backtest",
        "zkm2m netting compress",
        "zkm2m latency debt",
        "zkm2m latency velocity",
        "zkm2m circuits build",
        "zkm2m circuits table",
        "zkm2m circuits lint",
        "zkm2m circuits lock",
        "zkm2m ceremony new",
        "zkm2m ceremony contribute",
        "zkm2m ceremony beacon",
        "zkm2m ceremony verify",
        "zkm2m ceremony finish",
        "zkm2m keys dev",
        "zkm2m keys venue",
        "zkm2m keys show",
        "zkm2m keys verify",
    ]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_prints_help_with_its_example(words: str) -> None:
    result = zkm2m(*words.split()[1:], "--help")
    assert result.exit_code == 0
    assert COMMANDS[words].help.split("\n")[0][:20] in result.stdout
    assert "Example: zkm2m" in result.stdout


@pytest.mark.parametrize("words", COMMANDS)
def test_every_example_is_a_call_of_its_command(words: str) -> None:
    command: Any = COMMANDS[words]
    given = shlex.split(example(command))
    prefix = words.replace("verify account", "verify").split()
    assert given[: len(prefix)] == prefix
    context = command.make_context(words, given[len(prefix) :])
    context.close()


@pytest.mark.parametrize("words", COMMANDS)
def test_every_argument_and_option_is_explained(words: str) -> None:
    assert all(param.help for param in COMMANDS[words].params)


def test_version() -> None:
    assert zkm2m("--version").stdout.startswith("zkm2m 0.")
