"""Continuity: every record names the one before it, and none is missing, repeated, reordered or another venue's.

Only records are read here: their signatures are checked, the proofs of their epochs are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtnet_core.epoch import RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.record import Record
from verifier.epoch_files import MAX_UNCHECKED, read_record
from verifier.policy import Policy
from verifier.reasons import refuse

_NUMBER: Final = re.compile("[1-9][0-9]{0,9}")
_DIGITS: Final = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One epoch of a chain."""

    number: int
    digest: str  #: of its record, in hexadecimal
    as_of_ms: int
    signed_at_ms: int
    account_count: int


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """A chain of records that was accepted."""

    accepted: bool
    venue: str  #: as the last record spells it
    venue_public_key: str
    venue_pinned: bool
    links: tuple[ChainLink, ...]
    begins_after: str | None  #: digest of a record before the first one here, which was not at hand
    unchecked: tuple[str, ...]  #: what else lies in the folder
    proofs_checked: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the verdict as a JSON object."""
        return {
            "accepted": self.accepted,
            "venue": self.venue,
            "venue_public_key": self.venue_public_key,
            "venue_pinned": self.venue_pinned,
            "first": self.links[0].number,
            "last": self.links[-1].number,
            "begins_after": self.begins_after,
            "proofs_checked": self.proofs_checked,
            "epochs": [
                {
                    "number": link.number,
                    "record": link.digest,
                    "as_of_ms": link.as_of_ms,
                    "signed_at_ms": link.signed_at_ms,
                    "account_count": link.account_count,
                }
                for link in self.links
            ],
            "unchecked_files": list(self.unchecked),
        }


def require_follows(record: Record, previous: Record) -> None:
    """Refuse a record that is not the next one after `previous`, whose signature is checked as well.

    Raises
    ------
    Refusal
        ``record_signature_invalid``; ``chain_venue``: another key; ``number_twice``, ``chain_gap``: the number is not
        the next one; ``chain_broken``: `record` does not name `previous`; ``chain_time``: not later, by its snapshot or
        by its signature.
    """
    previous.verify_signature()
    here = f"epoch {record.number} after {previous.number}"
    if record.venue_public_key != previous.venue_public_key:
        raise refuse("chain_venue", here)
    if record.number == previous.number:
        raise refuse("number_twice", f"number {record.number}")
    if record.number != previous.number + 1:
        raise refuse("chain_gap", here)
    if record.previous_digest != previous.digest():
        named = "no record" if record.previous is None else record.previous[:16]
        raise refuse("chain_broken", f"epoch {record.number} names {named}, not {previous.digest().hex()[:16]}")
    if record.as_of_ms <= previous.as_of_ms or record.signed_at_ms <= previous.signed_at_ms:
        raise refuse("chain_time", here)


def verify_chain(folder: Path, policy: Policy | None = None) -> ChainVerdict:
    """Return the verdict on the epochs in a folder, which is always an accepted one.

    The first record there may name one before it: the chain then begins elsewhere, and the verdict says so.

    Parameters
    ----------
    folder
        Holds a folder for each epoch, named by its number.
    policy
        The recipient's conditions; the age limit is not for a chain.

    Raises
    ------
    Refusal
        ``number_mismatch``: a folder's name is not its record's number; ``not_an_epoch_record``; ``wrong_venue``,
        ``venue_key_not_pinned``, ``from_the_future``; and the codes of `require_follows`.
    InputError
        There is no epoch, or a record cannot be read.
    """
    policy = policy or Policy()
    timeless = policy.without_default_age()
    now_ms = policy.clock_ms()
    numbers, others = _entries(folder)
    links: list[ChainLink] = []
    begins_after: str | None = None
    last: Record | None = None
    by_number: dict[int, int] = {}
    for number in numbers:
        record = read_record(folder / str(number) / RECORD_NAME)
        if record.number in by_number:
            raise refuse("number_twice", f"number {record.number} in folders {by_number[record.number]} and {number}")
        by_number[record.number] = number
        if record.number != number:
            raise refuse("number_mismatch", f"folder {number}, record {record.number}")
        if record.proven is None:
            raise refuse("not_an_epoch_record", f"epoch {number}")
        policy.require_venue(record.venue_public_key)
        record.verify_signature()
        timeless.require_fresh(record.as_of_ms, record.signed_at_ms, now_ms)
        if last is None:
            begins_after = record.previous
        else:
            require_follows(record, last)
        links.append(
            ChainLink(number, record.digest().hex(), record.as_of_ms, record.signed_at_ms, record.account_count)
        )
        last = record
    if last is None:
        raise InputError(str(folder), "must hold a folder for each epoch, named by its number")
    return ChainVerdict(
        accepted=True,
        venue=last.venue,
        venue_public_key=last.venue_public_key.hex(),
        venue_pinned=policy.venue_public_key is not None,
        links=tuple(links),
        begins_after=begins_after,
        unchecked=tuple(others[:MAX_UNCHECKED]),
    )


def _entries(folder: Path) -> tuple[list[int], list[str]]:
    """Return the numbers of the epochs in a folder, in order, and the names of what is no epoch and not hidden."""
    if not folder.is_dir():
        raise InputError(str(folder), "must be a folder of epochs")
    numbers: list[int] = []
    others: list[str] = []
    for entry in folder.iterdir():
        if entry.is_dir() and _DIGITS.fullmatch(entry.name):
            if not _NUMBER.fullmatch(entry.name):
                raise refuse("number_mismatch", f"folder {entry.name[:20]}")
            numbers.append(int(entry.name))
        elif not entry.name.startswith("."):
            others.append(entry.name)
    return sorted(numbers), sorted(others)
