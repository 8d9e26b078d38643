"""A quorum of oracles at constraint level: A12, A27."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from prover.oracle_inputs import quorum_inputs
from rtnet_core.baby_jubjub import BASE8, SUBGROUP_ORDER, Point, add, multiply
from rtnet_core.eddsa_poseidon import challenge_of
from rtnet_core.hashing import Tag, hash_fields
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.oracle import OracleSet, oracle_message
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.forge import Forged
from tests.support.forge_library import library_bench
from tests.support.oracles import key, low_order_points, market, oracle_set, signed_by

FILE = "oracle/oracle_quorum.circom"
QUORUM = library_bench(FILE, "OracleQuorum(3, 2)")
ORACLES = oracle_set(3, 2)
#: Where places that do not rise, and where a signature that is none, are refused.
RISING = r"^UnsignedBits\[0\]\.(in|bits)"
EQUATION = r"^verifier\[{}\]\.eqCheck[XY]\."


def inputs(signers: tuple[int, int] = (0, 2), oracles: OracleSet = ORACLES) -> dict[str, Any]:
    """Return honest inputs."""
    return cast("dict[str, Any]", quorum_inputs(signed_by(signers, oracles, market()), oracles))


def judged(given: dict[str, Any]) -> Forged:
    """Return the verdicts on inputs, no check in the calculator."""
    return QUORUM.forge(given)


def root_of(given: dict[str, Any]) -> int:
    """Return the root of the keys in the inputs, whatever they are, for a quorum of two."""
    coordinates = [value for pair in zip(given["keyX"], given["keyY"], strict=True) for value in pair]
    return hash_fields(Tag.ORACLES, [2, *coordinates])


def signatures(signers: tuple[int, int], message: int) -> dict[str, list[int]]:
    """Return the inputs that hold two signatures over a message."""
    made = [key(signer).sign(message) for signer in signers]
    points = [signature.nonce_point for signature in made]
    return {
        "nonceX": [point.x for point in points],
        "nonceY": [point.y for point in points],
        "scalar": [signature.scalar for signature in made],
    }


def signed_without_equation(public_key: Point, message: int, nonce: int, secret: int) -> tuple[Point, int]:
    """Return R8 and S as a signer of the secret scalar `secret` / 8 makes them."""
    nonce_point = multiply(nonce, BASE8)
    return nonce_point, (nonce + challenge_of(nonce_point, public_key, message) * secret) % SUBGROUP_ORDER


@pytest.mark.parametrize("signers", [(0, 1), (0, 2), (1, 2)])
def test_every_pair_is_a_quorum(signers: tuple[int, int]) -> None:
    honest = judged(inputs(signers))
    honest.assert_accepted()
    assert honest.values["oraclesRoot"] == ORACLES.root()


@pytest.mark.parametrize("multiple", [1, 2, 4])
@pytest.mark.parametrize("signer", [0, 1])
def test_a27_scalar_plus_the_order(signer: int, multiple: int) -> None:
    given = inputs()
    given["scalar"][signer] += multiple * SUBGROUP_ORDER
    judged(given).assert_refused(rf"^verifier\[{signer}\]\.compConstant\.out$")


def test_a27_scalar_beyond_253_bits() -> None:
    """S plus so many times the order that it has 254 bits: its digits are refused, whatever they compare to."""
    given = inputs()
    given["scalar"][0] += 6 * SUBGROUP_ORDER
    assert 1 << 253 <= given["scalar"][0] < FIELD_MODULUS
    forged = judged(given)
    assert any(name.startswith("verifier[0].snum2bits.") for name in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize("field", ["scalar", "nonceX", "nonceY"])
def test_a27_signature_changed(field: str) -> None:
    given = inputs()
    given[field][1] += 1
    at = [EQUATION.format(1)] + ([] if field == "scalar" else [r"^nonceOnCurve\[1\]\."])
    judged(given).assert_refused(*at)


def test_a27_another_snapshot() -> None:
    """The message covers the snapshot's hash: one bit of it, and no signature holds."""
    given = inputs()
    for other in (given["snapshotHash"] + 1, snapshot_hash(market(2)), 0):
        judged(given | {"snapshotHash": other}).assert_refused(EQUATION.format(0), EQUATION.format(1))


def test_a27_another_set() -> None:
    """Signatures for a set that differs in one member, who does not even sign, do not hold."""
    for signers, keys in (((0, 1), (0, 1, 3)), ((0, 2), (0, 3, 2))):
        given = inputs(signers)
        points = [key(number).public_key() for number in keys]
        given |= {"keyX": [point.x for point in points], "keyY": [point.y for point in points]}
        forged = judged(given)
        forged.assert_refused(EQUATION.format(0), EQUATION.format(1))
        assert forged.values["oraclesRoot"] != ORACLES.root()


