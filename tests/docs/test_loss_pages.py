"""The examples in the pages on losses, netting, latency and collateral print what the pages say."""

from __future__ import annotations

import doctest

import pytest

from prover.paths import project_root


@pytest.mark.parametrize("page", ["liquidation.md", "netting.md", "latency.md", "collateral.md"])
def test_the_pages_examples_run(page: str) -> None:
    result = doctest.testfile(str(project_root() / "docs" / page), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
