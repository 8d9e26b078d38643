"""The main job on the example that ships: market → margin → proof → verdict, for two accounts of one book.

Run by ``make run``. What it writes stays in ``build/example``, so that each step can be tried by hand.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from prover.account_proof import AccountProver, committed_account
from prover.paths import build_folder, project_root
from prover.proof_bundle import ProofBundle
from rtnet_core.account import Account, Book
from rtnet_core.book_commit import commit_book
from rtnet_core.limits import BPS
from rtnet_core.margin_exact import AccountMargin, account_margin, account_vector
from rtnet_core.params import Params, default_params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot
from rtnet_core.statement import Statement
from rtnet_core.venue_key import read_venue_key, write_venue_key
from verifier.account import verify_account
from verifier.keystore import Keystore
from verifier.verdict import Verdict

THRESHOLD_BPS = 10_000
CHALLENGE = "First Lending Desk, 2026-11-21, nonce 7b1f"
EXAMPLES = project_root() / "examples"
OUTPUT = build_folder() / "example"


def main() -> None:
    """Do the job and print what happened."""
    console = Console()
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading the market", total=None)
        snapshot = Snapshot.from_json((EXAMPLES / "market.json").read_bytes(), "market.json")
        params = default_params(snapshot)

        progress.update(task, description="Committing to the book")
        record = _commit(snapshot, params)

        progress.update(task, description="Margining every account")
        accounts = list(Book(OUTPUT / "book"))
        margins = _margins(accounts, snapshot, params)
        ratio = [margin.ratio_bps or 0 for margin in margins]
        chosen = [max(range(len(accounts)), key=ratio.__getitem__), min(range(len(accounts)), key=ratio.__getitem__)]

        results: list[tuple[Account, AccountMargin, ProofBundle[Statement], Verdict, float]] = []
        with AccountProver(snapshot.profile) as prover:
            for index in chosen:
                account = accounts[index]
                proof = committed_account(account.id, OUTPUT / "book", snapshot, params).prove(
                    prover,
                    THRESHOLD_BPS,
                    CHALLENGE,
                    lambda stage: progress.update(task, description=f"Proving: {stage}"),
                )
                path = OUTPUT / f"proof-{account.id}.json"
                path.write_bytes(proof.to_json_bytes())
                progress.update(task, description="Verifying")
                begun = time.perf_counter()
                verdict = _verify(path, snapshot, params, record)
                results.append((account, margins[index], proof, verdict, time.perf_counter() - begun))

    console.print(
        f"[bold]Market[/bold]  {len(snapshot.instruments)} instruments, {len(snapshot.underlyings)} underlyings, "
        f"{len(snapshot.assets)} collateral assets"
    )
    console.print(f"[bold]Book[/bold]    {len(accounts)} accounts, signed by {record.venue}")
    console.print(_summary(results))
    first = results[0][0].id
    console.print(
        "The recipient saw the market file, the signed record and the proof; never the account. Check it yourself:"
    )
    console.print(
        f"  .venv/bin/zkm2m verify build/example/proof-{first}.json --market examples/market.json "
        f'--record build/example/record.json --challenge "{CHALLENGE}"',
        soft_wrap=True,
        highlight=False,
    )
    if results[0][3].key.development:
        console.print("[yellow]Development key: whoever made it could forge proofs. Not for production.[/yellow]")


def _commit(snapshot: Snapshot, params: Params) -> Record:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    shutil.copytree(EXAMPLES / "book", OUTPUT / "book")
    write_venue_key(OUTPUT / "venue.pem")
    record = commit_book(OUTPUT / "book", snapshot, params, read_venue_key(OUTPUT / "venue.pem"), venue="Example Venue")
    (OUTPUT / "record.json").write_bytes(record.to_json_bytes())
    return record


def _margins(accounts: list[Account], snapshot: Snapshot, params: Params) -> list[AccountMargin]:
    risk, margin = build_risk_array(snapshot, params), margin_params(params, snapshot)
    return [account_margin(account_vector(account, snapshot), risk, margin) for account in accounts]


def _verify(path: Path, snapshot: Snapshot, params: Params, record: Record) -> Verdict:
    return verify_account(
        path.read_bytes(),
        snapshot=snapshot,
        params=params,
        record=record,
        challenge=CHALLENGE,
        keys=Keystore(build_folder() / "keys"),
    )


def _summary(results: list[tuple[Account, AccountMargin, ProofBundle[Statement], Verdict, float]]) -> Table:
    table = Table(show_header=True, header_style="bold")
    table.add_column("")
    for account, _, _, _, _ in results:
        table.add_column(account.id, justify="right")
    e4 = BPS * TICKS_PER_USD
    rows: list[tuple[str, list[str]]] = [
        ("positions", [str(len(account.positions)) for account, *_ in results]),
        ("net liquidation value, USD", [f"{margin.nlv_e4 / e4:,.2f}" for _, margin, *_ in results]),
        ("maintenance margin, USD", [f"{margin.maintenance_e4 / e4:,.2f}" for _, margin, *_ in results]),
        ("margin ratio", [f"{(margin.ratio_bps or 0) / 100:,.2f} %" for _, margin, *_ in results]),
        ("[bold]proven: clears 100 %[/bold]", ["yes" if verdict.clears else "no" for _, _, _, verdict, _ in results]),
        ("witness, s", [f"{proof.seconds['witness']:.2f}" for _, _, proof, _, _ in results]),
        ("proof, s", [f"{proof.seconds['proof']:.2f} ({proof.backend})" for _, _, proof, _, _ in results]),
        ("verification, s", [f"{seconds:.2f} ({verdict.backend})" for _, _, _, verdict, seconds in results]),
        ("proof file, bytes", [f"{len(proof.to_json_bytes()):,}" for _, _, proof, _, _ in results]),
    ]
    for name, cells in rows:
        table.add_row(name, *cells)
    return table


if __name__ == "__main__":
    main()
