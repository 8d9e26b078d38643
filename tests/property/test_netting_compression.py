"""Whatever the network: nets are kept, nothing grows that may not, and the optimum is one."""

from __future__ import annotations

from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtnet_core.netting.circulation import improving_cycle, without_cycles
from rtnet_core.netting.compression import Method, compress
from rtnet_core.netting.obligations import Network

PARTIES = 6
PAIRS = [(one, other) for one in range(PARTIES) for other in range(PARTIES) if one != other]
AMOUNTS = st.integers(1, 6) | st.integers(1, (1 << 53) - 1) | st.integers(0, 52).map(lambda power: 1 << power)
NETWORKS = st.dictionaries(st.sampled_from(PAIRS), AMOUNTS, min_size=1).map(
    lambda debts: Network(tuple("ABCDEF"), dict(sorted(debts.items())))
)


@settings(max_examples=60, deadline=None)
@given(network=NETWORKS, method=st.sampled_from(Method))
def test_nets_are_kept_and_the_gross_does_not_grow(network: Network, method: Method) -> None:
    found = compress(network, method)
    assert found.after.nets() == network.nets()
    assert network.least_gross_ticks <= found.after.gross_ticks <= network.gross_ticks
    assert all(ticks > 0 for ticks in found.after.debts.values())
    if method is Method.NON_CONSERVATIVE:
        assert found.after.gross_ticks == network.least_gross_ticks
        assert len(found.after.debts) < PARTIES
    else:
        assert all(ticks <= network.debts[pair] for pair, ticks in found.after.debts.items())


@settings(max_examples=40, deadline=None)
@given(network=NETWORKS)
def test_methods_are_ordered_by_what_they_remove(network: Network) -> None:
    removed = {method: compress(network, method).removed_ticks for method in Method}
    assert removed[Method.BILATERAL] <= removed[Method.CONSERVATIVE] <= removed[Method.NON_CONSERVATIVE]
    assert removed[Method.CYCLES] <= removed[Method.CONSERVATIVE]


@settings(max_examples=40, deadline=None)
@given(network=NETWORKS)
def test_the_conservative_result_holds_no_cycle_and_no_better_one_exists(network: Network) -> None:
    after = compress(network).after
    assert without_cycles(after.debts) == dict(after.debts)
    pairs = list(network.debts)
    amounts = [after.debts.get(pair, 0) for pair in pairs]
    assert improving_cycle(pairs, amounts, [network.debts[pair] for pair in pairs], PARTIES) == []


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_optimum_is_that_of_trying_everything(data: st.DataObject) -> None:
    pairs = data.draw(
        st.lists(st.sampled_from([pair for pair in PAIRS if max(pair) < 4]), min_size=3, max_size=7, unique=True)
    )
    debts = {pair: data.draw(st.integers(1, 2)) for pair in sorted(pairs)}
    network = Network(tuple("ABCD"), debts)
    assume(network.excess_ticks)
    nets = network.nets()
    least = min(
        sum(chosen)
        for chosen in product(*(range(limit + 1) for limit in debts.values()))
        if Network(tuple("ABCD"), dict(zip(debts, chosen, strict=True))).nets() == nets
    )
    assert compress(network).after.gross_ticks == least
