"""Compression of a network of obligations: every party's net stays, the gross falls.

=================  ==================================================================================================
method             what it may change
=================  ==================================================================================================
bilateral          two parties that owe each other keep the difference
cycles             obligations that run in circles are reduced, circle by circle
conservative       existing obligations are reduced to the least total: the optimum of all that creates nothing new
non_conservative   all are replaced by the fewest that are easily found: the least total at all, at most one payment
                   less than there are parties
=================  ==================================================================================================

References
----------
D'Errico and Roukny, *Compressing over-the-counter markets*, Operations Research 69 (2021); BCBS, *Basel III: finalising
post-crisis reforms* (2017), leverage ratio: 3 % of exposure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from heapq import heapify, heappop, heappush
from typing import Final

from rtnet_core.limits import BPS
from rtnet_core.netting.circulation import Debts, least_circulation_free, without_cycles
from rtnet_core.netting.obligations import Network

#: Capital asked for on gross exposure where nothing else is said: the leverage ratio's 3 %.
DEFAULT_CAPITAL_BPS: Final = 300


class Method(StrEnum):
    """A way to compress, from the one that changes least to the one that removes most."""

    BILATERAL = "bilateral"
    CYCLES = "cycles"
    CONSERVATIVE = "conservative"
    NON_CONSERVATIVE = "non_conservative"


@dataclass(frozen=True, slots=True)
class Compression:
    """A network before and after."""

    method: Method
    before: Network
    after: Network

    @property
    def removed_ticks(self) -> int:
        """Gross before less gross after."""
        return self.before.gross_ticks - self.after.gross_ticks

    @property
    def efficiency(self) -> Fraction:
        """Share of the excess that was removed; 1 where there was none."""
        excess = self.before.excess_ticks
        return Fraction(self.removed_ticks, excess) if excess else Fraction(1)

    def capital_freed_ticks(self, capital_bps: int = DEFAULT_CAPITAL_BPS) -> int:
        """Return the capital that the removed gross no longer binds, on both sides of it, rounded down.

        Parameters
        ----------
        capital_bps
            Capital a party holds on each obligation it owes or is owed.
        """
        return 2 * self.removed_ticks * capital_bps // BPS


def compress(network: Network, method: Method = Method.CONSERVATIVE) -> Compression:
    """Return the network compressed by a method; every party's net is what it was, in exact integers.

    Examples
    --------
    >>> ring = Network.of([("A", "B", 5), ("B", "C", 10), ("C", "A", 20)])
    >>> [compress(ring, method).after.gross_ticks for method in Method]
    [35, 20, 20, 15]
    """
    if method is Method.BILATERAL:
        debts = _bilateral(network)
    elif method is Method.CYCLES:
        debts = without_cycles(network.debts)
    elif method is Method.CONSERVATIVE:
        debts = least_circulation_free(network.debts, len(network.parties))
    else:
        debts = _fewest(network)
    return Compression(method, network, network.with_debts(debts))


def _bilateral(network: Network) -> Debts:
    return {
        (debtor, creditor): ticks - network.debts.get((creditor, debtor), 0)
        for (debtor, creditor), ticks in network.debts.items()
        if ticks > network.debts.get((creditor, debtor), 0)
    }


def _fewest(network: Network) -> Debts:
    """Return payments of the least total: the largest debtor pays the largest creditor, again and again.

    Each payment settles one of the two, the last one both: at most one less than there are parties. The fewest of all
    would need to find parties whose nets cancel, which is a hard problem.
    """
    nets = network.nets()
    creditors = [(-net, party) for party, net in enumerate(nets) if net > 0]
    debtors = [(net, party) for party, net in enumerate(nets) if net < 0]
    heapify(creditors)
    heapify(debtors)
    debts: Debts = {}
    while debtors:
        owed, creditor = heappop(creditors)
        owes, debtor = heappop(debtors)
        paid = min(-owed, -owes)
        debts[debtor, creditor] = paid
        if -owed > paid:
            heappush(creditors, (owed + paid, creditor))
        if -owes > paid:
            heappush(debtors, (owes + paid, debtor))
    return debts