def test_a27_the_root_commits_to_the_quorum() -> None:
    """A circuit for fewer signatures has another root for the same keys."""
    assert root_of(inputs()) == ORACLES.root()
    assert oracle_set(3, 1).root() != oracle_set(3, 2).root() != oracle_set(3, 3).root()


def test_a27_one_key_twice() -> None:
    """Both signatures hold and both places are places; that they do not rise is all that is wrong."""
    given = inputs()
    for field in ("picked", "nonceX", "nonceY", "scalar"):
        given[field] = [given[field][0]] * 2
    judged(given).assert_refused(RISING)


def test_a27_one_key_twice_with_two_signatures() -> None:
    given = inputs()
    message = oracle_message(given["snapshotHash"], ORACLES.root())
    nonce_point, scalar = signed_without_equation(key(0).public_key(), message, 777, key(0)._expanded()[0])
    given["picked"][1] = given["picked"][0]
    given["nonceX"][1], given["nonceY"][1], given["scalar"][1] = *nonce_point, scalar
    judged(given).assert_refused(RISING)


def test_a27_signers_in_falling_order() -> None:
    """Refused although they are two: one order for each quorum."""
    given = inputs()
    for field in ("picked", "nonceX", "nonceY", "scalar"):
        given[field] = given[field][::-1]
    judged(given).assert_refused(RISING)


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        ([0, 0, 0], {"picked[1][0]", "picked[1][1]", "picked[1][2]"}),
        ([1, 0, 1], {"picked[1][0]", "picked[1][1]", "picked[1][2]"}),
        ([0, 2, -1], {"picked[1][1]", "picked[1][2]"}),
        ([0, pow(2, -1, FIELD_MODULUS), pow(2, -1, FIELD_MODULUS)], {"picked[1][1]", "picked[1][2]"}),
    ],
    ids=["no key", "a sum of keys", "a difference of keys", "a mean of keys"],
)
def test_a12_signer_that_is_no_key_of_the_set(row: list[int], broken: set[str]) -> None:
    """The row picks one key: anything else breaks the row, beside what follows from a point that is no key."""
    given = inputs()
    given["picked"][1] = row
    forged = judged(given)
    assert {name for name in forged.broken_at() if name.startswith("picked")} == broken
    assert not any("[0]" in name for name in forged.broken_at() if name.startswith(("verifier", "signer", "nonce")))
    assert forged.violations


def test_a12_keys_mixed_to_a_point_that_the_prover_knows() -> None:
    """A row (1 - t, t, 0) reaches every point of a line, of which a prover may know one with its secret: refused."""
    given = inputs()
    target = key(7).public_key()
    x0, x1 = given["keyX"][:2]
    t = (target.x - x0) * pow(x1 - x0, -1, FIELD_MODULUS) % FIELD_MODULUS
    given["picked"][0] = [1 - t, t, 0]
    forged = judged(given)
    assert forged.values["signerX[0]"] == target.x
    assert {"picked[0][0]", "picked[0][1]"} <= forged.broken_at()
    assert forged.violations


@pytest.mark.parametrize("number", range(8))
def test_a27_key_of_low_order(number: int) -> None:
    """Under such a key S * BASE8 and S are a signature over anything: refused where four times the key has no x."""
    given = inputs()
    given["keyX"][0], given["keyY"][0] = low_order_points()[number]
    message = oracle_message(given["snapshotHash"], root_of(given))
    given["nonceX"][0], given["nonceY"][0] = multiply(99, BASE8)
    given["scalar"][0] = 99
    nonce_point, scalar = signed_without_equation(key(2).public_key(), message, 5, key(2)._expanded()[0])
    given["nonceX"][1], given["nonceY"][1], given["scalar"][1] = *nonce_point, scalar
    judged(given).assert_refused(r"^verifier\[0\]\.isZero\.out$")


def test_a27_twin_of_a_key_is_for_whoever_believes_the_root() -> None:
    """A + T has the signatures of A. The circuit cannot tell: `rtnet_core.oracle.Oracle` keeps it out of sets."""
    given = inputs()
    twin = add(key(0).public_key(), low_order_points()[1])
    given["keyX"][1], given["keyY"][1] = twin
    message = oracle_message(given["snapshotHash"], root_of(given))
    given["picked"] = [[1, 0, 0], [0, 1, 0]]
    for place, public_key in enumerate((key(0).public_key(), twin)):
        nonce_point, scalar = signed_without_equation(public_key, message, 5, key(0)._expanded()[0])
        given["nonceX"][place], given["nonceY"][place], given["scalar"][place] = *nonce_point, scalar
    judged(given).assert_accepted()


