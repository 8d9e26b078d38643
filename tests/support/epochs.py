"""Epochs of the small profile, proven for real: a venue, a sampled book, and the folder that it publishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from prover.epoch_events import EpochEvent
from prover.epoch_run import EpochRequest, EpochResult, prove_epoch
from prover.keys import development_keys
from prover.store import Store
from prover.workers import LocalWorkers, Workers
from rtnet_core.account import Account, write_book
from rtnet_core.book_sample import sample_book
from rtnet_core.book_source import open_book_source
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash_hex
from rtnet_core.venue import DEVELOPMENT_FUND_TICKS, Venue, VenueFile
from rtnet_core.venue_key import read_venue_key, write_venue_key


def ignore(_event: EpochEvent) -> None:
    """Observe nothing."""


@dataclass
class House:
    """A venue with its market, in a folder with ``epochs`` and ``epochs.private``.

    Attributes
    ----------
    folder
        Of everything.
    snapshot
        What books are marked to.
    fund_ticks
        The insurance fund.
    """

    folder: Path
    snapshot: Snapshot
    fund_ticks: int = DEVELOPMENT_FUND_TICKS

    @property
    def epochs(self) -> Path:
        """The folder of published epochs."""
        return self.folder / "epochs"

    @property
    def store_url(self) -> str:
        """The private store."""
        return f"sqlite:///{self.folder / 'epochs.private' / 'store.sqlite'}"

    def venue(self, name: str = "Test Venue") -> Venue:
        """Return the venue; its key is made once."""
        key = self.folder / "venue.pem"
        if not key.exists():
            write_venue_key(key)
        return Venue(
            VenueFile(name=name, key_file="venue.pem", insurance_fund_ticks=self.fund_ticks), read_venue_key(key)
        )

    def book(self, accounts: int | Iterable[Account], seed: int = 5, name: str = "book") -> Path:
        """Write a book, sampled or given, and return its folder."""
        if isinstance(accounts, int):
            accounts = sample_book(self.snapshot, default_params(self.snapshot), accounts, seed)
        write_book(self.folder / name, accounts, snapshot_hash_hex(self.snapshot), overwrite=True)
        return self.folder / name

    def request(self, book: Path, **changes: object) -> EpochRequest:
        """Return what an epoch of `book` is made of."""
        given: dict[str, object] = {
            "venue": self.venue(),
            "source": open_book_source(str(book)),
            "snapshot": self.snapshot,
            "params": default_params(self.snapshot),
            "out": self.epochs,
        }
        return EpochRequest(**(given | changes))  # type: ignore[arg-type]

    def prove(
        self,
        book: Path,
        workers: Workers | None = None,
        observe: Callable[[EpochEvent], None] = ignore,
        **changes: object,
    ) -> EpochResult:
        """Prove an epoch, with two worker processes unless `workers` says otherwise."""
        for kind in ("batch", "merge"):
            development_keys(f"{kind}-{self.snapshot.profile}")
        with Store.open(self.store_url) as store, workers or LocalWorkers(2) as ready:
            return prove_epoch(self.request(book, **changes), store, ready, observe)

    def later(self, hours: int = 1) -> Snapshot:
        """Return the same market at a later time."""
        return self.snapshot.model_copy(update={"time_ms": self.snapshot.time_ms + hours * 3_600_000})


def house(folder: Path, seed: int = 11, **options: int) -> House:
    """Return a venue on a sampled market."""
    return House(folder, sample_market(seed, "small"), **options)


def record_of(epoch: Path) -> Record:
    """Return the record of an epoch's folder."""
    return Record.from_json((epoch / "record.json").read_bytes(), "record.json")
