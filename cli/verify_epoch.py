"""``zkm2m verify epoch`` and ``chain``: the whole book, and the records that follow each other."""

from __future__ import annotations

from decimal import Decimal, localcontext
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from cli.errors import ExitCode
from cli.files import read_bytes
from cli.options import JsonFlag
from cli.progress import counted, stages
from cli.render import console, duration, facts, percent, print_json, table, usd, utc
from cli.report import exit_code, print_report
from cli.verify_options import (
    BackendOption,
    EpochVkIdOption,
    KeysOption,
    MaxAgeOption,
    VenueKeyOption,
    VerifierBackend,
    grounds_table,
    own_keys,
)
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, THRESHOLD_BITS
from rtnet_core.reserves import Reserves
from rtnet_core.snapshot import TICKS_PER_USD
from verifier.chain import ChainVerdict, verify_chain
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.epoch_verdict import EpochVerdict
from verifier.given import epoch_pins, policy_of, previous_record
from verifier.report.epoch import epoch_report
from verifier.reserves import Liability, ReservesReport

#: Most epochs of a chain, and most addresses of a reserves file, that a table shows; --json shows all.
_MOST_ROWS: Final = 20


def epoch(
    folder: Annotated[Path, typer.Argument(metavar="EPOCH", help="The epoch's folder: EPOCHS/17.")],
    reserves: Annotated[
        Path | None,
        typer.Option("--reserves", metavar="FILE", help="The venue's reserves, compared with what it owes."),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(
            "--previous",
            metavar="FILE",
            help="The record before this one; left out: ../16/record.json, if there.",
        ),
    ] = None,
    threshold_bps: Annotated[
        int | None,
        typer.Option(
            "--threshold-bps",
            min=1,
            max=(1 << THRESHOLD_BITS) - 1,
            help="The threshold that accounts must be counted by; left out: the one it states.",
        ),
    ] = None,
    venue_key: VenueKeyOption = None,
    max_age: MaxAgeOption = None,
    keys: KeysOption = None,
    vk_id: EpochVkIdOption = None,
    backend: BackendOption = VerifierBackend.AUTO,
    production: Annotated[
        bool, typer.Option("--production", help="Refuse development keys and unpinned venues.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Also report all that can be computed again, row by row, with findings.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--chain", help="With --full: check the records of all epochs in the folder above.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check every proof of an epoch, its totals, and that it follows the epoch before it.

    An epoch stays verifiable: its age is told, and limited only by --max-age.

    Exit code 0: accepted; 3: accepted, and the reserves do not cover what is owed; 1: refused, with a reason, or --full
    found something else that is critical; 2: bad input.
    """
    if follow and not full:
        raise InputError("--chain", "must be given together with --full")
    opened = EpochFolder(folder)
    policy = policy_of(production=production, max_age=max_age, venue_key=venue_key, threshold_bps=threshold_bps)
    held = None if reserves is None else Reserves.from_json(read_bytes(reserves), str(reserves))
    with counted("checking the proofs") as tell:
        verdict = verify_epoch(
            opened,
            keys=own_keys(keys, epoch_pins(vk_id or [], opened.record.profile)),
            policy=policy,
            previous=previous_record(folder, opened.record, previous),
            reserves=held,
            backend=backend.value,
            progress=tell,
        )
    report = None
    if full:
        # An age limit is for the epoch asked about: those before it are older.
        unlimited = policy_of(production=production, max_age=None, venue_key=venue_key)
        report = epoch_report(opened, verdict, verify_chain(folder.resolve().parent, unlimited) if follow else None)
    if as_json:
        print_json(verdict.to_json() | ({} if report is None else {"report": report.to_json()}))
    else:
        _print_epoch(verdict)
        if report is not None:
            print_report(console(), report)
    if verdict.covered is False:
        raise typer.Exit(ExitCode.BELOW_THRESHOLD)
    raise typer.Exit(ExitCode.DONE if report is None else exit_code(report))


def chain(
    folder: Annotated[Path, typer.Argument(metavar="EPOCHS", help="The folder of epochs.")],
    venue_key: VenueKeyOption = None,
    production: Annotated[bool, typer.Option("--production", help="Refuse an unpinned venue.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check that every record names the one before it; the proofs of the epochs are not checked.

    Exit code 0: accepted; 1: refused, with a reason; 2: bad input.
    """
    with stages("checking the records"):
        verdict = verify_chain(folder, policy_of(production=production, max_age=None, venue_key=venue_key))
    if as_json:
        print_json(verdict.to_json())
    else:
        _print_chain(verdict)


def _print_epoch(verdict: EpochVerdict) -> None:
    out = console()
    if verdict.covered is False:
        out.print("accepted: the book is proven, and the reserves do not cover what is owed", style="bold yellow")
    else:
        out.print("accepted: the book is proven as stated", style="bold green")
    pinned = "pinned" if verdict.venue_pinned else "not pinned"
    rows = {
        "venue": f"{verdict.venue}, epoch {verdict.number}",
        "venue key": f"{verdict.venue_public_key} ({pinned})",
        "as of": f"{utc(verdict.as_of_ms)}, {duration(verdict.age_ms)} ago",
        "record": verdict.digest,
        "follows": _predecessor(verdict),
        "proofs": ", ".join(f"{line.proofs} of {line.circuit}" for line in verdict.circuits),
        "keys": ", ".join(f"{line.circuit} {line.key.vk_id[:16]}" for line in verdict.circuits),
        "checked by": f"{verdict.backend}, in {verdict.seconds:.1f} s",
    }
    out.print(facts("Verdict", rows))
    shortfall = usd(verdict.shortfall_e8, TICKS_PER_USD * BPS * BPS)
    book = {
        "accounts": f"{verdict.account_count:,}",
        f"below {percent(verdict.threshold_bps)}": f"{verdict.below_threshold:,}, lacking {shortfall} USD",
        "owing more than they have": f"{verdict.deficit_accounts:,}, together {usd(verdict.deficit_ticks)} USD",
        "insurance fund": f"{usd(verdict.insurance_fund_ticks)} USD",
        "net position": "zero in every instrument",
        "rows refused": f"{verdict.refused_rows:,}, in no proof",
    }
    out.print(facts("The book", book))
    _print_liabilities(out, verdict.liabilities, verdict.reserves)
    out.print(grounds_table(verdict.labels))
    _print_cautions(out, verdict)


def _print_liabilities(out: Console, liabilities: tuple[Liability, ...], report: ReservesReport | None) -> None:
    if report is None:
        rows = [(owed.symbol, amount(owed.amount, owed)) for owed in liabilities]
        out.print(table("What the venue owes", ("asset", ">owed"), rows))
        return
    cells = []
    for owed, cover in zip(liabilities, report.covers, strict=True):
        answer = Text("yes", "green") if cover.covered else Text("no", "bold red")
        amounts = (amount(number, owed) for number in (cover.liability, cover.reserves, cover.owned))
        cells.append((owed.symbol, *amounts, answer))
    headings = ("asset", ">owed", ">reserves stated", ">at verified addresses", "covered")
    out.print(table("What the venue owes, and holds", headings, cells))
    units = {owed.symbol: owed for owed in liabilities}
    lines = [
        (line.symbol, line.chain, line.address, amount(line.balance, units[line.symbol]), line.ownership)
        for line in report.lines[:_MOST_ROWS]
    ]
    out.print(table("Reserves by address", ("asset", "chain", "address", ">balance stated", "ownership"), lines))
    if len(report.lines) > _MOST_ROWS:
        out.print(f"and {len(report.lines) - _MOST_ROWS} more addresses: --json shows all")
    out.print("balances are what the reserves file states: no chain was read here", style="yellow")
    for note in report.notes:
        out.print(note, style="yellow", markup=False)


def _print_cautions(out: Console, verdict: EpochVerdict) -> None:
    if verdict.development:
        out.print("development key: whoever made it can forge proofs; --production refuses it", style="yellow")
    if not verdict.venue_pinned:
        out.print("venue key not given (--venue-key): anyone could have signed this record", style="yellow")
    if verdict.unchecked:
        out.print(facts("Not checked", {"other files in the folder": ", ".join(verdict.unchecked)}))


def _predecessor(verdict: EpochVerdict) -> str:
    if verdict.previous is None:
        return "no record: this is a first epoch"
    return f"{verdict.previous} ({'checked' if verdict.previous_checked else 'not at hand'})"


def _print_chain(verdict: ChainVerdict) -> None:
    out = console()
    first, last = verdict.links[0].number, verdict.links[-1].number
    out.print(f"accepted: {len(verdict.links):,} records follow each other", style="bold green")
    rows = {
        "venue": verdict.venue,
        "venue key": f"{verdict.venue_public_key} ({'pinned' if verdict.venue_pinned else 'not pinned'})",
        "epochs": f"{first} to {last}",
        "begins": "with a first record" if verdict.begins_after is None else f"after {verdict.begins_after}, not here",
        "checked": "signatures and links of the records; no proof",
    }
    if verdict.unchecked:
        rows["not checked"] = ", ".join(verdict.unchecked)
    out.print(facts("Chain", rows))
    shown = verdict.links[-_MOST_ROWS:]
    cells = [(link.number, utc(link.as_of_ms), f"{link.account_count:,}", link.digest[:16]) for link in shown]
    title = "Records" if len(shown) == len(verdict.links) else f"The last {len(shown)} records"
    out.print(table(title, (">epoch", "as of", ">accounts", "record"), cells))
    if not verdict.venue_pinned:
        out.print("venue key not given (--venue-key): anyone could have signed these records", style="yellow")


def amount(number: int, owed: Liability) -> str:
    """Return an amount of an asset for a person: USD to the cent, coins to their last digit."""
    if owed.is_quote:
        return usd(number)
    with localcontext(prec=80):
        return f"{Decimal(owed.unit.split()[0]) * number:,f}"
