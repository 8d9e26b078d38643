"""The margin rule in exact integers: the twin of ``circuits/margin``, equal to it to the last digit.

Money is in ticks; what carries a rate in basis points keeps its factor 10^4 and ends in ``_e4``. There is no division
and no rounding, but for the ratio that a report shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtnet_core.account import Account, amounts, quantities
from rtnet_core.limits import (
    AMOUNT_BITS,
    BPS,
    CASH_BITS,
    QUANTITY_BITS,
    THRESHOLD_BITS,
    check_signed,
    check_unsigned,
)
from rtnet_core.params_root import MarginParams
from rtnet_core.risk_array import RiskArray
from rtnet_core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class AccountVector:
    """An account in slot order. It is secret: its errors and its repr show no number.

    Parameters
    ----------
    cash_ticks
        In [-2^56, 2^56).
    amounts
        Shape (A,), units in [0, 2^36).
    quantities
        Shape (K,), lots in [-2^27, 2^27).

    Raises
    ------
    RangeError
        A number outside its range.
    """

    cash_ticks: int
    amounts: tuple[int, ...]
    quantities: tuple[int, ...]

    def __post_init__(self) -> None:
        check_signed("cash_ticks", self.cash_ticks, CASH_BITS, secret=True)
        for number in self.amounts:
            check_unsigned("collateral", number, AMOUNT_BITS, secret=True)
        for number in self.quantities:
            check_signed("positions", number, QUANTITY_BITS, secret=True)

    def __repr__(self) -> str:
        return f"AccountVector({len(self.amounts)} assets, {len(self.quantities)} slots)"


def account_vector(account: Account, snapshot: Snapshot) -> AccountVector:
    """Return the account in the slots of `snapshot`.

    Raises
    ------
    InputError
        It names an instrument or an asset that the snapshot does not have.
    """
    return AccountVector(account.cash_ticks, tuple(amounts(account, snapshot)), tuple(quantities(account, snapshot)))


@dataclass(frozen=True, slots=True)
class UnderlyingMargin:
    """Margin of one underlying: amounts in ticks, ``_e4`` in ticks * 10^-4, `worst_scenario` the first that is worst.

    `worst_scenario` is None where no scenario loses money.
    """

    net_mark: int
    scan_risk: int
    worst_scenario: int | None
    scenario_pnl: tuple[int, ...]
    net_delta: int
    net_gamma: int
    size_add_on_e4: int
    short_option_minimum_e4: int
    delta_gamma_add_on_e4: int

    @property
    def maintenance_e4(self) -> int:
        """Scan risk and add-ons, ticks * 10^-4."""
        add_ons = self.size_add_on_e4 + self.short_option_minimum_e4 + self.delta_gamma_add_on_e4
        return BPS * self.scan_risk + add_ons


@dataclass(frozen=True, slots=True)
class AccountMargin:
    """Margin of an account: net liquidation value and maintenance margin, both in ticks * 10^-4."""

    nlv_e4: int
    credits_e4: tuple[int, ...]
    underlyings: tuple[UnderlyingMargin, ...]

    @property
    def maintenance_e4(self) -> int:
        """Sum over the underlyings."""
        return sum(underlying.maintenance_e4 for underlying in self.underlyings)

    @property
    def ratio_bps(self) -> int | None:
        """Margin ratio in basis points, rounded down (against the account); None without maintenance margin."""
        return self.nlv_e4 * BPS // self.maintenance_e4 if self.maintenance_e4 else None

    def headroom_e8(self, threshold_bps: int) -> int:
        """NLV beyond what `threshold_bps` asks for, in ticks * 10^-8; negative where the account falls short."""
        check_unsigned("threshold_bps", threshold_bps, THRESHOLD_BITS)
        return BPS * self.nlv_e4 - threshold_bps * self.maintenance_e4

    def clears(self, threshold_bps: int) -> bool:
        """Whether nlv * 10^4 >= threshold_bps * maintenance.

        Notes
        -----
        Circuit twin: circuits/margin/account_margin.circom:AccountMargin (``clears``)
        """
        return self.headroom_e8(threshold_bps) >= 0


def hinge(amount: int, kink: int) -> int:
    """Return max(0, amount - kink). Circuit twin: circuits/lib/hinge.circom:Hinge."""
    return max(0, amount - kink)


def collateral_credit_e4(amount: int, price: int, rate_bps: int, kinks: Sequence[int], drops_bps: Sequence[int]) -> int:
    """Return the credit for `amount` units of an asset, in ticks * 10^-4.

    Notes
    -----
    ``price * (rate * amount - sum of drop * max(0, amount - kink))``: the minimum over the lines through falling rates.
    Circuit twin: circuits/margin/collateral_credit.circom:CollateralCredit
    """
    discount = sum(drop * hinge(amount, kink) for kink, drop in zip(kinks, drops_bps, strict=True))
    return price * (rate_bps * amount - discount)


def size_add_on_e4(gross: int, index_ticks: int, kinks: Sequence[int], rises_bps: Sequence[int]) -> int:
    """Return the size add-on for `gross` lots, in ticks * 10^-4.

    Notes
    -----
    ``index * sum of rise * max(0, gross - kink)``: the maximum over the lines through rising rates.
    Circuit twin: circuits/margin/size_add_on.circom:SizeAddOn
    """
    return index_ticks * sum(rise * hinge(gross, kink) for kink, rise in zip(kinks, rises_bps, strict=True))


def scan_risk(scenario_pnl: Sequence[int]) -> tuple[int, int | None]:
    """Return (worst loss in ticks, at least 0; number of the first scenario that brings it, None for no loss).

    Notes
    -----
    Circuit twin: circuits/margin/scan_risk.circom:ScanRisk
    """
    worst = max(range(len(scenario_pnl)), key=lambda scenario: -scenario_pnl[scenario])
    loss = -scenario_pnl[worst]
    return (loss, worst) if loss > 0 else (0, None)


def position_size(lots: Sequence[int], is_option: Sequence[int]) -> tuple[int, int]:
    """Return (gross lots, short option lots). Circuit twin: circuits/margin/position_size.circom:PositionSize."""
    short_options = sum(-q for q, option in zip(lots, is_option, strict=True) if option and q < 0)
    return sum(map(abs, lots)), short_options


def net_exposure(lots: Sequence[int], per_lot: Sequence[int]) -> int:
    """Return the sum of lots times ticks per lot. Circuit twin: circuits/margin/net_exposure.circom:NetExposure."""
    return sum(q * ticks for q, ticks in zip(lots, per_lot, strict=True))


def underlying_margin(lots: Sequence[int], risk: RiskArray, params: MarginParams, underlying: int) -> UnderlyingMargin:
    """Return the margin of one underlying.

    Parameters
    ----------
    lots
        Shape (K/U,): the account's positions in this underlying's slots.
    risk, params
        Of one profile.
    underlying
        Its number, 0 to U - 1.

    Notes
    -----
    Circuit twin: circuits/margin/underlying_margin.circom:UnderlyingMargin
    """
    slots = risk.sizes.slots
    here = slice(slots * underlying, slots * (underlying + 1))
    pnl = tuple(net_exposure(lots, column) for column in zip(*risk.rows[here], strict=True))
    loss, worst = scan_risk(pnl)
    gross, short_options = position_size(lots, risk.is_option[here])
    index = risk.index_ticks[underlying]
    delta, gamma = net_exposure(lots, risk.deltas[here]), net_exposure(lots, risk.gammas[here])
    return UnderlyingMargin(
        net_mark=net_exposure(lots, risk.marks[here]),
        scan_risk=loss,
        worst_scenario=worst,
        scenario_pnl=pnl,
        net_delta=delta,
        net_gamma=gamma,
        size_add_on_e4=size_add_on_e4(gross, index, params.size_kinks[underlying], params.size_rises_bps[underlying]),
        short_option_minimum_e4=params.short_option_bps[underlying] * index * short_options,
        delta_gamma_add_on_e4=params.delta_rate_bps[underlying] * abs(delta)
        + params.gamma_rate_bps[underlying] * max(0, -gamma),
    )


def account_margin(account: AccountVector, risk: RiskArray, params: MarginParams) -> AccountMargin:
    """Return the margin of an account.

    Raises
    ------
    ValueError
        Account, risk array and parameters are not of one profile.

    Notes
    -----
    Circuit twin: circuits/margin/account_margin.circom:AccountMargin
    """
    sizes = risk.sizes
    if len(account.quantities) != sizes.instruments or len(account.amounts) != sizes.assets:
        raise ValueError(f"the account does not have the sizes of profile {sizes.name}")
    if len(params.rate_bps) != sizes.assets or len(params.delta_rate_bps) != sizes.underlyings:
        raise ValueError(f"the parameters do not have the sizes of profile {sizes.name}")
    underlyings = tuple(
        underlying_margin(account.quantities[sizes.slots * u : sizes.slots * (u + 1)], risk, params, u)
        for u in range(sizes.underlyings)
    )
    credits_e4 = tuple(
        collateral_credit_e4(amount, price, rate, kinks, drops)
        for amount, price, rate, kinks, drops in zip(
            account.amounts, risk.price_ticks, params.rate_bps, params.kinks, params.drops_bps, strict=True
        )
    )
    marked = sum(underlying.net_mark for underlying in underlyings)
    return AccountMargin(BPS * (account.cash_ticks + marked) + sum(credits_e4), credits_e4, underlyings)
