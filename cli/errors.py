"""What a user sees when a command cannot do its work: one line, one exit code, never a traceback.

======  ==========================================================================================
 code    meaning
======  ==========================================================================================
 0       the command did its work; of ``verify``: accepted, and the account clears, the reserves cover
 1       refused with a reason code, or a tool failed
 2       wrong usage or bad input
 3       ``verify`` only: accepted, and the account is below the threshold, the reserves do not cover
 130     interrupted
======  ==========================================================================================
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from enum import IntEnum
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cli.render import visible
from rtnet_core.errors import InputError, Refusal, ZkM2mError

#: With the value 1 in this variable, a failure also prints its traceback, for whoever works on the software.
DEBUG_VARIABLE: Final = "ZKM2M_DEBUG"
_JSON_KEY: Final = "cli.json"


class ExitCode(IntEnum):
    """How a command ends."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    BELOW_THRESHOLD = 3
    INTERRUPTED = 130


def remember_json(context: typer.Context, value: bool) -> bool:
    """Note for `ReportingGroup` that the caller reads JSON; the callback of every ``--json``."""
    context.meta[_JSON_KEY] = value
    return value


class ReportingGroup(TyperGroup):
    """The root of the commands: turns whatever a command raises into a message and an exit code."""

    #: The order in which help lists the commands: that of the main job.
    order: ClassVar[tuple[str, ...]] = (
        "doctor",
        "market",
        "snapshot",
        "oracle",
        "book",
        "margin",
        "prove",
        "verify",
        "venue",
        "epoch",
        "inclusion",
        "audit",
        "publish",
        "export",
        "engine",
        "keeper",
        "risk",
        "netting",
        "latency",
        "circuits",
        "ceremony",
        "keys",
    )

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands' names in `order`."""
        return sorted(super().list_commands(ctx), key=self.order.index)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the user named."""
        try:
            return super().invoke(ctx)
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever happens, a user gets a message and a code
            if os.environ.get(DEBUG_VARIABLE) == "1":
                traceback.print_exception(error)
            code = report(error, as_json=bool(ctx.meta.get(_JSON_KEY)))
            raise typer.Exit(code) from None


def report(error: Exception, *, as_json: bool) -> ExitCode:
    """Tell the user about `error` and return the exit code that it calls for.

    A refusal also prints one JSON object on standard output where the caller reads JSON. Of an error that nobody
    foresaw only the kind is shown: its message could hold a position.
    """
    if isinstance(error, Refusal):
        if as_json:
            content = {"accepted": False, "reason": error.code, "message": error.message}
            typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        _say(f"refused: {error.code}: {error.message}")
        return ExitCode.FAILED
    if isinstance(error, ZkM2mError):
        _say(f"error: {error}")
        return ExitCode.BAD_INPUT if isinstance(error, InputError) else ExitCode.FAILED
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        _say(f"error: {place}{error.strerror or type(error).__name__}")
        return ExitCode.BAD_INPUT
    _say(f"error: unexpected {type(error).__name__}; this is a defect, {DEBUG_VARIABLE}=1 shows where it happened")
    return ExitCode.FAILED


def _say(line: str) -> None:
    typer.echo(visible(line.replace("\n", " | ")), file=sys.stderr)
