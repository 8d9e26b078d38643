"""``zkm2m venue``: what a venue says about itself, in the file that its epochs are made by."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.files import check_output, read_record, write_public
from cli.options import DEFAULT_THRESHOLD_BPS, ForceFlag, JsonFlag, ThresholdOption
from cli.render import console, facts, percent, print_json, usd
from rtnet_core.epoch import RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.reserves import ownership_message
from rtnet_core.snapshot import TICKS_PER_USD
from rtnet_core.venue import VenueFile
from rtnet_core.venue_key import public_hex, read_venue_key, write_venue_key


class Chain(StrEnum):
    """Chains whose ownership signatures are checked."""

    ETHEREUM = "ethereum"
    BITCOIN = "bitcoin"


app = typer.Typer(help="The venue: its name, key, insurance fund and thresholds.", no_args_is_help=True)


@app.command(
    "init", epilog="Example: zkm2m venue init --name 'Example venue' --insurance-fund 2500000 --out VENUE.toml"
)
def init(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The venue's file; the key is put beside it.")],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="The venue's name, for people.")] = "venue",
    insurance_fund: Annotated[
        str, typer.Option("--insurance-fund", metavar="USD", help="What stands ready to cover deficits; published.")
    ] = "0",
    threshold_bps: ThresholdOption = DEFAULT_THRESHOLD_BPS,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="A signing key that exists already; left out: a new one is made."),
    ] = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a venue's file and, unless it has one, its signing key.

    Verifiers pin the public half of the key, which this prints. The private half is for its owner only.
    """
    check_output(out)
    if out.exists() and not force:
        raise InputError(str(out), "exists already; --force replaces it, and keeps its key")
    key_path = out.with_suffix(".pem") if key is None else key
    key_file = key_path.name if key_path.parent.resolve() == out.parent.resolve() else str(key_path.resolve())
    content = {
        "name": name,
        "key_file": key_file,
        "insurance_fund_ticks": _ticks(insurance_fund),
        "threshold_bps": threshold_bps,
    }
    venue = VenueFile.from_json(content, "venue")
    public = (
        write_venue_key(key_path) if key is None and not key_path.exists() else public_hex(read_venue_key(key_path))
    )
    write_public(out, venue.to_toml().encode())
    if as_json:
        print_json({"venue": str(out), "key": str(key_path), "venue_public_key": public})
        return
    rows = {
        "name": venue.name,
        "public key": public,
        "private key": f"{key_path} (secret: keep it, and keep a copy)",
        "insurance fund": f"{usd(venue.insurance_fund_ticks)} USD",
        "threshold": percent(venue.threshold_bps),
    }
    console().print(facts(f"Venue written to {out}", rows))


@app.command(
    "reserves-message",
    epilog="Example: zkm2m venue reserves-message --epoch epochs/17 --chain ethereum "
    "--address 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045",
)
def reserves_message(
    epoch: Annotated[Path, typer.Option("--epoch", metavar="EPOCH", help="The epoch's folder, such as EPOCHS/17.")],
    chain: Annotated[Chain, typer.Option("--chain", help="The chain that the address is of.")],
    address: Annotated[str, typer.Option("--address", metavar="TEXT", help="The address that holds reserves.")],
    as_json: JsonFlag = False,
) -> None:
    """Print the text that the holder of an address signs, so that a reserves file shows whose it is."""
    path = epoch / RECORD_NAME
    record = read_record(path)
    public = record.signature.public_key
    text = ownership_message(record.venue, public, record.number, record.as_of_ms, chain.value, address)
    if as_json:
        print_json({"message": text, "time_ms": record.as_of_ms})
        return
    typer.echo(text)


def _ticks(amount: str) -> int:
    """Return an amount in USD as ticks."""
    try:
        ticks = Decimal(amount) * TICKS_PER_USD
    except InvalidOperation:
        raise InputError("--insurance-fund", "must be a decimal number of USD", amount) from None
    if not ticks.is_finite() or ticks != ticks.to_integral_value() or ticks < 0:
        raise InputError("--insurance-fund", "must be at least 0 USD, with at most 6 decimal places", amount)
    return int(ticks)
