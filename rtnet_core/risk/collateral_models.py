"""What models want of collateral's haircuts: volatility, liquidity, depeg and closed hours, in whole basis points.

    haircut(x) = 1 - (1 - sale(x)) · (1 - depeg) · (1 - closed)

`sale` is what a holding of x units may lose until it is sold (`rtnet_core.risk.haircuts`), and what selling it costs;
`closed` what a price may lose until its market opens (`rtnet_core.risk.trading_hours`). What comes out is the haircut
of the first units and of those beyond the first kink of the proven rule, rounded up: `tune` events of the engine take
the parameters there, as fast as the venue's controls allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.document import Document, Part, Symbol, TimeMs, broken_rule
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.params import AssetParams, Params
from rtnet_core.risk.haircuts import LiquidityHaircut
from rtnet_core.risk.parameter_log import Wanted
from rtnet_core.risk.trading_hours import TradingCalendar, TraditionalAsset

_YEAR_DAYS = 365


class Hours(Part):
    """When a tokenised asset's market trades, and when its price was taken.

    Attributes
    ----------
    zone, opens, closes, weekdays, holidays
        As `TradingCalendar` has them; local times, Monday is 0.
    price_time_ms
        Of the last price.
    currency_volatility_bps
        Of a year: of the currency that it trades in, against USD.
    """

    zone: str
    opens: Annotated[time, Field(strict=False)]
    closes: Annotated[time, Field(strict=False)]
    weekdays: Annotated[frozenset[int], Field(strict=False)] = frozenset(range(5))
    holidays: Annotated[frozenset[Annotated[date, Field(strict=False)]], Field(strict=False)] = frozenset()
    price_time_ms: TimeMs
    currency_volatility_bps: Annotated[int, Field(ge=0, le=5 * BPS)] = 0


class AssetModel(Part):
    """One asset.

    Attributes
    ----------
    coin, daily_volatility_bps
        Whose forecast its volatility is, or that volatility itself: one of the two.
    volume_units
        Units traded in a day.
    depeg_bps
        Lost beyond its coin's fall under stress: a staked token's discount, a stablecoin's break, a bridge's failure.
    hours
        Of a market that closes.
    """

    coin: Symbol | None = None
    daily_volatility_bps: Annotated[int, Field(ge=1, le=BPS)] | None = None
    volume_units: Annotated[int, Field(ge=1)]
    depeg_bps: Annotated[int, Field(ge=0, le=BPS)] = 0
    hours: Hours | None = None

    @model_validator(mode="after")
    def _one_volatility(self) -> Self:
        if (self.coin is None) == (self.daily_volatility_bps is None):
            raise broken_rule("coin", "must be given, or daily_volatility_bps, and not both")
        return self


class CollateralModels(Document):
    """Models of a venue's collateral (format ``zkm2m/collateral-models/v1``).

    Attributes
    ----------
    confidence_bps, delay_hours, participation_bps
        Quantile of the loss until the sale; from default to the first sale; share of the volume that is sold.
    """

    format: Literal["zkm2m/collateral-models/v1"] = "zkm2m/collateral-models/v1"
    confidence_bps: Annotated[int, Field(ge=BPS // 2, lt=BPS)] = 9_900
    delay_hours: Annotated[int, Field(ge=0, le=720)] = 24
    participation_bps: Annotated[int, Field(ge=1, le=BPS)] = 1_000
    assets: Annotated[dict[Symbol, AssetModel], Field(min_length=1)]

    def wanted(self, params: Params, volatilities: Mapping[str, float], now_ms: int) -> dict[str, Wanted]:
        """Return the haircuts that the models want, by parameter.

        Parameters
        ----------
        params
            Whose assets and kinks they are.
        volatilities
            Forecasts of a day, by coin.
        now_ms
            The time, for markets that close.

        Raises
        ------
        InputError
            An asset is not of the parameters, a coin has no forecast, or a price is from the future.

        Examples
        --------
        >>> from rtnet_core.market_sample import sample_market
        >>> from rtnet_core.params import default_params
        >>> models = CollateralModels(assets={"BTC": AssetModel(coin="BTC", volume_units=500_000_000)})
        >>> found = models.wanted(default_params(sample_market(5, "small")), {"BTC": 0.03}, 0)
        >>> {name: level.bps for name, level in found.items()}
        {'BTC.haircut_bps': 714, 'BTC.haircut_bps[1]': 747}
        """
        known = {asset.symbol: asset for asset in params.assets}
        found: dict[str, Wanted] = {}
        for symbol, model in self.assets.items():
            if symbol not in known:
                raise InputError("assets", "must be assets of the parameters", symbol)
            if model.coin is not None and model.coin not in volatilities:
                raise InputError(f"assets.{symbol}.coin", "must have a forecast", model.coin)
            forecast = volatilities[model.coin] if model.coin else (model.daily_volatility_bps or 0) / BPS
            kept = (1 - model.depeg_bps / BPS) * (1 - self._closed(symbol, model, forecast, now_ms))
            source = f"volatility {forecast:.4f} a day, {model.volume_units} units a day, depeg {model.depeg_bps} bps"
            for name, rate in zip(
                ("haircut_bps", "haircut_bps[1]"), self._rates(known[symbol], model, forecast), strict=True
            ):
                bps = BPS - int(kept * rate)
                found[f"{symbol}.{name}"] = Wanted(bps, source)
        return found

    def _rates(self, asset: AssetParams, model: AssetModel, forecast: float) -> tuple[int, int]:
        """Return what the first units count, and those beyond the first kink, without depeg and closed hours."""
        rule = LiquidityHaircut(
            daily_volatility=forecast,
            daily_volume=model.volume_units,
            confidence=self.confidence_bps / BPS,
            delay_days=self.delay_hours / 24,
            participation=self.participation_bps / BPS,
        )
        envelope = rule.asset_params(asset.symbol, asset.kinks)
        return envelope.rate_bps, envelope.rate_bps - envelope.drops_bps[0]

    def _closed(self, symbol: str, model: AssetModel, forecast: float, now_ms: int) -> float:
        if model.hours is None:
            return 0.0
        hours = model.hours
        return TraditionalAsset(
            symbol=symbol,
            currency="",
            calendar=TradingCalendar(hours.zone, hours.opens, hours.closes, hours.weekdays, hours.holidays),
            volatility=forecast * _YEAR_DAYS**0.5,
            currency_volatility=hours.currency_volatility_bps / BPS,
            liquidation_ms=0,
            confidence=self.confidence_bps / BPS,
        ).stale_haircut(hours.price_time_ms, now_ms)
