"""All benchmarks: writes ``benchmarks/results`` and the README's tables. Run by ``make bench``."""

from __future__ import annotations

import dataclasses
import json

from benchmarks.account import measure_account
from benchmarks.engine import measure_engine
from benchmarks.market import measure_market
from benchmarks.measure import machine
from benchmarks.prover import measure_prover
from benchmarks.prover_plot import draw
from benchmarks.tables import README, RESULTS, account_table, engine_table, filled, market_table, prover_table
from prover.circuits import table


def main() -> None:
    """Measure, write, print."""
    RESULTS.mkdir(exist_ok=True)
    _write("machine.json", machine())
    _write("constraints.json", [dataclasses.asdict(row) for row in table()])
    _write("prover.json", measure_prover())
    draw()
    _write("account.json", measure_account())
    _write("market.json", measure_market())
    _write("engine.json", measure_engine())
    README.write_text(filled(README.read_text()))
    print(prover_table())
    print(account_table())
    print(market_table())
    print(engine_table())


def _write(name: str, content: object) -> None:
    (RESULTS / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
