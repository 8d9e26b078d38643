"""The liquidity providers' vault: who owns which part of the pool that stands before socialised loss.

    shares issued = ⌊paid · all shares / value⌋          paid back = ⌊shares · value / all shares⌋

`value` is the pool's cash and its collateral at what that counts. Both roundings leave the rest to those who stay. What
the vault pays for bankrupt accounts lowers the value of every share alike; what it gains by buying their collateral
below its price, and whatever the venue puts in, raises it. What was in the vault before the first provider came is the
venue's own, a share for a tick. Shares count for nothing in margins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rtnet_core.engine.ledger import VAULT, Entry
from rtnet_core.errors import Refusal

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue


@dataclass
class VaultShares:
    """Shares by account, and the venue's own."""

    of_venue: int = 0
    of_accounts: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is a provider."""
        return bool(self.of_accounts)

    @property
    def total(self) -> int:
        """All shares."""
        return self.of_venue + sum(self.of_accounts.values())

    def to_json(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return asdict(self)


def vault_value_ticks(venue: Venue) -> int:
    """Return what the vault is worth: its cash, and its collateral at what that counts."""
    ledger, assets = venue.ledger, venue.live.rates.snapshot.assets
    held = ledger.pool_units[-VAULT - 1]
    return ledger.pool_cash[-VAULT - 1] + sum(
        units * asset.price_ticks for units, asset in zip(held, assets, strict=False)
    )


def join_vault(venue: Venue, account: str, ticks: int) -> None:
    """Let an account pay into the vault for shares.

    Raises
    ------
    Refusal
        ``initial_margin``; ``vault_empty``: there are shares, and nothing behind them; ``insufficient``: it is too
        little for a share.
    """
    row, shares, value = venue.ledger.row(account), venue.vault, vault_value_ticks(venue)
    # Before the first provider, whatever is there is the venue's.
    own = shares.of_venue if shares else value
    total = own + shares.total - shares.of_venue
    if total and not value:
        raise Refusal("vault_empty", "the vault has lost everything; its providers must leave before others join")
    issued = ticks * total // value if total else ticks
    if not issued:
        raise Refusal("insufficient", "the amount is worth less than a share")
    entry = Entry()
    entry.pay(row, VAULT, ticks)
    venue.pay_out(entry, {row})
    of_accounts = shares.of_accounts | {account: shares.of_accounts.get(account, 0) + issued}
    venue.vault = VaultShares(own, of_accounts)


def leave_vault(venue: Venue, account: str, leaving: int) -> None:
    """Pay an account for shares of the vault.

    Raises
    ------
    Refusal
        ``insufficient``: it does not have so many, or the vault not so much cash; ``clears_first``: an account is below
        maintenance, and nobody leaves before a loss that can be seen.
    """
    row, shares = venue.ledger.row(account), venue.vault
    held = shares.of_accounts.get(account, 0)
    if leaving > held:
        raise Refusal("insufficient", "the account does not hold that many shares")
    if venue.live.below_maintenance:
        raise Refusal("clears_first", "while an account is below maintenance nobody leaves the vault")
    entry = Entry()
    entry.pay(VAULT, row, leaving * vault_value_ticks(venue) // shares.total)
    venue.pay_out(entry, set())
    of_accounts = {name: number for name, number in shares.of_accounts.items() if name != account}
    if held > leaving:
        of_accounts[account] = held - leaving
    venue.vault = VaultShares(shares.of_venue if of_accounts else 0, of_accounts)
