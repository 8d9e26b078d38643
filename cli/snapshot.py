"""``zkm2m snapshot``: from quotes and trades to a market file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.files import check_output, read_market, write_public
from cli.options import JsonFlag, ProfileOption
from cli.progress import stages
from cli.render import console, duration, facts, percent, print_json, table, usd, utc
from rtnet_core.confidence import scaled_params
from rtnet_core.deribit import read_instrument_names
from rtnet_core.errors import InputError
from rtnet_core.params import default_params
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_build import BuildReport, CoinReport, build_snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from rtnet_core.surface_fit import Quality

app = typer.Typer(help="Market files from quotes and trades.", no_args_is_help=True)


@app.command("build", epilog="Example: zkm2m snapshot build --chain btc.csv --chain eth.csv --out snapshot.json")
def build(
    chains: Annotated[
        list[Path],
        typer.Option("--chain", metavar="FILE", help="An option chain; once for each coin, all of one time."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write; an older one is replaced.")],
    trades: Annotated[
        list[str] | None,
        typer.Option(
            "--trades",
            metavar="[COIN=]FILE",
            help="Trades at several venues, of the first chain's coin unless one is named; left out: its index.",
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option("--previous", metavar="SNAPSHOT", help="The snapshot before: a jump from its index is refused."),
    ] = None,
    instruments: Annotated[
        Path | None,
        typer.Option("--instruments", metavar="FILE", help="Names to list, one a line; left out: by open interest."),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(
            "--params", metavar="FILE", help="Also write the default margin parameters, widened by the confidence."
        ),
    ] = None,
    profile: ProfileOption = "standard",
    time_ms: Annotated[
        int | None,
        typer.Option("--time-ms", min=0, help="Time of the snapshot; left out: that of the newest input."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Build a market file: index over venues, forwards, and volatilities from a surface without arbitrage.

    Every input is checked for its age at the snapshot's time, each kind against its own limit.
    """
    check_output(out)
    if params is not None:
        check_output(params)
    names = None if instruments is None else read_instrument_names(instruments)
    before = None if previous is None else read_market(previous)
    with stages("reading the chains and fitting the surfaces"):
        snapshot, found = build_snapshot(
            chains,
            trades=_by_coin(trades or []),
            previous=before,
            profile=profile,
            instruments=names,
            time_ms=time_ms,
        )
    write_public(out, snapshot.to_json_bytes())
    if params is not None:
        scales = {coin.symbol: coin.margin_scale_bps for coin in found.coins}
        write_public(params, scaled_params(default_params(snapshot), scales).to_json_bytes())
    if as_json:
        print_json(_as_json(out, snapshot, found))
        return
    _print_report(out, snapshot, found)


def _by_coin(entries: list[str]) -> dict[str | None, Path]:
    """Return the trade files by coin; None is the coin of the first chain."""
    made: dict[str | None, Path] = {}
    for entry in entries:
        coin, separator, name = entry.rpartition("=")
        if (coin or None) in made:
            raise InputError("--trades", "must name a coin once", entry)
        made[coin if separator else None] = Path(name)
    return made


def _as_json(out: Path, snapshot: Snapshot, found: BuildReport) -> dict[str, Any]:
    return {
        "snapshot": str(out),
        "snapshot_hash": str(snapshot_hash(snapshot)),
        "profile": snapshot.profile,
        "time_ms": snapshot.time_ms,
        "instruments": len(snapshot.instruments),
        "inputs": [
            {"kind": entry.kind, "source": entry.source, "time_ms": entry.time_ms, "age_ms": entry.age_ms}
            for entry in found.inputs
        ],
        "files": [
            {"file": entry.file, "rows": entry.rows, "accepted": entry.accepted, "refused": entry.refused}
            for entry in found.chain.files
        ],
        "coins": [_coin_json(coin) for coin in found.coins],
    }


