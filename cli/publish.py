"""``zkm2m publish``: a site of all epochs, on which customers check their own account in their own browser."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from cli.files import read_bytes
from cli.options import JsonFlag
from cli.progress import counted
from cli.render import console, facts, print_json
from cli.verify_options import BackendOption, EpochVkIdOption, KeysOption, VenueKeyOption, VerifierBackend
from prover.atomic import atomic_folder
from prover.paths import build_folder
from rtnet_core.epoch import RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.reserves import Reserves
from verifier import given
from verifier.chain import verify_chain
from verifier.epoch_files import read_record
from verifier.site.check_page import program_sha256
from verifier.site.publish import SITE_NAME, publish_site


def publish(
    epochs: Annotated[Path, typer.Argument(metavar="EPOCHS", help="The folder of epochs.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The site's folder; a site that is there is replaced.")
    ],
    reserves: Annotated[
        list[Path] | None,
        typer.Option("--reserves", metavar="FILE", help="Reserves of one of the epochs; may be given again."),
    ] = None,
    venue_key: VenueKeyOption = None,
    keys: KeysOption = None,
    vk_id: EpochVkIdOption = None,
    backend: BackendOption = VerifierBackend.AUTO,
    production: Annotated[
        bool, typer.Option("--production", help="Refuse development keys and an unpinned venue.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Verify all epochs and write them as a site of plain files, with a page on which a customer checks their account.

    Nothing is published that does not verify. The site needs no server and loads nothing from anywhere.

    Exit code 0: published; 1: an epoch is refused, with a reason; 2: bad input.
    """
    require_replaceable(out)
    policy = given.policy_of(production=production, max_age=None, venue_key=venue_key)
    held = _reserves(reserves or [])
    latest = verify_chain(epochs, policy).links[-1].number
    profile = read_record(epochs / str(latest) / RECORD_NAME).profile
    with counted("verifying the epochs") as tell, atomic_folder(out) as site:
        made = publish_site(
            epochs,
            site,
            keys=keys or build_folder() / "keys",
            pins=given.epoch_pins(vk_id or [], profile),
            versions=given.pinned_versions(),
            policy=policy,
            reserves=held,
            backend=backend.value,
            progress=tell,
        )
    check = hashlib.sha256((out / "check.html").read_bytes()).hexdigest()
    development = any(epoch.verdict.development for epoch in made.epochs)
    if as_json:
        print_json(
            {
                "site": str(out),
                "venue": made.chain.venue,
                "epochs": [epoch.number for epoch in made.epochs],
                "check_page_sha256": check,
                "program_sha256": program_sha256(),
                "circuits": list(made.circuits),
                "development_keys": development,
            }
        )
        return
    rows = {
        "site": out / "index.html",
        "epochs": f"{made.epochs[0].number} to {made.epochs[-1].number}, all verified",
        "keys on the check pages": ", ".join(made.circuits),
        "check.html, SHA-256": check,
        "its program, SHA-256": program_sha256(),
    }
    console().print(facts("Published", rows))
    console().print("publish both hashes where customers find them without this site", style="yellow")
    if development:
        console().print("development keys: whoever made them can forge proofs; the pages say so", style="yellow")


def require_replaceable(out: Path) -> None:
    """Refuse to write over anything but an earlier site or an empty folder.

    Raises
    ------
    InputError
        Something else is there.
    """
    if not out.exists():
        return
    if not out.is_dir() or (any(out.iterdir()) and not (out / SITE_NAME).is_file()):
        raise InputError(str(out), f"must be a site ({SITE_NAME} is in it), an empty folder, or not exist")


def _reserves(paths: list[Path]) -> dict[int, Reserves]:
    held: dict[int, Reserves] = {}
    for path in paths:
        found = Reserves.from_json(read_bytes(path), str(path))
        if found.epoch in held:
            raise InputError(str(path), "must be the only reserves of its epoch", found.epoch)
        held[found.epoch] = found
    return held
