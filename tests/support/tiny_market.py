"""The market circuit at the least sizes, with inputs whose roots and signatures always fit what they are about.

Two slots of one underlying, one asset, four scenarios, one of two oracles signs. Every commitment is made here from the
numbers in the inputs, by the hash functions alone, so that a test may put in any number and sign for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtnet_core.black76 import Contract
from rtnet_core.black76_parts import price_shock_log
from rtnet_core.hashing import Tag, hash_fields
from rtnet_core.limits import BPS, FIELD_MODULUS, ROW_BITS, TIME_BITS, VOLATILITY_BITS
from rtnet_core.oracle import oracle_message
from rtnet_core.risk_array import lanes_of
from rtnet_core.shocks import PRICE_DENOMINATOR
from tests.support.forge_library import library_bench
from tests.support.oracles import key, oracle_set

TINY_MARKET = library_bench("market.circom", "Market(2, 1, 1, 4, 2, 1)")
ORACLES = oracle_set(2, 1)
TIME_MS = 1_700_000_000_000
MONTH_MS = 2_592_000_000
CALL, PUT, FUTURE, PERPETUAL, EMPTY = "call", "put", "future", "perpetual", "empty"

Signals = dict[str, Any]


def slot(kind: str, strike: int = 8_000_000) -> dict[str, int]:
    """Return the signals of one slot: a kind at a forward of 7,860,554 ticks, a month from its expiry."""
    is_option, is_listed = kind in {CALL, PUT}, kind != EMPTY
    return {
        "nameDigest": 77 if is_listed else 0,
        "isListed": int(is_listed),
        "isOption": int(is_option),
        "isPut": int(kind == PUT),
        "isFuture": int(kind == FUTURE),
        "strike": strike if is_option else 0,
        "forward": 7_860_554 if is_listed else 0,
        "volatility": 1 << 31 if is_option else 0,
        "expiryMs": TIME_MS + MONTH_MS if is_option or kind == FUTURE else 0,
    }


def plain_signals(*kinds: str) -> Signals:
    """Return what the commitments are made of: two slots of these kinds (a call and a future where none is named)."""
    slots = [slot(kind) for kind in kinds or (CALL, FUTURE)]
    return {
        **{name: [entry[name] for entry in slots] for name in slots[0]},
        "namesDigest": 1,
        "underlyingsDigest": 2,
        "assetsDigest": 3,
        "timeMs": TIME_MS,
        "indexTicks": [7_860_000],
        "price": [1_000_000],
        "underlyingDigest": [4],
        "assetDigest": [5],
        "priceThirds": [0, 3, -3, 6],
        "volatilityMove": [1, -1, 1, 0],
        "coverBps": [BPS, BPS, BPS, 3_500],
        "scanRangeBps": [1_500],
        "volatilityUpBps": [4_500],
        "volatilityDownBps": [3_000],
        "rateBps": [9_500],
        "kink": [[10, 20]],
        "dropBps": [[500, 1_000]],
        "sizeKink": [[1, 2]],
        "sizeRiseBps": [[100, 200]],
        "shortOptionBps": [100],
        "deltaRateBps": [5_000],
        "gammaRateBps": [100_000],
    }


def packed(*limbs: tuple[int, int]) -> int:
    """Return limbs (number, bits) side by side, whatever their range."""
    total = shift = 0
    for number, bits in limbs:
        total, shift = total + (number << shift), shift + bits
    return total % FIELD_MODULUS


def snapshot_digest(signals: Mapping[str, Any]) -> int:
    """Return the snapshot's hash of any numbers."""
    elements = [signals[name] for name in ("namesDigest", "underlyingsDigest", "assetsDigest", "timeMs")]
    for k in range(2):
        kind = signals["isListed"][k] + signals["isFuture"][k] + 2 * signals["isOption"][k] + signals["isPut"][k]
        prices = ((signals["strike"][k], ROW_BITS), (signals["forward"][k], ROW_BITS))
        rest = ((signals["volatility"][k], VOLATILITY_BITS), (signals["expiryMs"][k], TIME_BITS))
        elements += [signals["nameDigest"][k], packed((kind, 3), *prices, *rest)]
    elements += [signals["indexTicks"][0], signals["price"][0]]
    return hash_fields(Tag.SNAPSHOT, [element % FIELD_MODULUS for element in elements])


