"""A development proving key in pure Python: the readable twin of the native set-up, and its oracle.

Whoever runs this knows the trapdoor for as long as the process lives, and Python cannot wipe it: keys made here prove
nothing to anyone else, and the lock file beside them says so.

Notes
-----
With the trapdoor tau, alpha, beta, delta (and gamma = 1, so that gamma2 is the generator and differs from delta2), the
Lagrange polynomials L of the domain of N-th roots of unity, and A_s, B_s, C_s = the sums over constraints c of the
matrix entries (c, s) times L_c(tau):

- A, B1, B2: A_s * G1, B_s * G1, B_s * G2 for every wire s
- IC: (beta A_s + alpha B_s + C_s) * G1 for the constant and the public wires; C: the same over delta for the others
- H: L'_(2i+1)(tau) / delta * G1, where L' belongs to the domain of 2N-th roots: snarkjs evaluates the quotient's
  numerator on the odd half of that domain, so these points carry both the interpolation and the division

The matrix A gets one more row for the constant and for every public wire, so that no two public wires can be exchanged.
A matrix value v is stored as v * R^2 mod r with R = 2^256. The circuit hash in section 10, which snarkjs computes over
its phase-1 points, is here SHA-512("zkm2m/dev-setup/v1" || section 2), and there are no contributions. Sections
stand in ascending order.

With a seed, trapdoor element i is SHA-512("zkm2m/dev-setup/v1" || seed || byte i) mod r, i = 0 tau, 1 alpha, 2 beta,
4 delta; 3, for gamma, is not used.

References
----------
Groth, "On the Size of Pairing-based Non-interactive Arguments", EUROCRYPT 2016, section 3.2.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import secrets
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypedDict

from prover.atomic import write_atomically
from prover.curve import BASE_MODULUS, G1, G2, G1Point, G2Point, GeneratorTable
from prover.formats.binfile import build_container, read_file
from prover.formats.r1cs import R1cs, Row, parse_r1cs
from prover.formats.zkey import FIELD_BYTES, G1_BYTES, G2_BYTES
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import FIELD_MODULUS

#: Called with the stage and the share of the work that is done, 0 to 1.
Progress = Callable[[str, float], object]

SEED_BYTES: Final = 32
_SETUP_DOMAIN: Final = b"zkm2m/dev-setup/v1"
_R: Final = FIELD_MODULUS
_FIELD_GENERATOR: Final = 5  # smallest non-residue mod r; snarkjs takes its roots of unity from it
_TWO_ADICITY: Final = 28
_MONTGOMERY: Final = (1 << 256) % BASE_MODULUS
_MATRIX_SCALE: Final = (1 << 512) % _R
_CHUNK: Final = 2_048
_PARALLEL_FROM: Final = 8_192  # below this many points a second process costs more than it saves
_MAX_FILE_BYTES: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Trapdoor:
    """The secret of a set-up; whoever knows it can forge proofs."""

    tau: int
    alpha: int
    beta: int
    delta: int

    @classmethod
    def from_seed(cls, seed: bytes) -> Trapdoor:
        """Return the trapdoor that a seed of 32 bytes stands for."""
        if len(seed) != SEED_BYTES:
            raise InputError("seed", f"must be {SEED_BYTES} bytes long", len(seed))

        def element(index: int) -> int:
            return int.from_bytes(hashlib.sha512(_SETUP_DOMAIN + seed + bytes([index])).digest(), "big") % _R

        trapdoor = cls(tau=element(0), alpha=element(1), beta=element(2), delta=element(4))
        values = (trapdoor.tau, trapdoor.alpha, trapdoor.beta, trapdoor.delta)
        in_a_domain = pow(trapdoor.tau, 1 << _TWO_ADICITY, _R) == 1
        if 0 in values or 1 in values or len(set(values)) < len(values) or in_a_domain:
            raise InputError("seed", "gives unusable secrets: take another one")
        return trapdoor


class SetupSummary(TypedDict):
    """What `dev_setup` made; hashes in hexadecimal."""

    n_vars: int
    n_public: int
    n_constraints: int
    domain_size: int
    r1cs_sha256: str
    zkey_sha256: str
    zkey_bytes: int


def dev_setup(
    r1cs_path: str | Path,
    zkey_path: str | Path,
    seed: bytes | None = None,
    progress: Progress | None = None,
    *,
    processes: int | None = None,
) -> SetupSummary:
    """Write a development proving key for a constraint system, whole or not at all.

    Parameters
    ----------
    r1cs_path
        The constraint system.
    zkey_path
        Where the key goes.
    seed
        32 bytes that decide the trapdoor, for tests; None takes the operating system's randomness.
    progress
        Called with the stage and the share of the work that is done, 0 to 1.
    processes
        How many to share the work among; by default one a core for big circuits.

    Raises
    ------
    InputError
        The constraint system cannot be read, the seed has another length, or the circuit is too big for the field.
    ToolError
        The key cannot be written.
    """
    source = read_file(Path(r1cs_path), limit=_MAX_FILE_BYTES)
    system = parse_r1cs(source, Path(r1cs_path).name)
    trapdoor = Trapdoor.from_seed(secrets.token_bytes(SEED_BYTES) if seed is None else seed)
    key = build_key(system, trapdoor, progress, processes)
    write_atomically(Path(zkey_path), key)
    return SetupSummary(
        n_vars=system.n_wires,
        n_public=system.n_public,
        n_constraints=system.n_constraints,
        domain_size=system.domain_size,
        r1cs_sha256=hashlib.sha256(source).hexdigest(),
        zkey_sha256=hashlib.sha256(key).hexdigest(),
        zkey_bytes=len(key),
    )


def build_key(
    system: R1cs,
    trapdoor: Trapdoor,
    progress: Progress | None = None,
    processes: int | None = None,
) -> bytes:
    """Return the zkey file of a constraint system under a trapdoor; see `dev_setup`."""
    size = system.domain_size
    if 2 * size > 1 << _TWO_ADICITY:
        raise InputError("r1cs", f"must need a domain of at most 2^{_TWO_ADICITY - 1}", size)
    delta_inverse = _inverse(trapdoor.delta)
    a, b, c = _wire_polynomials(system, _lagrange(trapdoor.tau, size))
    combined = [(trapdoor.beta * x + trapdoor.alpha * y + z) % _R for x, y, z in zip(a, b, c, strict=True)]
    first_private = system.n_public + 1
    hidden = [value * delta_inverse % _R for value in combined[first_private:]]
    quotient = [value * delta_inverse % _R for value in _lagrange(trapdoor.tau, 2 * size)[1::2]]
    head_g1 = [trapdoor.alpha, trapdoor.beta, trapdoor.delta]
    head_g2 = [trapdoor.beta, 1, trapdoor.delta]

    in_g1 = [head_g1, combined[:first_private], a, b, hidden, quotient]
    in_g2 = [head_g2, b]
    encoded = _multiples(in_g1, in_g2, progress, processes)
    (alpha1, beta1, delta1), ic, a1, b1, c1, h1 = (_split(part, G1_BYTES) for part in encoded[:6])
    (beta2, gamma2, delta2), b2 = (_split(part, G2_BYTES) for part in encoded[6:])
    if len(set(ic) | {bytes(G1_BYTES)}) <= len(ic):
        raise InputError("r1cs", "must bind every public wire by a point of its own")
    header = b"".join(
        (
            struct.pack("<I", FIELD_BYTES) + BASE_MODULUS.to_bytes(FIELD_BYTES, "little"),
            struct.pack("<I", FIELD_BYTES) + _R.to_bytes(FIELD_BYTES, "little"),
            struct.pack("<3I", system.n_wires, system.n_public, size),
            *(alpha1, beta1, beta2, gamma2, delta1, delta2),
        )
    )
    return build_container(
        "zkey",
        1,
        [
            (1, struct.pack("<I", 1)),
            (2, header),
            (3, b"".join(ic)),
            (4, _matrix_entries(system)),
            (5, b"".join(a1)),
            (6, b"".join(b1)),
            (7, b"".join(b2)),
            (8, b"".join(c1)),
            (9, b"".join(h1)),
            (10, hashlib.sha512(_SETUP_DOMAIN + header).digest() + struct.pack("<I", 0)),
        ],
    )


def _inverse(value: int) -> int:
    if value % _R == 0:
        raise ToolError("the set-up drew a trapdoor that cannot be inverted: run it again")
    return pow(value, -1, _R)


def _lagrange(tau: int, size: int) -> list[int]:
    """Return L_i(tau) for the domain of `size` roots of unity: (tau^size - 1) / size * w^i / (tau - w^i)."""
    root = pow(_FIELD_GENERATOR, (_R - 1) // size, _R)
    powers, power = [], 1
    for _ in range(size):
        powers.append(power)
        power = power * root % _R
    prefix, running = [], 1
    for power in powers:
        prefix.append(running)
        running = running * (tau - power) % _R
    running = _inverse(running)  # fails where tau lies in the domain
    scale = (pow(tau, size, _R) - 1) * _inverse(size) % _R
    values = [0] * size
    for index in range(size - 1, -1, -1):
        values[index] = running * prefix[index] % _R * powers[index] % _R * scale % _R
        running = running * (tau - powers[index]) % _R
    return values


def _wire_polynomials(system: R1cs, lagrange: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """Return A_s, B_s and C_s at tau for every wire s."""
    a, b, c = ([0] * system.n_wires for _ in range(3))
    for constraint, at in zip(system.constraints, lagrange, strict=False):
        for into, row in zip((a, b, c), constraint, strict=True):
            for wire, coefficient in zip(row.wires, row.coefficients, strict=True):
                into[wire] += coefficient * at
    for wire in range(system.n_public + 1):
        a[wire] += lagrange[system.n_constraints + wire]
    return [x % _R for x in a], [x % _R for x in b], [x % _R for x in c]


def _matrix_entries(system: R1cs) -> bytes:
    """Return section 4: the entries of A and B by constraint, then the rows of the public wires."""
    scaled: dict[int, bytes] = {}

    def value(coefficient: int) -> bytes:
        if coefficient not in scaled:
            scaled[coefficient] = (coefficient * _MATRIX_SCALE % _R).to_bytes(FIELD_BYTES, "little")
        return scaled[coefficient]

    def entries(matrix: int, number: int, row: Row) -> Iterator[bytes]:
        for wire, coefficient in zip(row.wires, row.coefficients, strict=True):
            yield struct.pack("<3I", matrix, number, wire) + value(coefficient)

    parts: list[bytes] = []
    for number, constraint in enumerate(system.constraints):
        parts += entries(0, number, constraint.a)
        parts += entries(1, number, constraint.b)
    for wire in range(system.n_public + 1):
        parts += entries(0, system.n_constraints + wire, Row((wire,), (1,)))
    return struct.pack("<I", len(parts)) + b"".join(parts)


def _multiples(
    in_g1: Sequence[Sequence[int]],
    in_g2: Sequence[Sequence[int]],
    progress: Progress | None,
    processes: int | None,
) -> list[bytes]:
    """Return, for every list of scalars, the encoded multiples of the generator of G1, then those of G2."""
    count_g1, count_g2 = sum(map(len, in_g1)), sum(map(len, in_g2))
    total = count_g1 + count_g2
    jobs = [
        (list_index, group, scalars[at : at + _CHUNK])
        for group, lists, offset in ((1, in_g1, 0), (2, in_g2, len(in_g1)))
        for list_index, scalars in enumerate(lists, start=offset)
        for at in range(0, len(scalars), _CHUNK)
    ]
    workers = processes or (1 if total < _PARALLEL_FROM else os.cpu_count() or 1)
    encoded = [bytearray() for _ in range(len(in_g1) + len(in_g2))]
    done = 0
    for (list_index, _, scalars), points in zip(
        jobs, _computed(jobs, workers, -(-count_g1 // workers), -(-count_g2 // workers)), strict=True
    ):
        encoded[list_index] += points
        done += len(scalars)
        if progress is not None:
            progress("points", done / total)
    return [bytes(part) for part in encoded]


def _computed(
    jobs: Sequence[tuple[int, int, Sequence[int]]], workers: int, expected_g1: int, expected_g2: int
) -> Iterator[bytes]:
    tasks = [(group, scalars) for _, group, scalars in jobs]
    if workers == 1:
        worker = _Worker(expected_g1, expected_g2)
        yield from map(worker.encoded, tasks)
        return
    # A fork shares what is already loaded but must not copy a lock that another thread holds.
    method = "fork" if threading.active_count() == 1 and "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(workers, context, partial(_start_worker, expected_g1, expected_g2)) as pool:
        yield from pool.map(_encoded_by_worker, tasks)


class _Worker:
    """The tables of one process."""

    def __init__(self, expected_g1: int, expected_g2: int) -> None:
        self._g1 = GeneratorTable(G1, expected_g1)
        self._g2 = GeneratorTable(G2, expected_g2)

    def encoded(self, task: tuple[int, Sequence[int]]) -> bytes:
        group, scalars = task
        if group == 1:
            return b"".join(map(_encode_g1, self._g1.multiples(scalars)))
        return b"".join(map(_encode_g2, self._g2.multiples(scalars)))


_worker: list[_Worker] = []


def _start_worker(expected_g1: int, expected_g2: int) -> None:
    _worker[:] = [_Worker(expected_g1, expected_g2)]


def _encoded_by_worker(task: tuple[int, Sequence[int]]) -> bytes:
    return _worker[0].encoded(task)


def _coordinate(value: int) -> bytes:
    return (value * _MONTGOMERY % BASE_MODULUS).to_bytes(FIELD_BYTES, "little")


def _encode_g1(point: G1Point | None) -> bytes:
    return bytes(G1_BYTES) if point is None else _coordinate(point[0]) + _coordinate(point[1])


def _encode_g2(point: G2Point | None) -> bytes:
    return bytes(G2_BYTES) if point is None else b"".join(_coordinate(part) for axis in point for part in axis)


def _split(points: bytes, size: int) -> list[bytes]:
    return [points[at : at + size] for at in range(0, len(points), size)]
