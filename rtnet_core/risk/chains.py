"""Collateral on several chains, netted into one amount: what is final counts, less what bridging it would cost.

Amounts are whole units and exact. A deposit counts once its chain's finality delay is over; what is owed counts at
once. Away from the home chain a balance counts less the bridge haircut, and a debt more, rounded against the account:

    counted = home + Σ over chains of (credit - ⌈credit·haircut⌉)  or  -(debt + ⌈debt·haircut⌉)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rtnet_core.errors import InputError
from rtnet_core.limits import AMOUNT_BITS, BPS, check_signed
from rtnet_core.risk.ranges import whole


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain: how long until a deposit is final, and what bridging home costs; the home chain costs nothing."""

    finality_ms: int
    bridge_haircut_bps: int

    def __post_init__(self) -> None:
        whole("finality_ms", self.finality_ms, 0, 30 * 86_400_000)
        whole("bridge_haircut_bps", self.bridge_haircut_bps, 0, BPS)


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """A deposit (or, negative, a debt) of one asset on a chain, in units, included in a block at `time_ms`."""

    chain: str
    units: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class NettedAmount:
    """One asset across all chains, in units.

    Attributes
    ----------
    counted
        What margin may count; negative where more is owed than held.
    pending
        Deposits that are not final yet.
    bridge_cost
        What the bridge haircuts took.
    """

    counted: int
    pending: int
    bridge_cost: int


def net_across_chains(entries: Sequence[ChainEntry], chains: Mapping[str, Chain], now_ms: int) -> NettedAmount:
    """Return one asset's entries on all chains as one amount.

    Raises
    ------
    InputError
        An entry's chain is not known, or its time is after `now_ms`.
    RangeError
        An amount of 2^36 units or more.

    Examples
    --------
    A hundred at home, fifty elsewhere at 30 bps, twenty there that are not final yet.

    >>> chains = {"home": Chain(0, 0), "other": Chain(900_000, 30)}
    >>> entries = [ChainEntry("home", 100, 0), ChainEntry("other", 50, 0), ChainEntry("other", 20, 500_000)]
    >>> net_across_chains(entries, chains, 1_000_000)
    NettedAmount(counted=149, pending=20, bridge_cost=1)
    """
    balances = dict.fromkeys(chains, 0)
    pending = 0
    for number, entry in enumerate(entries):
        check_signed(f"entries[{number}].units", entry.units, AMOUNT_BITS)
        if entry.chain not in chains:
            raise InputError(f"entries[{number}].chain", "must be a known chain", entry.chain)
        if entry.time_ms > now_ms:
            raise InputError(f"entries[{number}].time_ms", f"must not be after {now_ms}", entry.time_ms)
        if entry.units > 0 and now_ms - entry.time_ms < chains[entry.chain].finality_ms:
            pending += entry.units
        else:
            balances[entry.chain] += entry.units
    cost = sum(-(-abs(units) * chains[name].bridge_haircut_bps // BPS) for name, units in balances.items())
    return NettedAmount(sum(balances.values()) - cost, pending, cost)
