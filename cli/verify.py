"""``zkm2m verify``: the verdict on a proof, from published data and the verifier's own keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import verify_epoch, verify_inclusion, verify_market
from cli.errors import ExitCode
from cli.files import read_market, read_params, read_record
from cli.groups import DefaultCommandGroup
from cli.options import ChallengeOption, JsonFlag, MarketOption, ParamsOption
from cli.progress import stages
from cli.render import console, duration, facts, percent, print_json, utc
from cli.verify_options import (
    BackendOption,
    KeysOption,
    MaxAgeOption,
    VenueKeyOption,
    VerifierBackend,
    VkIdOption,
    grounds_table,
    own_keys,
)
from rtnet_core.limits import THRESHOLD_BITS
from verifier.account import verify_account
from verifier.bundle import MAX_BUNDLE_BYTES
from verifier.given import pin_of, policy_of
from verifier.replay import SeenRegister
from verifier.strict_json import read_bounded
from verifier.verdict import Verdict

app = typer.Typer(cls=DefaultCommandGroup, help="Check proofs.")


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
    venue_key: VenueKeyOption = None,
    max_age: MaxAgeOption = None,
    seen: Annotated[
        Path | None,
        typer.Option("--seen", metavar="FILE", help="Register of accepted statements: one shown again is refused."),
    ] = None,
    keys: KeysOption = None,
    vk_id: VkIdOption = None,
    backend: BackendOption = VerifierBackend.AUTO,
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
    signed = read_record(record)
    policy = policy_of(production=production, max_age=max_age, venue_key=venue_key, threshold_bps=threshold_bps)
    pins = pin_of("account", snapshot.profile, vk_id)
    with stages("checking the proof"):
        verdict = verify_account(
            data,
            snapshot=snapshot,
            params=chosen,
            record=signed,
            challenge=challenge,
            keys=own_keys(keys, pins),
            policy=policy,
            backend=backend.value,
            seen=None if seen is None else SeenRegister(seen),
        )
    if as_json:
        print_json(verdict.to_json())
    else:
        _print(verdict)
    raise typer.Exit(ExitCode.DONE if verdict.clears else ExitCode.BELOW_THRESHOLD)


app.command("epoch", epilog="Example: zkm2m verify epoch epochs/17 --reserves reserves.json")(verify_epoch.epoch)
app.command("chain", epilog="Example: zkm2m verify chain epochs")(verify_epoch.chain)
app.command("inclusion", epilog="Example: zkm2m verify inclusion mine.json --epoch epochs/17")(
    verify_inclusion.inclusion
)
app.command(
    "market", epilog="Example: zkm2m verify market market-proof.json --snapshot signed.json --oracles oracles.json"
)(verify_market.market)


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
    out.print(grounds_table(verdict.labels))
    if verdict.key.development:
        out.print("development key: whoever made it can forge proofs; --production refuses it", style="yellow")
    if not verdict.venue_pinned:
        out.print("venue key not given (--venue-key): anyone could have signed this record", style="yellow")
