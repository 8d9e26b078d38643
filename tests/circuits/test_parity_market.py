"""The market circuit and its Python twins agree: hashes, packed rows, and the statement of whole markets."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

import pytest

from prover.inputs import CircuitInputs
from prover.market_inputs import grid_signals, market_inputs
from rtnet_core.errors import InputError, RangeError
from rtnet_core.limits import FIELD_MODULUS, LANES_PER_FIELD, ROW_BITS
from rtnet_core.market_statement import market_statement
from rtnet_core.params import Params, Scenario, default_params
from rtnet_core.risk_array import build_risk_array, lanes_of
from rtnet_core.scenario_grid import ScenarioGrid, scenario_grid
from rtnet_core.snapshot import Snapshot, slots
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.forge import bench, market_bench
from tests.support.oracles import market, oracle_set, signed_by

ORACLES = oracle_set(3, 2)


def with_kinds(snapshot: Snapshot) -> Snapshot:
    """Return the market with a future in place of its first put, and its last instrument gone: every kind of slot."""
    put = next(entry for entry in snapshot.instruments if entry.kind == "put")
    future = put.model_copy(update={"kind": "future", "strike_ticks": None, "volatility_q32": None})
    instruments = [future if entry is put else entry for entry in snapshot.instruments]
    return Snapshot.model_validate({**dict(snapshot), "instruments": tuple(instruments[:-1])})


def with_extreme_grid(snapshot: Snapshot) -> Params:
    """Return parameters whose scenarios have every end of their ranges."""
    params = default_params(snapshot)
    ends = [(9, 1, 1), (-9, -1, 10_000), (0, 0, 1)]
    scenarios = [Scenario(price_thirds=a, volatility=b, cover_bps=c) for a, b, c in ends]
    return params.model_copy(update={"scenarios": (*scenarios, *params.scenarios[3:])})


def inputs_of(snapshot: Snapshot, params: Params) -> CircuitInputs:
    statement = market_statement(snapshot, ORACLES, params, build_risk_array(snapshot, params).root())
    return market_inputs(signed_by((0, 2), ORACLES, snapshot), ORACLES, params, statement)


@pytest.mark.parametrize("extreme", [False, True], ids=["defaults", "extreme"])
def test_scenarios_hash(*, extreme: bool) -> None:
    snapshot = market(1)
    grid = scenario_grid(with_extreme_grid(snapshot) if extreme else default_params(snapshot), snapshot)
    found = bench("commitments/scenarios_hash.circom", "ScenariosHash(2, 3, 16)").compute(grid_signals(grid))
    assert found["digest"] % FIELD_MODULUS == grid.hash()


@pytest.mark.parametrize("field", [field.name for field in fields(ScenarioGrid)])
def test_a21_every_number_of_the_grid_counts(field: str) -> None:
    grid = scenario_grid(default_params(market(1)), market(1))
    numbers: tuple[int, ...] = getattr(grid, field)
    digests = {grid.hash()}
    for place, number in enumerate(numbers):
        moved = (*numbers[:place], number - 1 if number > 0 else number + 1, *numbers[place + 1 :])
        digests.add(replace(grid, **{field: moved}).hash())
    assert len(digests) == 1 + len(numbers)


@pytest.mark.parametrize("field", ["price_thirds", "volatilities", "cover_bps", "scan_range_bps"])
@pytest.mark.parametrize("number", [-10, 1 << 14])
def test_a02_a_number_beyond_its_width_has_no_hash(field: str, number: int) -> None:
    grid = scenario_grid(default_params(market(1)), market(1))
    with pytest.raises(RangeError):
        replace(grid, **{field: (number, *getattr(grid, field)[1:])}).hash()


def test_packed_row() -> None:
    row = [-(1 << ROW_BITS), (1 << ROW_BITS) - 1, 0, -1]
    found = bench("commitments/packed_row.circom", f"PackedRow({LANES_PER_FIELD})").compute(
        {"row": [number % FIELD_MODULUS for number in row], "mark": 7, "delta": FIELD_MODULUS - 5, "gamma": 3}
    )
    assert found["rowFields[0]"] % FIELD_MODULUS == lanes_of(row)
    assert found["exposureField"] % FIELD_MODULUS == lanes_of((7, -5, 3))


@pytest.mark.parametrize("seed", [1, 2])
def test_snapshot_hash(seed: int) -> None:
    """Slots through ListedInstrument, then the hash: what the oracles signed."""
    snapshot = with_kinds(market(seed))
    kinds = {entry.kind if entry else None for entry in slots(snapshot)}
    assert kinds == {None, "perpetual", "future", "call", "put"}
    inputs = inputs_of(snapshot, default_params(snapshot))
    listed = bench("pricing/listed_instrument.circom", "ListedInstrument()")
    names = ("isListed", "isOption", "isPut", "isFuture", "strike", "forward", "volatility", "expiryMs")
    packed = []
    for k, entry in enumerate(slots(snapshot)):
        found = listed.compute(
            {name: cast("list[int]", inputs[name])[k] for name in names} | {"timeMs": snapshot.time_ms}
        )
        packed.append(found["packed"])
        expiry = snapshot.time_ms if entry is None or entry.expiry_ms is None else entry.expiry_ms
        is_future = entry is not None and entry.kind == "future"
        assert found["timeToExpiry"] == expiry - snapshot.time_ms - int(is_future)
    open_names = ("namesDigest", "underlyingsDigest", "assetsDigest", "timeMs", "nameDigest", "indexTicks", "price")
    digest = bench("commitments/snapshot_hash.circom", "SnapshotHash(8, 2, 3)").compute(
        {**{name: inputs[name] for name in open_names}, "packed": packed}
    )
    assert digest["digest"] % FIELD_MODULUS == snapshot_hash(snapshot)


@pytest.mark.parametrize("seed", range(4))
def test_market_public_signals_are_the_statement(seed: int) -> None:
    """The program that ships accepts the array of the exact engine: plain, with every kind of slot, extreme grids."""
    snapshot = with_kinds(market(seed)) if seed % 2 else market(seed)
    params = with_extreme_grid(snapshot) if seed > 1 else default_params(snapshot)
    statement = market_statement(snapshot, ORACLES, params, build_risk_array(snapshot, params).root())
    inputs = market_inputs(signed_by((1, 2), ORACLES, snapshot), ORACLES, params, statement)
    assert market_bench().compute(inputs) == {}
    assert market_bench().witness(inputs)[1:6] == statement.public_signals()


def test_a_set_of_another_size_or_quorum_is_refused() -> None:
    snapshot: Any = market(1)
    params = default_params(snapshot)
    for oracles in (oracle_set(3, 1), oracle_set(4, 2)):
        statement = market_statement(snapshot, oracles, params, 1)
        with pytest.raises(InputError, match="must be 2 of 3"):
            market_inputs(signed_by((0, 1), oracles, snapshot), oracles, params, statement)
