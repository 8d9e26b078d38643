"""Reads a book into a store and ends: what `benchmarks.epoch` measures the time and memory of loading with."""

from __future__ import annotations

import sys
from pathlib import Path

from prover.epoch_load import load_book
from prover.store import EpochIdentity, Store
from rtnet_core.book_source import open_book_source
from rtnet_core.params import default_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot


def main() -> None:
    """Load the book of the folder named on the command line into ``load/store.sqlite``."""
    folder = Path(sys.argv[1])
    snapshot = Snapshot.from_json((folder / "market.json").read_bytes(), "market.json")
    source = open_book_source(str(folder / "book"))
    identity = EpochIdentity("", "", "", source.fingerprint(), 10_000, "", snapshot.profile, "")
    with Store.open(f"sqlite:///{folder / 'load' / 'store.sqlite'}") as store, store.exclusive(1):
        store.begin(1, identity)
        risk = build_risk_array(snapshot, default_params(snapshot))
        found = load_book(source, store, 1, snapshot, risk, lambda _done, _total: None)
        store.finish_loading(1, found.accounts, found.refused)


if __name__ == "__main__":
    main()
