"""``zkm2m inclusion``: the files that a venue hands to its customers after an epoch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.epoch_store import StoreOption, epoch_place, open_store
from cli.files import check_output, read_record
from cli.options import JsonFlag
from cli.progress import counted
from cli.render import console, facts, print_json
from rtnet_core.epoch import RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file

app = typer.Typer(help="What a venue hands to its customers after an epoch.", no_args_is_help=True)


@app.command("export", epilog="Example: zkm2m inclusion export --epoch epochs/17 --account acct-000000 --out mine.json")
def export(
    epoch: Annotated[Path, typer.Option("--epoch", metavar="EPOCH", help="The epoch's folder, such as EPOCHS/17.")],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="The file; with --all a folder that is made.")],
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="The customer's id; - reads it from standard input."),
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="A file for every customer, named by the leaf.")] = False,
    store: StoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write what a customer needs to find their account in a published epoch: the account, its salt, its path.

    A file is for its customer alone: it shows the account. Only its owner can read it.
    """
    # SQLAlchemy takes a quarter of a second to load: only the commands that use the store pay.
    from prover.inclusions import InclusionExporter

    if (account is None) != everyone:
        raise InputError("--account", "or --all must be given, and not both")
    epochs, _ = epoch_place(epoch)
    path = epoch / RECORD_NAME
    record = read_record(path)
    with open_store(epochs, store, existing=True) as opened:
        exporter = InclusionExporter(opened, record)
        if everyone:
            with counted("writing inclusion files") as progress:
                count = exporter.write_all(out, progress)
        else:
            name = sys.stdin.readline().rstrip("\r\n") if account == "-" else str(account)
            check_output(out)
            replace_file(out.resolve(), [exporter.one(name).to_json_bytes()])
            count = 1
    if as_json:
        print_json({"out": str(out), "files": count, "epoch": record.number})
        return
    console().print(facts(f"Written to {out}", {"files": f"{count:,}", "epoch": record.number}))
