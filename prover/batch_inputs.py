"""From a batch of accounts to the inputs of the ``batch`` circuit, and from their totals to those of ``merge``.

Every range is checked by the types that come in, before any tool sees a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from prover.inputs import CircuitInputs, params_signals, residues, risk_fields_signals
from rtnet_core.batch_root import batch_root
from rtnet_core.commitments import leaf
from rtnet_core.epoch import BatchStatement, MergeStatement, merge_children
from rtnet_core.errors import InputError
from rtnet_core.limits import Profile
from rtnet_core.margin_exact import AccountVector
from rtnet_core.params_root import MarginParams
from rtnet_core.risk_array import RiskArray
from rtnet_core.statement import check_threshold_bps
from rtnet_core.totals import Totals, account_totals, no_totals, sum_totals


@dataclass(frozen=True, slots=True)
class BatchAccount:
    """An account of a batch and what salts its leaf. It is secret: its repr shows nothing.

    Parameters
    ----------
    user_id
        248-bit digest of the user's id.
    salt
        Of the leaf.
    vector
        The account in slot order.
    """

    user_id: int = field(repr=False)
    salt: int = field(repr=False)
    vector: AccountVector = field(repr=False)

    @property
    def leaf(self) -> int:
        """The commitment to the account."""
        return leaf(self.user_id, self.salt, self.vector)


def batch_totals(accounts: Sequence[BatchAccount], risk: RiskArray, params: MarginParams, threshold_bps: int) -> Totals:
    """Return what the accounts add up to, by the exact engine.

    Raises
    ------
    ValueError
        Accounts, risk array and parameters are not of one profile.
    """
    parts = [account_totals(account.vector, risk, params, threshold_bps) for account in accounts]
    return sum_totals(parts, risk.sizes)


def batch_statement(
    accounts: Sequence[BatchAccount],
    blinding: int,
    risk: RiskArray,
    params: MarginParams,
    threshold_bps: int,
    context: int,
    *,
    leaves: Sequence[int] | None = None,
) -> BatchStatement:
    """Return the statement that the batch circuit will prove, computed by the exact engine.

    Parameters
    ----------
    accounts
        At most B, in the book's order.
    blinding
        Of the commitment to their totals.
    risk, params
        Of one profile.
    threshold_bps, context
        See `rtnet_core.epoch.BatchStatement`.
    leaves
        Of the accounts, where the caller has them; each is a hash.

    Raises
    ------
    InputError
        More accounts than a batch has slots, or the threshold is out of range.
    """
    check_threshold_bps(threshold_bps)
    digests = [account.leaf for account in accounts] if leaves is None else leaves
    return BatchStatement(
        batch_root=batch_root(digests, risk.sizes),
        totals=batch_totals(accounts, risk, params, threshold_bps).commitment(blinding),
        risk_root=risk.root(),
        params_root=params.root(),
        threshold_bps=threshold_bps,
        account_count=len(accounts),
        context=context,
    )


def batch_inputs(
    accounts: Sequence[BatchAccount], blinding: int, risk: RiskArray, params: MarginParams, statement: BatchStatement
) -> CircuitInputs:
    """Return the inputs of the batch circuit for `statement`.

    Raises
    ------
    InputError
        More accounts than a batch has slots.

    Notes
    -----
    Circuit twin: circuits/batch.circom:Batch
    """
    sizes = risk.sizes
    if len(accounts) > sizes.batch:
        raise InputError("accounts", f"a batch of this profile holds at most {sizes.batch}", len(accounts))
    empty = BatchAccount(0, 0, AccountVector(0, (0,) * sizes.assets, (0,) * sizes.instruments))
    slots = [*accounts, *[empty] * (sizes.batch - len(accounts))]
    return {
        "riskRoot": statement.risk_root,
        "paramsRoot": statement.params_root,
        "thresholdBps": statement.threshold_bps,
        "accountCount": statement.account_count,
        "context": statement.context,
        "userId": [slot.user_id for slot in slots],
        "salt": [slot.salt for slot in slots],
        "cash": residues([slot.vector.cash_ticks for slot in slots]),
        "amount": [list(slot.vector.amounts) for slot in slots],
        "quantity": [residues(slot.vector.quantities) for slot in slots],
        "exists": [int(number < len(accounts)) for number in range(sizes.batch)],
        "blinding": blinding,
        "snapshotHash": risk.snapshot_hash,
        "scenariosHash": params.scenarios_hash,
        **risk_fields_signals(risk),
        **params_signals(params),
    }


def merge_statement(
    children: Sequence[tuple[Totals, int]], blinding: int, sizes: Profile, context: int
) -> MergeStatement:
    """Return the statement that the merge circuit will prove.

    Parameters
    ----------
    children
        Totals and blinding of each child, at least one and at most M.
    blinding
        Of the commitment to their sum.
    sizes
        The profile.
    context
        As in the statements of the batches.

    Raises
    ------
    InputError
        No child, or more than a merge adds.
    """
    _check_children(len(children), sizes)
    return MergeStatement(
        totals=sum_totals([totals for totals, _ in children], sizes).commitment(blinding),
        children=merge_children([totals.commitment(secret) for totals, secret in children], 0, sizes),
        context=context,
    )


def merge_inputs(
    children: Sequence[tuple[Totals, int]], blinding: int, sizes: Profile, statement: MergeStatement
) -> CircuitInputs:
    """Return the inputs of the merge circuit for `statement`; what is missing of M children is no totals, blinding 0.

    Raises
    ------
    InputError
        No child, or more than a merge adds.

    Notes
    -----
    Circuit twin: circuits/merge.circom:Merge
    """
    _check_children(len(children), sizes)
    opened = [*children, *[(no_totals(sizes), 0)] * (sizes.merge - len(children))]
    return {
        "child": list(statement.children),
        "context": statement.context,
        "childPacked": [totals.packed() for totals, _ in opened],
        "childBlinding": [secret for _, secret in opened],
        "blinding": blinding,
    }


def _check_children(count: int, sizes: Profile) -> None:
    if not 1 <= count <= sizes.merge:
        raise InputError("children", f"a merge of this profile adds 1 to {sizes.merge}", count)
