"""Obligations that run in circles, and the least total that leaves every party's net as it is.

To reduce obligations without changing a net is to take a circulation out of the network. The largest one is a
minimum-cost flow: a linear program whose matrix is totally unimodular, so that whole amounts have a whole optimum.
HiGHS solves it in floating point; its basis is then solved again in integers, and the exact condition of optimality, no
improving cycle in the residual network, is checked and where needed restored by cancelling such cycles.

References
----------
- D'Errico and Roukny, *Compressing over-the-counter markets* (2021): conservative compression.
- Ahuja, Magnanti and Orlin, *Network Flows* (1993), sections 9.3 and 11.2: residual optimality, spanning trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Debts = dict[tuple[int, int], int]
Integers = NDArray[np.int64]

#: How near a bound, relative to it, an amount of the floating-point solution counts as being on it.
_AT_BOUND: Final = 1e-7


def without_cycles(debts: Mapping[tuple[int, int], int]) -> Debts:
    """Return the debts with every cycle reduced by its smallest amount, one after the other, until none is left.

    Exact, and every net stays; how much is left depends on the order of the cycles, and need not be the least.

    Examples
    --------
    >>> without_cycles({(0, 1): 5, (1, 2): 10, (2, 0): 20})
    {(1, 2): 5, (2, 0): 15}
    """
    left = dict(debts)
    following: dict[int, list[int]] = {}
    for debtor, creditor in left:
        following.setdefault(debtor, []).append(creditor)
    finished: set[int] = set()
    for start in list(following):
        path, places = [start], {start: 0}
        while path:
            party = path[-1]
            creditors = following.get(party, [])
            while creditors and (left[party, creditors[-1]] == 0 or creditors[-1] in finished):
                creditors.pop()
            if not creditors or party in finished:
                finished.add(party)
                path.pop()
                del places[party]
                continue
            reached = creditors[-1]
            if reached not in places:
                places[reached] = len(path)
                path.append(reached)
                continue
            ring = [*path[places[reached] :], reached]
            pairs = list(pairwise(ring))
            least = min(left[pair] for pair in pairs)
            for pair in pairs:
                left[pair] -= least
            # Walk on from the first party of the ring whose debt is gone.
            first = next(place for place, pair in enumerate(pairs) if left[pair] == 0) + places[reached]
            for dropped in path[first + 1 :]:
                del places[dropped]
            del path[first + 1 :]
    return {pair: ticks for pair, ticks in left.items() if ticks}


def least_circulation_free(debts: Mapping[tuple[int, int], int], parties: int) -> Debts:
    """Return the debts of least total that keep every net, none larger than it was.

    Examples
    --------
    A cycle of three and one of four share an edge; taking the shorter one would leave three.

    >>> debts = {(0, 1): 1, (1, 2): 1, (2, 0): 1, (1, 3): 1, (3, 4): 1, (4, 0): 1}
    >>> sum(least_circulation_free(debts, 5).values())
    2
    """
    pairs = list(debts)
    limits = [debts[pair] for pair in pairs]
    amounts = _integers(pairs, limits, parties, _relaxed(pairs, limits, parties))
    if amounts is None:
        start = without_cycles(debts)
        amounts = [start.get(pair, 0) for pair in pairs]
    while cycle := improving_cycle(pairs, amounts, limits, parties):
        step = min(amounts[arc] if less else limits[arc] - amounts[arc] for arc, less in cycle)
        for arc, less in cycle:
            amounts[arc] += -step if less else step
    return {pair: amount for pair, amount in zip(pairs, amounts, strict=True) if amount}


def improving_cycle(
    pairs: list[tuple[int, int]], amounts: list[int], limits: list[int], parties: int
) -> list[tuple[int, bool]]:
    """Return a cycle of the residual network that lowers the total, as (arc, whether it is reduced); empty for none.

    Notes
    -----
    Bellman and Ford over arcs of cost 1 (an amount below its limit may grow) and -1 (one above 0 may shrink, walked
    backwards): a walk that still shortens after as many rounds as there are parties holds such a cycle.
    """
    grows = [arc for arc in range(len(pairs)) if amounts[arc] < limits[arc]]
    shrinks = [arc for arc in range(len(pairs)) if amounts[arc] > 0]
    arcs = np.array(grows + shrinks, dtype=np.int64)
    less = np.arange(len(arcs)) >= len(grows)
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)[arcs]
    tail, head = np.where(less, ends[:, 1], ends[:, 0]), np.where(less, ends[:, 0], ends[:, 1])
    cost = np.where(less, -1, 1)
    distance, by = np.zeros(parties, dtype=np.int64), np.full(parties, -1, dtype=np.int64)
    for _ in range(parties):
        reached = distance[tail] + cost
        shorter = np.flatnonzero(reached < distance[head])
        if not len(shorter):
            return []
        # Of several arcs into one party the shortest comes last and stays.
        order = shorter[np.argsort(-reached[shorter], kind="stable")]
        distance[head[order]], by[head[order]] = reached[order], order
    party = int(head[order[-1]])
    for _ in range(parties):
        party = int(tail[by[party]])
    cycle: list[tuple[int, bool]] = []
    at = party
    while not cycle or at != party:
        arc = int(by[at])
        cycle.append((int(arcs[arc]), bool(less[arc])))
        at = int(tail[arc])
    return cycle


def _relaxed(pairs: list[tuple[int, int]], limits: list[int], parties: int) -> NDArray[np.float64] | None:
    """Return the floating-point optimum of the linear program at a vertex, None where the solver gives up."""
    # SciPy takes half a second to load: only who compresses pays.
    from scipy.optimize import linprog  # type: ignore[import-untyped]  # SciPy ships no types
    from scipy.sparse import csr_array  # type: ignore[import-untyped]

    ends = np.array(pairs, dtype=np.int64)
    arcs = np.arange(len(pairs))
    rows, columns = np.concatenate([ends[:, 0], ends[:, 1]]), np.concatenate([arcs, arcs])
    signs = np.concatenate([np.full(len(pairs), -1.0), np.ones(len(pairs))])
    balance = csr_array((signs, (rows, columns)), shape=(parties, len(pairs)))
    most = np.array(limits, dtype=np.float64)
    # In units of the largest amount, so that the solver's tolerances are relative ones.
    unit = float(most.max())
    found = linprog(
        np.ones(len(pairs)),
        A_eq=balance,
        b_eq=balance @ (most / unit),
        bounds=np.column_stack([np.zeros(len(pairs)), most / unit]),
        method="highs-ds",
    )
    return np.asarray(found.x * unit, dtype=np.float64) if found.status == 0 else None


def _integers(
    pairs: list[tuple[int, int]], limits: list[int], parties: int, solution: NDArray[np.float64] | None
) -> list[int] | None:
    """Return the whole amounts of the vertex that `solution` is near, None where they would leave their limits.

    What lies on a bound is put there; the rest is a forest of the vertex's basis, solved from its leaves inwards so
    that every net is what it was.
    """
    if solution is None:
        return None
    amounts, free = [0] * len(pairs), _Forest(parties)
    missing = [0] * parties
    for arc, (debtor, creditor) in enumerate(pairs):
        limit, amount = limits[arc], float(solution[arc])
        missing[debtor] -= limit
        missing[creditor] += limit
        if _AT_BOUND * limit < amount < limit * (1 - _AT_BOUND) and free.joined(arc, debtor, creditor):
            continue
        amounts[arc] = min(max(round(amount), 0), limit)
        missing[debtor] += amounts[arc]
        missing[creditor] -= amounts[arc]
    for arc, leaf in free.from_the_leaves():
        debtor, creditor = pairs[arc]
        amounts[arc] = missing[leaf] if leaf == creditor else -missing[leaf]
        if not 0 <= amounts[arc] <= limits[arc]:
            return None
        missing[debtor] += amounts[arc]
        missing[creditor] -= amounts[arc]
    return None if any(missing) else amounts


class _Forest:
    """Arcs between parties that close no ring."""

    def __init__(self, parties: int) -> None:
        self._root = list(range(parties))
        self._arcs: list[dict[int, int]] = [{} for _ in range(parties)]

    def joined(self, arc: int, one: int, other: int) -> bool:
        """Add an arc, and return whether it joins what was apart; one that does not is left out."""
        first, second = self._find(one), self._find(other)
        if first == second:
            return False
        self._root[first] = second
        self._arcs[one][arc], self._arcs[other][arc] = other, one
        return True

    def from_the_leaves(self) -> list[tuple[int, int]]:
        """Return every arc with the party that had no other arc left when its turn came."""
        order: list[tuple[int, int]] = []
        leaves = [party for party, arcs in enumerate(self._arcs) if len(arcs) == 1]
        while leaves:
            leaf = leaves.pop()
            if len(self._arcs[leaf]) != 1:
                continue
            arc, other = self._arcs[leaf].popitem()
            del self._arcs[other][arc]
            order.append((arc, leaf))
            if len(self._arcs[other]) == 1:
                leaves.append(other)
        return order

    def _find(self, party: int) -> int:
        while self._root[party] != party:
            self._root[party] = self._root[self._root[party]]
            party = self._root[party]
        return party
