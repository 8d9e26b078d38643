"""Rule-based margin against what the venues publish."""

from __future__ import annotations

import numpy as np
import pytest

from rtnet_core.errors import InputError
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.margin_models import Holdings
from rtnet_core.risk.risk_market import RiskMarket
from rtnet_core.risk.standard_margin import CBOE_EQUITY, DERIBIT_STANDARD, StandardMargin, StandardRates
from tests.support.risk_markets import USD, listed, market_of

LOTS = np.array([1.0, 1.0])


def rule(instruments: list[dict[str, object]], rates: StandardRates, index: float = 100.0) -> StandardMargin:
    market = RiskMarket.from_snapshot(market_of(instruments, index=index))
    return StandardMargin(market, LOTS, AssetTerms.of(market, haircut={"BTC": 0.05}), rates)


def beside_mark(margin: StandardMargin, slot: int, lots: float) -> float:
    """Return the margin of a short position less what it is marked at, USD."""
    row = np.zeros((1, 8))
    row[0, slot] = lots
    found = margin.position_margins(row, margin.rates.initial)[0, slot]
    return float(found + lots * margin.market.marks[slot]) / USD


def test_cboes_naked_call_and_put() -> None:
    """Cboe, *Margin requirement examples for sample options-based positions*: IBM at 97.73, 100 contracts.

    A short 100 call needs 172,760 and a short 100 put 195,460 beside the premium received.
    """
    margin = rule([listed("C", "call", forward=97.73), listed("P", "put", forward=97.73)], CBOE_EQUITY, 97.73)
    assert beside_mark(margin, 0, -10_000) == pytest.approx(172_760, abs=1)
    assert beside_mark(margin, 1, -10_000) == pytest.approx(195_460, abs=1)


def test_cboes_floors() -> None:
    """10 % of the index for a call far out of the money, of the strike for such a put."""
    margin = rule([listed("C", "call", strike=130), listed("P", "put", strike=70)], CBOE_EQUITY)
    assert beside_mark(margin, 0, -100) == pytest.approx(1_000)
    assert beside_mark(margin, 1, -100) == pytest.approx(700)


def test_deribits_short_options() -> None:
    """Max(15 % less the out-of-the-money amount, 10 %) of the index and the mark; maintenance 7.5 % and the mark."""
    calls = [listed(name, "call", strike=strike) for name, strike in (("A", 100), ("B", 103), ("C", 120))]
    margin = rule([*calls, listed("P", "put", strike=125)], DERIBIT_STANDARD)
    assert [beside_mark(margin, slot, -1) for slot in (0, 1, 2)] == pytest.approx([15, 12, 10])
    lots = np.eye(8)[:4] * -1.0
    maintenance = margin.position_margins(lots, DERIBIT_STANDARD.maintenance)
    marks = margin.market.marks / USD
    assert np.diag(maintenance)[:3] / USD == pytest.approx(7.5 + marks[:3])
    assert marks[3] < 100  # so 7.5 % of the index is the larger for the put
    assert maintenance[3, 3] / USD == pytest.approx(7.5 + marks[3])


def test_a_put_worth_more_than_the_index_pays_on_its_mark() -> None:
    margin = rule([listed("P", "put", strike=130, forward=20)], DERIBIT_STANDARD)
    lots = np.zeros((1, 8))
    lots[0, 0] = -1
    mark = margin.market.marks[0]
    assert mark > 100 * USD
    assert margin.position_margins(lots, DERIBIT_STANDARD.maintenance)[0, 0] == pytest.approx(1.075 * mark)


def test_deribits_linear_positions_grow_with_size() -> None:
    """2 % and 1 % plus 0.005 % a coin: a hundred coins need 2.5 % and 1.5 %."""
    margin = rule([listed("P", "perpetual")], DERIBIT_STANDARD)
    lots = np.zeros((2, 8))
    lots[:, 0] = (100, -100)
    levels = margin.levels(Holdings.of(lots, np.zeros(2), np.zeros((2, 3))))
    assert levels.initial / USD == pytest.approx([250, 250])
    assert levels.maintenance / USD == pytest.approx([150, 150])
    assert levels.close_out / USD == pytest.approx([125, 125])


def test_a_long_option_lends_nothing_and_nothing_nets() -> None:
    margin = rule([listed("C", "call"), listed("P", "perpetual")], DERIBIT_STANDARD)
    lots = np.zeros((2, 8))
    lots[0, 0], lots[1] = 5, [-1, 1, 0, 0, 0, 0, 0, 0]
    levels = margin.levels(Holdings.of(lots, [7 * USD, 0], [[0, 2, 0], [0, 0, 0]]))
    assert levels.value[0] / USD == pytest.approx(7 + 190)
    assert levels.initial[0] == 0
    legs = margin.position_margins(lots[1:], DERIBIT_STANDARD.initial)[0]
    assert levels.initial[1] == pytest.approx(legs[0] + legs[1])


def test_lots_must_be_known() -> None:
    market = RiskMarket.from_snapshot(market_of([listed("P", "perpetual")]))
    with pytest.raises(InputError, match="lot_coins"):
        StandardMargin(market, np.ones(3), AssetTerms.of(market))
