"""``zkm2m keys``: development keys of the circuits, the venue's signing key, what keys there are, and if they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.circuits import NamesArgument, chosen_circuits
from cli.files import check_output
from cli.keys_verify import verify_keys
from cli.options import ForceFlag, JsonFlag
from cli.progress import shares, stages
from cli.render import console, facts, print_json, table, utc
from prover.circuits import CIRCUITS, build
from prover.keys import development_keys
from prover.paths import build_folder, key_folder
from rtnet_core.errors import InputError, Refusal
from rtnet_core.venue_key import write_venue_key
from verifier.keystore import PinnedKey

app = typer.Typer(
    help="Keys: development keys, the venue's key, what there is, and whether it holds.", no_args_is_help=True
)


@app.command("dev", epilog="Example: zkm2m keys dev account-small")
def development(names: NamesArgument = None, as_json: JsonFlag = False) -> None:
    """Make development keys for circuits that have no fitting keys yet.

    Whoever makes development keys can forge proofs under them: they are for trying things out. Every verdict says so,
    and verify --production refuses them.
    """
    made = []
    for name in chosen_circuits(names):
        with stages(f"building {name}"):
            build(name)
        with shares(f"development keys of {name}") as progress:
            made.append(development_keys(name, progress))
    if as_json:
        print_json([{"circuit": keys.circuit, "vk_id": keys.vk_id, "development": keys.development} for keys in made])
        return
    rows = [(keys.circuit, keys.vk_id[:16], utc(keys.created_ms)) for keys in made]
    console().print(table("Development keys", ("circuit", "key", "made"), rows))


@app.command("venue", epilog="Example: zkm2m keys venue --out venue.pem")
def venue(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The private key's file, for its owner only.")],
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a venue's signing key and print its public half, which verifiers pin."""
    public = write_venue_key(check_output(out), force=force)
    if as_json:
        print_json({"key": str(out), "venue_public_key": public})
        return
    console().print(facts("Venue key", {"private key": str(out), "public key": public}))


@app.command("show", epilog="Example: zkm2m keys show")
def show(as_json: JsonFlag = False) -> None:
    """Show the verifying keys of this project's key folder, as a verifier reads them."""
    entries = [_described(name) for name in CIRCUITS if key_folder(name).is_dir()]
    if as_json:
        print_json(entries)
        return
    if not entries:
        console().print("no keys yet: make development keys with `zkm2m keys dev`")
        return
    columns = ("circuit", "key", "kind", ">contributions", "made")
    rows = [
        (entry["circuit"], entry["reason"], "not usable", "", "")
        if "reason" in entry
        else (
            entry["circuit"],
            entry["vk_id"][:16],
            "development" if entry["development"] else "ceremony",
            entry["contributions"],
            utc(entry["created_ms"]),
        )
        for entry in entries
    ]
    console().print(table(f"Keys in {build_folder() / 'keys'}", columns, rows))


app.command("verify", epilog="Example: zkm2m keys verify --rebuild")(verify_keys)


def _described(circuit: str) -> dict[str, Any]:
    """Return what the lock file of a circuit's key says, or the reason why a verifier refuses the key."""
    try:
        pinned = PinnedKey.load(key_folder(circuit))
    except Refusal as refusal:
        return {"circuit": circuit, "reason": refusal.code, "message": refusal.message}
    except InputError as error:
        return {"circuit": circuit, "reason": "unreadable", "message": str(error)}
    return {
        "circuit": circuit,
        "vk_id": pinned.vk_id,
        "circuit_version": pinned.circuit_version,
        "development": pinned.development,
        "contributions": pinned.contributions,
        "beacon": pinned.beacon,
        "created_ms": pinned.created_ms,
    }
