"""Cutting a book out of an engine: what an epoch proof is made of, while the log goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from rtnet_core.account import Account, BookFormat, write_book
from rtnet_core.engine.core import Engine
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file
from rtnet_core.params_root import margin_params
from rtnet_core.snapshot_hash import snapshot_hash_hex

MARKET_NAME: Final = "market.json"
PARAMS_NAME: Final = "params.json"
BOOK_NAME: Final = "book"
#: Says which state the cut is of; written last, so a folder that has it is whole.
CUT_NAME: Final = "cut.json"


def write_cut(engine: Engine, folder: Path, *, format: BookFormat = "parquet") -> dict[str, object]:  # noqa: A002
    """Write market, parameters and book of the engine's state, and return what ``cut.json`` says of it.

    The book holds every account; the venue's own pools are no accounts. Its positions sum to zero, which is looked at
    before anything is written, and its margins are the engine's, to the last digit.

    Raises
    ------
    InputError
        The folder already holds a cut, or the venue has no account.
    BalanceError
        The books do not balance.
    """
    if (folder / CUT_NAME).exists():
        raise InputError(str(folder), "must not hold a cut already")
    engine.venue.ledger.audit()
    rates = engine.venue.live.rates
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(folder / MARKET_NAME, [rates.snapshot.to_json_bytes()])
    replace_file(folder / PARAMS_NAME, [rates.params.to_json_bytes()])
    market = snapshot_hash_hex(rates.snapshot)
    write_book(folder / BOOK_NAME, cut_accounts(engine), market, format=format, overwrite=True)
    about: dict[str, object] = {
        "sequence": engine.sequence,
        "digest": engine.digest().hex(),
        "chain": engine.chain.hex(),
        "accounts": engine.venue.ledger.count,
        "market": market,
        "params_root": str(margin_params(rates.params, rates.snapshot).root()),
        "parameter_changes": engine.venue.tuning.records,
        "parameter_log": engine.venue.tuning.head,
    }
    replace_file(folder / CUT_NAME, [(json.dumps(about, indent=2) + "\n").encode()])
    return about


def cut_accounts(engine: Engine) -> Iterator[Account]:
    """Yield the engine's accounts as a book holds them."""
    ledger, rates = engine.venue.ledger, engine.venue.live.rates
    names = ["" if entry is None else entry.name for entry in rates.table]
    symbols = [asset.symbol for asset in rates.snapshot.assets]
    for row, account in enumerate(ledger.ids):
        lots, units = ledger.lots[row], ledger.collateral[row]
        yield Account(
            id=account,
            cash_ticks=int(ledger.cash[row]),
            collateral={symbols[number]: int(units[number]) for number in np.flatnonzero(units)},
            positions={names[slot]: int(lots[slot]) for slot in np.flatnonzero(lots)},
        )
