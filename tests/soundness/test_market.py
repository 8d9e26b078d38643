"""The market circuit at constraint level: A01, A02, A05, A08, A09, A10, A12, A15, A21, A27, A28, A36 and A53."""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

from rtnet_core.limits import BPS, FIELD_MODULUS, ROW_BITS, TIME_BITS, VOLATILITY_BITS
from tests.support.forge import Forged, Replacements
from tests.support.tiny_market import (
    CALL,
    EMPTY,
    FUTURE,
    MONTH_MS,
    PERPETUAL,
    PUT,
    TIME_MS,
    TINY_MARKET,
    Signals,
    committed,
    plain_signals,
    risk_digest,
    rows,
    snapshot_digest,
)

BITS = ("lib/unsigned_bits.circom", "(in >> i) & 1")
#: Digits that take what is left, so that they add up to any number.
WIDE_TOP: Replacements = {BITS: "i == BITS - 1 ? in >> i : (in >> i) & 1"}
DIGITS = pytest.mark.parametrize(
    "digits",
    [pytest.param({}, id="true-digits"), pytest.param(WIDE_TOP, id="wide-top-digit", marks=pytest.mark.slow)],
)
HONEST = committed(plain_signals())
SIGNATURE = r"^quorum\.verifier\[0\]\.eqCheck[XY]\."
RANGE = r"(^|\.)UnsignedBits\.(in|bits)"


def put(signals: Signals, path: str, value: Any) -> Signals:
    """Return signals with the one at ``name``, ``name.0`` or ``name.0.1`` changed."""
    changed = deepcopy(signals)
    name, *places = path.split(".")
    if not places:
        changed[name] = value
        return changed
    part = changed[name]
    for place in places[:-1]:
        part = part[int(place)]
    part[int(places[-1])] = value
    return changed


def number_at(signals: Signals, path: str) -> int:
    """Return the number at ``name.0`` or ``name.0.1``."""
    name, *places = path.split(".")
    part: Any = signals[name]
    for place in places:
        part = part[int(place)]
    return int(part)


def signed(value: int) -> int:
    return value - FIELD_MODULUS if value > FIELD_MODULUS // 2 else value


def judged(inputs: Signals, replacements: Replacements | None = None) -> Forged:
    return TINY_MARKET.forge(inputs, replacements or {})


@pytest.mark.parametrize("kinds", list(product((CALL, PUT, FUTURE, PERPETUAL, EMPTY), repeat=2))[::3])
def test_every_kind_of_slot_is_accepted(kinds: tuple[str, str]) -> None:
    """The control: roots that the exact engine and the hash functions make of the same numbers."""
    judged(committed(plain_signals(*kinds))).assert_accepted()


def priced_otherwise(path: str, value: int) -> Signals:
    """Return inputs whose array follows from a changed market, behind hash and signature of the honest one."""
    signals = put(plain_signals(), path, value)
    signed = {name: HONEST[name] for name in ("snapshotHash", "nonceX", "nonceY", "scalar")}
    root = risk_digest(signals, HONEST["snapshotHash"], rows(signals))
    return committed(signals) | signed | {"riskRoot": root}


#: Checks of the whole market, each with inputs that only it refuses.
CHECKS: dict[tuple[str, str], Signals] = {
    ("market.circom", "oraclesRoot === quorum.oraclesRoot;"): {**HONEST, "oraclesRoot": 1},
    ("market.circom", "snapshotHash === snapshot.digest;"): priced_otherwise("forward.0", 7_860_555),
    ("market.circom", "paramsRoot === params.root;"): {**HONEST, "paramsRoot": 1},
    ("market.circom", "riskRoot === risk.root;"): {**HONEST, "riskRoot": 1},
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check[1])
def test_each_root_is_the_one_that_follows(check: tuple[str, str]) -> None:
    judged(CHECKS[check]).assert_refused(f"^{check[1].split(' ')[0]}$")


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check[1])
def test_a53_each_check_of_the_market_is_needed(check: tuple[str, str]) -> None:
    assert TINY_MARKET.accepts_without(check, judged(CHECKS[check]).labelled)


def test_the_range_of_the_time_is_needed() -> None:
    """Without the line a time that is no time would go with a market that has no expiry."""
    forged = judged(committed(put(plain_signals(PERPETUAL, EMPTY), "timeMs", -1)))
    forged.assert_refused(r"^UnsignedBits\.bits")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("forward.0", 7_860_555), ("strike.0", 8_000_001), ("volatility.0", (1 << 31) + 1)),
        *(
            ("expiryMs.0", TIME_MS + MONTH_MS + 1),
            ("nameDigest.0", 78),
            ("underlyingsDigest", 7),
            ("timeMs", TIME_MS - 1),
        ),
        *(("indexTicks.0", 7_860_001), ("price.0", 1_000_001), ("assetsDigest", 4), ("namesDigest", 2)),
    ],
)
def test_a27_signature_over_another_number_name_scale_or_time(path: str, value: int) -> None:
    """All roots are those of the changed snapshot; the signature is of the one before it."""
    changed = put(plain_signals(), path, value)
    stolen = {name: HONEST[name] for name in ("nonceX", "nonceY", "scalar")}
    judged(committed(changed)).assert_accepted()
    judged(committed(changed) | stolen).assert_refused(SIGNATURE)


