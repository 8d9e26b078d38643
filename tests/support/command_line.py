"""Running the command line as a user would, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from cli.main import app

ROOT = Path(__file__).resolve().parents[2]


def zkm2m(*words: object) -> Result:
    """Return the result of a command that ran in this process."""
    return CliRunner().invoke(app, [str(word) for word in words], prog_name="zkm2m")


def zkm2m_json(*words: object, exit_code: int = 0) -> Any:
    """Return the JSON that a command printed; standard output must hold nothing else."""
    result = zkm2m(*words, "--json")
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def zkm2m_process(*words: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return the result of a command that ran in its own process, in the working directory `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *(str(word) for word in words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
