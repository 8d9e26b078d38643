"""The account proof as one file: read strictly, believed in nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rtnet_core.limits import THRESHOLD_BITS
from rtnet_core.statement import Statement
from verifier.canonical import circuit_name, exact_object, exact_text, sha256_hex
from verifier.groth16 import Proof, read_signal
from verifier.reasons import refuse
from verifier.strict_json import parse_json

FORMAT: Final = "zkm2m/account-proof/v1"
#: Most bytes of a bundle; an honest one has less than 4 KiB.
MAX_BUNDLE_BYTES: Final = 1 << 16

_KEYS: Final = ("format", "circuit", "circuit_version", "vk_id", "statement", "proof")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A well-formed bundle. All of it is the sender's claim until `verifier.account` has compared and checked it."""

    circuit: str
    circuit_version: str  #: SHA-256 of the r1cs, in hexadecimal
    vk_id: str  #: SHA-256 of the canonical verifying key, in hexadecimal
    statement: Statement
    proof: Proof

    @classmethod
    def parse(cls, data: bytes) -> Bundle:
        """Return the bundle of a file's bytes.

        Raises
        ------
        Refusal
            ``malformed_json``; ``malformed_bundle``: keys, format, names, hashes; ``signal_not_canonical``,
            ``signal_out_of_range`` (verdict 0 or 1, threshold 1 to 2^20 - 1, all others below r); and the codes of
            `Proof.from_json`. Nothing was paired by then.
        """
        members = exact_object(
            parse_json(data, "bundle", max_bytes=MAX_BUNDLE_BYTES), "bundle", _KEYS, "malformed_bundle"
        )
        exact_text(members["format"], "bundle.format", FORMAT, "malformed_bundle")
        circuit = circuit_name(members["circuit"], "bundle.circuit", "malformed_bundle")
        version = sha256_hex(members["circuit_version"], "bundle.circuit_version", "malformed_bundle")
        vk_id = sha256_hex(members["vk_id"], "bundle.vk_id", "malformed_bundle")
        texts = exact_object(members["statement"], "bundle.statement", Statement.names(), "malformed_bundle")
        statement = Statement(**{name: read_signal(texts[name], f"bundle.statement.{name}") for name in texts})
        if statement.verdict not in (0, 1):
            raise refuse("signal_out_of_range", "bundle.statement.verdict: must be 0 or 1")
        if not 1 <= statement.threshold_bps < 1 << THRESHOLD_BITS:
            raise refuse("signal_out_of_range", f"bundle.statement.threshold_bps: must be 1 to 2^{THRESHOLD_BITS} - 1")
        return cls(circuit, version, vk_id, statement, Proof.from_json(members["proof"]))
