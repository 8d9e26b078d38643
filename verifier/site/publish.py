"""From a folder of epochs to a site: what is published is copied first, and it is the copies that are verified."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from rtnet_core.document import MAX_DOCUMENT_BYTES
from rtnet_core.epoch import MARKET_NAME, PARAMS_NAME, PROOFS_NAME, RECORD_NAME
from rtnet_core.errors import InputError, Refusal
from rtnet_core.record import Record
from rtnet_core.reserves import Reserves
from verifier.chain import ChainVerdict, verify_chain
from verifier.epoch import verify_epoch
from verifier.epoch_files import MAX_RECORD_BYTES, EpochFolder
from verifier.epoch_verdict import EpochVerdict
from verifier.groth16 import Backend
from verifier.keystore import Keystore
from verifier.policy import Policy
from verifier.site.check_page import CheckData, check_page
from verifier.site.pages import RESERVES_NAME, epoch_page, index_page
from verifier.strict_json import read_bounded

SITE_NAME: Final = "site.json"
SITE_FORMAT: Final = "zkm2m/site/v1"
CHECK_NAME: Final = "check.html"
#: Of a verdict, what differs from one run to the next.
_PASSING: Final = ("age_ms", "backend", "seconds", "unchecked_files")
_KEY_NAMES: Final = ("verification_key.json", "keys.lock.json")


@dataclass(frozen=True, slots=True)
class SiteEpoch:
    """One epoch of a site, verified where it stands."""

    folder: EpochFolder
    verdict: EpochVerdict

    @property
    def number(self) -> int:
        """Number of the epoch."""
        return self.verdict.number


@dataclass(frozen=True, slots=True)
class Site:
    """A site that was written: its epochs in ascending order, all of which were accepted."""

    chain: ChainVerdict
    epochs: tuple[SiteEpoch, ...]
    circuits: tuple[str, ...]  #: whose keys the check pages have


def publish_site(
    epochs: Path,
    site: Path,
    *,
    keys: Path,
    pins: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
    policy: Policy | None = None,
    reserves: Mapping[int, Reserves] | None = None,
    backend: Backend = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Site:
    """Write the site of all epochs in a folder; the same epochs, keys and reserves make the same bytes.

    Parameters
    ----------
    epochs
        Holds a folder for each epoch, named by its number.
    site
        An empty folder.
    keys, pins, versions
        As `verifier.keystore.Keystore`.
    policy
        The publisher's conditions, as for an epoch.
    reserves
        By number of the epoch.
    backend
        See `verifier.groth16.verify_many`.
    progress
        Called with (epochs verified, epochs).

    Raises
    ------
    Refusal
        The codes of `verify_chain` and `verify_epoch`: nothing is published that does not verify.
    InputError
        There is no epoch, a file cannot be read, or there are reserves of an epoch that is not there.
    """
    policy = policy or Policy()
    reserves = reserves or {}
    numbers = [link.number for link in verify_chain(epochs, policy).links]
    if unknown := sorted(reserves.keys() - set(numbers)):
        raise InputError("--reserves", "must be of an epoch that is published", unknown[0])
    copies = site / "epochs"
    for number in numbers:
        _copy_epoch(epochs / str(number), copies / str(number))
    chain = verify_chain(copies, policy)
    verified: list[SiteEpoch] = []
    previous: Record | None = None
    store = _Keys(keys, site / "keys", pins, versions)
    for done, number in enumerate(numbers):
        if progress:
            progress(done, len(numbers))
        folder = EpochFolder(copies / str(number))
        held = reserves.get(number)
        verdict = verify_epoch(
            folder, keys=store.of_epoch(folder), policy=policy, previous=previous, reserves=held, backend=backend
        )
        if held is not None:
            (folder.path / RESERVES_NAME).write_bytes(held.to_json_bytes())
        verified.append(SiteEpoch(folder, verdict))
        previous = folder.record
    if progress:
        progress(len(numbers), len(numbers))
    made = Site(chain, tuple(verified), tuple(store.copied))
    _write_pages(site, made, store)
    return made


class _Keys:
    """The keys that the site shows, copied from the publisher's as they are needed."""

    def __init__(
        self, source: Path, target: Path, pins: Mapping[str, str] | None, versions: Mapping[str, str] | None
    ) -> None:
        self._source = source
        self._target = target
        self.versions = dict(versions or {})
        self.store = Keystore(target, pins, self.versions)
        self.copied: list[str] = []

    def of_epoch(self, folder: EpochFolder) -> Keystore:
        """Return the keys after those of an epoch's profile were copied; that of its account proofs may be missing."""
        profile = folder.record.profile
        for circuit in (f"batch-{profile}", f"merge-{profile}", f"account-{profile}"):
            source, target = self._source / circuit, self._target / circuit
            if circuit in self.copied or not source.is_dir():
                continue
            target.mkdir(parents=True)
            for name in _KEY_NAMES:
                (target / name).write_bytes(read_bounded(source / name))
            try:
                self.store.key(circuit)
            except Refusal as refusal:
                raise Refusal(refusal.code, f"{circuit}: {refusal.message}") from None
            self.copied.append(circuit)
        return self.store

    def texts(self, profile: str) -> dict[str, dict[str, str]]:
        """Return key and lock file of each circuit of a profile, as they stand in the site."""
        return {
            circuit: {
                part: (self._target / circuit / name).read_bytes().decode("utf-8")
                for part, name in zip(("key", "lock"), _KEY_NAMES, strict=True)
            }
            for circuit in self.copied
            if circuit.partition("-")[2] == profile
        }


