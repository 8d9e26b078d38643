"""Making the keys of a ceremony: the first key, contributions, the beacon, and the key folder of the last key.

What is made here is checked elsewhere: `verifier.ceremony` reads the files anew and trusts nothing of this.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from prover.atomic import atomic_folder, atomic_output
from prover.backends import native_available
from prover.compiler import package_version
from prover.keys import PROVING_KEY, describe_keys
from prover.toolchain import file_argument, run_to_end, run_tool, tool_command
from rtnet_core.errors import InputError, ToolError

#: The record of its ceremony in a key's folder.
TRANSCRIPT: Final = "transcript.json"
_TIMEOUT_S: Final = 24 * 3_600.0
Backend = Literal["native", "snarkjs"]


def chosen_backend(asked: str) -> Backend:
    """Return what makes a contribution: ``native`` where ``auto`` was asked for and it is installed.

    Raises
    ------
    ToolError
        ``native`` was asked for and is not installed.
    """
    if asked == "native" and not native_available():
        raise ToolError("the native prover is not installed: install a Rust toolchain and run `make`, or use snarkjs")
    return "snarkjs" if asked == "snarkjs" or not native_available() else "native"


def tool_versions(backend: Backend) -> str:
    """Return what makes a contribution, for its attestation: ``zkm2m 0.1.0, snarkjs 0.7.6``."""
    tool = f"snarkjs {package_version('snarkjs')}" if backend == "snarkjs" else f"native {version('zkm2m-native')}"
    return f"zkm2m {version('zk-m2m')}, {tool}"


def make_first_key(r1cs: Path, phase_1: Path, out: Path) -> None:
    """Write the key of a circuit without contributions, by snarkjs; anyone can forge under it, and make it again.

    Raises
    ------
    ToolError
        snarkjs is missing, or refuses the files.
    """
    with atomic_output(out) as temporary:
        arguments: list[str | Path] = ["groth16", "setup", r1cs, phase_1, temporary]
        run_tool("snarkjs", arguments, timeout_s=_TIMEOUT_S, outputs=(temporary,), show_output=True)


def contribute(before: Path, after: Path, name: str, entropy: bytes, backend: Backend) -> None:
    """Write the key `after` with a contribution to `before`, whose secret nobody keeps.

    Parameters
    ----------
    before
        The key so far.
    after
        The new key; no file of that name may exist.
    name
        The contributor's, as `verifier.ceremony.documents.contributor_name` permits it.
    entropy
        What the contributor adds to the randomness of the operating system.
    backend
        What makes it. snarkjs takes entropy as an argument, which other users of the machine can see while it runs: it
        gets a hash of `entropy` and of fresh randomness, and adds randomness of its own.

    Raises
    ------
    InputError
        `before` is no key, or `after` exists.
    ToolError
        The tool failed, or the file cannot be written.
    """
    _require_new(after)
    if backend == "native":
        import zkm2m_native

        with _native(before, after):
            zkm2m_native.contribute(before, after, name, entropy)
        return
    mixed = hashlib.blake2b(secrets.token_bytes(64) + entropy).hexdigest()
    with atomic_output(after) as temporary:
        arguments: list[str | Path] = ["zkey", "contribute", before, temporary, f"--name={name}", f"-e=entropy {mixed}"]
        run_tool("snarkjs", arguments, timeout_s=_TIMEOUT_S, outputs=(temporary,))


def apply_beacon(before: Path, after: Path, name: str, value: bytes, exponent: int, backend: Backend) -> None:
    """Write the key `after` with the contribution of a beacon: anyone can make the same file from `before`.

    Parameters
    ----------
    before, after, name, backend
        As `contribute`.
    value
        1 to 255 bytes that nobody could foresee when the last contribution was published.
    exponent
        SHA-256 is applied to them 2 to this power times.

    Raises
    ------
    InputError
        As `contribute`.
    ToolError
        As `contribute`.
    """
    _require_new(after)
    if backend == "native":
        import zkm2m_native

        with _native(before, after):
            zkm2m_native.apply_beacon(before, after, value, exponent, name)
        return
    with atomic_output(after) as temporary:
        arguments: list[str | Path] = ["zkey", "beacon", before, temporary, value.hex(), str(exponent)]
        arguments.append(f"--name={name}")
        run_tool("snarkjs", arguments, timeout_s=_TIMEOUT_S, outputs=(temporary,), show_output=True)


def snarkjs_accepts(r1cs: Path, phase_1: Path, key: Path) -> bool:
    """Return whether snarkjs finds that a key follows from a circuit and a phase-1 file by its contributions.

    Raises
    ------
    ToolError
        snarkjs is missing, or ran too long.
    """
    arguments = ["zkey", "verify", *map(file_argument, (r1cs, phase_1, key))]
    code, said, _ = run_to_end("snarkjs", tool_command("snarkjs") + arguments, _TIMEOUT_S)
    return code == 0 and "ZKey Ok!" in said


def write_key_folder(folder: Path, key: Path, transcript: Mapping[str, Any], *, development: bool, beacon: str) -> None:
    """Write the key folder of a finished ceremony, which takes the place of an older one as a whole.

    Parameters
    ----------
    folder
        The circuit's key folder.
    key
        The last key, checked.
    transcript
        What was checked; stands beside the key as its provenance.
    development
        Whether the phase-1 file is of unknown origin: production refuses the key then.
    beacon
        The beacon's value in hexadecimal.

    Raises
    ------
    InputError
        The key is malformed, or not the one whose hash the transcript names.
    ToolError
        The folder cannot be written.
    """
    with atomic_folder(folder) as temporary:
        shutil.copyfile(key, temporary / PROVING_KEY)
        circuit, r1cs_sha256 = transcript["circuit"], transcript["r1cs_sha256"]
        copied = describe_keys(temporary, circuit, r1cs_sha256, development=development, beacon=beacon)
        if copied.sha256 != transcript["key_sha256"]:
            raise InputError(str(key), "changed after it was checked")
        (temporary / TRANSCRIPT).write_text(json.dumps(transcript, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _require_new(path: Path) -> None:
    if path.exists():
        raise InputError(str(path), "exists already: a key of a ceremony is never replaced")


@contextmanager
def _native(before: Path, after: Path) -> Iterator[None]:
    """Turn what the native module raises into errors of ours."""
    try:
        yield
    except ValueError as error:
        raise InputError(str(before), f"was refused by the native prover: {error}") from error
    except OSError as error:
        raise ToolError(f"cannot make {after} of {before}: {error.strerror or error}") from error
