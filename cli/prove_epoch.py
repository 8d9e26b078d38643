"""``zkm2m prove epoch``: a whole book proven, in one folder that anyone can check."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.epoch_progress import EpochDisplay
from cli.epoch_store import StoreOption, development_venue, open_store
from cli.files import read_market, read_params, read_record
from cli.options import JsonFlag, MarketOption, ParamsOption, ProverBackend
from cli.render import console, duration, facts, percent, usd, utc
from rtnet_core.book_source import open_book_source
from rtnet_core.epoch import RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.record import Record
from rtnet_core.venue import Venue, read_venue

if TYPE_CHECKING:
    from prover.epoch_run import EpochResult
    from prover.workers import Workers


def epoch(
    book: Annotated[
        str,
        typer.Option(
            "--book", metavar="BOOK", help="A book's folder, a .parquet or .jsonl file, or a database's SQLAlchemy URL."
        ),
    ],
    market: MarketOption,
    out: Annotated[
        Path, typer.Option("--out", metavar="EPOCHS", help="The folder that gets a folder for each epoch; published.")
    ],
    venue: Annotated[
        Path | None, typer.Option("--venue", metavar="FILE", help="The venue's file; left out: a development venue.")
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option("--previous", metavar="FILE", help="The record before this one; left out: the last of EPOCHS."),
    ] = None,
    params: ParamsOption = None,
    query: Annotated[
        str | None,
        typer.Option("--query", metavar="SQL", help="What to ask a database for, if not its accounts table."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes of this machine; left out: one for each core.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="A Dask scheduler, tls://HOST:8786 or tcp:// on loopback."),
    ] = None,
    tls_ca: Annotated[
        Path | None, typer.Option("--tls-ca", metavar="FILE", help="Who signs the cluster's keys.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate to show to the cluster.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Key of that certificate.")] = None,
    store: StoreOption = None,
    count_refused: Annotated[
        bool, typer.Option("--count-refused", help="Leave out rows that break a rule, and state how many.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Discard an unfinished run of this epoch instead of continuing it.")
    ] = False,
    backend: Annotated[ProverBackend, typer.Option("--backend", help="What makes the proofs.")] = ProverBackend.AUTO,
    table_mib: Annotated[
        int,
        typer.Option(
            "--table-mib",
            min=0,
            max=1 << 20,
            help="MiB that each worker's native prover may take for tables of a key's points: proofs get a bit faster.",
        ),
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Prove that every account of a book is counted: who clears, what is owed, and that every long has its short.

    A run that was stopped, at whatever moment, continues where it was when it is started again. With --json, every step
    is one JSON object on a line of its own.
    """
    # SQLAlchemy takes a quarter of a second to load: only the commands that use the store pay.
    from prover.cluster import ClusterWorkers
    from prover.epoch_run import EpochRequest, prove_epoch
    from prover.workers import LocalWorkers

    if workers is not None and cluster is not None:
        raise InputError("--workers", "cannot be given together with --cluster")
    if table_mib and backend is ProverBackend.SNARKJS:
        raise InputError(
            "--table-mib", "cannot be given together with --backend snarkjs: tables are the native prover's"
        )
    if not out.resolve().parent.is_dir():
        raise InputError(str(out), "cannot be made: the folder above it does not exist")
    snapshot = read_market(market)
    chosen_venue = read_venue(venue) if venue is not None else development_venue(out)
    display = EpochDisplay(as_json=as_json)
    if chosen_venue.development:
        display.warn(
            "no --venue given: a development venue signs, with a key made on this machine and an insurance fund of "
            f"{usd(chosen_venue.file.insurance_fund_ticks)} USD that exists on paper only"
        )
    request = EpochRequest(
        venue=chosen_venue,
        source=open_book_source(book, query),
        snapshot=snapshot,
        params=read_params(params, snapshot),
        out=out,
        previous=_previous(previous, out),
        count_refused=count_refused or chosen_venue.file.refused_rows == "count",
        restart=restart,
        backend=backend.value,
        table_bytes=table_mib << 20,
    )
    chosen: AbstractContextManager[Workers] = (
        LocalWorkers(workers)
        if cluster is None
        else ClusterWorkers(cluster, tls_ca=tls_ca, tls_cert=tls_cert, tls_key=tls_key)
    )
    with open_store(out, store) as opened, chosen as ready, display:
        result = prove_epoch(request, opened, ready, display.observe)
    if as_json:
        display.emit(_summary(result))
        return
    _print(result, chosen_venue)


def _previous(path: Path | None, out: Path) -> Record | None:
    if path is None:
        numbers = [int(entry.name) for entry in out.iterdir() if entry.name.isdecimal()] if out.is_dir() else []
        if not numbers:
            return None
        path = out / str(max(numbers)) / RECORD_NAME
    record = read_record(path)
    record.verify_signature()
    return record


def _summary(result: EpochResult) -> dict[str, Any]:
    record = result.record
    return {
        "event": "published",
        "epoch": record.number,
        "folder": str(result.folder),
        "digest": record.digest().hex(),
        "venue_public_key": record.signature.public_key,
        "account_count": record.account_count,
        "published_bytes": result.published_bytes,
        "proofs_made": result.proofs_made,
        "seconds": result.seconds,
    }


def _print(result: EpochResult, venue: Venue) -> None:
    record, proven = result.record, result.proven
    totals = proven.totals
    rows = {
        "venue": record.venue + (" (development)" if venue.development else ""),
        "venue key": record.signature.public_key,
        "as of": utc(record.as_of_ms),
        "accounts": f"{record.account_count:,}",
        "rows refused": f"{proven.refused_rows:,}",
        f"below {percent(proven.threshold_bps)}": f"{totals.below_threshold:,} accounts",
        "deficits": f"{totals.deficit_accounts:,} accounts, {usd(int(totals.deficit_ticks))} USD",
        "insurance fund": f"{usd(int(proven.insurance_fund_ticks))} USD",
        "digest": record.digest().hex(),
        "size": f"{result.published_bytes:,} bytes, {result.published_bytes / record.account_count:.1f} an account",
        "proofs": f"{result.proofs_made} made in {duration(round(result.seconds * 1000))}",
    }
    console().print(facts(f"Epoch {record.number} published in {result.folder}", rows))
