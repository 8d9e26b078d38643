"""The batch circuit at the least sizes, for tests that compile forged copies of it."""

from __future__ import annotations

from prover.witness import InputValue
from rtnet_core.risk_array import lanes_of
from tests.support.forge import bench

#: Two instruments, one underlying, one asset, four scenarios, two accounts.
TINY_BATCH = bench("batch.circom", "Batch(2, 1, 1, 4, 2)")


def tiny_batch_inputs(*cash: int) -> dict[str, InputValue]:
    """Return inputs of `TINY_BATCH`: accounts with cash and one lot that can lose 9 ticks, with roots that fit."""
    zeros: dict[str, InputValue] = {
        **{name: [0, 0] for name in ("userId", "salt", "exposureField", "isOption")},
        **{name: [0] for name in ("indexTicks", "price", "rateBps", "shortOptionBps", "deltaRateBps", "gammaRateBps")},
        **{name: [[0, 0]] for name in ("kink", "dropBps", "sizeKink", "sizeRiseBps")},
        **dict.fromkeys(("snapshotHash", "scenariosHash", "riskRoot", "paramsRoot"), 0),
        "thresholdBps": 10_000,
        "context": 3,
        "blinding": 17,
        "amount": [[0], [0]],
        "quantity": [[int(i < len(cash)), 0] for i in range(2)],
        "rowFields": [[lanes_of([-9, -5, 1, 2])], [0]],
        "cash": [*cash, *[0] * (2 - len(cash))],
        "exists": [int(i < len(cash)) for i in range(2)],
        "accountCount": len(cash),
    }
    first = TINY_BATCH.forge(zeros)
    return zeros | {"riskRoot": first.values["risk"], "paramsRoot": first.values["params.root"]}
