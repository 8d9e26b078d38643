"""``zkm2m verify``: the verdict on a proof, from published data and the verifier's own keys."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.files import read_bytes, read_market, read_params
from cli.groups import DefaultCommandGroup
from cli.options import ChallengeOption, JsonFlag, MarketOption, ParamsOption
from cli.progress import stages
from cli.render import console, duration, facts, percent, print_json, table, utc
from prover.circuits import read_lock
from prover.paths import build_folder
from rtnet_core.errors import InputError
from rtnet_core.limits import THRESHOLD_BITS
from rtnet_core.record import Record
from verifier.account import verify_account
from verifier.bundle import MAX_BUNDLE_BYTES
from verifier.keystore import Keystore
from verifier.policy import Policy
from verifier.replay import SeenRegister
from verifier.strict_json import read_bounded
from verifier.verdict import Verdict

app = typer.Typer(cls=DefaultCommandGroup, help="Check proofs.")


class VerifierBackend(StrEnum):
    """What checks the pairing; ``auto`` is native where it is installed."""

    AUTO = "auto"
    REFERENCE = "reference"
    NATIVE = "native"


@app.command(
    "account",
    epilog='Example: zkm2m verify proof.json --market market.json --record record.json --challenge "lender, '
    '2026-09-01, 7f3a"',
)
def account(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="The proof file.")],
    market: MarketOption,
    record: Annotated[Path, typer.Option("--record", metavar="FILE", help="The venue's signed record.")],
    challenge: ChallengeOption,
    params: ParamsOption = None,
    threshold_bps: Annotated[
        int | None,
        typer.Option(
            "--threshold-bps",
            min=1,
            max=(1 << THRESHOLD_BITS) - 1,
            help="The threshold the proof must be for; left out: the one it states.",
        ),
    ] = None,
    venue_key: Annotated[
        str | None,
        typer.Option("--venue-key", metavar="HEX", help="The venue's public key, from a source other than the record."),
    ] = None,
    max_age: Annotated[
        int | None, typer.Option("--max-age", metavar="SECONDS", min=0, help="Refuse data older than this.")
    ] = None,
    seen: Annotated[
        Path | None,
        typer.Option("--seen", metavar="FILE", help="Register of accepted statements: one shown again is refused."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FOLDER", help="Your verifying keys; left out: the keys made here."),
    ] = None,
    vk_id: Annotated[
        str | None,
        typer.Option("--vk-id", metavar="HEX", help="The verifying key's id, from a source other than the key folder."),
    ] = None,
    backend: Annotated[
        VerifierBackend, typer.Option("--backend", help="What checks the pairing.")
    ] = VerifierBackend.AUTO,
    production: Annotated[
        bool, typer.Option("--production", help="Refuse development keys, unpinned venues and data older than a day.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a proof against published data; nothing that the proof file says of itself is believed.

    The word account may be left out: zkm2m verify PROOF is the same.

    Exit code 0: accepted, and the account clears; 3: accepted, and it is below the threshold; 1: refused, with a
    reason; 2: bad input.
    """
    data = read_bounded(proof, MAX_BUNDLE_BYTES)
    snapshot = read_market(market)
    chosen = read_params(params, snapshot)
    signed = Record.from_json(read_bytes(record), str(record))
    policy = Policy(
        production=production,
        max_age_ms=None if max_age is None else 1000 * max_age,
        venue_public_key=None if venue_key is None else bytes.fromhex(_hex32("--venue-key", venue_key)),
        threshold_bps=threshold_bps,
    )
    with stages("checking the proof"):
        verdict = verify_account(
            data,
            snapshot=snapshot,
            params=chosen,
            record=signed,
            challenge=challenge,
            keys=Keystore(
                keys or build_folder() / "keys",
                pins=None if vk_id is None else {f"account-{snapshot.profile}": _hex32("--vk-id", vk_id)},
                versions={name: str(entry["r1cs_sha256"]) for name, entry in read_lock().items()},
            ),
            policy=policy,
            backend=backend.value,
            seen=None if seen is None else SeenRegister(seen),
        )
    if as_json:
        print_json(verdict.to_json())
    else:
        _print(verdict)
    raise typer.Exit(ExitCode.DONE if verdict.clears else ExitCode.BELOW_THRESHOLD)


def _hex32(option: str, text: str) -> str:
    if re.fullmatch("[0-9a-f]{64}", text) is None:
        raise InputError(option, "must be 64 lower-case hexadecimal digits", text)
    return text


def _print(verdict: Verdict) -> None:
    out = console()
    if verdict.clears:
        out.print(f"accepted: the account clears {percent(verdict.threshold_bps)}", style="bold green")
    else:
        out.print(f"accepted: the account is below {percent(verdict.threshold_bps)}", style="bold yellow")
    rows = {
        "venue": f"{verdict.venue}, epoch {verdict.epoch}",
        "venue key": f"{verdict.venue_public_key} ({'pinned' if verdict.venue_pinned else 'not pinned'})",
        "as of": f"{utc(verdict.as_of_ms)}, {duration(verdict.age_ms)} ago",
        "challenge": verdict.challenge,
        "statement": verdict.statement,
        "circuit": f"{verdict.circuit}, key {verdict.key.vk_id[:16]}",
        "checked by": verdict.backend,
    }
    out.print(facts("Verdict", rows))
    grounds: dict[str, list[str]] = {}
    for label in verdict.labels:
        grounds.setdefault(label.assurance, []).append(label.figure)
    out.print(
        table(
            "What each figure rests on",
            ("ground", "figures"),
            [(ground, ", ".join(figures)) for ground, figures in grounds.items()],
        )
    )
    if verdict.key.development:
        out.print("development key: whoever made it can forge proofs; --production refuses it", style="yellow")
    if not verdict.venue_pinned:
        out.print("venue key not given (--venue-key): anyone could have signed this record", style="yellow")
