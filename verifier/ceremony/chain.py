"""The contributions inside a proving key: what each says, and whether each follows from all before it.

A contributor multiplies delta by a secret x. Section 10 of the key holds, for each, the new delta in G1, a point s,
x*s, and x*t, where the point t of G2 follows from a hash of everything before, of s and of x*s. That x*s and x*t are
one multiple shows that x was known; that delta is the same multiple of the delta before shows that nothing else was
done.

References
----------
Bowe, Gabizon, Miers, "Scalable Multi-party Computation for zk-SNARK Parameters in the Random Beacon Model", IACR ePrint
2017/1050, sections 3 and 5 (the proof of knowledge, and the beacon).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from py_ecc.optimized_bn128.optimized_curve import G2

from verifier.ceremony.binary import BinaryFile, Section, require_bn254
from verifier.ceremony.reasons import refuse
from verifier.ceremony.seeded import Seeded
from verifier.ceremony.sums import balanced, g1_sum, g2_sum, negated
from verifier.points import G1Point, G2Point

HASH_BYTES: Final = 64
#: The beacon's value is hashed 2 to this power times: more would make checking a matter of hours.
MAX_BEACON_EXPONENT: Final = 30
MIN_BEACON_EXPONENT: Final = 10
G1_GENERATOR: Final[G1Point] = (1, 2)
G2_GENERATOR: Final[G2Point] = (
    (int(G2[0].coeffs[0]), int(G2[0].coeffs[1])),
    (int(G2[1].coeffs[0]), int(G2[1].coeffs[1])),
)
_MAX_CONTRIBUTIONS: Final = 10_000
_NAME, _EXPONENT, _VALUE = 1, 2, 3
_Pairs = list[tuple[G1Point | None, G2Point]]


@dataclass(frozen=True, slots=True)
class Beacon:
    """A value that nobody could foresee, and how often it is hashed: 2^iterations_exponent times."""

    value: bytes
    iterations_exponent: int

    def __str__(self) -> str:
        return f"{self.value.hex()}, hashed 2^{self.iterations_exponent} times with SHA-256"


@dataclass(frozen=True, slots=True)
class Contribution:
    """One contribution as the key states it."""

    name: str
    delta: G1Point  #: after it
    s: G1Point
    sx: G1Point
    tx: G2Point
    transcript: bytes  #: hash of everything before, of s and of x*s
    beacon: Beacon | None

    @property
    def published(self) -> bytes:
        """The points and the hash that later contributions build on."""
        return b"".join(map(_g1_bytes, (self.delta, self.s, self.sx))) + _g2_bytes(self.tx) + self.transcript

    @property
    def hash(self) -> str:
        """What the contributor publishes, in hexadecimal."""
        return hashlib.blake2b(self.published).hexdigest()


@dataclass(frozen=True, slots=True)
class Header:
    """The sizes and the fixed points of a proving key."""

    n_vars: int
    n_public: int
    domain_size: int
    alpha1: G1Point
    beta1: G1Point
    beta2: G2Point
    gamma2: G2Point
    delta1: G1Point
    delta2: G2Point


@dataclass(frozen=True, slots=True)
class Chain:
    """A proving key's header, circuit hash and contributions, as they stand in its file; see `require_sound`."""

    header: Header
    circuit_hash: str
    contributions: tuple[Contribution, ...]

    @property
    def closed(self) -> bool:
        """Whether a beacon ended the ceremony."""
        return any(contribution.beacon for contribution in self.contributions)


def read_chain(path: Path) -> Chain:
    """Return the header and the contributions of a proving key; nothing is checked but their form.

    Raises
    ------
    InputError
        The file cannot be read, is no Groth16 key over BN254, or a point is infinity or outside its group.
    """
    file = BinaryFile(path, "zkey")
    protocol = file.section(1)
    if protocol.u32() != 1:
        raise protocol.fail("must name Groth16")
    protocol.expect_left(0)
    section = file.section(10)
    circuit_hash = bytes(section.take(HASH_BYTES)).hex()
    count = section.u32()
    if count > _MAX_CONTRIBUTIONS:
        raise section.fail(f"must hold at most {_MAX_CONTRIBUTIONS} contributions")
    contributions = tuple(_read_contribution(section) for _ in range(count))
    section.expect_left(0)
    return Chain(_read_header(file.section(2)), circuit_hash, contributions)


def require_linked(chain: Chain) -> None:
    """Refuse a chain whose contributions do not name what came before them; cheap, and part of `require_sound`.

    Raises
    ------
    Refusal
        ``transcript_broken``, ``after_beacon``, ``delta_mismatch``.
    """
    hasher = hashlib.blake2b(bytes.fromhex(chain.circuit_hash))
    delta, closed = G1_GENERATOR, False
    for number, contribution in enumerate(chain.contributions, 1):
        if closed:
            raise refuse("after_beacon", f"contribution {number}")
        expected = hasher.copy()
        expected.update(_g1_bytes(contribution.s) + _g1_bytes(contribution.sx))
        if expected.digest() != contribution.transcript:
            raise refuse("transcript_broken", f"contribution {number}")
        hasher.update(contribution.published)
        delta, closed = contribution.delta, contribution.beacon is not None
    if chain.header.delta1 != delta:
        raise refuse("delta_mismatch", f"after {len(chain.contributions)} contributions")


