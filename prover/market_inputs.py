"""From a signed snapshot and the parameters to the inputs of the ``market`` circuit."""

from __future__ import annotations

from collections.abc import Callable

from prover.inputs import CircuitInputs, params_signals, residues
from prover.oracle_inputs import quorum_inputs
from rtnet_core.errors import InputError
from rtnet_core.hashing import padded
from rtnet_core.market_statement import MarketStatement
from rtnet_core.oracle import OracleSet, SignedSnapshot
from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.scenario_grid import ScenarioGrid, scenario_grid
from rtnet_core.snapshot import Instrument, Snapshot, slots
from rtnet_core.snapshot_hash import instrument_digest, snapshot_names


def market_inputs(
    signed: SignedSnapshot, oracles: OracleSet, params: Params, statement: MarketStatement
) -> CircuitInputs:
    """Return the inputs of the market circuit for `statement`.

    Raises
    ------
    InputError
        The set of oracles has not the size and quorum of the profile's circuit.
    Refusal
        The quorum is not met: the codes of `rtnet_core.oracle.check_quorum`.

    Notes
    -----
    Circuit twin: circuits/market.circom:Market
    """
    snapshot = signed.snapshot
    _require_set_of_profile(oracles, snapshot)
    sizes = snapshot.sizes
    return {
        **quorum_inputs(signed, oracles),
        "oraclesRoot": statement.oracles_root,
        "snapshotHash": statement.snapshot_hash,
        "timeMs": statement.time_ms,
        "paramsRoot": statement.params_root,
        "riskRoot": statement.risk_root,
        **_instrument_signals(snapshot),
        "indexTicks": padded([entry.index_ticks for entry in snapshot.underlyings], sizes.underlyings),
        "price": padded([entry.price_ticks for entry in snapshot.assets], sizes.assets),
        **grid_signals(scenario_grid(params, snapshot)),
        **params_signals(margin_params(params, snapshot)),
    }


def grid_signals(grid: ScenarioGrid) -> CircuitInputs:
    """Return a scenario grid as the circuits name it.

    Notes
    -----
    Circuit twin: circuits/commitments/scenarios_hash.circom:ScenariosHash
    """
    return {
        "underlyingDigest": list(grid.underlying_digests),
        "assetDigest": list(grid.asset_digests),
        "priceThirds": residues(grid.price_thirds),
        "volatilityMove": residues(grid.volatilities),
        "coverBps": list(grid.cover_bps),
        "scanRangeBps": list(grid.scan_range_bps),
        "volatilityUpBps": list(grid.volatility_up_bps),
        "volatilityDownBps": list(grid.volatility_down_bps),
    }


def _require_set_of_profile(oracles: OracleSet, snapshot: Snapshot) -> None:
    sizes = snapshot.sizes
    given, needed = (oracles.quorum, len(oracles.oracles)), (sizes.quorum, sizes.oracles)
    if given != needed:
        rule = f"must be {needed[0]} of {needed[1]} for a market proof of profile {snapshot.profile}"
        raise InputError("oracles", rule, f"{given[0]} of {given[1]}")


def _instrument_signals(snapshot: Snapshot) -> CircuitInputs:
    names, underlyings, assets = snapshot_names(snapshot)
    table = slots(snapshot)

    def column(number: Callable[[Instrument], int]) -> list[int]:
        return [0 if entry is None else number(entry) for entry in table]

    return {
        "namesDigest": names,
        "underlyingsDigest": underlyings,
        "assetsDigest": assets,
        "nameDigest": [instrument_digest(entry) for entry in table],
        "isListed": [int(entry is not None) for entry in table],
        "isOption": column(lambda entry: int(entry.is_option)),
        "isPut": column(lambda entry: int(entry.kind == "put")),
        "isFuture": column(lambda entry: int(entry.kind == "future")),
        "strike": column(lambda entry: entry.strike_ticks or 0),
        "forward": column(lambda entry: entry.forward_ticks),
        "volatility": column(lambda entry: entry.volatility_q32 or 0),
        "expiryMs": column(lambda entry: entry.expiry_ms or 0),
    }
