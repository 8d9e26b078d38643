"""What `zkm2m prove epoch` refuses before it reads a book."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import zkm2m


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--workers", 2, "--cluster", "tls://host:8786"), "--workers: cannot be given together with --cluster"),
        (("--table-mib", 64, "--backend", "snarkjs"), "--table-mib: cannot be given together with --backend snarkjs"),
    ],
)
def test_options_that_exclude_each_other(tmp_path: Path, options: tuple[object, ...], reason: str) -> None:
    result = zkm2m(
        "prove", "epoch", "--book", "book", "--market", "market.json", "--out", tmp_path / "epochs", *options
    )
    assert result.exit_code == 2
    assert reason in result.stderr.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []
