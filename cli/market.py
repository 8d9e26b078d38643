"""``zkm2m market``: import, sample, show and plot market files, and the parameters that go with them."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.files import check_output, read_market, write_public
from cli.market_plot import plot
from cli.options import JsonFlag, ProfileOption
from cli.progress import stages
from cli.render import console, facts, per_coin, percent, print_json, table, utc
from rtnet_core.black76 import value_ticks
from rtnet_core.deribit import REASONS, ImportReport, import_chains, read_instrument_names
from rtnet_core.limits import BPS, VOLATILITY_FRACTION_BITS
from rtnet_core.market_sample import DEFAULT_TIME_MS, sample_market
from rtnet_core.params import Params, default_params
from rtnet_core.snapshot import Instrument, Snapshot, slots
from rtnet_core.snapshot_hash import snapshot_hash

app = typer.Typer(help="Market files: import them, sample them, look at them.", no_args_is_help=True)
import_app = typer.Typer(help="Import what a venue publishes.", no_args_is_help=True)
app.add_typer(import_app, name="import")

OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write; an older one is replaced.")]
MarketArgument = Annotated[Path, typer.Argument(metavar="MARKET", help="The market file.")]


@import_app.command("deribit", epilog="Example: zkm2m market import deribit btc.csv eth.csv --out market.json")
def import_deribit(
    chains: Annotated[list[Path], typer.Argument(metavar="CHAIN.csv", help="Option chains of one time.")],
    out: OutOption,
    instruments: Annotated[
        Path | None,
        typer.Option(
            "--instruments",
            metavar="FILE",
            help="Names to list, one a line; left out: a perpetual, futures, and the options with most open interest.",
        ),
    ] = None,
    profile: ProfileOption = "standard",
    as_json: JsonFlag = False,
) -> None:
    """Import Deribit option chains as one market file.

    Each row is checked and repriced from its own forward and volatility; what does not agree with itself is refused,
    and the report says how many and why.
    """
    check_output(out)
    names = None if instruments is None else read_instrument_names(instruments)
    with stages("reading and repricing the chains"):
        snapshot, found = import_chains(chains, profile=profile, instruments=names)
    write_public(out, snapshot.to_json_bytes())
    if as_json:
        print_json({"market": str(out), "snapshot_hash": str(snapshot_hash(snapshot)), **asdict(found)})
        return
    _print_report(found)
    _print_written(out, snapshot)


def _print_report(found: ImportReport) -> None:
    rows = [
        (
            entry.file,
            entry.rows,
            entry.accepted,
            sum(entry.refused.values()),
            f"{entry.repriced_error_median:.1e}",
            f"{entry.repriced_error_worst:.1e}",
        )
        for entry in found.files
    ]
    columns = ("file", ">rows", ">taken", ">refused", ">median error", ">worst error")
    console().print(table("Rows; errors of the repriced mark are relative to the forward", columns, rows))
    if found.refused:
        reasons = [(count, reason, REASONS[reason]) for reason, count in found.refused.items()]
        console().print(table("Refused", (">rows", "reason", "meaning"), reasons))


@app.command("sample", epilog="Example: zkm2m market sample --seed 1 --out market.json")
def sample(
    seed: Annotated[int, typer.Option("--seed", min=0, max=(1 << 64) - 1, help="The same seed, the same market.")],
    out: OutOption,
    profile: ProfileOption = "standard",
    time_ms: Annotated[
        int, typer.Option("--time-ms", min=0, help="Time of the snapshot, milliseconds UTC since 1970.")
    ] = DEFAULT_TIME_MS,
    as_json: JsonFlag = False,
) -> None:
    """Write a generated market: term structures, smiles, perpetuals, futures and options around the money."""
    snapshot = sample_market(seed, profile, time_ms)
    write_public(out, snapshot.to_json_bytes())
    if as_json:
        print_json({"market": str(out), **_summary(snapshot)})
        return
    _print_written(out, snapshot)


@app.command("show", epilog="Example: zkm2m market show market.json")
def show(market: MarketArgument, as_json: JsonFlag = False) -> None:
    """Show a market file: indices, collateral and every instrument with its mark."""
    snapshot = read_market(market)
    if as_json:
        content = json.loads(snapshot.to_json_bytes())
        for entry, instrument in zip(content["instruments"], snapshot.instruments, strict=True):
            entry["mark_ticks"] = _mark_ticks(instrument, snapshot)
        print_json({**content, "snapshot_hash": str(snapshot_hash(snapshot))})
        return
    out = console()
    out.print(facts("Market", _summary_words(snapshot)))
    lots = {entry.symbol: entry.lot for entry in snapshot.underlyings}
    rows = [
        (f"{entry.symbol} index", f"{per_coin(entry.index_ticks, entry.lot)} USD", f"lot {entry.lot}")
        for entry in snapshot.underlyings
    ]
    rows += [
        (f"{entry.symbol} collateral", f"{per_coin(entry.price_ticks, entry.unit)} USD", f"unit {entry.unit}")
        for entry in snapshot.assets
    ]
    out.print(table("Prices of one coin", ("what", ">price", "counted in"), rows))
    columns = (">slot", "instrument", ">forward USD", ">strike USD", ">volatility", ">mark USD")
    listed = [
        _instrument_row(number, entry, snapshot, lots[entry.underlying])
        for number, entry in enumerate(slots(snapshot))
        if entry is not None
    ]
    out.print(table("Instruments; prices for one coin", columns, listed))


@app.command("params", epilog="Example: zkm2m market params market.json --out params.json")
def params(
    market: MarketArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The file to write; left out: they are only shown."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the published default margin parameters for a market, or write them to a file for changing."""
    snapshot = read_market(market)
    chosen = default_params(snapshot)
    if out is not None:
        write_public(out, chosen.to_json_bytes())
    if as_json:
        print_json(json.loads(chosen.to_json_bytes()))
        return
    _print_params(chosen, snapshot)
    if out is not None:
        console().print(f"written to {out}", markup=False)


app.command("plot", epilog="Example: zkm2m market plot btc.csv --out smiles.svg")(plot)


def _print_params(chosen: Params, snapshot: Snapshot) -> None:
    out = console()
    lots = {entry.symbol: Fraction(entry.lot) for entry in snapshot.underlyings}
    units = {entry.symbol: Fraction(entry.unit) for entry in snapshot.assets}
    for entry in chosen.of_underlyings(snapshot):
        kinks = [float(kink * lots[entry.symbol]) for kink in entry.size_kinks_lots]
        rises = [percent(rise) for rise in entry.size_rises_bps]
        out.print(
            facts(
                entry.symbol,
                {
                    "scan range": percent(entry.scan_range_bps),
                    "volatility up, down": f"{percent(entry.volatility_up_bps)}, {percent(entry.volatility_down_bps)}",
                    "short option minimum": f"{percent(entry.short_option_bps)} of the index",
                    "size add-on": "; ".join(
                        f"+{rise} above {kink:,.1f} {entry.symbol}" for rise, kink in zip(rises, kinks, strict=True)
                    ),
                    "delta rate": f"{entry.delta_rate_bps / BPS:g} of the loss at a 1 % move",
                    "gamma rate": f"{entry.gamma_rate_bps / BPS:g} of its change at a further 1 %",
                },
            )
        )
    rows = [
        (
            asset.symbol,
            percent(asset.rate_bps),
            "; ".join(
                f"-{percent(drop)} above {float(kink * units[asset.symbol]):,.1f}"
                for drop, kink in zip(asset.drops_bps, asset.kinks, strict=True)
            ),
        )
        for asset in chosen.of_assets(snapshot)
    ]
    out.print(table("Collateral", ("asset", ">counts at", "less"), rows))
    words = {1: "up", 0: "unchanged", -1: "down"}
    grid = [
        (number, f"{scenario.price_thirds:+d}/3", words[scenario.volatility], percent(scenario.cover_bps))
        for number, scenario in enumerate(chosen.scenarios)
    ]
    columns = (">scenario", ">of the scan range", "volatility", ">counts at")
    out.print(table("Scenarios", columns, grid))


def _print_written(out: Path, snapshot: Snapshot) -> None:
    console().print(facts(f"Market written to {out}", _summary_words(snapshot)))


def _summary(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "snapshot_hash": str(snapshot_hash(snapshot)),
        "profile": snapshot.profile,
        "time_ms": snapshot.time_ms,
        "underlyings": [entry.symbol for entry in snapshot.underlyings],
        "assets": [entry.symbol for entry in snapshot.assets],
        "instruments": len(snapshot.instruments),
    }


def _summary_words(snapshot: Snapshot) -> dict[str, str]:
    return {
        "time": utc(snapshot.time_ms),
        "profile": f"{snapshot.profile}: {len(snapshot.instruments)} of {snapshot.sizes.instruments} slots",
        "underlyings": ", ".join(entry.symbol for entry in snapshot.underlyings),
        "collateral": ", ".join(entry.symbol for entry in snapshot.assets),
        "hash": str(snapshot_hash(snapshot)),
    }


def _mark_ticks(instrument: Instrument, snapshot: Snapshot) -> int:
    strike, volatility, expiry_ms = instrument.strike_ticks, instrument.volatility_q32, instrument.expiry_ms
    if strike is None or volatility is None or expiry_ms is None:  # a perpetual or a future
        return instrument.forward_ticks
    return value_ticks(instrument.kind, instrument.forward_ticks, strike, volatility, expiry_ms - snapshot.time_ms)


def _instrument_row(number: int, instrument: Instrument, snapshot: Snapshot, lot: str) -> tuple[object, ...]:
    volatility = instrument.volatility_q32
    return (
        number,
        instrument.name,
        per_coin(instrument.forward_ticks, lot),
        "" if instrument.strike_ticks is None else per_coin(instrument.strike_ticks, lot),
        "" if volatility is None else percent(Fraction(volatility * BPS, 1 << VOLATILITY_FRACTION_BITS)),
        per_coin(_mark_ticks(instrument, snapshot), lot),
    )
