"""The page ``docs/cli.md``, written from the commands themselves; ``make docs`` writes it, a test holds it fresh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import typer.main
from typer.core import TyperArgument, TyperGroup

from cli.main import app
from prover.paths import project_root

PAGE: Final = project_root() / "docs" / "cli.md"
_EXAMPLE: Final = "Example: "
_PREFACE: Final = """# The command line

<!-- Written by `make docs` from the commands themselves. Do not edit. -->

| exit code | meaning |
|---|---|
| 0 | the command did its work; of `verify`: the proof is accepted and the account clears |
| 1 | refused, with a reason code; or a tool or the proving failed; of `doctor`: the main job cannot run |
| 2 | wrong usage or bad input |
| 3 | `verify` only: the proof is accepted and the account is below the threshold |
| 130 | interrupted |

With `--json`, standard output holds one JSON value and nothing else; a refusal is `{"accepted": false, "reason":
code, "message": text}`, and any other failure leaves standard output empty. In JSON, exact money is a decimal string
of ticks (10^-6 USD), of 10^-4 ticks where the name ends in `_e4`, of 10^-8 ticks where it ends in `_e8`. Progress and
errors go to standard error. `ZKM2M_DEBUG=1` adds the traceback to an error; `ZKM2M_HOME` names the project's folder
(`circuits`, `node_modules`, `build`) where the packages are not run from it.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield (words, command) of every command that does something, in the order of help: ``zkm2m market show``."""
    yield from _below("zkm2m", typer.main.get_command(app))


def example(command: Any) -> str:
    """Return the example in a command's help; empty where it has none."""
    epilog = command.epilog or ""
    return epilog.removeprefix(_EXAMPLE) if epilog.startswith(_EXAMPLE) else ""


def command_reference() -> str:
    """Return the page."""
    return "\n".join([_PREFACE, *(_section(words, command) for words, command in commands())])


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, TyperGroup):
        yield words, command
        return
    context = typer.Context(command, info_name=words)
    for name in command.list_commands(context):
        yield from _below(f"{words} {name}", command.commands[name])


def _section(words: str, command: Any) -> str:
    lines = [f"## {words}", "", command.help or "", "", "```", example(command), "```", ""]
    described = [(_spelling(param), _meaning(param)) for param in command.params]
    if described:
        lines += ["| argument or option | meaning |", "|---|---|"]
        lines += [f"| {spelling} | {meaning} |" for spelling, meaning in described]
        lines.append("")
    return "\n".join(lines)


def _spelling(param: Any) -> str:
    choices = [str(getattr(choice, "value", choice)) for choice in param.type_descriptor.choices or ()]
    metavar = param.metavar or "|".join(choices) or "N"
    if isinstance(param, TyperArgument):
        return f"`{metavar}`"
    # Inside a table, GitHub reads a bar as the end of a cell even in code.
    metavar = metavar.replace("|", "\\|")
    return f"`{param.opts[0]}`" if param.is_flag else f"`{param.opts[0]} {metavar}`"


def _meaning(param: Any) -> str:
    note = ""
    if param.required:
        note = " Required."
    elif param.default not in (None, False, ()):
        note = f" Default: {getattr(param.default, 'value', param.default)}."
    return f"{param.help}{note}".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(command_reference(), encoding="utf-8")
