"""The Solidity that is written: from which keys, with what in it, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.export import app
from prover.circuits import CIRCUITS, read_lock
from prover.paths import project_root
from rtnet_core.errors import InputError, Refusal, ToolError
from rtnet_core.limits import PROFILES
from rtnet_core.totals import empty_commitment
from tests.support.simulated_groth16 import Trapdoor
from tests.support.verifier_keys import write_keys
from verifier.groth16 import VerificationKey
from verifier.keystore import Keystore
from verifier.onchain.contracts import (
    compiler_input,
    contract_name,
    contract_sources,
    profile_source,
    public_count,
    registry_circuits,
    verifier_source,
)
from verifier.points import BASE_MODULUS, SCALAR_MODULUS

SMALL = registry_circuits("small")
#: A lock file's entry by which a key is of the circuit that this version pins.
LOCKED = {"r1cs_sha256": read_lock()["market-small"]["r1cs_sha256"]}


def keys(root: Path, *circuits: str, **lock: Any) -> Keystore:
    """Return simulated keys of these circuits, with the lock files' entries as given."""
    for circuit in circuits:
        write_keys(root, circuit, Trapdoor.of(public_count(circuit), circuit).key_json(), **lock)
    return Keystore(root)


def constants(source: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"uint256 private constant (\w+) = (\d+);", source)}


def test_a_verifier_has_its_key_as_constants_with_the_points_of_g2_negated(tmp_path: Path) -> None:
    pinned = keys(tmp_path, "market-small").key("market-small")
    key: VerificationKey = pinned.key
    source = verifier_source(pinned)
    found = constants(source)
    assert found["R"] == SCALAR_MODULUS
    assert (found["ALPHA_X"], found["ALPHA_Y"]) == key.alpha
    assert [(found[f"IC{i}_X"], found[f"IC{i}_Y"]) for i in range(6)] == list(key.inputs)
    for name, ((x0, x1), (y0, y1)) in (("BETA", key.beta), ("GAMMA", key.gamma), ("DELTA", key.delta)):
        assert (found[f"{name}_X0"], found[f"{name}_X1"]) == (x0, x1)
        assert (found[f"{name}_Y0"], found[f"{name}_Y1"]) == (BASE_MODULUS - y0, BASE_MODULUS - y1)
    assert len(found) == 1 + 2 + 12 + 12
    assert f"bytes32 public constant VK_ID = 0x{pinned.vk_id};" in source
    assert f"bytes32 public constant CIRCUIT_VERSION = 0x{pinned.circuit_version};" in source
    assert "contract MarketSmallVerifier {" in source
    assert "uint256[5] calldata signals" in source
    assert "$" not in source


def test_a43_a_development_key_is_named_in_comment_and_constant(tmp_path: Path) -> None:
    made = verifier_source(keys(tmp_path / "dev", "account-small").key("account-small"))
    assert "DEVELOPMENT KEY: whoever made it can forge proofs" in made
    assert "bool public constant DEVELOPMENT_KEY = true;" in made
    ceremonial = keys(tmp_path / "real", "account-small", development=False, contributions=3, beacon="ab")
    finished = verifier_source(ceremonial.key("account-small"))
    assert "Contributions to the key: 3, beacon: yes." in finished
    assert "bool public constant DEVELOPMENT_KEY = false;" in finished


@pytest.mark.parametrize("circuit", [name for name in CIRCUITS if name in read_lock()])
def test_the_counts_of_public_signals_are_those_of_the_locked_circuits(circuit: str) -> None:
    names = read_lock()[circuit]["public"]
    assert isinstance(names, list)
    assert public_count(circuit) == len(names)


@pytest.mark.parametrize("circuit", ["account", "account-tiny", "toy-small", "", "account-small-x"])
def test_a_name_of_no_such_circuit(circuit: str) -> None:
    with pytest.raises(InputError, match="must be one of account, batch, merge, market"):
        public_count(circuit)
    with pytest.raises(InputError):
        contract_sources([circuit], Keystore(Path("nowhere")))


def test_a40_a_key_under_which_anyone_can_forge_makes_no_contract(tmp_path: Path) -> None:
    trapdoor = Trapdoor.of(6)
    write_keys(tmp_path, "account-small", trapdoor.with_(gamma=trapdoor.delta).key_json())
    with pytest.raises(Refusal) as caught:
        contract_sources(["account-small"], Keystore(tmp_path))
    assert caught.value.code == "key_gamma_equals_delta"


