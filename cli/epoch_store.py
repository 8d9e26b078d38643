"""Where a venue's private store stands beside the folder of its epochs, and what a development venue is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rtnet_core.errors import InputError
from rtnet_core.venue import DEVELOPMENT_FUND_TICKS, DEVELOPMENT_NAME, Venue, VenueFile
from rtnet_core.venue_key import read_venue_key, write_venue_key

if TYPE_CHECKING:
    from prover.store import Store

#: Ending of the folder beside EPOCHS that holds what must never be published.
PRIVATE_ENDING: Final = ".private"
_STORE_NAME: Final = "store.sqlite"
_DEVELOPMENT_KEY: Final = "development-venue.pem"

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="The venue's private store, sqlite:///FILE or postgresql+psycopg://...; left out: in EPOCHS.private.",
    ),
]


def private_folder(epochs: Path) -> Path:
    """Return the private folder beside a folder of epochs; made now, for its owner only, if it does not exist.

    Raises
    ------
    InputError
        It cannot be made.
    """
    resolved = epochs.resolve()
    folder = resolved.with_name(resolved.name + PRIVATE_ENDING)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(str(folder), f"cannot be made: {error.strerror or error}") from None
    return folder


def open_store(epochs: Path, url: str | None, *, existing: bool = False) -> Store:
    """Return the store named by `url`, or the one beside the folder `epochs`.

    Raises
    ------
    InputError
        `existing` is set and there is none; or it cannot be opened.
    """
    # SQLAlchemy takes a quarter of a second to load: only the commands that use the store pay.
    from prover.store import Store

    if url is not None:
        return Store.open(url, create=not existing)
    resolved = epochs.resolve()
    path = resolved.with_name(resolved.name + PRIVATE_ENDING) / _STORE_NAME
    if existing and not path.is_file():
        raise InputError(str(path), "does not exist: name the venue's store with --store")
    private_folder(epochs)
    return Store.open(f"sqlite:///{path}", create=not existing)


def epoch_place(folder: Path) -> tuple[Path, int]:
    """Return the folder of all epochs and the number of the one that `folder` names, whether it is published or not.

    Raises
    ------
    InputError
        It is no EPOCHS/NUMBER.
    """
    name = folder.resolve().name
    if not name.isdecimal() or not name.isascii() or str(int(name)) != name or int(name) < 1:
        raise InputError("EPOCH", "must be the folder of one epoch, such as EPOCHS/17", str(folder))
    return folder.resolve().parent, int(name)


def development_venue(epochs: Path) -> Venue:
    """Return the stand-in for a venue that was not named; its key is made once and kept in the private folder."""
    key = private_folder(epochs) / _DEVELOPMENT_KEY
    if not key.exists():
        write_venue_key(key)
    file = VenueFile(name=DEVELOPMENT_NAME, key_file=str(key), insurance_fund_ticks=DEVELOPMENT_FUND_TICKS)
    return Venue(file, read_venue_key(key), development=True)