def params_digest(signals: Mapping[str, Any]) -> int:
    """Return the parameters' root of any numbers."""
    thirds, moves, covers = (signals[name] for name in ("priceThirds", "volatilityMove", "coverBps"))
    scenarios = [packed((a + 9, 5), (b + 1, 2), (c, 14)) for a, b, c in zip(thirds, moves, covers, strict=True)]
    shocks = packed(*((signals[name][0], 14) for name in ("scanRangeBps", "volatilityUpBps", "volatilityDownBps")))
    digests = [signals["underlyingDigest"][0], signals["assetDigest"][0]]
    grid = hash_fields(Tag.SCENARIOS, [*digests, packed(*((number, 21) for number in scenarios)), shocks])
    drops, kinks = ([(n, bits) for n in signals[name][0]] for name, bits in (("dropBps", 14), ("kink", 36)))
    asset = packed((signals["rateBps"][0], 14), *drops, *kinks)
    rates = ((signals["shortOptionBps"][0], 14), (signals["deltaRateBps"][0], 20), (signals["gammaRateBps"][0], 20))
    rises, sizes = ([(n, bits) for n in signals[name][0]] for name, bits in (("sizeRiseBps", 14), ("sizeKink", 36)))
    return hash_fields(Tag.PARAMS, [grid, asset, packed(*rates, *rises, *sizes)])


def rows(signals: Mapping[str, Any]) -> list[list[int]]:
    """Return what the exact engine makes of the slots: changes, then mark, delta and gamma."""
    found = []
    for k in range(2):
        kind = next(name for name in (CALL, PUT, FUTURE, PERPETUAL, EMPTY) if slot_kind(signals, k) == name)
        if kind == EMPTY:
            found.append([0] * 7)
            continue
        time = signals["expiryMs"][k] - signals["timeMs"] if kind in {CALL, PUT} else 0
        contract = Contract(kind, signals["forward"][k], signals["strike"][k], signals["volatility"][k], time)
        changes = []
        for thirds, move, cover in zip(
            *(signals[n] for n in ("priceThirds", "volatilityMove", "coverBps")), strict=True
        ):
            price = PRICE_DENOMINATOR + thirds * signals["scanRangeBps"][0]
            moved = {1: signals["volatilityUpBps"][0], 0: 0, -1: -signals["volatilityDownBps"][0]}[move]
            changes.append(contract.change(contract.shocked(price, price_shock_log(price), BPS + moved), cover))
        found.append([*changes, contract.mark(), contract.delta(), contract.gamma()])
    return found


def slot_kind(signals: Mapping[str, Any], k: int) -> str:
    """Return the kind that the flags of a slot stand for."""
    if signals["isOption"][k]:
        return PUT if signals["isPut"][k] else CALL
    if signals["isFuture"][k]:
        return FUTURE
    return PERPETUAL if signals["isListed"][k] else EMPTY


def risk_digest(signals: Mapping[str, Any], snapshot: int, table: list[list[int]]) -> int:
    """Return the risk root of a snapshot's hash and rows."""
    elements = [snapshot]
    for row in table:
        elements += [lanes_of(row[:4]), lanes_of(row[4:])]
    flags = packed(*((flag, 1) for flag in signals["isOption"]))
    numbers = [signals["indexTicks"][0], signals["price"][0]]
    return hash_fields(Tag.RISK_ARRAY, [*elements, flags, *(number % FIELD_MODULUS for number in numbers)])


def committed(signals: Signals, table: list[list[int]] | None = None) -> Signals:
    """Return the inputs of `TINY_MARKET`: the signals with their roots, and the second oracle's signature over them.

    Parameters
    ----------
    signals
        From `plain_signals`, changed at will.
    table
        Rows of the risk array; None computes them, which needs numbers in their ranges.
    """
    snapshot, root = snapshot_digest(signals), ORACLES.root()
    signature = key(1).sign(oracle_message(snapshot, root))
    return {
        **signals,
        "oraclesRoot": root,
        "snapshotHash": snapshot,
        "paramsRoot": params_digest(signals),
        "riskRoot": risk_digest(signals, snapshot, rows(signals) if table is None else table),
        "keyX": [oracle.point.x for oracle in ORACLES.oracles],
        "keyY": [oracle.point.y for oracle in ORACLES.oracles],
        "picked": [[0, 1]],
        "nonceX": [signature.nonce_point.x],
        "nonceY": [signature.nonce_point.y],
        "scalar": [signature.scalar],
    }
