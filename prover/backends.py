"""What turns a witness into a proof: the native prover, or snarkjs as a program. Each reads the other's key files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from prover.atomic import private_directory
from prover.toolchain import run_tool
from rtnet_core.errors import InputError, ToolError

#: What ``auto`` chooses from, best first.
BACKENDS: Final = ("native", "snarkjs")
_TIMEOUT_S: Final = 3_600.0
#: What is said of a proof that does not hold.
NO_PROOF: Final = "the proof just made does not hold: the proving key does not fit the circuit, or a tool is broken"


class Backend(Protocol):
    """Makes and checks Groth16 proofs under one key."""

    name: str

    def prove(self, witness: bytes) -> tuple[dict[str, Any], list[str]]:
        """Return (proof, public signals) in snarkjs form for a witness in .wtns form."""

    def check(self, public: list[str], proof: Mapping[str, Any]) -> None:
        """Raise ToolError unless the proof holds."""


class NativeBackend:
    """The native prover; the key stays loaded, with tables of at most `table_bytes` that make later proofs faster.

    Raises ToolError where the extension module is missing.
    """

    name = "native"

    def __init__(self, proving_key: Path, verification_key: Mapping[str, Any], table_bytes: int = 0) -> None:
        if not native_available():
            raise ToolError(
                "the native prover is not installed: install a Rust toolchain and run `make`, or use snarkjs"
            )
        import zkm2m_native

        self._native = zkm2m_native
        try:
            self._prover = zkm2m_native.Prover(str(proving_key), table_bytes=table_bytes)
        except ValueError as error:
            raise ToolError(f"the native prover refused the key: {error}") from error
        self._verification_key = json.dumps(verification_key)

    def prove(self, witness: bytes) -> tuple[dict[str, Any], list[str]]:
        """Return (proof, public signals) in snarkjs form for a witness in .wtns form."""
        try:
            result = self._prover.prove(witness)
        except ValueError as error:  # its messages hold no witness value
            raise ToolError(f"the native prover refused the witness: {error}") from error
        return dict(result["proof"]), list(result["public"])

    def check(self, public: list[str], proof: Mapping[str, Any]) -> None:
        """Raise ToolError unless the proof holds."""
        if not self._native.verify(self._verification_key, public, json.dumps(proof)):
            raise ToolError(NO_PROOF)


class SnarkjsBackend:
    """snarkjs as a program. The witness goes through a private folder in memory that is removed afterwards."""

    name = "snarkjs"

    def __init__(self, proving_key: Path, verification_key: Mapping[str, Any]) -> None:
        self._proving_key = proving_key
        self._verification_key = dict(verification_key)

    def prove(self, witness: bytes) -> tuple[dict[str, Any], list[str]]:
        """Return (proof, public signals) in snarkjs form for a witness in .wtns form."""
        with private_directory() as folder:
            witness_file, proof, public = (folder / name for name in ("witness.wtns", "proof.json", "public.json"))
            witness_file.write_bytes(witness)
            arguments: list[str | Path] = ["groth16", "prove", self._proving_key, witness_file, proof, public]
            run_tool("snarkjs", arguments, timeout_s=_TIMEOUT_S, outputs=(proof, public))
            return json.loads(proof.read_bytes()), json.loads(public.read_bytes())

    def check(self, public: list[str], proof: Mapping[str, Any]) -> None:
        """Raise ToolError unless the proof holds."""
        with private_directory() as folder:
            contents = {"vk.json": self._verification_key, "public.json": public, "proof.json": dict(proof)}
            for name, content in contents.items():
                (folder / name).write_text(json.dumps(content))
            files = [folder / name for name in contents]
            try:
                said = run_tool("snarkjs", ["groth16", "verify", *files], timeout_s=_TIMEOUT_S).stdout
            except ToolError as error:  # snarkjs ends with 1 where a proof does not hold
                raise ToolError(f"{NO_PROOF} ({error})") from error
            if "OK!" not in said:
                raise ToolError(NO_PROOF)


def native_available() -> bool:
    """Return whether the native prover is installed."""
    return find_spec("zkm2m_native") is not None


def open_backend(name: str, proving_key: Path, verification_key: Mapping[str, Any], table_bytes: int = 0) -> Backend:
    """Return the backend `name` over a key; ``auto`` is native where it is installed, snarkjs elsewhere.

    Parameters
    ----------
    table_bytes
        Memory that the native prover may take for its tables; snarkjs has none.

    Raises
    ------
    InputError
        There is no backend of that name.
    ToolError
        It cannot run here.
    """
    if name == "auto":
        name = "native" if native_available() else "snarkjs"
    if name == "native":
        return NativeBackend(proving_key, verification_key, table_bytes)
    if name == "snarkjs":
        return SnarkjsBackend(proving_key, verification_key)
    raise InputError("backend", f"must be auto, {' or '.join(BACKENDS)}", name)