@pytest.mark.parametrize("path", ["forward.0", "strike.0", "volatility.0", "expiryMs.1", "nameDigest.1", "price.0"])
def test_a27_another_market_behind_the_signed_hash(path: str) -> None:
    """The hash and its signature are honest; the market that is priced is not the one behind them."""
    name, place = path.split(".")
    judged(priced_otherwise(path, plain_signals()[name][int(place)] + 1)).assert_refused("^snapshotHash$")


@pytest.mark.parametrize("later_ms", [60_000, -60_000])
def test_a28_a_time_that_is_not_the_snapshots(later_ms: int) -> None:
    """Old prices do not pass for new ones: the time is in the hash that was signed."""
    judged(priced_otherwise("timeMs", TIME_MS + later_ms)).assert_refused("^snapshotHash$")


@pytest.mark.parametrize("time", [1 << TIME_BITS, FIELD_MODULUS - 1])
@DIGITS
def test_a02_a_time_beyond_its_width(time: int, digits: Replacements) -> None:
    signals = put(plain_signals(PERPETUAL, EMPTY), "timeMs", time)
    judged(committed(signals), digits).assert_refused(RANGE)


@pytest.mark.parametrize("kind", [CALL, PUT, FUTURE])
@pytest.mark.parametrize("left", [0, -1, 1 << TIME_BITS])
@DIGITS
def test_a08_expired_at_the_snapshots_time_or_before_it(kind: str, left: int, digits: Replacements) -> None:
    signals = put(plain_signals(EMPTY, kind), "expiryMs.1", TIME_MS + left + int(kind == FUTURE and left > 0))
    forged = judged(committed(signals, [[0] * 7, [0] * 7]), digits)
    assert any(re.search(RANGE, name) for name in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *product(("forward.0", "strike.0"), (1 << 27, FIELD_MODULUS - 1)),
        *product(("volatility.0",), (1 << 36, FIELD_MODULUS - 1)),
        *product(("indexTicks.0",), (1 << 27, FIELD_MODULUS - 1)),
        *product(("price.0",), (1 << 34, FIELD_MODULUS - 1)),
    ],
)
def test_a02_a_signed_number_beyond_its_width(path: str, value: int) -> None:
    """Oracles that sign nonsense: no root follows from it."""
    forged = judged(committed(put(plain_signals(), path, value), rows(plain_signals())))
    assert any(name.split(".")[-1].startswith(("in", "bits")) for name in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize(
    ("path", "value", "accepted"),
    [
        *(("priceThirds.1", 9, True), ("priceThirds.1", 10, False)),
        *(("priceThirds.1", -9, True), ("priceThirds.1", -10, False)),
        *(("volatilityMove.1", 2, False), ("volatilityMove.1", -2, False)),
        *(("coverBps.1", 1, True), ("coverBps.1", 0, False), ("coverBps.1", BPS + 1, False)),
        *(("scanRangeBps.0", 0, True), ("scanRangeBps.0", 1 << 14, False), ("scanRangeBps.0", -1, False)),
        *(("volatilityUpBps.0", (1 << 14) - 1, True), ("volatilityUpBps.0", 1 << 14, False)),
        *(("volatilityDownBps.0", BPS - 1, True), ("volatilityDownBps.0", BPS, False)),
        ("volatilityDownBps.0", -1, False),
    ],
)
def test_a01_a_parameter_one_beyond_its_range(path: str, value: int, *, accepted: bool) -> None:
    """The root is that of the changed grid: whoever published it, such a grid prices nothing."""
    signals = put(plain_signals(), path, value)
    if accepted:
        judged(committed(signals)).assert_accepted()
        return
    forged = judged(committed(signals, rows(plain_signals())))
    assert any(name.split(".")[-1].startswith(("in", "bits")) for name in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize(("path", "value"), [("priceThirds.2", 0), ("coverBps.0", 1), ("scanRangeBps.0", 1)])
def test_a21_a_scenario_weakened(path: str, value: int) -> None:
    """Under the published root the array of a weaker grid is refused."""
    forged = judged(committed(put(plain_signals(), path, value)) | {"paramsRoot": HONEST["paramsRoot"]})
    forged.assert_refused("^paramsRoot$")


#: A limb, its bits, and the limb above it: one more of these bits below and one less above pack alike.
LIMBS = [
    *(("strike.0", ROW_BITS, "forward.0"), ("forward.0", ROW_BITS, "volatility.0")),
    *(("volatility.0", VOLATILITY_BITS, "expiryMs.0"), ("coverBps.0", 14, "priceThirds.1")),
    *(("priceThirds.0", 5, "volatilityMove.0"), ("volatilityMove.0", 2, "coverBps.0")),
    *(("scanRangeBps.0", 14, "volatilityUpBps.0"), ("volatilityUpBps.0", 14, "volatilityDownBps.0")),
    *(("rateBps.0", 14, "dropBps.0.0"), ("dropBps.0.1", 14, "kink.0.0"), ("shortOptionBps.0", 14, "deltaRateBps.0")),
]


@pytest.mark.parametrize(("low", "bits", "high"), LIMBS, ids=lambda part: str(part))
def test_a15_numbers_that_pack_alike(low: str, bits: int, high: str) -> None:
    """Hash, signature and parameter root are the published ones; the numbers behind them have left their ranges."""
    signals = plain_signals()
    for path, change in ((low, 1 << bits), (high, -1)):
        signals = put(signals, path, number_at(signals, path) + change)
    forged = judged(committed(signals, rows(plain_signals())))
    assert [forged[name] for name in ("snapshotHash", "paramsRoot")] == [
        signed(HONEST[name]) for name in ("snapshotHash", "paramsRoot")
    ]
    assert any(re.search(r"UnsignedBits(\[\d+\])*\.(in|bits)", name) for name in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize(("slot", "place"), list(product(range(2), range(7))))
@pytest.mark.parametrize("step", [1, -1])
def test_a05_a_number_of_the_array_one_off(slot: int, place: int, step: int) -> None:
    """Every change, mark, delta and gamma of an option and of a future."""
    table = rows(plain_signals())
    table[slot][place] += step
    judged(committed(plain_signals(), table)).assert_refused("^riskRoot$")


@pytest.mark.parametrize(
    ("slot", "flags"),
    [
        (0, {"isListed": 0}),
        (0, {"isListed": 2}),
        (0, {"isOption": 2}),
        (0, {"isPut": -1}),
        (0, {"isOption": 0, "isPut": 1}),
        (0, {"isFuture": 1}),
        (1, {"isFuture": 2}),
        (1, {"isFuture": -1}),
        (1, {"isOption": 1}),
    ],
)
def test_a12_flags_that_are_no_kind(slot: int, flags: dict[str, int]) -> None:
    signals = plain_signals()
    for name, flag in flags.items():
        signals = put(signals, f"{name}.{slot}", flag)
    forged = judged(committed(signals, rows(plain_signals())))
    assert any(name.split(".")[-1].startswith(("in", "bits")) for name in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize(("kind", "other"), [(CALL, PUT), (PUT, CALL), (FUTURE, PERPETUAL), (PERPETUAL, CALL)])
def test_a27_one_kind_signed_and_another_priced(kind: str, other: str) -> None:
    """The packed element carries the kind, so the hash is not that of the signed market."""
    signed, priced = committed(plain_signals(kind, EMPTY)), committed(plain_signals(other, EMPTY))
    assert snapshot_digest(signed) != snapshot_digest(priced)
    kept = {name: signed[name] for name in ("snapshotHash", "nonceX", "nonceY", "scalar")}
    assert "snapshotHash" in judged(priced | kept).broken_at()


@pytest.mark.parametrize("name", ["forward", "strike", "volatility", "expiryMs"])
def test_a09_an_empty_slot_has_no_number(name: str) -> None:
    signals = plain_signals(CALL, EMPTY)
    forged = judged(committed(put(signals, f"{name}.1", 5), rows(signals)))
    assert any(broken.endswith((f"{name}[1]", f".{name}")) for broken in forged.broken_at())
    assert forged.violations


def test_a08_an_instrument_has_a_forward() -> None:
    forged = judged(committed(put(plain_signals(PERPETUAL, EMPTY), "forward.0", 0), [[0] * 7, [0] * 7]))
    forged.assert_refused(r"UnsignedBits\.bits", r"UnsignedBits\.in")


@pytest.mark.parametrize("signal", range(5), ids=TINY_MARKET.circuit.public[:5])
@pytest.mark.parametrize("change", [1, -1])
def test_a36_public_signal_changed_by_one(signal: int, change: int) -> None:
    """Every public signal is in a constraint that it breaks alone: none is free."""
    honest = judged(HONEST)
    wires = list(honest.wires)
    assert wires[1 + signal] == HONEST[TINY_MARKET.build.public[signal]]
    wires[1 + signal] = (wires[1 + signal] + change) % FIELD_MODULUS
    violations = TINY_MARKET.shipped.violations(wires)
    assert any(f"main.{TINY_MARKET.build.public[signal]}" in violation.signals for violation in violations)
