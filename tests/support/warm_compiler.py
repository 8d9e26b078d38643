"""circom as one process that stays: a small circuit compiles in a tenth of the time that the program's start takes."""

from __future__ import annotations

import atexit
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from prover.atomic import atomic_folder
from prover.paths import project_root
from prover.toolchain import file_argument, node_program, stop_group, tool_environment
from rtnet_core.errors import ToolError

_SCRIPT: Final = Path(__file__).with_name("warm_compiler.cjs")
#: Runs after which a process is replaced: it keeps what the largest circuit took.
_MOST_RUNS: Final = 50

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")

_running: list[tuple[subprocess.Popen[bytes], int]] = []


#: What an option of the compiler leaves, beside the main file.
_OUTPUTS: Final = {"--r1cs": "main.r1cs", "--sym": "main.sym", "--wasm": "main_js/main.wasm"}


def compile_sources(
    folder: Path, sources: Mapping[str, str], flags: Sequence[str], library: str | Path = "node_modules"
) -> None:
    """Make `folder` with these sources, ``main.circom`` among them, and what the compiler makes of them unsimplified.

    Parameters
    ----------
    folder
        Appears whole or not at all.
    sources
        Texts by their paths in `folder`.
    flags
        Which outputs: ``--r1cs``, ``--sym``, ``--wasm``.
    library
        Where circomlib is; `folder` itself where it is among the sources.
    """
    with atomic_folder(folder) as temporary:
        for name, text in sources.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        place = temporary if library == folder else library
        outputs = [temporary / _OUTPUTS[flag] for flag in flags]
        compile_warm([temporary / "main.circom", *flags, "--O0", "-l", place, "-o", temporary], outputs)


def compile_warm(arguments: Sequence[str | Path], outputs: Sequence[Path]) -> None:
    """Run the compiler as `prover.toolchain.run_tool` would.

    Raises
    ------
    ToolError
        It failed, or left no output.
    """
    process, runs = _running.pop() if _running else (_started(), 0)
    words = [file_argument(word) if isinstance(word, Path) else word for word in arguments]
    try:
        _pipe(process.stdin).write(json.dumps(words).encode() + b"\n")
        _pipe(process.stdin).flush()
        answer = json.loads(_pipe(process.stdout).readline())
    except BaseException as error:
        _stop(process)
        if isinstance(error, (OSError, ValueError)):
            raise ToolError("circom2 ended before it answered") from error
        raise
    if runs + 1 < _MOST_RUNS:
        _running.append((process, runs + 1))
    else:
        _stop(process)
    if answer["code"] != 0:
        raise ToolError(f"circom2 failed with exit code {answer['code']}:\n{_COLOUR.sub('', answer['output']).strip()}")
    for output in outputs:
        if not output.is_file() or output.stat().st_size == 0:
            raise ToolError(f"circom2 reported success but left no {output.name}")


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [node_program(), str(_SCRIPT)],
        cwd=project_root(),
        env=tool_environment() | {"NODE_PATH": str(project_root() / "node_modules")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    stop_group(process)
    _pipe(process.stdin).close()
    _pipe(process.stdout).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


@atexit.register
def _end() -> None:
    while _running:
        _stop(_running.pop()[0])