def _coin_json(coin: CoinReport) -> dict[str, Any]:
    fitted = coin.fitted
    return {
        "symbol": coin.symbol,
        "index": {
            "usd": f"{float(coin.index.usd):.6f}",
            "source": coin.index.source,
            "confidence_bps": coin.index.confidence_bps,
            "margin_scale_bps": coin.margin_scale_bps,
            "jump_bps": coin.jump_bps,
            "venues": [
                {
                    "venue": entry.venue,
                    "vwap_usd": f"{float(entry.vwap):.6f}",
                    "counted_usd": f"{float(entry.counted):.6f}",
                    "weight_bps": int(entry.weight * 10_000),
                    "age_ms": entry.age_ms,
                }
                for entry in coin.index.venues
            ],
            "dropped": list(coin.index.dropped),
        },
        "premium_bps": None if coin.premium is None else float(coin.premium * 10_000),
        "forwards": [
            {
                "expiry_ms": entry.expiry_ms,
                "usd": f"{float(entry.usd):.6f}",
                "source": entry.source,
                "discount": float(entry.discount),
                "pairs": entry.pairs,
                "parity_error_bps": entry.parity_error_bps,
            }
            for entry in coin.forwards
        ],
        "surface": {
            "quality": _quality_json(fitted.quality),
            "arbitrage_before": [_violation(entry) for entry in fitted.before],
            "arbitrage_after": [_violation(entry) for entry in fitted.after],
            "interpolated_expiries_ms": list(fitted.skipped),
            "expiries": [
                {
                    "expiry_ms": entry.slice.expiry_ms,
                    "at_the_money": float(entry.slice.volatility(0.0)),
                    "svi": {name: getattr(entry.slice.svi, name) for name in ("a", "b", "rho", "m", "sigma")},
                    "quality": _quality_json(entry.quality),
                }
                for entry in fitted.expiries
            ],
        },
    }


def _quality_json(quality: Quality) -> dict[str, float]:
    fields = ("quotes", "two_sided", "inside", "outside_median", "outside_worst", "middle_median", "middle_worst")
    return {name: getattr(quality, name) for name in (*fields, "mark_median")}


def _violation(entry: Any) -> dict[str, Any]:
    return {"kind": entry.kind, "expiry_ms": entry.expiry_ms, "k": entry.k, "size": entry.size}


def _print_report(out: Path, snapshot: Snapshot, found: BuildReport) -> None:
    screen = console()
    ages = [(entry.kind, entry.source, utc(entry.time_ms), duration(max(entry.age_ms, 0))) for entry in found.inputs]
    screen.print(table("Inputs", ("kind", "from", "time", ">age"), ages))
    rows = [(entry.file, entry.rows, entry.accepted, sum(entry.refused.values())) for entry in found.chain.files]
    screen.print(table("Rows of the chains", ("file", ">rows", ">taken", ">refused"), rows))
    for coin in found.coins:
        _print_coin(coin)
    facts_of = {
        "time": utc(snapshot.time_ms),
        "profile": f"{snapshot.profile}: {len(snapshot.instruments)} of {snapshot.sizes.instruments} slots",
        "underlyings": ", ".join(entry.symbol for entry in snapshot.underlyings),
        "hash": str(snapshot_hash(snapshot)),
    }
    screen.print(facts(f"Market written to {out}", facts_of))


def _print_coin(coin: CoinReport) -> None:
    screen = console()
    source = "trades" if coin.index.source == "trades" else "the chain's own index"
    lines: dict[str, object] = {
        "index": f"{usd(coin.index.usd * 10**6)} USD, from {source}",
        "confidence": f"{percent(coin.index.confidence_bps)}: margins times {coin.margin_scale_bps / 10_000:.4g}",
    }
    if coin.jump_bps is not None:
        lines["since the previous"] = f"{coin.jump_bps / 100:+.2f} %"
    if coin.premium is not None:
        lines["perpetual's premium"] = f"{float(coin.premium) * 100:+.4f} %"
    if coin.index.dropped:
        lines["stale venues"] = ", ".join(coin.index.dropped)
    quality, before = coin.fitted.quality, coin.fitted.before
    lines["two-sided quotes"] = f"{quality.inside} of {quality.two_sided} with the fit inside bid and ask"
    lines["outside by"] = f"median {quality.outside_median:.2f}, worst {quality.outside_worst:.2f} vol points"
    lines["arbitrage"] = f"{len(before)} places, repaired" if before else "none"
    screen.print(facts(coin.symbol, lines))
    venues = [
        (entry.venue, usd(entry.vwap * 10**6), usd(entry.counted * 10**6), percent(entry.weight * 10_000))
        for entry in coin.index.venues
    ]
    if venues:
        screen.print(table("Venues", ("venue", ">average USD", ">counted USD", ">weight"), venues))
    fits = {entry.slice.expiry_ms: entry for entry in coin.fitted.expiries}
    rows = []
    for forward in coin.forwards:
        fit = fits.get(forward.expiry_ms)
        shown = ("interpolated", "", "", "")
        if fit is not None:
            shown = (
                f"{float(fit.slice.volatility(0.0)) * 100:.2f} %",
                f"{fit.quality.inside} of {fit.quality.two_sided}",
                f"{fit.quality.outside_worst:.2f}",
                f"{fit.quality.middle_median:.2f}",
            )
        row = (utc(forward.expiry_ms)[:10], usd(forward.usd * 10**6), forward.source, f"{float(forward.discount):.5f}")
        rows.append((*row, *shown))
    columns = ("expiry", ">forward USD", "from", ">discount", ">at the money", ">inside", ">worst", ">from middle")
    screen.print(table("Expiries; fit errors in vol points", columns, rows))
