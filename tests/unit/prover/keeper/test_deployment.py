"""What was deployed: read strictly, for every call is held to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prover.keeper.deployment import read_deployment
from rtnet_core.errors import InputError

ADDRESS = f"0x{'aB' * 20}"
NAMES = ("SolvencyRegistry", "AccountSmallVerifier")
DEPLOYMENT: dict[str, Any] = {
    "chain_id": 5,
    "governor": ADDRESS,
    "contracts": dict.fromkeys(NAMES, ADDRESS),
    "code_keccak": dict.fromkeys(NAMES, "00" * 32),
}
COMPILED: dict[str, Any] = {name: {"abi": [], "bytecode": "0x"} for name in NAMES}


def write(folder: Path, deployment: dict[str, Any], compiled: dict[str, Any]) -> Path:
    (folder / "deployment.json").write_text(json.dumps(deployment))
    (folder / "contracts.json").write_text(json.dumps({"contracts": compiled}))
    return folder


def test_a_deployment_names_the_registry_and_its_account_verifier(tmp_path: Path) -> None:
    found = read_deployment(write(tmp_path, DEPLOYMENT, COMPILED))
    assert (found.chain_id, found.registry.name, found.account_verifier.name) == (5, *NAMES)
    assert found.registry.address == ADDRESS.lower()


@pytest.mark.parametrize(
    ("changes", "compiled", "rule"),
    [
        ({"contracts": {NAMES[0]: ADDRESS}}, COMPILED, "a registry and its account verifier"),
        ({"contracts": {NAMES[1]: ADDRESS}}, COMPILED, "a registry and its account verifier"),
        ({"contracts": dict.fromkeys((*NAMES, "AccountWideVerifier"), ADDRESS)}, COMPILED, "a registry and its"),
        ({"contracts": dict.fromkeys(NAMES, "0x12")}, COMPILED, "must match"),
        ({"code_keccak": {NAMES[0]: "00" * 32}}, COMPILED, "code_keccak.AccountSmallVerifier: is missing"),
        ({"chain_id": 0}, COMPILED, "chain_id: must be at least 1"),
        ({"node": "x"}, COMPILED, "is not a field"),
        ({}, {NAMES[0]: {"abi": []}}, "AccountSmallVerifier: is missing or has no abi"),
        ({}, {**COMPILED, NAMES[1]: {}}, "AccountSmallVerifier: is missing or has no abi"),
    ],
)
def test_a_deployment_that_breaks_a_rule(
    tmp_path: Path, changes: dict[str, Any], compiled: dict[str, Any], rule: str
) -> None:
    with pytest.raises(InputError, match=rule):
        read_deployment(write(tmp_path, DEPLOYMENT | changes, compiled))


def test_files_that_are_missing_or_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_deployment(tmp_path)
    write(tmp_path, DEPLOYMENT, COMPILED)
    (tmp_path / "contracts.json").write_text("[]")
    with pytest.raises(InputError, match="export solidity --compile"):
        read_deployment(tmp_path)
