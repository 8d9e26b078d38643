"""Proofs for a registry, out of what a venue keeps of its epochs: the published folder and the private store."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.epoch_store import open_store
from cli.files import read_market, read_params, read_record
from prover.account_proof import AccountProver, included_account
from prover.inclusions import InclusionExporter
from prover.keeper.types import Breach, EpochEntry, Evidence
from prover.store import Store
from rtnet_core.epoch import MARKET_NAME, PARAMS_NAME, RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.margin_exact import account_margin
from rtnet_core.params import Params
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot
from verifier.groth16 import Proof
from verifier.onchain.calldata import account_commitment, challenge_text, proof_words


@dataclass(frozen=True, slots=True)
class _Published:
    """An epoch of the venue's that is the one the registry has."""

    record: Record
    snapshot: Snapshot
    params: Params
    exporter: InclusionExporter


class EpochProofs:
    """Proves accounts of published epochs for one registry; a context manager that keeps store and prover open.

    Parameters
    ----------
    epochs
        The folder of published epochs.
    store
        URL of the private store; None for the one beside the folder.
    venue
        The venue's Ed25519 key, 32 bytes.
    chain_id, contract
        Of the registry.
    backend
        ``auto``, ``native`` or ``snarkjs``.

    Raises
    ------
    InputError
        There is no store.
    """

    def __init__(
        self, epochs: Path, store: str | None, venue: bytes, chain_id: int, contract: str, backend: str = "auto"
    ) -> None:
        self._epochs, self._venue, self._backend = epochs, venue, backend
        self._chain_id, self._contract = chain_id, contract
        self._resources = ExitStack()
        self._store: Store = self._resources.enter_context(open_store(epochs, store, existing=True))
        self._newest: _Published | None = None
        self._provers: dict[str, AccountProver] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def commitment(self, handle: bytes) -> bytes:
        """Return the commitment under which the registry lists an account."""
        return account_commitment(self._venue, handle)

    def prove(self, breach: Breach, epoch: EpochEntry, turn: int) -> Evidence | None:
        """Return the proof that an account is below its threshold in an epoch; None where it clears there.

        Raises
        ------
        InputError
            The epoch is not in the folder, is another than the registry's, or does not hold the account.
        Refusal
            ``record_signature_invalid``.
        ToolError
            A tool is missing or failed.
        """
        published = self._published(epoch)
        inclusion = published.exporter.one(breach.account)
        found = included_account(inclusion, published.record, published.snapshot, published.params)
        if account_margin(found.vector, found.risk, found.params).clears(breach.threshold_bps):
            return None
        challenge = challenge_text(self._chain_id, self._contract, breach.commitment, turn)
        bundle = found.prove(self._prover(published.record.profile), breach.threshold_bps, challenge)
        words = proof_words(Proof.from_json(bundle.proof))
        return Evidence(epoch.number, turn, tuple(bundle.statement.public_signals()), tuple(words))

    def _published(self, epoch: EpochEntry) -> _Published:
        if self._newest is None or self._newest.record.digest() != epoch.digest:
            folder = self._epochs / str(epoch.number)
            record = read_record(folder / RECORD_NAME)
            if record.digest() != epoch.digest or record.venue_public_key != self._venue:
                raise InputError(str(folder / RECORD_NAME), "must be the record that the registry has of this epoch")
            record.verify_signature()
            snapshot = read_market(folder / MARKET_NAME)
            params = read_params(folder / PARAMS_NAME, snapshot)
            self._newest = _Published(record, snapshot, params, InclusionExporter(self._store, record))
        return self._newest

    def _prover(self, profile: str) -> AccountProver:
        if profile not in self._provers:
            self._provers[profile] = self._resources.enter_context(AccountProver(profile, self._backend))
        return self._provers[profile]
