"""Groth16 on BN254 in the file formats of circom and snarkjs, natively.

Every call that computes releases the interpreter lock and uses all cores (or as many as ``RAYON_NUM_THREADS`` says).
A malformed file or argument raises ``ValueError`` naming the section and the rule; no message holds a witness value.
"""

from collections.abc import Callable
from os import PathLike
from typing import Literal, TypedDict, final

class SetupSummary(TypedDict):
    """What :func:`dev_setup` made. Hashes are in hexadecimal."""

    n_vars: int
    n_public: int
    n_constraints: int
    domain_size: int
    r1cs_sha256: str
    zkey_sha256: str
    zkey_bytes: int

class Proof(TypedDict):
    """A proof as snarkjs writes it: affine points, coordinates as decimal strings."""

    pi_a: list[str]
    pi_b: list[list[str]]
    pi_c: list[str]
    protocol: Literal["groth16"]
    curve: Literal["bn128"]

class ProofWithSignals(TypedDict):
    """A proof and the public signals it is for, in the order of the witness."""

    proof: Proof
    public: list[str]

def dev_setup(
    r1cs_path: str | PathLike[str],
    zkey_path: str | PathLike[str],
    seed: bytes | None = None,
    progress: Callable[[str, float], object] | None = None,
) -> SetupSummary:
    """Write a development proving key for an r1cs file.

    The key has the format of snarkjs after a ceremony: gamma is 1, delta is random, and no contribution is listed.
    The secrets come from the operating system and are wiped. **For development only**: whoever ran the set-up could
    have kept them, and with them forge proofs.

    Parameters
    ----------
    r1cs_path
        circom's constraint file, version 1, over BN254, without custom gates.
    zkey_path
        The key to write. It appears under this name only when it is complete.
    seed
        32 bytes that fix the secrets, for reproducible tests: secret ``i`` is SHA-512 of ``"zkm2m/dev-setup/v1"``, the
        seed and the byte ``i``, big-endian, modulo the group order, for tau (0), alpha (1), beta (2) and delta (4).
        Index 3 would be gamma, which is 1. A key made with a seed is not secret at all.
    progress
        Called with the stage that begins and the share of the work done, 0 to 1. What it raises ends the set-up.

    Raises
    ------
    ValueError
        A malformed r1cs, one of more than 2^27 constraints, or a seed of another length.
    OSError
        A file that cannot be read or written.
    """

@final
class Prover:
    """A proving key, read once and ready for any number of proofs from any number of threads.

    Raises
    ------
    ValueError
        A malformed key, or one under which anyone can forge: gamma = delta (no contribution), say.
    OSError
        A file that cannot be read.
    """

    def __new__(cls, zkey_path: str | PathLike[str]) -> Prover: ...
    def prove(self, wtns: bytes) -> ProofWithSignals:
        """Return a proof, verified, for the bytes of a witness file.

        Raises
        ------
        ValueError
            A malformed witness, one of another circuit, or one that does not satisfy the constraints.
        """

    @property
    def n_public(self) -> int:
        """Number of public signals."""

    @property
    def n_vars(self) -> int:
        """Number of wires, the constant included."""

    @property
    def domain_size(self) -> int:
        """Size of the evaluation domain, a power of two."""

@final
class ConstraintSystem:
    """A constraint system, read once and ready to check any number of witnesses.

    Raises
    ------
    ValueError
        A malformed r1cs.
    OSError
        A file that cannot be read.
    """

    def __new__(cls, r1cs_path: str | PathLike[str]) -> ConstraintSystem: ...
    def first_violation(self, wtns: bytes) -> int | None:
        """Return the number of the first constraint that the bytes of a witness file violate, None if all hold.

        Raises
        ------
        ValueError
            A malformed witness, or one with another number of wires.
        """

    @property
    def n_constraints(self) -> int:
        """Number of constraints."""

    @property
    def n_vars(self) -> int:
        """Number of wires, the constant included."""

def verify(vk_json: str, public: list[str], proof_json: str) -> bool:
    """Return whether a proof holds.

    Nothing but the canonical form is read: decimal strings without leading zeros, signals below the group order,
    coordinates below the field's modulus, affine points on their curves and in their groups, exactly the members of
    snarkjs, exactly ``nPublic`` signals.

    Raises
    ------
    ValueError
        Anything that is not in canonical form; a key with infinity, or with two points of IC, or two of beta, gamma and
        delta, that are equal up to sign.
    TypeError
        ``public`` is not a list.
    """

def version() -> str:
    """Return the version of this module."""

def threads() -> int:
    """Return the number of threads that the work runs on."""
