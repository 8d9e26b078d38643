"""Files and folders that appear whole or not at all, and the private folder that leaves nothing."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prover.atomic import atomic_folder, atomic_output, private_directory, write_atomically
from rtnet_core.errors import ToolError


def test_a_file_appears_under_its_name_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    with atomic_output(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic_output(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    with pytest.raises(ToolError, match="nothing was written"), atomic_output(path):
        pass
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_private_files_are_private_from_the_start(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "secret", private=True) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        temporary.write_text("x")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_full_disk_is_a_tool_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match="No space left on device"):
        write_atomically(tmp_path / "file", "content")
    with pytest.raises(ToolError, match="No space left on device"), atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "a").write_text("a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    for round_ in ("first", "second"):
        with atomic_folder(path) as temporary:
            (temporary / round_).write_text(round_)
    assert [file.name for file in path.iterdir()] == ["second"]
    with pytest.raises(RuntimeError), atomic_folder(path) as temporary:
        (temporary / "third").write_text("half")
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys"
    with atomic_folder(path) as temporary:
        (temporary / "old").write_text("old")
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        if target == path and (source / "new").exists():
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(ToolError, match="Input/output error"), atomic_folder(path) as temporary:
        (temporary / "new").write_text("new")
    assert (path / "old").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_private_folder_is_private_and_goes_away() -> None:
    with private_directory() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.parent == Path("/dev/shm") or not Path("/dev/shm").is_dir()
        (folder / "witness").write_text("secret")
    assert not folder.exists()
    with pytest.raises(ValueError, match="inside"), private_directory() as folder:
        raise ValueError("inside")
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_private_folder_goes_away_on_signals(number: signal.Signals) -> None:
    # A process begun in the background of a shell ignores the interrupt, and so would its children.
    program = (
        "import signal, time; from prover.atomic import private_directory\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with private_directory() as folder:\n"
        "    (folder / 'witness').write_text('secret'); print(folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert (folder / "witness").exists()
        process.send_signal(number)
        assert process.wait(timeout=30) != 0
    deadline = time.monotonic() + 5
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()


def test_a_process_killed_in_mid_write_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    path = tmp_path / "file"
    program = (
        "import os, sys, pathlib; from prover.atomic import atomic_output\n"
        "with atomic_output(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == -signal.SIGKILL
    assert not path.exists()
    assert all(left.name.endswith(".partial") for left in tmp_path.iterdir())
