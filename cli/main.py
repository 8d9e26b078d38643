"""The command ``zkm2m``: its groups, its version, and its entry point."""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import Annotated

import typer

from cli import (
    audit,
    book,
    ceremony,
    circuits,
    doctor,
    engine,
    epoch,
    export,
    inclusion,
    keeper,
    keys,
    latency,
    margin,
    market,
    netting,
    oracle,
    prove,
    publish,
    risk,
    snapshot,
    venue,
    verify,
)
from cli.errors import ReportingGroup

app = typer.Typer(
    name="zkm2m",
    cls=ReportingGroup,
    help="Mark a derivatives book to market, and prove in zero knowledge that its accounts clear their margin.",
    epilog="Start with: zkm2m doctor",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(market.app, name="market")
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(oracle.app, name="oracle")
app.add_typer(book.app, name="book")
app.command("margin", epilog="Example: zkm2m margin acct-000000 --book book --market market.json")(margin.margin)
app.add_typer(prove.app, name="prove")
app.add_typer(verify.app, name="verify")
app.add_typer(venue.app, name="venue")
app.add_typer(epoch.app, name="epoch")
app.add_typer(inclusion.app, name="inclusion")
app.command("audit", epilog="Example: zkm2m audit epochs/17 --book book --out report.html")(audit.audit)
app.command("publish", epilog="Example: zkm2m publish epochs --out site")(publish.publish)
app.add_typer(export.app, name="export")
app.add_typer(engine.app, name="engine")
app.add_typer(keeper.app, name="keeper")
app.add_typer(risk.app, name="risk")
app.add_typer(netting.app, name="netting")
app.add_typer(latency.app, name="latency")
app.add_typer(circuits.app, name="circuits")
app.add_typer(ceremony.app, name="ceremony")
app.add_typer(keys.app, name="keys")
app.command("doctor", epilog="Example: zkm2m doctor")(doctor.doctor)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"zkm2m {package_version('zk-m2m')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before the command."""


def main() -> None:
    """Run the command line of this process."""
    app()
