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

class Contribution(TypedDict):
    """What :func:`contribute` and :func:`apply_beacon` made. Hashes are in hexadecimal."""

    contribution_hash: str
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

def contribute(
    zkey_path: str | PathLike[str],
    new_zkey_path: str | PathLike[str],
    name: str = "",
    entropy: bytes | None = None,
) -> Contribution:
    """Write a proving key with one more contribution to the second phase of its set-up, in the format of snarkjs.

    Delta is multiplied by a secret from the operating system, which is wiped. ``snarkjs zkey verify`` accepts the key
    where it accepted the old one.

    Parameters
    ----------
    zkey_path
        The key so far; one without any contribution is taken too.
    new_zkey_path
        The key to write. It appears under this name only when it is complete.
    name
        Of the contributor, at most 64 bytes of UTF-8; public.
    entropy
        What the contributor adds to the randomness of the operating system.

    Raises
    ------
    ValueError
        A malformed key, or a name that is too long.
    OSError
        A file that cannot be read or written.
    """

def apply_beacon(
    zkey_path: str | PathLike[str],
    new_zkey_path: str | PathLike[str],
    beacon: bytes,
    iterations_exponent: int,
    name: str = "",
) -> Contribution:
    """Write a proving key with the contribution of a beacon, which everybody can make again.

    Parameters
    ----------
    beacon
        1 to 255 bytes that nobody could foresee when the last contribution was made.
    iterations_exponent
        SHA-256 is applied 2 to this power times, 10 to 63.

    Raises
    ------
    ValueError
        As :func:`contribute`; a beacon of another length, or an exponent out of range.
    OverflowError
        ``iterations_exponent`` is negative or above 255.
    OSError
        A file that cannot be read or written.
    """

@final
class Prover:
    """A proving key, read once and ready for any number of proofs from any number of threads.

    Parameters
    ----------
    zkey_path
        A proving key in the format of snarkjs.
    threads
        Of its own, 1 to 1024, for this prover's work; None shares the module's.
    table_bytes
        Most memory for tables of multiples of the key's points. The first proof makes them, those after it are faster;
        what they tell of its witness is which values were above 32 bits. With 0 there are none.

    Raises
    ------
    ValueError
        A malformed key, or one under which anyone can forge: gamma = delta (no contribution), say; a number of threads
        out of range.
    OverflowError
        ``threads`` or ``table_bytes`` is negative or too large.
    OSError
        A file that cannot be read.
    """

    def __new__(cls, zkey_path: str | PathLike[str], threads: int | None = None, table_bytes: int = 0) -> Prover: ...
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

    @property
    def table_bytes(self) -> int:
        """Memory that the tables take, in bytes; 0 before the first proof."""

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

def verify_many(vk_json: str, publics: list[list[str]], proofs_json: list[str]) -> int | None:
    """Return the number of the first proof that does not hold under one key, None if all hold.

    The equations are checked together, each scaled by a 128-bit number from the operating system that no prover can
    foresee; where they do not hold, parts of the list are checked until one proof is left. No proof at all holds.

    Parameters
    ----------
    vk_json
        Read once.
    publics
        The signals of each proof.
    proofs_json
        As many proofs.

    Raises
    ------
    ValueError
        As :func:`verify`, naming the number of the proof; not one list of signals for each proof.
    TypeError
        An argument is not a list.
    """

def hash_fields_many(tag: int, width: int, elements: bytes) -> bytes:
    """Return the Poseidon digests of many lists of one length, 32 bytes each.

    A digest absorbs blocks of 16 elements with circomlib's permutation; the capacity element of the first block is
    ``tag * 2^32 + width``, that of a later one the digest so far.

    Parameters
    ----------
    tag
        The use, below 2^32.
    width
        Elements of a list, at least 1 and below 2^32.
    elements
        The lists one after another, each element as 32 little-endian bytes.

    Raises
    ------
    ValueError
        An element that is not below the group order, a list that is not whole, or a width out of range.
    OverflowError
        ``tag`` or ``width`` is negative or too large.
    """

def merkle_levels(tag: int, leaves: bytes, depth: int) -> bytes:
    """Return all levels above the leaves of a complete binary tree, the lowest first: 2^depth - 1 digests.

    Parameters
    ----------
    tag
        Of every node, a digest of its two children as :func:`hash_fields_many` makes it.
    leaves
        Exactly 2^depth elements of 32 little-endian bytes.
    depth
        At most 32; with 0 there is no level above.

    Raises
    ------
    ValueError
        Another number of leaves, a leaf that is not below the group order, or a depth out of range.
    OverflowError
        ``tag`` or ``depth`` is negative or too large.
    """

def version() -> str:
    """Return the version of this module."""

def threads() -> int:
    """Return the number of threads that the work runs on."""
