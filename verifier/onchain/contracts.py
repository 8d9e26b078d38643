"""Solidity sources made from pinned keys, and the compiler's input that holds them together.

A verifier contract has its key's points as constants, so that no caller can bring another key. The registry is one
text for all profiles; what differs from one to the next stands in ``Profile.sol``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Final

from rtnet_core.epoch import BatchStatement
from rtnet_core.errors import InputError
from rtnet_core.limits import PROFILES, THRESHOLD_BITS, Profile
from rtnet_core.market_statement import MarketStatement
from rtnet_core.statement import Statement
from rtnet_core.totals import empty_commitment
from verifier.groth16 import VerificationKey
from verifier.keystore import Keystore, PinnedKey
from verifier.points import SCALAR_MODULUS, G2Point, negated_g2
from verifier.policy import SKEW_MS
from verifier.reasons import refuse

#: The four circuits that a registry checks.
KINDS: Final = ("account", "batch", "merge", "market")
#: The EVM that the code is compiled for; its instructions are a part of what every later one has.
EVM_VERSION: Final = "cancun"
#: The registry's file, and that of its profile's numbers.
REGISTRY_NAME: Final = "SolvencyRegistry.sol"
PROFILE_NAME: Final = "Profile.sol"
#: Compiler input (standard JSON) from which anyone gets the same bytecode.
COMPILER_INPUT_NAME: Final = "compiler-input.json"


def registry_circuits(profile: str) -> list[str]:
    """Return the names of the circuits that a registry of this profile checks.

    Raises
    ------
    InputError
        There is no such profile.
    """
    if profile not in PROFILES:
        raise InputError("profile", f"must be one of {', '.join(PROFILES)}", profile)
    return [f"{kind}-{profile}" for kind in KINDS]


def contract_name(circuit: str) -> str:
    """Return the name of a circuit's verifier contract.

    Examples
    --------
    >>> contract_name("account-standard")
    'AccountStandardVerifier'
    """
    return "".join(part.capitalize() for part in circuit.split("-")) + "Verifier"


def verifier_source(pinned: PinnedKey) -> str:
    """Return the Solidity source of the verifier of one circuit under its pinned key.

    Raises
    ------
    Refusal
        ``key_public_count``: the key is for another number of public signals than the circuit has.
    """
    key = pinned.key
    if key.n_public != public_count(pinned.circuit):
        raise refuse("key_public_count", f"{pinned.circuit} has {public_count(pinned.circuit)}, the key {key.n_public}")
    notice = (
        "It is a DEVELOPMENT KEY: whoever made it can forge proofs. Guard no value with this contract."
        if pinned.development
        else f"Contributions to the key: {pinned.contributions}, beacon: {'yes' if pinned.beacon else 'no'}."
    )
    constants = [f"    uint256 private constant {name} = {value};" for name, value in _key_constants(key).items()]
    terms = [f"        _add(sum, IC{i + 1}_X, IC{i + 1}_Y, signals[{i}], {i});" for i in range(key.n_public)]
    return _template("Groth16Verifier.sol").substitute(
        circuit=pinned.circuit,
        contract=contract_name(pinned.circuit),
        vk_id=pinned.vk_id,
        circuit_version=pinned.circuit_version,
        key_notice=notice,
        development="true" if pinned.development else "false",
        scalar_modulus=SCALAR_MODULUS,
        count=key.n_public,
        constants="\n".join(constants),
        terms="\n".join(terms),
    )


def public_count(circuit: str) -> int:
    """Return how many public signals a circuit has.

    Raises
    ------
    InputError
        The name is none of a circuit that a registry checks.
    """
    kind, _, profile = circuit.partition("-")
    if kind not in KINDS or profile not in PROFILES:
        raise InputError("circuit", f"must be one of {', '.join(KINDS)} with the name of a profile", circuit)
    counts = {
        "account": len(Statement.names()),
        "batch": len(BatchStatement.__dataclass_fields__),
        "merge": PROFILES[profile].merge + 2,
        "market": len(MarketStatement.names()),
    }
    return counts[kind]


def profile_source(sizes: Profile) -> str:
    """Return the Solidity source of a profile's numbers."""
    return _template(PROFILE_NAME).substitute(
        profile=sizes.name,
        batch=sizes.batch,
        merge=sizes.merge,
        merge_signals=sizes.merge + 2,
        capacity=sizes.capacity,
        empty_totals=empty_commitment(sizes),
        threshold_limit=1 << THRESHOLD_BITS,
        skew_ms=SKEW_MS,
    )


def contract_sources(circuits: Sequence[str], keys: Keystore) -> dict[str, str]:
    """Return the Solidity sources by file name: a verifier for each circuit, and a registry where all four are named.

    Parameters
    ----------
    circuits
        Names of circuits; all four of at most one profile.
    keys
        The keys that the verifiers are made from.

    Raises
    ------
    InputError
        A name is of no such circuit, or two profiles are complete: one folder holds one registry.
    Refusal
        The codes of `Keystore.key`; ``key_public_count``.
    """
    complete = [name for name in PROFILES if set(registry_circuits(name)) <= set(circuits)]
    if len(complete) > 1:
        raise InputError("circuits", "must be complete for one profile at most", ", ".join(complete))
    for circuit in circuits:
        public_count(circuit)
    sources = {f"{contract_name(circuit)}.sol": verifier_source(keys.key(circuit)) for circuit in circuits}
    for profile in complete:
        sources[PROFILE_NAME] = profile_source(PROFILES[profile])
        sources[REGISTRY_NAME] = _source(REGISTRY_NAME)
    return sources


def compiler_input(sources: Mapping[str, str]) -> str:
    """Return the standard JSON input of the compiler for these sources, with the settings that the project pins."""
    content = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {
            "evmVersion": EVM_VERSION,
            "optimizer": {"enabled": True, "runs": 1_000_000},
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.methodIdentifiers"]}},
        },
    }
    return json.dumps(content, indent=1) + "\n"


def _key_constants(key: VerificationKey) -> dict[str, int]:
    """Return the points of a key by the names of their coordinates; those of G2 negated, but for none of G1."""
    named = {"ALPHA_X": key.alpha[0], "ALPHA_Y": key.alpha[1]}
    for name, point in (("BETA", key.beta), ("GAMMA", key.gamma), ("DELTA", key.delta)):
        named |= _g2_constants(name, negated_g2(point))
    for i, (x, y) in enumerate(key.inputs):
        named |= {f"IC{i}_X": x, f"IC{i}_Y": y}
    return named


def _g2_constants(name: str, point: G2Point) -> dict[str, int]:
    (x0, x1), (y0, y1) = point
    return {f"{name}_X0": x0, f"{name}_X1": x1, f"{name}_Y0": y0, f"{name}_Y1": y1}


def _template(name: str) -> Template:
    return Template(_source(name))


def _source(name: str) -> str:
    return (files("verifier.onchain") / name).read_text("utf-8")