@pytest.mark.parametrize("number", range(1, 8))
def test_a27_nonce_point_moved_by_low_order(number: int) -> None:
    given = inputs()
    moved = add(Point(given["nonceX"][0], given["nonceY"][0]), low_order_points()[number])
    given["nonceX"][0], given["nonceY"][0] = moved
    judged(given).assert_refused(EQUATION.format(0))


@pytest.mark.parametrize(
    ("signal", "source", "negated"),
    [
        ("verifier[j].R8x", "nonceX[j]", "nonceX"),
        ("verifier[j].R8y", "nonceY[j]", "nonceY"),
        ("verifier[j].Ax", "signerX[j]", "keyX"),
        ("verifier[j].Ay", "signerY[j]", "keyY"),
        ("signerX[j]", "sumX", "keyX"),
        ("signerY[j]", "sumY", "keyY"),
        ("x[j][i]", "picked[j][i] * keyX[i]", "keyX"),
        ("y[j][i]", "picked[j][i] * keyY[i]", "keyY"),
    ],
)
def test_a27_another_point_on_the_way_to_a_check(signal: str, source: str, negated: str) -> None:
    """With the other sign of a coordinate it is on the curve, too; the equation is shown the point that signed."""
    given = inputs()
    given[negated] = [-number % FIELD_MODULUS for number in given[negated]]
    if negated in {"keyX", "keyY"}:
        given |= signatures((0, 2), oracle_message(given["snapshotHash"], root_of(given)))
    change = {(FILE, f"{signal} <== {source};"): f"{signal} <-- -{source};"}
    QUORUM.forge(given, change).assert_refused("^" + re.sub(r"\\\[[ij]", r"\[\\d", re.escape(signal)) + "$")


def test_a27_another_message_on_the_way_to_the_equation() -> None:
    """The signatures are over another snapshot than the one that is stated."""
    given = inputs()
    signed = oracle_message(given["snapshotHash"], ORACLES.root())
    given["snapshotHash"] += 1
    change = {(FILE, "verifier[j].M <== message.digest;"): f"verifier[j].M <-- {signed};"}
    QUORUM.forge(given, change).assert_refused(r"^verifier\[\d\]\.M$")


@pytest.mark.parametrize(
    ("signal", "source", "claim", "quorum"),
    [("message.in[1]", "oraclesRoot", str(oracle_set(3, 1).root()), 1), ("set.in[0]", "M", "3", 3)],
    ids=["the message", "the root"],
)
def test_a27_signatures_for_another_quorum_of_the_same_keys(signal: str, source: str, claim: str, quorum: int) -> None:
    """Two signatures over the root of the set that asks for one or three; message or root is forged to be of it."""
    other, given = oracle_set(3, quorum), inputs()
    given |= signatures((0, 2), oracle_message(given["snapshotHash"], other.root()))
    change = {(FILE, f"{signal} <== {source};"): f"{signal} <-- {claim};"}
    QUORUM.forge(given, change).assert_refused("^" + re.escape(signal) + "$")


def test_a27_other_keys_under_the_root() -> None:
    """Three keys of somebody else sign what they like; the root is forged to be that of the oracles."""
    given, stated = inputs(), ORACLES.root()
    given["keyX"] = [key(number).public_key().x for number in (5, 6, 7)]
    given["keyY"] = [key(number).public_key().y for number in (5, 6, 7)]
    given |= signatures((5, 7), oracle_message(given["snapshotHash"], stated))
    forged = QUORUM.forge(given, {(FILE, "oraclesRoot <== set.digest;"): f"oraclesRoot <-- {stated};"})
    assert forged.values["oraclesRoot"] == stated
    forged.assert_refused("^oraclesRoot$")


def test_a27_key_off_the_curve() -> None:
    """Circomlib adds points of any curve; what it would prove then is unknown, so the point is asked for."""
    given = inputs()
    given["keyY"][0] += 1
    forged = judged(given)
    assert any(name.startswith("signerOnCurve[0]") for name in forged.broken_at())
    assert not any(name.startswith(("signerOnCurve[1]", "nonceOnCurve")) for name in forged.broken_at())
    assert forged.violations
