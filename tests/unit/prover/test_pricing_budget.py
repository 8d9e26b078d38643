"""Every template of the pricing circuit has a bound, every bound holds, and none is far above what occurs."""

from __future__ import annotations

from prover.circuit_headers import read_sources
from prover.pricing_budget import pricing_bounds
from rtnet_core.limits import MAX_SAFE_BITS
from tests.support.forge import bench
from tests.support.pricing_cases import corner_rows


def test_a03_no_intermediate_leaves_its_bits() -> None:
    bounds = list(pricing_bounds())
    assert [bound for bound in bounds if bound[3].bit_length() > bound[4]] == []
    assert all(limit <= MAX_SAFE_BITS for *_, limit in bounds)
    sources = (source for source in read_sources() if source.name.startswith("pricing/"))
    assert {template for template, *_ in bounds} == {header.template for source in sources for header in source.headers}


def test_bounds_are_not_below_what_occurs() -> None:
    row = bench("pricing/instrument_row.circom", "InstrumentRow(1)")
    limits = {(template, quantity): bound for template, quantity, _, bound, _ in pricing_bounds()}
    watched = {
        "evaluation[0].value": limits["Evaluation", "value"],
        "unshocked.value": limits["Evaluation", "value"],
        "quotient[0].magnitude": limits["BoundQuotient", "magnitude of the coarse numerator"],
        "fine.magnitude": limits["BoundQuotient", "magnitude of the fine numerator"],
        "covered[0].in": limits["InstrumentRow", "covered change before rounding"],
    }
    most = dict.fromkeys(watched, 0)
    for price, way in ((30_000, 0), (1, 1), (60_000, -1)):
        for case in corner_rows(((price, way, 10_000),))[::7]:
            witness = row.forge(case.inputs)
            for name in watched:
                most[name] = max(most[name], abs(witness[name]))
    for name, bound in watched.items():
        assert most[name] <= bound, name
        assert most[name].bit_length() >= bound.bit_length() - 12, name