def test_a41_a_key_for_another_number_of_signals_makes_no_contract(tmp_path: Path) -> None:
    write_keys(tmp_path, "account-small", Trapdoor.of(5).key_json())
    with pytest.raises(Refusal) as caught:
        contract_sources(["account-small"], Keystore(tmp_path))
    assert caught.value.code == "key_public_count"


def test_a_registry_comes_with_all_four_circuits_of_a_profile(tmp_path: Path) -> None:
    keystore = keys(tmp_path, *SMALL)
    assert set(contract_sources(SMALL, keystore)) == {
        *(f"{contract_name(circuit)}.sol" for circuit in SMALL),
        *("Profile.sol", "SolvencyRegistry.sol"),
    }
    assert set(contract_sources(SMALL[:3], keystore)) == {f"{contract_name(circuit)}.sol" for circuit in SMALL[:3]}
    with pytest.raises(InputError, match="one profile at most"):
        contract_sources([*SMALL, *registry_circuits("standard")], keystore)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profiles_numbers(profile: str) -> None:
    sizes = PROFILES[profile]
    found = dict(re.findall(r"uint256 constant (\w+) = (\d+);", profile_source(sizes)))
    assert found == {
        "BATCH_SIZE": str(sizes.batch),
        "MERGE_CHILDREN": str(sizes.merge),
        "MERGE_SIGNALS": str(sizes.merge + 2),
        "BOOK_CAPACITY": str(sizes.capacity),
        "EMPTY_TOTALS": str(empty_commitment(sizes)),
        "THRESHOLD_LIMIT": str(1 << 20),
        "SKEW_MS": "300000",
    }
    with pytest.raises(InputError, match="profile"):
        registry_circuits("huge")


def test_the_sources_ask_for_the_compiler_that_npm_pins(tmp_path: Path) -> None:
    pinned = json.loads((project_root() / "package.json").read_text())["devDependencies"]["solc"]
    sources = contract_sources(SMALL, keys(tmp_path, *SMALL))
    for text in sources.values():
        assert text.startswith(f"// SPDX-License-Identifier: Apache-2.0\npragma solidity {pinned};\n")
    given = json.loads(compiler_input(sources))
    assert {name: entry["content"] for name, entry in given["sources"].items()} == sources


def test_on_the_command_line(tmp_path: Path) -> None:
    keystore = keys(
        tmp_path / "keys", "market-small", "merge-wide", r1cs_sha256=read_lock()["market-small"]["r1cs_sha256"]
    )
    words = ["solidity", "--out", str(tmp_path / "made" / "sol"), "--keys", str(tmp_path / "keys"), "market-small"]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["development_keys"] == ["market-small"]
    assert shown["files"] == ["MarketSmallVerifier.sol", "compiler-input.json"]
    written = (tmp_path / "made" / "sol" / "MarketSmallVerifier.sol").read_text()
    assert written == verifier_source(keystore.key("market-small"))
    assert "whoever made them can forge proofs" in CliRunner().invoke(app, words).output


def test_a44_the_command_refuses_a_key_of_another_version_of_the_circuit(tmp_path: Path) -> None:
    keys(tmp_path / "keys", "market-small")
    words = ["solidity", "--out", str(tmp_path / "sol"), "--keys", str(tmp_path / "keys"), "market-small"]
    refused = CliRunner().invoke(app, words).exception
    assert isinstance(refused, Refusal)
    assert refused.code == "wrong_circuit_version"
    assert not (tmp_path / "sol").exists()


def test_the_command_names_an_unknown_circuit_and_a_folder_that_is_a_file(tmp_path: Path) -> None:
    unknown = CliRunner().invoke(app, ["solidity", "--out", str(tmp_path), "account-tiny"])
    assert isinstance(unknown.exception, InputError)
    keys(tmp_path / "keys", "market-small", **LOCKED)
    (tmp_path / "file").write_text("")
    words = ["solidity", "--out", str(tmp_path / "file"), "--keys", str(tmp_path / "keys"), "market-small"]
    with pytest.raises(InputError, match="cannot be made"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_what_the_compiler_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (project_root() / "node_modules" / "solc").is_dir():
        pytest.skip("npm solc is not installed: run `npm ci`")
    monkeypatch.setattr("cli.export.compiler_input", lambda _: compiler_input({"Bad.sol": "contract {"}))
    keys(tmp_path / "keys", "market-small", **LOCKED)
    words = ["solidity", "--out", str(tmp_path / "sol"), "--keys", str(tmp_path / "keys"), "--compile", "market-small"]
    with pytest.raises(ToolError, match="ParserError"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert not (tmp_path / "sol" / "contracts.json").exists()
