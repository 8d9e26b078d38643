"""``zkm2m latency``: what delay costs - bad debt between two looks at an account, and collateral on its way."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.latency_plot import paint_debt, paint_velocity
from cli.options import JsonFlag
from cli.picture import PlotOption, check_picture, write_picture
from cli.render import console, print_json, table
from rtnet_core.loss.latency import (
    CollateralTurnover,
    Gap,
    LatencyRow,
    collateral_turnover,
    largest_leverage,
    latency_row,
    move_over,
)

app = typer.Typer(help="What delay costs: bad debt, and collateral on its way.", no_args_is_help=True)

#: A batch of a tenth of a second, a second, Ethereum's slot, a minute, ten minutes, an hour.
_DEFAULT_INTERVALS_MS: Final = [100, 1_000, 12_000, 60_000, 600_000, 3_600_000]
_DEFAULT_LEVERAGES: Final = [10.0, 25.0, 50.0, 100.0]
#: A second, Ethereum's finality of two epochs, an hour, a day, two days, a week's challenge of an optimistic bridge.
_DEFAULT_SETTLEMENTS_MS: Final = [1_000, 768_000, 3_600_000, 86_400_000, 172_800_000, 604_800_000]


@app.command("debt", epilog="Example: zkm2m latency debt --volatility 80 --leverage 20 --leverage 50 --plot debt.svg")
def debt(
    volatility: Annotated[
        float, typer.Option("--volatility", min=0.1, max=1_000.0, help="Volatility of a year, per cent.")
    ] = 60.0,
    interval_ms: Annotated[
        list[int] | None,
        typer.Option("--interval-ms", min=1, help="Time between two looks: a block, a batch; repeat it for several."),
    ] = None,
    leverage: Annotated[
        list[float] | None,
        typer.Option("--leverage", min=1.0, help="Notional over initial margin; repeat it for several."),
    ] = None,
    delay_ms: Annotated[int, typer.Option("--delay-ms", min=0, help="From the look until the account is closed.")] = 0,
    maintenance_share: Annotated[
        float, typer.Option("--maintenance-share", min=1.0, max=100.0, help="Maintenance of initial margin, per cent.")
    ] = 50.0,
    gap: Annotated[Gap, typer.Option("--gap", help="The distribution of a move.")] = Gap.STUDENT,
    freedom: Annotated[
        float, typer.Option("--freedom", min=2.01, max=1e6, help="Degrees of freedom of Student's t.")
    ] = 3.0,
    budget_bps: Annotated[
        float, typer.Option("--budget-bps", min=1e-9, help="Bad debt per interval that the largest leverage may make.")
    ] = 0.01,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the expected bad debt of an interval, for an account that stands at its level of liquidation.

    It has maintenance share over leverage left when the interval begins; what a move takes beyond that is bad debt, in
    basis points of its notional. A day's figure is the same times the intervals of a day.
    """
    check_picture(plot)
    rows = [
        latency_row(
            volatility / 100,
            interval,
            multiple,
            maintenance_share=maintenance_share / 100,
            delay_ms=delay_ms,
            gap=gap,
            freedom=freedom,
        )
        for interval in sorted(set(interval_ms or _DEFAULT_INTERVALS_MS))
        for multiple in sorted(set(leverage or _DEFAULT_LEVERAGES))
    ]
    most = {
        row.interval_ms: largest_leverage(
            move_over(volatility / 100, row.interval_ms + delay_ms, gap, freedom), budget_bps, maintenance_share / 100
        )
        for row in rows
    }
    if plot is not None:
        write_picture(plot, lambda figure: paint_debt(figure, rows))
    if as_json:
        print_json(
            {
                "volatility_percent": volatility,
                "delay_ms": delay_ms,
                "maintenance_share_percent": maintenance_share,
                "gap": gap.value,
                "freedom": freedom if gap is Gap.STUDENT else None,
                "budget_bps": budget_bps,
                "rows": [asdict(row) for row in rows],
                "largest_leverage": [
                    {"interval_ms": interval, "leverage": None if multiple == float("inf") else multiple}
                    for interval, multiple in most.items()
                ],
            }
        )
        return
    _print_debt(rows, most, budget_bps)
    _say_plot(plot)


def _print_debt(rows: list[LatencyRow], most: dict[int, float], budget_bps: float) -> None:
    shown = [
        (
            _time(row.interval_ms),
            f"{row.leverage:g}",
            f"{row.buffer_bps:,.1f}",
            f"{row.deviation_bps:,.2f}",
            f"{row.probability:.1e}",
            f"{row.bad_debt_bps:.2e}",
            f"{row.bad_debt_bps_a_day:.2e}",
        )
        for row in rows
    ]
    columns = (">interval", ">leverage", ">buffer", ">deviation", ">probability", ">bad debt", ">a day")
    console().print(table("Expected bad debt of an interval; basis points of the notional", columns, shown))
    largest = [
        (_time(interval), "any" if multiple > 1e6 else f"{multiple:,.1f}") for interval, multiple in most.items()
    ]
    console().print(table("Largest leverage", (">interval", f">for bad debt of {budget_bps:g} bps"), largest))


@app.command("velocity", epilog="Example: zkm2m latency velocity --flow 250 --settlement-ms 12000 --plot velocity.svg")
def velocity(
    settlement_ms: Annotated[
        list[int] | None,
        typer.Option("--settlement-ms", min=0, help="From giving collateral to having it elsewhere; repeat it."),
    ] = None,
    idle_ms: Annotated[
        int, typer.Option("--idle-ms", min=1, help="From having collateral to giving it again.")
    ] = 3_600_000,
    flow: Annotated[
        float, typer.Option("--flow", min=1e-6, help="Collateral that changes hands in a day, in any unit.")
    ] = 100.0,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how often collateral can be used with a settlement delay, and how much of it a daily flow needs."""
    check_picture(plot)
    times = sorted(set(_DEFAULT_SETTLEMENTS_MS if settlement_ms is None else settlement_ms))
    rows = [collateral_turnover(settlement, idle_ms) for settlement in times]
    if plot is not None:
        write_picture(plot, lambda figure: paint_velocity(figure, rows, flow))
    if as_json:
        print_json({"idle_ms": idle_ms, "flow_a_day": flow, "rows": [_turnover(row, flow) for row in rows]})
        return
    shown = [
        (
            _time(row.settlement_ms),
            f"{row.uses_a_day:,.2f}",
            f"{100 * row.in_transit:.1f} %",
            f"{row.stock_for(flow):,.2f}",
        )
        for row in rows
    ]
    columns = (">settlement", ">uses a day", ">in transit", f">stock for {flow:g} a day")
    console().print(table(f"Turnover of collateral that is idle for {_time(idle_ms)} between two uses", columns, shown))
    _say_plot(plot)


def _turnover(row: CollateralTurnover, flow: float) -> dict[str, Any]:
    return {**asdict(row), "stock": row.stock_for(flow)}


def _time(time_ms: int) -> str:
    """Return a time in the largest unit that it has one of, to three digits."""
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")):
        if time_ms >= size:
            return f"{time_ms / size:.3g} {unit}"
    return f"{time_ms} ms"


def _say_plot(plot: Path | None) -> None:
    if plot is not None:
        console().print(f"picture written to {plot}", markup=False)
