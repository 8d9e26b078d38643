"""What can happen to a venue: typed events, one JSON object a line, each with an id that is applied once.

Decoding is strict (`rtnet_core.document`): unknown or repeated keys, floats for integers and numbers outside their
width are refused before anything changes. Events speak of customers' money, so no error shows a value.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from rtnet_core.document import (
    InstrumentName,
    Part,
    PositivePrice,
    PositiveTicks,
    Symbol,
    TimeMs,
    broken_rule,
    decode_json,
    raise_input_error,
)
from rtnet_core.engine.collateral_terms import CollateralTerms
from rtnet_core.engine.controls import Controls
from rtnet_core.engine.funding_terms import FundingTerms
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, CASH_BITS, QUANTITY_BITS, ROW_BITS
from rtnet_core.params import Params
from rtnet_core.snapshot import Snapshot, VolatilityQ32

#: Cash, in ticks; every other asset has its symbol and is counted in its units.
CASH: Final = "USD"
#: Longest line: a whole market of the widest profile is about 60 kB.
MAX_EVENT_BYTES: Final = 1 << 18

#: Printable ASCII without spaces: an id has one spelling and can stand in a list of lines.
NAME_PATTERN: Final = r"^[!-~]{1,64}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Mode = Literal["unified", "cross", "isolated"]
Pool = Literal["external", "insurance_fund", "fees", "vault"]
PositiveAmount = Annotated[int, Field(ge=1, lt=1 << CASH_BITS)]
TradeLots = Annotated[int, Field(ge=1, lt=1 << QUANTITY_BITS)]
PriceTicks = Annotated[int, Field(ge=0, lt=1 << ROW_BITS)]
FeeTicks = Annotated[int, Field(gt=-(1 << CASH_BITS), lt=1 << CASH_BITS)]
MoveTicks = Annotated[int, Field(gt=-(1 << ROW_BITS), lt=1 << ROW_BITS)]


class Open(Part):
    """An account, or a further one of the same owner (a sub-account).

    Attributes
    ----------
    mode
        ``unified``: every instrument and asset in one net margin. ``cross``: the instruments of one underlying only.
        ``isolated``: one instrument only. What an account loses is lost to it alone, whoever owns it.
    scope
        The underlying of a ``cross`` account, the instrument of an ``isolated`` one.
    """

    type: Literal["open"]
    id: Name
    account: Name
    owner: Name
    mode: Mode = "unified"
    scope: InstrumentName | None = None

    @model_validator(mode="after")
    def _scope_of_the_mode(self) -> Self:
        if (self.mode == "unified") != (self.scope is None):
            words = "must be left out of a unified account" if self.mode == "unified" else "is missing"
            raise broken_rule("scope", words)
        return self


class Deposit(Part):
    """`amount` of an asset comes in from outside: ticks of ``USD``, else units. It may wait until it is final."""

    type: Literal["deposit"]
    id: Name
    account: Name
    asset: Symbol
    amount: PositiveAmount


class Withdrawal(Part):
    """`amount` goes out, at once, if the account keeps its initial margin."""

    type: Literal["withdrawal"]
    id: Name
    account: Name
    asset: Symbol
    amount: PositiveAmount


class Transfer(Part):
    """`amount` goes from one account to another of the same owner."""

    type: Literal["transfer"]
    id: Name
    source: Name
    target: Name
    asset: Symbol
    amount: PositiveAmount


class PoolTransfer(Part):
    """`amount` goes between the venue's own pools: paid into the insurance fund from outside, fees swept into it."""

    type: Literal["pool_transfer"]
    id: Name
    source: Pool
    target: Pool
    asset: Symbol
    amount: PositiveAmount


class VaultDeposit(Part):
    """An account pays `ticks` into the vault, for shares of it."""

    type: Literal["vault_deposit"]
    id: Name
    account: Name
    ticks: PositiveAmount


class VaultWithdrawal(Part):
    """An account is paid for `shares` of the vault."""

    type: Literal["vault_withdrawal"]
    id: Name
    account: Name
    shares: Annotated[int, Field(ge=1)]


class Trade(Part):
    """`lots` of an instrument for ``lots · price_ticks``, and a fee from either side.

    A negative fee is a rebate; the two together are at least zero.
    """

    type: Literal["trade"]
    id: Name
    instrument: InstrumentName
    buyer: Name
    seller: Name
    lots: TradeLots
    price_ticks: PriceTicks
    buyer_fee_ticks: FeeTicks = 0
    seller_fee_ticks: FeeTicks = 0


class Leg(Part):
    """One transfer of a settlement."""

    source: Name
    target: Name
    asset: Symbol
    amount: PositiveAmount


class Settlement(Part):
    """Two to sixteen legs that happen together or not at all: delivery versus payment, payment versus payment."""

    type: Literal["settlement"]
    id: Name
    legs: Annotated[tuple[Leg, ...], Field(strict=False, min_length=2, max_length=16)]


class Funding(Part):
    """A perpetual's funding index moves: each long lot pays `move_ticks`, each short lot receives it."""

    type: Literal["funding"]
    id: Name
    instrument: InstrumentName
    move_ticks: MoveTicks


class SetFunding(Part):
    """How the funding of perpetuals accrues by itself, from now on, in place of the terms before."""

    type: Literal["funding_terms"]
    id: Name
    terms: dict[InstrumentName, FundingTerms]


