"""``zkm2m epoch``: how far an epoch has come."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.epoch_store import StoreOption, epoch_place, open_store
from cli.options import JsonFlag
from cli.render import console, duration, facts, print_json, utc, visible

if TYPE_CHECKING:
    from prover.store import EpochProgress

app = typer.Typer(help="The epochs of a venue.", no_args_is_help=True)


@app.command("status", epilog="Example: zkm2m epoch status epochs/17")
def status(
    epoch: Annotated[Path, typer.Argument(metavar="EPOCH", help="The epoch's folder, such as EPOCHS/17.")],
    store: StoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how far an epoch has come: batches proven, rate, time left; also while another process proves it."""
    epochs, number = epoch_place(epoch)
    with open_store(epochs, store, existing=True) as opened:
        found = opened.progress(number)
    content = _content(found)
    if as_json:
        print_json({"epoch": number, **content})
        return
    rate, left = content["accounts_per_second"], content["seconds_left"]
    rows = {
        "state": found.state,
        "accounts": f"{found.accounts:,}",
        "rows refused": f"{found.refused:,}",
        "batches": f"{found.batches_done:,} of {found.batches:,}",
        "merges": f"{found.merges_done:,} of {found.merges:,}",
        "attempts": f"{found.attempts:,}",
        "begun": utc(found.started_ms),
        "rate": "-" if rate is None else f"{rate:.2f} accounts/s",
        "time left": "-" if left is None else duration(left * 1000),
    }
    console().print(facts(f"Epoch {number}", rows))


@app.command("refused", epilog="Example: zkm2m epoch refused epochs/17")
def refused(
    epoch: Annotated[Path, typer.Argument(metavar="EPOCH", help="The epoch's folder, such as EPOCHS/17.")],
    store: StoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the rows of the book that are in no proof, each with the rule that it breaks; with --json one a line."""
    epochs, number = epoch_place(epoch)
    out = console()
    count = 0
    with open_store(epochs, store, existing=True) as opened:
        for row, reason in opened.refusals(number):
            count += 1
            if as_json:
                typer.echo(json.dumps({"row": row, "reason": reason}))
            else:
                out.print(f"row {row}: {visible(reason)}", markup=False, soft_wrap=True)
    if not as_json:
        out.print(f"{count:,} rows refused")


def _content(found: EpochProgress) -> dict[str, Any]:
    rate = left = None
    batch = -(-found.accounts // found.batches) if found.batches else 0
    if found.first_proof_ms is not None and found.last_proof_ms is not None and found.batches_done > 1:
        spent_s = max(found.last_proof_ms - found.first_proof_ms, 1) / 1000
        rate = (found.batches_done - 1) * batch / spent_s
        remaining = max(found.batches - found.batches_done, 0) * batch
        left = 0 if found.state == "published" else round(remaining / rate)
    return {
        "state": found.state,
        "accounts": found.accounts,
        "refused": found.refused,
        "batches_done": found.batches_done,
        "batches": found.batches,
        "merges_done": found.merges_done,
        "merges": found.merges,
        "attempts": found.attempts,
        "started_ms": found.started_ms,
        "now_ms": time.time_ns() // 1_000_000,
        "accounts_per_second": rate,
        "seconds_left": left,
    }
