"""A last look at every proof before it is recorded, whoever made it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from prover.backends import NO_PROOF, SnarkjsBackend, native_available
from prover.keys import Keys
from rtnet_core.errors import ToolError


class ProofCheck:
    """Checks proofs of a few circuits: natively where the extension is installed, by snarkjs elsewhere."""

    def __init__(self, keys: Sequence[Keys]) -> None:
        self._keys = {entry.circuit: entry for entry in keys}
        self._verifying_keys = {entry.circuit: json.dumps(entry.verification_key) for entry in keys}

    def require(self, circuit: str, signals: Sequence[int], proof: Mapping[str, Any]) -> None:
        """Raise ToolError unless `proof` holds for the public signals."""
        public = [str(signal) for signal in signals]
        if not native_available():
            entry = self._keys[circuit]
            SnarkjsBackend(entry.proving_key, entry.verification_key).check(public, proof)
            return
        import zkm2m_native

        if not zkm2m_native.verify(self._verifying_keys[circuit], public, json.dumps(dict(proof))):
            raise ToolError(NO_PROOF)