def _copy_epoch(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name, most in (
        (RECORD_NAME, MAX_RECORD_BYTES),
        (MARKET_NAME, MAX_DOCUMENT_BYTES),
        (PARAMS_NAME, MAX_DOCUMENT_BYTES),
    ):
        (target / name).write_bytes(read_bounded(source / name, most))
    try:
        shutil.copyfile(source / PROOFS_NAME, target / PROOFS_NAME)
    except OSError as error:
        raise InputError(str(source / PROOFS_NAME), f"must be a readable file: {error.strerror}") from error


def _write_pages(site: Path, made: Site, keys: _Keys) -> None:
    for before, epoch in zip((None, *made.epochs), made.epochs, strict=False):
        near = [epoch] if before is None else [before, epoch]
        folder = epoch.folder.path
        _write(folder / CHECK_NAME, _check(epoch, near, keys, epochs="../", home="../../index.html"))
        _write(
            folder / "index.html",
            epoch_page(epoch.folder, epoch.verdict, None if before is None else before.folder.params),
        )
    _write(site / CHECK_NAME, _check(made.epochs[-1], made.epochs, keys, epochs="epochs/", home="index.html"))
    _write(site / "index.html", index_page(made.chain, [(epoch.folder, epoch.verdict) for epoch in made.epochs]))
    _write(site / SITE_NAME, json.dumps(_site_json(made), indent=1, ensure_ascii=False) + "\n")


def _check(epoch: SiteEpoch, chain: Sequence[SiteEpoch], keys: _Keys, *, epochs: str, home: str) -> str:
    shown = keys.texts(epoch.folder.record.profile)
    return check_page(
        CheckData(
            files={
                name.partition(".")[0]: _text(epoch, name)
                for name in (RECORD_NAME, MARKET_NAME, PARAMS_NAME, PROOFS_NAME)
            },
            records={str(link.number): _text(link, RECORD_NAME) for link in chain},
            keys=shown,
            versions={circuit: keys.versions[circuit] for circuit in shown if circuit in keys.versions},
            epochs=epochs,
        ),
        venue=epoch.verdict.venue,
        number=epoch.number,
        home=home,
    )


def _text(epoch: SiteEpoch, name: str) -> str:
    return (epoch.folder.path / name).read_bytes().decode("utf-8")


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def _site_json(made: Site) -> dict[str, Any]:
    chain = {name: part for name, part in made.chain.to_json().items() if name not in ("epochs", *_PASSING)}
    epochs = [
        {name: part for name, part in epoch.verdict.to_json().items() if name not in _PASSING}
        | {
            "folder": f"epochs/{epoch.number}/",
            "check_page_sha256": sha256((epoch.folder.path / CHECK_NAME).read_bytes()).hexdigest(),
        }
        for epoch in made.epochs
    ]
    return {"format": SITE_FORMAT, "chain": chain, "epochs": epochs}
