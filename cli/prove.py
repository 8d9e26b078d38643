"""``zkm2m prove``: one file that shows a recipient on which side of a threshold an account stands, and nothing else."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli import prove_epoch
from cli.files import check_output, read_bytes, read_market, read_params, read_record, write_public
from cli.options import ChallengeOption, JsonFlag, ParamsOption, ProverBackend, ThresholdOption
from cli.oracle import OraclesOption, read_set
from cli.progress import stages
from cli.render import console, facts, percent, print_json, utc
from prover.account_proof import CommittedAccount, committed_account, included_account, prove_account
from prover.market_proof import prove_market
from rtnet_core.epoch import MARKET_NAME, PARAMS_NAME, RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.inclusion import Inclusion
from rtnet_core.oracle import SignedSnapshot

app = typer.Typer(help="Make proofs.", no_args_is_help=True)


@app.command(
    "account",
    epilog="Example: zkm2m prove account acct-000000 --book book --market market.json --threshold-bps 10000 "
    '--challenge "lender, 2026-09-01, 7f3a" --out proof.json',
)
def account(
    threshold_bps: ThresholdOption,
    challenge: ChallengeOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The proof; an older one is replaced.")],
    account_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ACCOUNT_ID",
            help="As the book names it; - reads it from standard input, so that no list of processes shows it.",
        ),
    ] = None,
    book: Annotated[Path | None, typer.Option("--book", metavar="FOLDER", help="The venue's committed book.")] = None,
    market: Annotated[Path | None, typer.Option("--market", metavar="FILE", help="With --book: the market.")] = None,
    params: ParamsOption = None,
    inclusion: Annotated[
        Path | None, typer.Option("--inclusion", metavar="FILE", help="A customer's own inclusion file; needs no book.")
    ] = None,
    epoch: Annotated[
        Path | None, typer.Option("--epoch", metavar="EPOCH", help="With --inclusion: the epoch's folder.")
    ] = None,
    backend: Annotated[ProverBackend, typer.Option("--backend", help="What makes the proof.")] = ProverBackend.AUTO,
    as_json: JsonFlag = False,
) -> None:
    """Prove that an account clears a threshold, or that it falls short of it.

    A venue names the account of a committed book; a customer needs their inclusion file and the published epoch, and
    nobody's help. The verdict follows from the account; the proof is checked before it is written.
    """
    check_output(out)
    of_venue, of_customer = (account_id, book, market, params), (inclusion, epoch)
    if inclusion is not None and epoch is not None and not any(of_venue):
        find = partial(_included, inclusion, epoch)
    elif account_id is not None and book is not None and market is not None and not any(of_customer):
        find = partial(_committed, account_id, book, market, params)
    else:
        rule = "must come with --book and --market, or be left out with --inclusion and --epoch"
        raise InputError("ACCOUNT_ID", rule)
    with stages("proving") as progress:
        proof = prove_account(find, threshold_bps, challenge, backend=backend.value, progress=progress)
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


def _committed(account_id: str, book: Path, market: Path, params: Path | None) -> CommittedAccount:
    if account_id == "-":
        account_id = sys.stdin.readline().rstrip("\r\n")
    snapshot = read_market(market)
    return committed_account(account_id, book, snapshot, read_params(params, snapshot))


def _included(inclusion: Path, epoch: Path) -> CommittedAccount:
    record = read_record(epoch / RECORD_NAME)
    snapshot = read_market(epoch / MARKET_NAME)
    chosen = read_params(epoch / PARAMS_NAME, snapshot)
    return included_account(Inclusion.from_json(read_bytes(inclusion), str(inclusion)), record, snapshot, chosen)


@app.command(
    "market", epilog="Example: zkm2m prove market --snapshot signed.json --oracles oracles.json --out market-proof.json"
)
def market(
    snapshot: Annotated[Path, typer.Option("--snapshot", metavar="FILE", help="The signed snapshot.")],
    oracles: OraclesOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The proof; an older one is replaced.")],
    params: ParamsOption = None,
    backend: Annotated[ProverBackend, typer.Option("--backend", help="What makes the proof.")] = ProverBackend.AUTO,
    as_json: JsonFlag = False,
) -> None:
    """Prove that the risk array follows from a snapshot that a quorum of oracles signed.

    For contracts and others who cannot compute it again. The proof is checked before it is written.
    """
    check_output(out)
    signed = SignedSnapshot.from_json(read_bytes(snapshot), str(snapshot))
    chosen = read_params(params, signed.snapshot)
    with stages("proving the market") as progress:
        proof = prove_market(signed, read_set(oracles), chosen, backend=backend.value, progress=progress)
    write_public(out, proof.to_json_bytes())
    seconds = {name: round(spent, 3) for name, spent in proof.seconds.items()}
    statement = {name: str(getattr(proof.statement, name)) for name in proof.statement.names()}
    if as_json:
        content = {"proof": str(out), "circuit": proof.circuit, "statement": statement}
        print_json({**content, "backend": proof.backend, "seconds": seconds})
        return
    rows = {
        "as of": utc(proof.statement.time_ms),
        "snapshot": proof.statement.snapshot_hash,
        "risk root": proof.statement.risk_root,
        "circuit": proof.circuit,
        "made by": proof.backend,
        "seconds": ", ".join(f"{name} {spent:.2f}" for name, spent in proof.seconds.items()),
    }
    console().print(facts(f"Market proof written to {out}", rows))


app.command(
    "epoch", epilog="Example: zkm2m prove epoch --book book --market market.json --venue VENUE.toml --out epochs"
)(prove_epoch.epoch)