class Expiry(Part):
    """A future or an option ends at the underlying's `settlement_ticks` per lot: positions become cash.

    `time_ms` is when that was so: not before the instrument's expiry.
    """

    type: Literal["expiry"]
    id: Name
    instrument: InstrumentName
    time_ms: TimeMs
    settlement_ticks: PositiveTicks


class Delivery(Part):
    """A future or an option ends with the asset itself against payment, at `settlement_ticks` of the underlying a lot.

    Attributes
    ----------
    penalty_bps
        Of the value of lots in which an account fails: it lacks the units, or what it would have to pay.
    """

    type: Literal["delivery"]
    id: Name
    instrument: InstrumentName
    time_ms: TimeMs
    settlement_ticks: PositiveTicks
    penalty_bps: Annotated[int, Field(ge=0, le=BPS)] = 100


class Prices(Part):
    """New prices of what is listed; what is left out keeps its own."""

    type: Literal["prices"]
    id: Name
    time_ms: TimeMs
    index_ticks: dict[Symbol, PositiveTicks] = Field(default_factory=dict)
    forward_ticks: dict[InstrumentName, PositiveTicks] = Field(default_factory=dict)
    volatility_q32: dict[InstrumentName, VolatilityQ32] = Field(default_factory=dict)
    price_ticks: dict[Symbol, PositivePrice] = Field(default_factory=dict)


class Market(Part):
    """A whole snapshot of the same profile: lists and delists instruments and assets as well."""

    type: Literal["market"]
    id: Name
    snapshot: Snapshot


class Parameters(Part):
    """New margin parameters, from now on."""

    type: Literal["parameters"]
    id: Name
    params: Params


class WantedLevel(Part):
    """Where a margin parameter is wanted, in basis points, and where that comes from."""

    parameter: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,15}\.(scan_range_bps|haircut_bps(\[[12]\])?)$")]
    wanted_bps: Annotated[int, Field(ge=0, le=10 * BPS)]
    source: Annotated[str, Field(min_length=1, max_length=200)]


class Tune(Part):
    """One step of margin parameters towards what models want, as far as the controls let them move."""

    type: Literal["tune"]
    id: Name
    changes: Annotated[tuple[WantedLevel, ...], Field(strict=False, min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({change.parameter for change in self.changes}) < len(self.changes):
            raise broken_rule("changes", "must name a parameter once")
        return self


class SetCollateral(Part):
    """Terms of collateral assets by symbol, from now on, in place of those before: `rtnet_core.engine.collateral`."""

    type: Literal["collateral"]
    id: Name
    terms: dict[Symbol, CollateralTerms]


class Reversal(Part):
    """A deposit that was not final yet is not to come: its chain has gone another way."""

    type: Literal["reversal"]
    id: Name
    deposit: Name


class SetControls(Part):
    """New terms of liquidation, limits and circuit breakers, from now on."""

    type: Literal["controls"]
    id: Name
    controls: Controls


class Depth(Part):
    """The depth of the market as measured: size tiers and caps on open interest follow it.

    `depth_ticks` are by the names under which the controls have limits: instruments or underlyings.
    """

    type: Literal["depth"]
    id: Name
    depth_ticks: Annotated[dict[InstrumentName, PositiveAmount], Field(min_length=1)]


class Clear(Part):
    """Deal with the accounts that are below maintenance: `rtnet_core.engine.clearing`."""

    type: Literal["clear"]
    id: Name


Event = (
    Trade
    | Deposit
    | Withdrawal
    | Transfer
    | Settlement
    | Funding
    | SetFunding
    | Expiry
    | Delivery
    | Prices
    | Market
    | Parameters
    | SetControls
    | SetCollateral
    | Reversal
    | Tune
    | Depth
    | Clear
    | Open
    | PoolTransfer
    | VaultDeposit
    | VaultWithdrawal
)

_EVENTS: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
_validate_json: Final = _EVENTS.validator.validate_json


def parse_event(line: bytes) -> Event:
    """Return the event that a line spells.

    Raises
    ------
    InputError
        It is none; the message names field and rule, never a value.

    Examples
    --------
    >>> parse_event(b'{"type":"deposit","id":"d1","account":"ada","asset":"USD","amount":5}').amount
    5
    >>> parse_event(b'{"type":"deposit","id":"d1","account":"ada","asset":"USD","amount":0}')
    Traceback (most recent call last):
    rtnet_core.errors.RangeError: event: deposit.amount: must be at least 1
    """
    if len(line) > MAX_EVENT_BYTES:
        raise InputError("event", f"must not be longer than {MAX_EVENT_BYTES} bytes")
    try:
        event: Event = _validate_json(line)
    except ValidationError as error:
        try:
            raise_input_error(error, "event", secret=False)
        except InputError as found:
            raise type(found)(found.field, found.rule) from None
    # Every key has its colon. As many colons as fields were set leaves none for a key given twice; more of them may
    # also stand in a name or below the first level, and are looked at the slow way.
    if line.count(b":") != len(event.model_fields_set):
        decode_json(line, "event", secret=True, max_bytes=MAX_EVENT_BYTES)
    return event


def event_line(event: Event) -> bytes:
    """Return the event as one line, without spaces and without what is at its default."""
    return event.model_dump_json(exclude_defaults=True).encode()
