"""The statement of a market proof: the ordered public signals and what each one means."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from rtnet_core.oracle import OracleSet
from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash


@dataclass(frozen=True, slots=True)
class MarketStatement:
    """What a market proof says, in the order of the circuit's public signals.

    Attributes
    ----------
    oracles_root
        The set of oracles, a quorum of which signed the snapshot (`rtnet_core.oracle.OracleSet.root`).
    snapshot_hash
        `rtnet_core.snapshot_hash.snapshot_hash` of the snapshot.
    time_ms
        The snapshot's time.
    params_root
        Root of the margin parameters (`rtnet_core.params_root.MarginParams.root`), the scenario grid among them.
    risk_root
        Root of the risk array that follows from snapshot and parameters (`rtnet_core.risk_array.RiskArray.root`).

    Notes
    -----
    Circuit twin: circuits/market.circom:Market
    """

    oracles_root: int
    snapshot_hash: int
    time_ms: int
    params_root: int
    risk_root: int

    def public_signals(self) -> list[int]:
        """Return the public signals, shape (5,), as snarkjs orders them."""
        return list(astuple(self))

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the signals, in their order."""
        return [field.name for field in fields(cls)]


def market_statement(snapshot: Snapshot, oracles: OracleSet, params: Params, risk_root: int) -> MarketStatement:
    """Return the statement that published data make together with a risk root, which someone proves or recomputes.

    Raises
    ------
    InputError
        The parameters lack an underlying or an asset of the snapshot.
    """
    return MarketStatement(
        oracles_root=oracles.root(),
        snapshot_hash=snapshot_hash(snapshot),
        time_ms=snapshot.time_ms,
        params_root=margin_params(params, snapshot).root(),
        risk_root=risk_root,
    )
