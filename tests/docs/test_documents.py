"""The documents say what is so: tables from measured files, generated files fresh, changelog in step."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks.tables import filled
from prover.circuit_limits import limits_circom
from prover.paths import artifact_lock, circuit_sources, project_root

README = project_root() / "README.md"


def test_the_readmes_tables_come_from_the_results() -> None:
    assert filled(README.read_text()) == README.read_text(), "run `python -m benchmarks.tables`"


def test_the_circom_limits_come_from_the_python_limits() -> None:
    assert (circuit_sources() / "limits.circom").read_text() == limits_circom(), "run `zkm2m circuits lock`"


def test_a55_every_locked_circuit_stands_in_the_changelog() -> None:
    sections = re.findall(r"### Circuits\n(.*?)(?=\n##|\Z)", (project_root() / "CHANGELOG.md").read_text(), re.DOTALL)
    assert sections, "the changelog needs a heading Circuits"
    for name, entry in json.loads(artifact_lock().read_text())["circuits"].items():
        line = f"`{name}` {entry['constraints']:,} constraints, r1cs `{entry['r1cs_sha256'][:16]}`"
        assert line in sections[0], f"note the change of {name} under Circuits: {line}"
        assert ", ".join(entry["public"]) in sections[0]


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)", README.read_text()))))
def test_the_readmes_links_lead_somewhere(link: str) -> None:
    assert (project_root() / link).exists()


def test_results_have_the_shape_that_others_read() -> None:
    rows = json.loads((project_root() / "benchmarks" / "results" / "prover.json").read_text())
    keys = {"circuit", "constraints", "backend", "mode", "seconds", "peak_rss_bytes"}
    assert rows
    assert all(set(row) - {"growth_exponent"} == keys for row in rows)
    assert {row["mode"] for row in rows} == {"cold", "warm", "warm, with tables"}
    assert {"native", "snarkjs"} <= {row["backend"] for row in rows}
