"""From an account, its place in the book and the published data to the inputs of the ``account`` circuit.

Every range is checked here (by the types that come in), before any tool sees a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtnet_core.commitments import book_root_of_path, leaf
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.margin_exact import AccountVector, account_margin
from rtnet_core.params_root import MarginParams
from rtnet_core.risk_array import RiskArray
from rtnet_core.statement import Statement, check_threshold_bps

#: Inputs of a circuit by signal name: integers in [0, r), in lists as the signal's dimensions ask.
CircuitInputs = dict[str, "int | list[int] | list[list[int]]"]


@dataclass(frozen=True, slots=True)
class BookPlace:
    """Where an account stands in a committed book. It is secret: its repr shows nothing.

    Parameters
    ----------
    user_id
        248-bit digest of the user's id.
    salt
        Of the leaf.
    index
        Of the account, below `account_count`.
    siblings
        Shape (D,), lowest level first.
    account_count
        Of the book.
    """

    user_id: int = field(repr=False)
    salt: int = field(repr=False)
    index: int = field(repr=False)
    siblings: tuple[int, ...] = field(repr=False)
    account_count: int = field(repr=False)

    def book_root(self, account: AccountVector) -> int:
        """Return the book root that the account leads to from here."""
        digest = leaf(self.user_id, self.salt, account)
        return book_root_of_path(digest, self.index, self.siblings, self.account_count)


def account_statement(
    account: AccountVector,
    place: BookPlace,
    risk: RiskArray,
    params: MarginParams,
    threshold_bps: int,
    context: int,
) -> Statement:
    """Return the statement that the account circuit will prove, computed by the exact engine.

    Raises
    ------
    InputError
        The threshold is out of range.
    """
    check_threshold_bps(threshold_bps)
    return Statement(
        verdict=int(account_margin(account, risk, params).clears(threshold_bps)),
        risk_root=risk.root(),
        params_root=params.root(),
        book_root=place.book_root(account),
        threshold_bps=threshold_bps,
        context=context,
    )


def account_inputs(
    account: AccountVector, place: BookPlace, risk: RiskArray, params: MarginParams, statement: Statement
) -> CircuitInputs:
    """Return the inputs of the account circuit for `statement`.

    Raises
    ------
    InputError
        The path does not have the profile's depth.

    Notes
    -----
    Circuit twin: circuits/account.circom:Account
    """
    if len(place.siblings) != risk.sizes.depth:
        raise InputError("siblings", f"must be {risk.sizes.depth}, one for each level", len(place.siblings))
    return {
        "riskRoot": statement.risk_root,
        "paramsRoot": statement.params_root,
        "bookRoot": statement.book_root,
        "thresholdBps": statement.threshold_bps,
        "context": statement.context,
        "userId": place.user_id,
        "salt": place.salt,
        "index": place.index,
        "sibling": list(place.siblings),
        "accountCount": place.account_count,
        "snapshotHash": risk.snapshot_hash,
        "row": [residues(row) for row in risk.rows],
        "mark": list(risk.marks),
        "delta": residues(risk.deltas),
        "gamma": residues(risk.gammas),
        "isOption": list(risk.is_option),
        "indexTicks": list(risk.index_ticks),
        "price": list(risk.price_ticks),
        "scenariosHash": params.scenarios_hash,
        **_account_signals(account),
        **params_signals(params),
    }


def margin_inputs(account: AccountVector, risk: RiskArray, params: MarginParams, threshold_bps: int) -> CircuitInputs:
    """Return the inputs of the margin rule alone. Circuit twin: circuits/margin/account_margin.circom:AccountMargin."""
    return {
        "thresholdBps": threshold_bps,
        **risk_fields_signals(risk),
        **_account_signals(account),
        **params_signals(params),
    }


def risk_fields_signals(risk: RiskArray) -> CircuitInputs:
    """Return what the margin rule reads of a risk array, rows and exposures packed."""
    slots = range(risk.sizes.instruments)
    return {
        "rowFields": [risk.row_fields(slot) for slot in slots],
        "exposureField": [risk.exposure_field(slot) for slot in slots],
        "isOption": list(risk.is_option),
        "indexTicks": list(risk.index_ticks),
        "price": list(risk.price_ticks),
    }


def _account_signals(account: AccountVector) -> CircuitInputs:
    return {
        "cash": account.cash_ticks % FIELD_MODULUS,
        "amount": list(account.amounts),
        "quantity": residues(account.quantities),
    }


def params_signals(params: MarginParams) -> CircuitInputs:
    """Return the parameters as the circuits name them, without the hash of the scenario grid."""
    return {
        "rateBps": list(params.rate_bps),
        "kink": [list(kinks) for kinks in params.kinks],
        "dropBps": [list(drops) for drops in params.drops_bps],
        "sizeKink": [list(kinks) for kinks in params.size_kinks],
        "sizeRiseBps": [list(rises) for rises in params.size_rises_bps],
        "shortOptionBps": list(params.short_option_bps),
        "deltaRateBps": list(params.delta_rate_bps),
        "gammaRateBps": list(params.gamma_rate_bps),
    }


def residues(numbers: Sequence[int]) -> list[int]:
    """Return signed numbers modulo the field order."""
    return [number % FIELD_MODULUS for number in numbers]
