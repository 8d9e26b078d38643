"""Progress goes to standard error, and never to standard output."""

from __future__ import annotations

import pytest

from cli.progress import counted, shares, stages


def test_outside_a_terminal_one_line_tells_that_work_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with stages("proving") as stage:
        stage("witness")
    with counted("sampling") as count:
        count(1, 2)
    with shares("keys") as share:
        share("points", 0.5)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["proving ...", "sampling ...", "keys ..."]
