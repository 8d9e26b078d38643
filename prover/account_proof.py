"""The account proof, end to end: book → inputs → witness → proof → bundle.

The road is checked at every station: the witness must satisfy the constraint system and carry the statement that the
exact engine computed, and the proof must hold, before anything is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prover.circuit_proof import CircuitProver, StageProgress, stage
from prover.inputs import BookPlace, account_inputs, account_statement
from prover.proof_bundle import ProofBundle, prove_bundle
from rtnet_core.account import Account, Book
from rtnet_core.commitments import user_id_field
from rtnet_core.errors import InputError
from rtnet_core.inclusion import Inclusion
from rtnet_core.margin_exact import AccountVector, account_vector
from rtnet_core.openings import Openings
from rtnet_core.params import Params
from rtnet_core.params_root import MarginParams, margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import RiskArray, build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.statement import Statement, check_challenge, check_threshold_bps, context_field

BUNDLE_FORMAT: Final = "zkm2m/account-proof/v1"


class AccountProver(CircuitProver):
    """Proves accounts of one profile; a context manager that keeps circuit and key loaded for many proofs.

    Parameters
    ----------
    profile
        Name of the profile.
    backend
        ``auto``, ``native`` or ``snarkjs``.

    Raises
    ------
    InputError
        There is no such profile or backend, or the keys do not belong to the circuit.
    ToolError
        A tool is missing, or the circuit does not build.
    """

    def __init__(self, profile: str, backend: str = "auto") -> None:
        super().__init__(f"account-{profile}", backend)

    def prove_account(
        self,
        account: AccountVector,
        place: BookPlace,
        risk: RiskArray,
        params: MarginParams,
        statement: Statement,
        progress: StageProgress | None = None,
    ) -> ProofBundle[Statement]:
        """Return a proof of `statement` about `account`.

        Raises
        ------
        ToolError
            The witness does not satisfy the circuit or carries another statement, or the proof made does not hold.
        """
        inputs = account_inputs(account, place, risk, params, statement)
        return prove_bundle(BUNDLE_FORMAT, self, inputs, statement, progress)


@dataclass(frozen=True, slots=True)
class CommittedAccount:
    """An account with its place in a committed book and the risk array it is marked to. Secret."""

    vector: AccountVector = field(repr=False)
    place: BookPlace = field(repr=False)
    record: Record
    risk: RiskArray = field(repr=False)
    params: MarginParams = field(repr=False)

    def prove(
        self, prover: AccountProver, threshold_bps: int, challenge: str, progress: StageProgress | None = None
    ) -> ProofBundle[Statement]:
        """Return a proof for the recipient who asked `challenge`; see `prove_account`."""
        context = context_field(self.record.venue_public_key, self.record.digest(), challenge)
        statement = account_statement(self.vector, self.place, self.risk, self.params, threshold_bps, context)
        return prover.prove_account(self.vector, self.place, self.risk, self.params, statement, progress)


def committed_account(account_id: str, book_folder: Path, snapshot: Snapshot, params: Params) -> CommittedAccount:
    """Return one account of a committed book, after its leaf was found in the book root.

    Raises
    ------
    InputError
        No such account; the book is not committed or was changed since; market or parameters are not those of the
        record.
    """
    openings = Openings.read(book_folder)
    record = openings.record
    risk, margin = build_risk_array(snapshot, params), margin_params(params, snapshot)
    _require_committed(record, risk, margin)
    index, account = _find_account(Book(book_folder), account_id)
    vector = account_vector(account, snapshot)
    tree = openings.tree()
    place = BookPlace(
        user_id=user_id_field(account.id),
        salt=int(openings.salts[index]),
        index=index,
        siblings=tuple(tree.path(index)),
        account_count=tree.account_count,
    )
    if place.book_root(vector) != int(record.book_root):
        raise InputError(str(book_folder), "was changed after it was committed: run `zkm2m book commit` again")
    return CommittedAccount(vector, place, record, risk, margin)


def included_account(inclusion: Inclusion, record: Record, snapshot: Snapshot, params: Params) -> CommittedAccount:
    """Return the account of an inclusion file, after its path was found to lead to the record's book root.

    So whoever has an inclusion file proves their own account, without the venue.

    Raises
    ------
    InputError
        The file is of another record or was changed; market or parameters are not those of the record.
    """
    risk, margin = build_risk_array(snapshot, params), margin_params(params, snapshot)
    _require_committed(record, risk, margin)
    if inclusion.record != record.digest().hex():
        raise InputError("inclusion", f"must be of epoch {record.number} as its record states it")
    vector = inclusion.vector(snapshot)
    place = BookPlace(
        user_id=user_id_field(inclusion.account.id),
        salt=int(inclusion.salt),
        index=inclusion.index,
        siblings=tuple(int(sibling) for sibling in inclusion.siblings),
        account_count=record.account_count,
    )
    if len(place.siblings) != snapshot.sizes.depth or place.book_root(vector) != int(record.book_root):
        raise InputError("inclusion", "must lead to the book root of the record: it was changed")
    return CommittedAccount(vector, place, record, risk, margin)


def prove_account(
    account: Callable[[], CommittedAccount],
    threshold_bps: int,
    challenge: str,
    *,
    backend: str = "auto",
    progress: StageProgress | None = None,
) -> ProofBundle[Statement]:
    """Return a proof about one account that a venue has committed to.

    Parameters
    ----------
    account
        Finds the account: `committed_account` or `included_account`.
    threshold_bps
        The margin ratio asked for, 1 to 2^20 - 1 basis points.
    challenge
        The recipient's, 1 to 1024 bytes of UTF-8.
    backend
        ``auto``, ``native`` or ``snarkjs``.
    progress
        Told the name of each stage as it begins.

    Raises
    ------
    InputError
        As `account`; or threshold or challenge are out of range, or the keys do not belong to the circuit.
    ToolError
        A tool is missing or failed.
    """
    check_threshold_bps(threshold_bps)
    check_challenge(challenge)
    seconds: dict[str, float] = {}
    with stage("book", seconds, progress):
        found = account()
    with stage("key", seconds, progress):
        prover = AccountProver(found.record.profile, backend)
    with prover:
        proof = found.prove(prover, threshold_bps, challenge, progress)
    proof.seconds.update(seconds)
    return proof


def _find_account(book: Book, account_id: str) -> tuple[int, Account]:
    for index, account in enumerate(book):
        if account.id == account_id:
            return index, account
    raise InputError("account", f"is not in the book {book.folder}")


def _require_committed(record: Record, risk: RiskArray, params: MarginParams) -> None:
    if risk.snapshot_hash != int(record.snapshot_hash):
        raise InputError("market", "must be the one the book was committed with")
    if params.root() != int(record.params_root) or risk.root() != int(record.risk_root):
        raise InputError("params", "must be the ones the book was committed with")
