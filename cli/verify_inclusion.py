"""``zkm2m verify inclusion``: a customer's own account in the book that an epoch's record states."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.files import read_bytes
from cli.options import JsonFlag
from cli.progress import stages
from cli.render import console, duration, facts, print_json, table, usd, utc
from cli.verify_options import MaxAgeOption, VenueKeyOption, grounds_table
from rtnet_core.epoch import MARKET_NAME, RECORD_NAME
from verifier.epoch_files import read_market, read_record
from verifier.given import policy_of
from verifier.inclusion import InclusionVerdict, verify_inclusion


def inclusion(
    mine: Annotated[Path, typer.Argument(metavar="FILE", help="The file that the venue handed to you.")],
    epoch: Annotated[Path, typer.Option("--epoch", metavar="EPOCH", help="The epoch's folder: EPOCHS/17.")],
    venue_key: VenueKeyOption = None,
    max_age: MaxAgeOption = None,
    production: Annotated[bool, typer.Option("--production", help="Refuse an unpinned venue.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check that an account, with these very numbers, is one of those that the epoch's record counts.

    Compare the numbers with what you know of your account. The epoch's proofs are checked by zkm2m verify epoch.

    Exit code 0: accepted; 1: refused, with a reason; 2: bad input.
    """
    with stages("checking the path"):
        verdict = verify_inclusion(
            read_bytes(mine),
            record=read_record(epoch / RECORD_NAME),
            snapshot=read_market(epoch / MARKET_NAME),
            policy=policy_of(production=production, max_age=max_age, venue_key=venue_key),
        )
    if as_json:
        print_json(verdict.to_json())
    else:
        _print(verdict)


def _print(verdict: InclusionVerdict) -> None:
    out = console()
    out.print("accepted: the account is in the book with these numbers", style="bold green")
    rows = {
        "venue": f"{verdict.venue}, epoch {verdict.epoch}",
        "venue key": f"{verdict.venue_public_key} ({'pinned' if verdict.venue_pinned else 'not pinned'})",
        "as of": f"{utc(verdict.as_of_ms)}, {duration(verdict.age_ms)} ago",
        "record": verdict.record,
        "accounts in the book": f"{verdict.account_count:,}",
        "account": verdict.account_id,
        "cash": f"{usd(verdict.cash_ticks)} USD",
    }
    out.print(facts("Verdict", rows))
    holdings = [("collateral, units", symbol, f"{units:,}") for symbol, units in verdict.collateral.items()]
    holdings += [("position, lots", name, f"{lots:,}") for name, lots in verdict.positions.items()]
    out.print(table("The account", ("what", "name", ">how much"), holdings))
    out.print(grounds_table(verdict.labels))
    out.print("the epoch's proofs were not checked here: zkm2m verify epoch does", style="yellow")
    if not verdict.venue_pinned:
        out.print("venue key not given (--venue-key): anyone could have signed this record", style="yellow")
