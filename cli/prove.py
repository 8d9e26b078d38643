"""``zkm2m prove``: one file that shows a recipient on which side of a threshold an account stands, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import prove_epoch
from cli.files import check_output, read_market, read_params, write_public
from cli.options import ChallengeOption, JsonFlag, MarketOption, ParamsOption, ProverBackend, ThresholdOption
from cli.progress import stages
from cli.render import console, facts, percent, print_json
from prover.account_proof import prove_account

app = typer.Typer(help="Make proofs.", no_args_is_help=True)


@app.command(
    "account",
    epilog="Example: zkm2m prove account acct-000000 --book book --market market.json --threshold-bps 10000 "
    '--challenge "lender, 2026-09-01, 7f3a" --out proof.json',
)
def account(
    account_id: Annotated[
        str,
        typer.Argument(
            metavar="ACCOUNT_ID",
            help="As the book names it; - reads it from standard input, so that no list of processes shows it.",
        ),
    ],
    book: Annotated[Path, typer.Option("--book", metavar="FOLDER", help="The committed book.")],
    market: MarketOption,
    threshold_bps: ThresholdOption,
    challenge: ChallengeOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The proof; an older one is replaced.")],
    params: ParamsOption = None,
    backend: Annotated[ProverBackend, typer.Option("--backend", help="What makes the proof.")] = ProverBackend.AUTO,
    as_json: JsonFlag = False,
) -> None:
    """Prove that an account of a committed book clears a threshold, or that it falls short of it.

    The verdict follows from the account; the proof is checked before it is written.
    """
    check_output(out)
    if account_id == "-":
        account_id = sys.stdin.readline().rstrip("\r\n")
    snapshot = read_market(market)
    chosen = read_params(params, snapshot)
    with stages("proving") as progress:
        proof = prove_account(
            account_id, book, snapshot, chosen, threshold_bps, challenge, backend=backend.value, progress=progress
        )
    write_public(out, proof.to_json_bytes())
    clears = proof.statement.verdict == 1
    if as_json:
        print_json(
            {
                "proof": str(out),
                "circuit": proof.circuit,
                "clears": clears,
                "threshold_bps": threshold_bps,
                "backend": proof.backend,
                "seconds": {name: round(spent, 3) for name, spent in proof.seconds.items()},
            }
        )
        return
    rows = {
        "says": f"{'clears' if clears else 'below'} {percent(threshold_bps)}",
        "circuit": proof.circuit,
        "made by": proof.backend,
        "seconds": ", ".join(f"{name} {spent:.2f}" for name, spent in proof.seconds.items()),
    }
    console().print(facts(f"Proof written to {out}", rows))


app.command(
    "epoch", epilog="Example: zkm2m prove epoch --book book --market market.json --venue VENUE.toml --out epochs"
)(prove_epoch.epoch)
