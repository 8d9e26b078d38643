"""Compression: the figures of small networks by hand, files, and what each method may touch."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rtnet_core.errors import InputError, RangeError
from rtnet_core.netting import circulation
from rtnet_core.netting.circulation import improving_cycle
from rtnet_core.netting.compression import Compression, Method, compress
from rtnet_core.netting.obligations import Network, Obligations

RING = Network.of([("A", "B", 5), ("B", "C", 10), ("C", "A", 20)])


def named(found: Compression) -> dict[str, int]:
    parties = found.after.parties
    return {f"{parties[debtor]}{parties[creditor]}": ticks for (debtor, creditor), ticks in found.after.debts.items()}


def test_the_definitions_on_a_ring_of_three() -> None:
    assert (RING.gross_ticks, RING.least_gross_ticks, RING.excess_ticks) == (35, 15, 20)
    assert RING.nets() == [15, -5, -10]
    assert RING.gross_by_party() == [25, 15, 30]


def test_each_method_removes_what_it_may() -> None:
    assert named(compress(RING, Method.BILATERAL)) == {"AB": 5, "BC": 10, "CA": 20}
    conservative = compress(RING, Method.CONSERVATIVE)
    assert named(conservative) == {"BC": 5, "CA": 15}
    assert (conservative.removed_ticks, conservative.efficiency) == (15, Fraction(3, 4))
    free = compress(RING, Method.NON_CONSERVATIVE)
    assert named(free) == {"BA": 5, "CA": 10}
    assert free.efficiency == 1


def test_a_dealer_chain_has_excess_that_only_new_obligations_remove() -> None:
    """D'Errico and Roukny: intermediation is excess, and without a cycle nothing is removed conservatively."""
    chain = Network.of([("A", "dealer", 100), ("dealer", "B", 100)])
    assert chain.excess_ticks == 100
    assert compress(chain, Method.CONSERVATIVE).removed_ticks == 0
    assert named(compress(chain, Method.NON_CONSERVATIVE)) == {"AB": 100}


def test_two_that_owe_each_other_keep_the_difference() -> None:
    both = Network.of([("A", "B", 7), ("B", "A", 4), ("A", "C", 1)])
    assert named(compress(both, Method.BILATERAL)) == {"AB": 3, "AC": 1}


def test_the_optimum_beats_cycles_taken_in_a_bad_order() -> None:
    """A cycle of three and one of four share an edge: the shorter one, found first, blocks the longer."""
    debts = {(4, 0): 1, (3, 4): 1, (1, 3): 1, (2, 0): 1, (1, 2): 1, (0, 1): 1}
    network = Network(tuple("ABCDE"), debts)
    assert compress(network, Method.CYCLES).removed_ticks == 3
    assert compress(network, Method.CONSERVATIVE).removed_ticks == 4


def test_a_network_without_excess_is_left_alone() -> None:
    single = Network.of([("A", "B", 3)])
    for method in Method:
        found = compress(single, method)
        assert found.after == single
        assert found.efficiency == 1
        assert found.capital_freed_ticks() == 0


def test_amounts_beyond_floating_point_stay_exact() -> None:
    """Amounts of sixteen digits beside amounts of one: the last tick is right, and so is the optimum."""
    big = (1 << 53) - 1
    network = Network.of([("A", "B", big), ("B", "C", big - 1), ("C", "A", big - 2), ("C", "B", 3), ("B", "A", 1)])
    found = compress(network)
    assert found.after.nets() == network.nets()
    pairs = list(network.debts)
    amounts = [found.after.debts.get(pair, 0) for pair in pairs]
    assert improving_cycle(pairs, amounts, [network.debts[pair] for pair in pairs], 3) == []


def test_capital_is_freed_on_both_sides() -> None:
    assert compress(RING).capital_freed_ticks(1_000) == 3  # 2 · 15 · 10 %


def test_a_large_network_is_solved_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The linear program's vertex is the optimum already: the exact check finds no cycle to cancel."""
    looked = []

    def counted(*arguments: Any) -> list[tuple[int, bool]]:
        looked.append(improving_cycle(*arguments))
        return looked[-1]

    monkeypatch.setattr(circulation, "improving_cycle", counted)
    random = np.random.default_rng(5)
    ends = random.integers(0, 80, (1_500, 2))
    amounts = random.integers(1, 10**12, 1_500)
    debts = {
        (int(one), int(other)): int(ticks) for (one, other), ticks in zip(ends, amounts, strict=True) if one != other
    }
    network = Network(tuple(f"P{number:03d}" for number in range(80)), debts)
    found = compress(network)
    assert found.after.nets() == network.nets()
    assert found.removed_ticks >= compress(network, Method.CYCLES).removed_ticks
    assert found.efficiency > Fraction(9, 10)
    assert looked == [[]]


def test_a_file_is_read_strictly() -> None:
    entry = {"debtor": "A", "creditor": "B", "amount_ticks": 5}
    content = {"format": "zkm2m/obligations/v1", "obligations": [entry, entry, {**entry, "creditor": "C"}]}
    network = Obligations.from_json(json.dumps(content).encode()).network()
    assert network.debts == {(0, 1): 10, (0, 2): 5}
    with pytest.raises(InputError, match=r"obligations\[0\]\.creditor: must be another"):
        Obligations.from_json({**content, "obligations": [{**entry, "creditor": "A"}]})
    with pytest.raises(RangeError, match="amount_ticks"):
        Obligations.from_json({**content, "obligations": [{**entry, "amount_ticks": 0}]})
    with pytest.raises(InputError, match="debtor"):
        Obligations.from_json({**content, "obligations": [{**entry, "debtor": "A\n"}]})
    huge = {**content, "obligations": [{**entry, "amount_ticks": (1 << 53) - 1}, entry]}
    with pytest.raises(InputError, match="A to B: must add up"):
        Obligations.from_json(huge).network()
    with pytest.raises(InputError, match="two parties"):
        Network.of([("A", "A", 1)])
