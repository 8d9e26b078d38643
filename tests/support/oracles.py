"""Sets of oracles with fixed keys, snapshots that they signed, and the eight points of low order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from rtnet_core.baby_jubjub import BASE8, IDENTITY, SUBGROUP_ORDER, Point, add, decode_point, encode_point, multiply
from rtnet_core.eddsa_poseidon import PrivateKey
from rtnet_core.market_sample import sample_market
from rtnet_core.oracle import Oracle, OracleSet, SignedSnapshot, combine, sign_snapshot
from rtnet_core.snapshot import Snapshot

TIME_MS = 1_700_000_000_000


@cache
def key(number: int) -> PrivateKey:
    """Return a fixed key."""
    return PrivateKey(hashlib.sha256(b"oracle %d" % number).digest())


@cache
def oracle_set(count: int, quorum: int, first: int = 0) -> OracleSet:
    """Return a set of oracles with the keys from number `first` on."""
    oracles = [
        Oracle(name=f"oracle-{i}", public_key=encode_point(key(i).public_key()).hex())
        for i in range(first, first + count)
    ]
    return OracleSet(quorum=quorum, oracles=tuple(oracles))


@cache
def market(seed: int = 1) -> Snapshot:
    """Return a small sampled market."""
    return sample_market(seed, "small", TIME_MS)


def signed_by(numbers: Sequence[int], oracles: OracleSet, snapshot: Snapshot) -> SignedSnapshot:
    """Return a snapshot signed by the keys of these numbers."""
    return combine(snapshot, oracles, [sign_snapshot(snapshot, oracles, key(i)) for i in numbers])


@cache
def low_order_points() -> tuple[Point, ...]:
    """Return the eight points whose order divides 8: multiples of what is left of a point outside the subgroup."""
    for y in range(2, 100):
        try:
            torsion = multiply(SUBGROUP_ORDER, decode_point(y.to_bytes(32, "little")))
        except ValueError:
            continue
        multiples = [multiply(i, torsion) for i in range(8)]
        if len(set(multiples)) == 8:
            assert multiples[0] == IDENTITY
            assert add(BASE8, multiples[1]) not in multiples
            return tuple(multiples)
    raise AssertionError("no point of full order found")
