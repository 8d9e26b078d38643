"""Inclusion files: what a venue hands to its customers after an epoch, for one of them or for all at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from prover.atomic import exit_on_termination, temporary_name
from prover.epoch_jobs import BatchPayload
from prover.epoch_load import batch_levels, id_digest
from prover.store import Store
from rtnet_core.epoch import UpperTree, batch_sizes
from rtnet_core.errors import InputError, ToolError
from rtnet_core.inclusion import IncludedAccount, Inclusion
from rtnet_core.limits import PROFILES
from rtnet_core.record import Record


class InclusionExporter:
    """Reads the inclusion files of a published epoch out of the venue's store.

    Parameters
    ----------
    store
        The venue's.
    record
        Of the epoch.

    Raises
    ------
    InputError
        The store does not hold this epoch.
    """

    def __init__(self, store: Store, record: Record) -> None:
        self._store = store
        self._record = record
        self._digest = record.digest().hex()
        self._sizes = PROFILES[record.profile]
        batches = range(len(batch_sizes(record.account_count, self._sizes)))
        roots = [batch_levels(store.nodes(record.number, batch))[-1][0] for batch in batches]
        self._tree = UpperTree(roots, record.account_count, self._sizes)
        if str(self._tree.book_root) != record.book_root:
            raise InputError("store", f"must hold the book of epoch {record.number} as it was published")

    def one(self, account_id: str) -> Inclusion:
        """Return one customer's file.

        Raises
        ------
        InputError
            The epoch has no such account.
        """
        place = self._store.account(self._record.number, id_digest(account_id))
        if place is None:
            raise InputError("account", "is not in this epoch")
        batch, position = place
        return next(entry for number, entry in enumerate(self._of_batch(batch)) if number == position)

    def all(self) -> Iterator[Inclusion]:
        """Yield every customer's file, in the order of the leaves."""
        for batch in range(len(batch_sizes(self._record.account_count, self._sizes))):
            yield from self._of_batch(batch)

    def write_all(self, folder: Path, progress: Callable[[int, int], None]) -> int:
        """Write every customer's file into a new folder, named by the number of the leaf; return how many.

        The folder appears whole or not at all, and only its owner can enter it.

        Raises
        ------
        InputError
            The folder exists.
        ToolError
            The file system refused.
        """
        if folder.exists():
            raise InputError(str(folder), "exists already: name a folder that does not")
        temporary = temporary_name(folder)
        count = self._record.account_count
        try:
            temporary.mkdir(mode=0o700)
            with exit_on_termination():
                for done, entry in enumerate(self.all(), start=1):
                    (temporary / f"{entry.index:07d}.json").write_bytes(entry.to_json_bytes())
                    progress(done, count)
                temporary.rename(folder)
        except OSError as error:
            raise ToolError(f"cannot write {folder}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return count

    def _of_batch(self, batch: int) -> Iterator[Inclusion]:
        number, sizes = self._record.number, self._sizes
        payload = BatchPayload.from_bytes(self._store.payload(number, batch))
        levels = batch_levels(self._store.nodes(number, batch))
        above = [str(sibling) for sibling in self._tree.path(batch)]
        for position, (account, salt) in enumerate(zip(payload.accounts, payload.salts, strict=True)):
            below = [str(levels[level][(position >> level) ^ 1]) for level in range(sizes.batch_depth)]
            yield Inclusion(
                epoch=number,
                record=self._digest,
                account=IncludedAccount(
                    id=account.id,
                    cash_ticks=account.cash_ticks,
                    collateral=account.collateral,
                    positions=account.positions,
                ),
                salt=str(salt),
                index=sizes.batch * batch + position,
                siblings=(*below, *above),
            )
