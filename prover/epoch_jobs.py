"""One proof of an epoch as a job that any worker of the venue can do: what goes to the worker, and what comes back.

A job carries positions and salts: it goes to the venue's own workers only, and a witness never leaves the worker that
computes it. What comes back is the proof, its statement, and - for the venue's store - the totals behind it.
"""

from __future__ import annotations

import atexit
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from prover.batch_inputs import BatchAccount, batch_inputs, batch_totals, merge_inputs, merge_statement
from prover.circuit_proof import CircuitProver
from prover.inputs import CircuitInputs
from rtnet_core.account import Account
from rtnet_core.commitments import user_id_field
from rtnet_core.epoch import BatchStatement
from rtnet_core.margin_exact import account_vector
from rtnet_core.params import Params
from rtnet_core.params_root import MarginParams, margin_params
from rtnet_core.risk_array import RiskArray, build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.totals import Totals, sum_totals


@dataclass(frozen=True, slots=True)
class EpochTask:
    """What all jobs of an epoch share; nothing of it is secret.

    Attributes
    ----------
    market, params
        The published files' bytes.
    threshold_bps, context
        See `rtnet_core.epoch.BatchStatement`.
    backend
        ``auto``, ``native`` or ``snarkjs``.
    table_bytes
        Memory that each process may take for the tables of each circuit's key; see `prover.backends`.
    """

    market: bytes
    params: bytes
    threshold_bps: int
    context: int
    backend: str = "auto"
    table_bytes: int = 0


@dataclass(frozen=True, slots=True)
class OpenTotals:
    """Totals with the blinding of their commitment. Secret."""

    totals: Totals = field(repr=False)
    blinding: int = field(repr=False)

    @property
    def commitment(self) -> int:
        """The commitment, as the circuits make it."""
        return self.totals.commitment(self.blinding)

    def to_bytes(self) -> bytes:
        """Return it for the store."""
        totals = self.totals
        numbers = (totals.below_threshold, totals.shortfall_e8, totals.deficit_accounts, totals.deficit_ticks)
        content = [self.blinding, *numbers, totals.cash_ticks, totals.amounts, totals.net_lots]
        return json.dumps(content).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> OpenTotals:
        """Return what `to_bytes` wrote."""
        blinding, below, shortfall, in_deficit, deficit, cash, amounts, lots = json.loads(data)
        return cls(Totals(below, shortfall, in_deficit, deficit, cash, tuple(amounts), tuple(lots)), blinding)


@dataclass(frozen=True, slots=True)
class BatchPayload:
    """The accounts of one batch with their salts, and the blinding of its totals. Secret."""

    accounts: tuple[Account, ...] = field(repr=False)
    salts: tuple[int, ...] = field(repr=False)
    blinding: int = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return it for the store and the worker."""
        rows = [
            [account.id, account.cash_ticks, account.collateral, account.positions, salt]
            for account, salt in zip(self.accounts, self.salts, strict=True)
        ]
        content = {"accounts": rows, "blinding": self.blinding}
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> BatchPayload:
        """Return what `to_bytes` wrote."""
        content = json.loads(data)
        accounts = tuple(
            Account.from_json({"id": name, "cash_ticks": cash, "collateral": collateral, "positions": positions})
            for name, cash, collateral, positions, _ in content["accounts"]
        )
        return cls(accounts, tuple(row[-1] for row in content["accounts"]), content["blinding"])


@dataclass(frozen=True, slots=True)
class Job:
    """One proof to make: level 0 is a batch, the levels above it are merges.

    Attributes
    ----------
    payload
        Of a batch: `BatchPayload.to_bytes`. Secret.
    batch_root
        Of a batch: root of its leaves.
    children, blinding
        Of a merge: `OpenTotals.to_bytes` of what it adds, and a fresh blinding. Secret.
    """

    level: int
    number: int
    payload: bytes = field(default=b"", repr=False)
    batch_root: int = 0
    children: tuple[bytes, ...] = field(default=(), repr=False)
    blinding: int = field(default=0, repr=False)

    @property
    def name(self) -> str:
        """What people read: ``batch 17``, ``merge 1.3``."""
        return f"merge {self.level}.{self.number}" if self.level else f"batch {self.number}"


@dataclass(frozen=True, slots=True)
class JobResult:
    """A proof that was checked where it was made.

    Attributes
    ----------
    circuit
        Its circuit's name.
    signals
        Public signals, in order.
    proof
        In snarkjs form.
    opening
        `OpenTotals.to_bytes` of what the statement's commitment opens to. Secret.
    seconds
        Wall time of each stage.
    """

    level: int
    number: int
    circuit: str
    signals: tuple[int, ...]
    proof: dict[str, Any]
    opening: bytes = field(repr=False)
    seconds: dict[str, float]


def do_job(task: EpochTask, job: Job) -> JobResult:
    """Return the proof that `job` asks for; the process keeps circuits, keys and risk array for the next one.

    Raises
    ------
    InputError
        The keys are missing or do not belong to the circuits.
    ToolError
        A tool is missing or failed, or what was made does not hold.
    """
    return _merge(task, job) if job.level else _batch(task, job)


def _batch(task: EpochTask, job: Job) -> JobResult:
    snapshot, risk, params = _published(task.market, task.params)
    payload = BatchPayload.from_bytes(job.payload)
    accounts = [
        BatchAccount(user_id_field(account.id), salt, account_vector(account, snapshot))
        for account, salt in zip(payload.accounts, payload.salts, strict=True)
    ]
    opening = OpenTotals(batch_totals(accounts, risk, params, task.threshold_bps), payload.blinding)
    statement = BatchStatement(
        batch_root=job.batch_root,
        totals=opening.commitment,
        risk_root=risk.root(),
        params_root=params.root(),
        threshold_bps=task.threshold_bps,
        account_count=len(accounts),
        context=task.context,
    )
    inputs = batch_inputs(accounts, payload.blinding, risk, params, statement)
    return _proven(task, job, f"batch-{snapshot.profile}", inputs, statement.public_signals(), opening)


def _merge(task: EpochTask, job: Job) -> JobResult:
    sizes = _published(task.market, task.params)[0].sizes
    children = [OpenTotals.from_bytes(child) for child in job.children]
    opening = OpenTotals(sum_totals([child.totals for child in children], sizes), job.blinding)
    opened = [(child.totals, child.blinding) for child in children]
    statement = merge_statement(opened, job.blinding, sizes, task.context)
    inputs = merge_inputs(opened, job.blinding, sizes, statement)
    return _proven(task, job, f"merge-{sizes.name}", inputs, statement.public_signals(), opening)


def _proven(
    task: EpochTask, job: Job, circuit: str, inputs: CircuitInputs, signals: list[int], opening: OpenTotals
) -> JobResult:
    made = _prover(circuit, task.backend, task.table_bytes).prove(inputs, signals)
    return JobResult(job.level, job.number, circuit, tuple(signals), made.proof, opening.to_bytes(), made.seconds)


@lru_cache(maxsize=1)
def _published(market: bytes, params: bytes) -> tuple[Snapshot, RiskArray, MarginParams]:
    snapshot = Snapshot.from_json(market, "market")
    chosen = Params.from_json(params, "params")
    return snapshot, build_risk_array(snapshot, chosen), margin_params(chosen, snapshot)


@lru_cache(maxsize=4)
def _prover(circuit: str, backend: str, table_bytes: int) -> CircuitProver:
    prover = CircuitProver(circuit, backend, table_bytes)
    atexit.register(prover.close)
    return prover
