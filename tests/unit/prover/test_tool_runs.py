"""Outside programs: how they are started, stopped and believed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from prover.paths import project_root
from prover.toolchain import file_argument, run_tool, tool_command, tool_environment
from rtnet_core.errors import InputError, ToolError

SECRET = "910203041"


def node(program: str, *arguments: str | Path, **options: object) -> str:
    """What a program prints that Node gets on its command line."""
    return run_tool("node", ["-e", program, *arguments], **{"timeout_s": 60, **options}).stdout  # type: ignore[arg-type]


def test_a_tool_runs_from_the_root_with_a_minimal_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--no-such-option")
    monkeypatch.setenv("API_TOKEN", SECRET)
    monkeypatch.chdir(tmp_path)
    assert node("console.log(process.cwd())").strip() == str(project_root())
    assert SECRET not in node("console.log(JSON.stringify(process.env))")
    assert set(tool_environment()) <= {"PATH", "SYSTEMROOT", "TMPDIR", "LANG", "LC_ALL", "NO_COLOR"}


def test_nothing_passes_through_a_shell() -> None:
    word = "a b;c '$(id)' \"|&"
    assert node("console.log(process.argv[1])", word).strip() == word


def test_a_failure_is_quoted_only_where_no_secret_can_be_in_it() -> None:
    program = f"console.error('{SECRET}'); console.log('{SECRET}'); process.exit(3)"
    with pytest.raises(ToolError, match="node failed with exit code 3") as caught:
        node(program)
    assert SECRET not in str(caught.value)
    with pytest.raises(ToolError, match=SECRET):
        node(program, show_output=True)
    with pytest.raises(ToolError, match="was killed by signal 9"):
        node("process.kill(process.pid, 'SIGKILL')")


def test_a_tool_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "const c = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);"
        f"require('fs').writeFileSync({str(note)!r}, String(c.pid)); setInterval(() => {{}}, 1000);"
    )
    with pytest.raises(ToolError, match="took longer than 2 seconds and was stopped"):
        node(program, timeout_s=2)
    child = int(note.read_text())
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_missing_tools_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no tool of this project"):
        tool_command("bash")
    monkeypatch.setenv("ZKM2M_HOME", str(tmp_path))
    with pytest.raises(ToolError, match="run `npm ci` there"):
        run_tool("snarkjs", ["--version"], timeout_s=60)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="install Node 20"):
        run_tool("node", ["--version"], timeout_s=60)
    monkeypatch.setenv("ZKM2M_HOME", str(tmp_path / "none"))
    with pytest.raises(InputError, match="ZKM2M_HOME: must name an existing folder"):
        project_root()


def test_file_arguments_are_relative_to_the_root_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_argument(project_root() / "circuits" / "a b.circom") == "circuits/a b.circom"
    assert file_argument(tmp_path / "x") == str(tmp_path / "x")
    monkeypatch.chdir(tmp_path)
    assert file_argument(Path("x")) == str(tmp_path / "x")
    assert file_argument(tmp_path / "-x") == str(tmp_path / "-x")
    for name in ("-x", "-", "--wasm", "a\0b"):
        with pytest.raises(InputError, match="must not begin with '-'"):
            file_argument(Path(name))
    with pytest.raises(InputError, match="must not begin with '-'"):
        file_argument(project_root() / "-x")
