"""The account proof, end to end: book → inputs → witness → proof → bundle.

The road is checked at every station: the witness must satisfy the constraint system and carry the statement that the
exact engine computed, and the proof must hold, before anything is returned.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prover.backends import Backend, open_backend
from prover.circuits import build
from prover.formats.wtns import parse_wtns
from prover.inputs import BookPlace, account_inputs, account_statement
from prover.keys import load_keys
from prover.witness import WitnessCalculator
from prover.witness_check import WitnessCheck
from rtnet_core.account import Account, Book
from rtnet_core.commitments import user_id_field
from rtnet_core.errors import InputError, ToolError
from rtnet_core.margin_exact import AccountVector, account_vector
from rtnet_core.openings import Openings
from rtnet_core.params import Params
from rtnet_core.params_root import MarginParams, margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import RiskArray, build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.statement import Statement, check_challenge, check_threshold_bps, context_field

BUNDLE_FORMAT = "zkm2m/account-proof/v1"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class AccountProof:
    """A proof with its statement, ready to be published as one JSON file.

    Attributes
    ----------
    circuit, circuit_version
        Name, and SHA-256 of the constraint system, hex.
    vk_id
        SHA-256 of the verifying key's canonical JSON, hex.
    statement
        What it says.
    proof
        In snarkjs form.
    backend
        What made it.
    seconds
        Wall time of each stage.
    """

    circuit: str
    circuit_version: str
    vk_id: str
    statement: Statement
    proof: dict[str, Any]
    backend: str
    seconds: dict[str, float]

    def to_json_bytes(self) -> bytes:
        """Return the bundle: statement, proof, key id and circuit version, and nothing else."""
        signals = zip(Statement.names(), self.statement.public_signals(), strict=True)
        content = {
            "format": BUNDLE_FORMAT,
            "circuit": self.circuit,
            "circuit_version": self.circuit_version,
            "vk_id": self.vk_id,
            "statement": {name: str(signal) for name, signal in signals},
            "proof": self.proof,
        }
        return (json.dumps(content, indent=2) + "\n").encode()


class AccountProver:
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
        self.circuit = f"account-{profile}"
        self.build = build(self.circuit)
        self._keys = load_keys(self.circuit)
        self._check = WitnessCheck(self.build)
        self._calculator = WitnessCalculator(self.build.wasm)
        self.backend: Backend = open_backend(backend, self._keys.proving_key, self._keys.verification_key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calculator.close()

    def prove(
        self,
        account: AccountVector,
        place: BookPlace,
        risk: RiskArray,
        params: MarginParams,
        statement: Statement,
        progress: Progress | None = None,
    ) -> AccountProof:
        """Return a proof of `statement` about `account`.

        Raises
        ------
        ToolError
            The witness does not satisfy the circuit or carries another statement, or the proof made does not hold.
        """
        seconds: dict[str, float] = {}
        with _stage("witness", seconds, progress):
            witness = self._calculator.calculate(account_inputs(account, place, risk, params, statement))
        with _stage("check", seconds, progress):
            self.check_witness(witness, statement)
        with _stage("proof", seconds, progress):
            proof, public = self.backend.prove(witness)
        with _stage("verification", seconds, progress):
            if public != [str(signal) for signal in statement.public_signals()]:
                raise ToolError("the proof just made carries another statement than the one asked for")
            self.backend.check(public, proof)
        return AccountProof(
            self.circuit, self.build.r1cs_sha256, self._keys.vk_id, statement, proof, self.backend.name, seconds
        )

    def check_witness(self, witness: bytes, statement: Statement) -> None:
        """Raise ToolError unless the witness satisfies every constraint and carries the statement."""
        self._check.require_satisfied(witness)
        signals = statement.public_signals()
        if parse_wtns(witness)[1 : 1 + len(signals)] != signals:
            raise ToolError("the witness carries another statement than the exact engine computed")


@dataclass(frozen=True, slots=True)
class CommittedAccount:
    """An account with its place in a committed book and the risk array it is marked to. Secret."""

    vector: AccountVector = field(repr=False)
    place: BookPlace = field(repr=False)
    record: Record
    risk: RiskArray = field(repr=False)
    params: MarginParams = field(repr=False)

    def prove(
        self, prover: AccountProver, threshold_bps: int, challenge: str, progress: Progress | None = None
    ) -> AccountProof:
        """Return a proof for the recipient who asked `challenge`; see `prove_account`."""
        context = context_field(self.record.venue_public_key, self.record.digest(), challenge)
        statement = account_statement(self.vector, self.place, self.risk, self.params, threshold_bps, context)
        return prover.prove(self.vector, self.place, self.risk, self.params, statement, progress)


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


def prove_account(
    account_id: str,
    book_folder: Path,
    snapshot: Snapshot,
    params: Params,
    threshold_bps: int,
    challenge: str,
    *,
    backend: str = "auto",
    progress: Progress | None = None,
) -> AccountProof:
    """Return a proof about one account of a committed book.

    Parameters
    ----------
    account_id
        As the book names it.
    book_folder
        Of the book, after ``zkm2m book commit``.
    snapshot, params
        What the book was committed with.
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
        As `committed_account`; or threshold or challenge are out of range, or the keys do not belong to the circuit.
    ToolError
        A tool is missing or failed.
    """
    check_threshold_bps(threshold_bps)
    check_challenge(challenge)
    seconds: dict[str, float] = {}
    with _stage("book", seconds, progress):
        account = committed_account(account_id, book_folder, snapshot, params)
    with _stage("key", seconds, progress):
        prover = AccountProver(snapshot.profile, backend)
    with prover:
        proof = account.prove(prover, threshold_bps, challenge, progress)
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


@contextmanager
def _stage(name: str, seconds: dict[str, float], progress: Progress | None) -> Iterator[None]:
    if progress:
        progress(name)
    begun = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begun