def require_sound(chain: Chain) -> None:
    """Refuse a chain in which a contribution does not follow from those before it.

    Raises
    ------
    Refusal
        The codes of `require_linked`; ``contribution_invalid``, ``beacon_mismatch``.
    """
    require_linked(chain)
    delta = G1_GENERATOR
    equations = []
    for number, contribution in enumerate(chain.contributions, 1):
        if contribution.beacon is None:
            equations.append((number, _equation(delta, contribution)))
        else:
            _require_beacon(delta, contribution, contribution.beacon)
        delta = contribution.delta
    last = [(delta, G2_GENERATOR), (negated(G1_GENERATOR), chain.header.delta2)]
    if balanced([*(pair for _, pairs in equations for pair in pairs), *last]):
        return
    for number, pairs in equations:
        if not balanced(pairs):
            raise refuse("contribution_invalid", f"contribution {number}")
    raise refuse("delta_mismatch", "in G2")


def _equation(delta: G1Point, contribution: Contribution) -> _Pairs:
    """Return the pairs that balance if s -> x*s, t -> x*t and delta -> new delta are one multiple.

    With a random factor c of 128 bits: e(s + c*delta, x*t) = e(x*s + c*new, t). If one of two does not hold, neither
    does that, but for one factor in 2^128. A second factor scales both sides, so that many equations are checked as
    one.
    """
    scale, factor = secrets.randbits(128), secrets.randbits(128)
    t = Seeded(contribution.transcript).g2()
    before = g1_sum([scale, scale * factor], [contribution.s, delta])
    after = g1_sum([scale, scale * factor], [contribution.sx, contribution.delta])
    return [(before, contribution.tx), (negated(after), t)]


def _require_beacon(delta: G1Point, contribution: Contribution, beacon: Beacon) -> None:
    """Refuse a beacon's contribution that is not the one its value makes: its secret is public, all is recomputed."""
    exponent = beacon.iterations_exponent
    if not MIN_BEACON_EXPONENT <= exponent <= MAX_BEACON_EXPONENT:
        permitted = f"{MIN_BEACON_EXPONENT} to {MAX_BEACON_EXPONENT}"
        raise refuse("beacon_mismatch", f"iterations must be 2^{permitted}, and are 2^{exponent}")
    digest = beacon.value
    for _ in range(1 << exponent):
        digest = hashlib.sha256(digest).digest()
    drawn = Seeded(digest)
    secret, s = drawn.scalar(), drawn.g1()
    t = Seeded(contribution.transcript).g2()
    made = s, g1_sum([secret], [s]), g1_sum([secret], [delta]), g2_sum([secret], [t])
    if made != (contribution.s, contribution.sx, contribution.delta, contribution.tx):
        raise refuse("beacon_mismatch", f"value {beacon.value.hex()[:32]}")


def _read_contribution(section: Section) -> Contribution:
    delta, s, sx, tx = section.some_g1(), section.some_g1(), section.some_g1(), section.some_g2()
    transcript = bytes(section.take(HASH_BYTES))
    kind = section.u32()
    length = section.u32()
    found = _parameters(Section(section.take(length), section.where), length)
    if kind > 1 or (kind == 1) != (_EXPONENT in found and _VALUE in found) or (kind == 0 and found.keys() - {_NAME}):
        raise section.fail("must say of every contribution whether it is a beacon, and of which value")
    try:
        name = found.get(_NAME, b"").decode()
    except UnicodeDecodeError:
        raise section.fail("must have names in UTF-8") from None
    beacon = Beacon(found[_VALUE], found[_EXPONENT][0]) if kind else None
    return Contribution(name, delta, s, sx, tx, transcript, beacon)


def _parameters(section: Section, length: int) -> dict[int, bytes]:
    """Return a contribution's parameters: ids ascend; each states its length, but the exponent is one byte."""
    found: dict[int, bytes] = {}
    last = at = 0
    while at < length:
        number = section.take(1)[0]
        if not last < number <= _VALUE:
            raise section.fail("must have the parameters of a contribution in their order")
        size = 1 if number == _EXPONENT else section.take(1)[0]
        found[number] = bytes(section.take(size))
        last, at = number, at + size + (1 if number == _EXPONENT else 2)
    return found


def _read_header(section: Section) -> Header:
    require_bn254(section, scalar=False)
    require_bn254(section, scalar=True)
    n_vars, n_public, domain_size = section.u32(), section.u32(), section.u32()
    if n_public >= n_vars or domain_size < 2 or domain_size & (domain_size - 1):
        raise section.fail("must have more wires than public signals, and a power of two as domain size")
    header = Header(
        n_vars,
        n_public,
        domain_size,
        alpha1=section.some_g1(),
        beta1=section.some_g1(),
        beta2=section.some_g2(),
        gamma2=section.some_g2(),
        delta1=section.some_g1(),
        delta2=section.some_g2(),
    )
    section.expect_left(0)
    return header


def _g1_bytes(point: G1Point) -> bytes:
    """Return the bytes under which a point of G1 is hashed: both coordinates, big-endian."""
    return b"".join(part.to_bytes(32, "big") for part in point)


def _g2_bytes(point: G2Point) -> bytes:
    """Return the bytes under which a point of G2 is hashed: of each coordinate the imaginary part comes first."""
    return b"".join(part.to_bytes(32, "big") for axis in point for part in reversed(axis))
