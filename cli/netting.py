"""``zkm2m netting``: obligations between many parties, compressed with every net unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.files import check_output, read_bytes, write_public
from cli.options import JsonFlag
from cli.render import console, facts, percent, print_json, table, usd
from rtnet_core.limits import BPS
from rtnet_core.netting.compression import DEFAULT_CAPITAL_BPS, Compression, Method, compress
from rtnet_core.netting.obligations import Network, Obligation, Obligations

app = typer.Typer(help="Net and compress obligations between many parties.", no_args_is_help=True)

#: A table on the screen shows so many parties and payments; a file and JSON hold all of them.
_SHOWN = 20


@app.callback()
def _group() -> None:
    """Keep the group a group while it has one command."""


@app.command("compress", epilog="Example: zkm2m netting compress obligations.json --out compressed.json")
def compress_file(
    obligations: Annotated[
        Path, typer.Argument(metavar="OBLIGATIONS", help="The file of obligations: debtor, creditor, ticks.")
    ],
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            help="What may change: two-way debts, circles, existing obligations to the least total, or everything.",
        ),
    ] = Method.CONSERVATIVE,
    capital_bps: Annotated[
        int,
        typer.Option("--capital-bps", min=0, max=BPS, help="Capital a party holds on each obligation, either side."),
    ] = DEFAULT_CAPITAL_BPS,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write what is left; an older file is replaced."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Reduce obligations without changing what any party pays or gets in all, and report what that frees."""
    if out is not None:
        check_output(out)
    network = Obligations.from_json(read_bytes(obligations), str(obligations)).network()
    found = compress(network, method)
    if out is not None:
        write_public(out, Obligations(obligations=_obligations(found.after)).to_json_bytes())
    if as_json:
        print_json(_as_json(found, capital_bps))
        return
    _print(found, capital_bps)
    if out is not None:
        console().print(f"written to {out}", markup=False)


def _obligations(network: Network) -> tuple[Obligation, ...]:
    return tuple(
        Obligation(debtor=network.parties[debtor], creditor=network.parties[creditor], amount_ticks=ticks)
        for (debtor, creditor), ticks in network.debts.items()
    )


def _as_json(found: Compression, capital_bps: int) -> dict[str, Any]:
    before, after = found.before, found.after
    return {
        "method": found.method.value,
        "parties": len(before.parties),
        "obligations_before": len(before.debts),
        "obligations_after": len(after.debts),
        "gross_before_ticks": str(before.gross_ticks),
        "gross_after_ticks": str(after.gross_ticks),
        "least_gross_ticks": str(before.least_gross_ticks),
        "excess_ticks": str(before.excess_ticks),
        "efficiency": float(found.efficiency),
        "capital_bps": capital_bps,
        "capital_freed_ticks": str(found.capital_freed_ticks(capital_bps)),
        "nets": {party: str(net) for party, net in zip(before.parties, before.nets(), strict=True)},
        "obligations": [
            {"debtor": entry.debtor, "creditor": entry.creditor, "amount_ticks": str(entry.amount_ticks)}
            for entry in _obligations(after)
        ],
    }


def _print(found: Compression, capital_bps: int) -> None:
    before, after, out = found.before, found.after, console()
    rows = {
        "parties": len(before.parties),
        "obligations": f"{len(before.debts):,} before, {len(after.debts):,} after",
        "gross before": f"{usd(before.gross_ticks)} USD",
        "gross after": f"{usd(after.gross_ticks)} USD",
        "least possible": f"{usd(before.least_gross_ticks)} USD",
        "excess removed": percent(found.efficiency * BPS),
        f"capital freed at {percent(capital_bps)}": f"{usd(found.capital_freed_ticks(capital_bps))} USD",
    }
    out.print(facts(f"Compression, {found.method.value.replace('_', '-')}", rows))
    nets, gross, left_gross = before.nets(), before.gross_by_party(), after.gross_by_party()
    order = sorted(range(len(before.parties)), key=lambda party: -gross[party])[:_SHOWN]
    parties = [(before.parties[party], usd(nets[party]), usd(gross[party]), usd(left_gross[party])) for party in order]
    columns = ("party", ">net", ">gross before", ">gross after")
    out.print(table(_title("Parties, USD", len(before.parties)), columns, parties))
    largest = sorted(_obligations(after), key=lambda entry: -entry.amount_ticks)[:_SHOWN]
    left = [(entry.debtor, entry.creditor, usd(entry.amount_ticks)) for entry in largest]
    out.print(table(_title("What is left, USD", len(after.debts)), ("debtor", "creditor", ">amount"), left))


def _title(words: str, count: int) -> str:
    return words if count <= _SHOWN else f"{words}; the {_SHOWN} largest of {count:,}"
