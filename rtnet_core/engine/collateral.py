"""Collateral in the engine: assets count by their terms, and deposits once they are final.

A snapshot holds what assets *count*, which is what margins and proofs are made of; what the market pays for those with
terms is remembered beside it, so that redemption can grow and pegs can break between two of their prices.

A deposit of an asset with a finality delay is noted when it comes, and booked with the first prices after the delay. It
can be taken back until then. On several chains an asset has a symbol for each: its own delay, bridge and haircut, all
of it netted in one account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from rtnet_core.engine.collateral_terms import CollateralTerms
from rtnet_core.engine.events import CASH, Deposit
from rtnet_core.engine.ledger import EXTERNAL, Entry
from rtnet_core.errors import InputError, Refusal
from rtnet_core.snapshot import Snapshot

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue


class WaitingDeposit(NamedTuple):
    """A deposit that is not final: its event, account, asset, units, and the market's time from which on it is."""

    id: str
    account: str
    asset: str
    amount: int
    final_ms: int


@dataclass
class Collateral:
    """Terms of assets, and what follows from them.

    Attributes
    ----------
    terms
        By asset, as the last ``collateral`` event set them.
    market_ticks
        What the market last paid for a unit of each asset that has terms.
    waiting
        Deposits that are not final, in the order in which they came.
    """

    terms: dict[str, CollateralTerms] = field(default_factory=dict)
    market_ticks: dict[str, int] = field(default_factory=dict)
    waiting: list[WaitingDeposit] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.terms or self.waiting)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "terms": {symbol: terms.model_dump(mode="json") for symbol, terms in self.terms.items()},
            "market_ticks": self.market_ticks,
            "waiting": self.waiting,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Collateral:
        """Return what `to_json` wrote."""
        return cls(
            {symbol: CollateralTerms.model_validate(terms) for symbol, terms in content["terms"].items()},
            dict(content["market_ticks"]),
            [WaitingDeposit(*deposit) for deposit in content["waiting"]],
        )

    def counted(self, snapshot: Snapshot, new_ticks: Mapping[str, int]) -> Snapshot:
        """Return the snapshot with every asset at what it counts, where the market now pays `new_ticks`.

        Raises
        ------
        InputError
            It is earlier than some redemption is known from.
        """
        if not self.terms:
            return snapshot
        market = self._market(snapshot, new_ticks)
        counts = {asset.symbol: asset.price_ticks for asset in snapshot.assets}
        # Those that others follow come first: none of them follows another one.
        for symbol in sorted(market, key=lambda symbol: self.terms[symbol].follows is not None):
            terms = self.terms[symbol]
            followed = None if terms.follows is None else counts.get(terms.follows)
            counts[symbol] = terms.counted_ticks(market[symbol], followed, snapshot.time_ms)
        assets = [asset.model_copy(update={"price_ticks": counts[asset.symbol]}) for asset in snapshot.assets]
        return snapshot.model_copy(update={"assets": tuple(assets)})

    def priced(self, snapshot: Snapshot, new_ticks: Mapping[str, int]) -> None:
        """Remember what the market pays, once `counted` has shown that it can be."""
        if self.terms:
            self.market_ticks = self._market(snapshot, new_ticks)

    def _market(self, snapshot: Snapshot, new_ticks: Mapping[str, int]) -> dict[str, int]:
        """Return what the market pays for each listed asset that has terms."""
        known = {asset.symbol: asset.price_ticks for asset in snapshot.assets} | self.market_ticks | dict(new_ticks)
        return {asset.symbol: known[asset.symbol] for asset in snapshot.assets if asset.symbol in self.terms}

    def with_terms(self, terms: dict[str, CollateralTerms], snapshot: Snapshot) -> tuple[Collateral, Snapshot]:
        """Return what other terms make of the same market.

        Raises
        ------
        Refusal
            ``unknown_asset``: they name what is not listed, or an asset follows one that follows another.
        InputError
            A redemption is known only from a later time on.
        """
        listed = {asset.symbol for asset in snapshot.assets} - {CASH}
        for symbol, entry in terms.items():
            followed = entry.follows
            if symbol not in listed or (followed is not None and followed not in listed):
                raise Refusal("unknown_asset", "the market does not price this asset")
            if followed is not None and (followed == symbol or (followed in terms and terms[followed].follows)):
                raise InputError("collateral.terms", "must follow an asset that follows none")
        paid = {asset.symbol: asset.price_ticks for asset in snapshot.assets} | self.market_ticks
        bare = [asset.model_copy(update={"price_ticks": paid[asset.symbol]}) for asset in snapshot.assets]
        made = Collateral(terms, {symbol: paid[symbol] for symbol in terms}, self.waiting)
        return made, made.counted(snapshot.model_copy(update={"assets": tuple(bare)}), {})


def note_deposit(venue: Venue, event: Deposit) -> bool:
    """Return whether a deposit has to wait until it is final; it is noted then.

    Raises
    ------
    Refusal
        ``unknown_account``, ``unknown_asset``.
    """
    terms = venue.collateral.terms.get(event.asset)
    if terms is None or not terms.finality_ms:
        return False
    venue.ledger.row(event.account)
    if event.asset not in venue.live.rates.asset_of:
        raise Refusal("unknown_asset", "the market does not price this asset")
    final_ms = venue.live.rates.snapshot.time_ms + terms.finality_ms
    venue.collateral.waiting.append(WaitingDeposit(event.id, event.account, event.asset, event.amount, final_ms))
    return True


def reverse_deposit(venue: Venue, deposit_id: str) -> None:
    """Forget a deposit that is not final.

    Raises
    ------
    Refusal
        ``unknown_deposit``: none of this id is waiting.
    """
    waiting = venue.collateral.waiting
    left = [deposit for deposit in waiting if deposit.id != deposit_id]
    if len(left) == len(waiting):
        raise Refusal("unknown_deposit", "no deposit of this id waits to be final")
    venue.collateral.waiting = left


def book_final_deposits(venue: Venue) -> None:
    """Book every deposit whose time has come; one that cannot be booked waits on: its asset is not listed, or full."""
    collateral, rates = venue.collateral, venue.live.rates
    left = []
    for deposit in collateral.waiting:
        number = rates.asset_of.get(deposit.asset)
        if deposit.final_ms > rates.snapshot.time_ms or number is None:
            left.append(deposit)
            continue
        entry = Entry()
        entry.hand_over(EXTERNAL, venue.ledger.row(deposit.account), number, deposit.amount)
        try:
            venue.ledger.check(entry)
        except Refusal:
            left.append(deposit)
            continue
        venue.book(entry, venue.live.preview(entry))
    collateral.waiting = left
