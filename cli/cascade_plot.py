"""The picture of a cascade: prices, what is liquidated, and bad debt, round by round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtnet_core.loss.cascade import Cascade
from rtnet_core.snapshot import TICKS_PER_USD

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def paint_cascade(figure: Figure, cascade: Cascade, symbols: Sequence[str]) -> None:
    """Draw indices over their start, accounts liquidated, delta closed and bad debt; `symbols` name the indices."""
    prices, accounts, money = figure.subplots(3, 1, sharex=True)
    numbers = list(range(1, len(cascade.rounds) + 1))
    for place, symbol in enumerate(symbols):
        path = [100 * (entry.price_factors[place] - 1) for entry in cascade.rounds]
        prices.plot(numbers, path, "o-", markersize=3, label=symbol)
    prices.set_ylabel("index, % of start")
    prices.legend(fontsize=7)
    accounts.bar(numbers, [entry.liquidated for entry in cascade.rounds], label="liquidated")
    accounts.bar(numbers, [entry.closed_out for entry in cascade.rounds], label="of these closed out")
    accounts.set_ylabel("accounts")
    accounts.legend(fontsize=7)
    millions = 1e6 * TICKS_PER_USD
    money.plot(numbers, [entry.closed_ticks / millions for entry in cascade.rounds], "o-", markersize=3, label="closed")
    debts = [entry.bad_debt_ticks / millions for entry in cascade.rounds]
    money.plot(numbers, debts, "s-", markersize=3, color="tab:red", label="bad debt")
    money.set_yscale("symlog", linthresh=0.01)
    money.set_ylabel("million USD")
    money.set_xlabel("round")
    money.xaxis.get_major_locator().set_params(integer=True)
    money.legend(fontsize=7)
