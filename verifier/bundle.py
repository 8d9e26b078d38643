"""A proof as one file, of an account or of a market: read strictly, believed in nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from rtnet_core.limits import THRESHOLD_BITS, TIME_BITS
from rtnet_core.market_statement import MarketStatement
from rtnet_core.statement import Statement
from verifier.canonical import circuit_name, exact_object, exact_text, sha256_hex
from verifier.groth16 import Proof, read_signal
from verifier.keystore import Keystore, PinnedKey
from verifier.policy import Policy
from verifier.reasons import refuse
from verifier.strict_json import parse_json

ACCOUNT_FORMAT: Final = "zkm2m/account-proof/v1"
MARKET_FORMAT: Final = "zkm2m/market-proof/v1"
#: Most bytes of a bundle; an honest one has less than 4 KiB.
MAX_BUNDLE_BYTES: Final = 1 << 16

_KEYS: Final = ("format", "circuit", "circuit_version", "vk_id", "statement", "proof")

S = TypeVar("S", Statement, MarketStatement)


@dataclass(frozen=True, slots=True)
class Bundle(Generic[S]):
    """A well-formed bundle. All of it is the sender's claim until the verifier has compared and checked it."""

    circuit: str
    circuit_version: str  #: SHA-256 of the r1cs, in hexadecimal
    vk_id: str  #: SHA-256 of the canonical verifying key, in hexadecimal
    statement: S
    proof: Proof

    def require_circuit(self, circuit: str) -> None:
        """Refuse with ``wrong_circuit`` a bundle of another circuit."""
        if self.circuit != circuit:
            raise refuse("wrong_circuit", f"bundle {self.circuit}, expected {circuit}")

    def pinned_key(self, circuit: str, keys: Keystore, policy: Policy) -> PinnedKey:
        """Return the recipient's key of `circuit`, which the bundle must name without having a say in it.

        Raises
        ------
        Refusal
            ``wrong_circuit``, ``wrong_circuit_version``, ``unknown_key``; the codes of `Keystore.key` and, in
            production, of `PinnedKey.require_ceremonial`.
        """
        self.require_circuit(circuit)
        pinned = keys.key(circuit)
        policy.require_key(pinned)
        if self.circuit_version != pinned.circuit_version:
            raise refuse(
                "wrong_circuit_version", f"bundle {self.circuit_version[:16]}, key {pinned.circuit_version[:16]}"
            )
        if self.vk_id != pinned.vk_id:
            raise refuse("unknown_key", f"bundle {self.vk_id[:16]}, pinned {pinned.vk_id[:16]}")
        return pinned


def account_bundle(data: bytes) -> Bundle[Statement]:
    """Return the bundle of an account proof's bytes.

    Raises
    ------
    Refusal
        ``malformed_json``; ``malformed_bundle``: keys, format, names, hashes; ``signal_not_canonical``,
        ``signal_out_of_range`` (verdict 0 or 1, threshold 1 to 2^20 - 1, all others below r); and the codes of
        `Proof.from_json`. Nothing was paired by then.
    """
    bundle = _parse(data, ACCOUNT_FORMAT, Statement)
    if bundle.statement.verdict not in (0, 1):
        raise refuse("signal_out_of_range", "bundle.statement.verdict: must be 0 or 1")
    if not 1 <= bundle.statement.threshold_bps < 1 << THRESHOLD_BITS:
        raise refuse("signal_out_of_range", f"bundle.statement.threshold_bps: must be 1 to 2^{THRESHOLD_BITS} - 1")
    return bundle


def market_bundle(data: bytes) -> Bundle[MarketStatement]:
    """Return the bundle of a market proof's bytes.

    Raises
    ------
    Refusal
        As `account_bundle`; the time must be below 2^42.
    """
    bundle = _parse(data, MARKET_FORMAT, MarketStatement)
    if bundle.statement.time_ms >= 1 << TIME_BITS:
        raise refuse("signal_out_of_range", f"bundle.statement.time_ms: must be below 2^{TIME_BITS}")
    return bundle


def _parse(data: bytes, form: str, statement: type[S]) -> Bundle[S]:
    content = parse_json(data, "bundle", max_bytes=MAX_BUNDLE_BYTES)
    members = exact_object(content, "bundle", _KEYS, "malformed_bundle")
    exact_text(members["format"], "bundle.format", form, "malformed_bundle")
    circuit = circuit_name(members["circuit"], "bundle.circuit", "malformed_bundle")
    version = sha256_hex(members["circuit_version"], "bundle.circuit_version", "malformed_bundle")
    vk_id = sha256_hex(members["vk_id"], "bundle.vk_id", "malformed_bundle")
    texts = exact_object(members["statement"], "bundle.statement", statement.names(), "malformed_bundle")
    signals = {name: read_signal(texts[name], f"bundle.statement.{name}") for name in texts}
    return Bundle(circuit, version, vk_id, statement(**signals), Proof.from_json(members["proof"]))
