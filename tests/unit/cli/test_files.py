"""Reading within a bound, and writing whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.files import check_output, read_bytes, write_public
from rtnet_core.errors import InputError


def test_a_file_at_the_bound_is_read_and_one_above_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(InputError, match="must not be longer than 4 bytes"):
        read_bytes(path, 4)


def test_an_endless_file_is_refused_in_bounded_time() -> None:
    with pytest.raises(InputError, match="must not be longer"):
        read_bytes(Path("/dev/zero"))


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: cannot be read: No such file"):
        read_bytes(tmp_path / "absent")
    with pytest.raises(InputError, match="is a folder"):
        read_bytes(tmp_path)


def test_what_is_written_replaces_the_old_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(b"old")
    write_public(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_public(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_an_output_without_a_folder_or_in_the_place_of_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder does not exist"):
        check_output(tmp_path / "absent" / "file")
    with pytest.raises(InputError, match="something that is no file"):
        check_output(tmp_path)
    with pytest.raises(InputError, match="something that is no file"):
        check_output(Path("/dev/null"))


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(b"old")

    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        write_public(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
