"""Shares of the vault: what is paid for them, what they are worth after a loss, and who may leave when."""

from __future__ import annotations

from rtnet_core.engine.core import Engine
from rtnet_core.engine.vault import vault_value_ticks
from tests.support.engines import MARKET, PERPETUAL, USD, applied, forward, funded, line, refused, trade


def join(made: Engine, event_id: str, account: str, usd: int) -> None:
    applied(made, line("vault_deposit", event_id, account=account, ticks=usd * USD))


def cash(made: Engine, account: str) -> int:
    return int(made.venue.ledger.cash[made.venue.ledger.row(account)])


def endow(made: Engine, usd: int) -> None:
    fields = {"source": "external", "target": "vault", "asset": "USD", "amount": usd * USD}
    applied(made, line("pool_transfer", f"endow-{usd}", **fields))


def lose(made: Engine, usd: int) -> None:
    fields = {"source": "vault", "target": "insurance_fund", "asset": "USD", "amount": usd * USD}
    applied(made, line("pool_transfer", f"lose-{usd}", **fields))


def test_providers_share_gains_and_losses_with_the_venue() -> None:
    made = funded("ada", "bob")
    endow(made, 100)
    join(made, "a", "ada", 300)
    lose(made, 200)
    join(made, "b", "bob", 100)  # half a tick a share by now
    assert made.venue.vault.of_accounts == {"ada": 300 * USD, "bob": 200 * USD}
    assert made.venue.vault.of_venue == 100 * USD
    endow(made, 300)
    before = cash(made, "ada")
    applied(made, line("vault_withdrawal", "w", account="ada", shares=300 * USD))
    assert cash(made, "ada") - before == 300 * USD
    assert vault_value_ticks(made.venue) == 300 * USD
    made.venue.ledger.audit()


def test_no_more_is_paid_than_there_is_and_a_margin_is_kept() -> None:
    made = funded("ada", "bob")
    assert refused(made, line("vault_deposit", "d", account="ada", ticks=10_001 * USD)) == "initial_margin"
    assert refused(made, line("vault_withdrawal", "w1", account="ada", shares=1)) == "insufficient"
    join(made, "a", "ada", 100)
    assert refused(made, line("vault_withdrawal", "w2", account="ada", shares=100 * USD + 1)) == "insufficient"
    assert refused(made, line("vault_withdrawal", "w3", account="bob", shares=1)) == "insufficient"


def test_who_has_lost_everything_leaves_with_nothing() -> None:
    made = funded("ada", "bob")
    join(made, "a", "ada", 100)
    lose(made, 100)
    assert refused(made, line("vault_deposit", "b", account="bob", ticks=USD)) == "vault_empty"
    before = cash(made, "ada")
    applied(made, line("vault_withdrawal", "w", account="ada", shares=100 * USD))
    assert cash(made, "ada") == before
    join(made, "b", "bob", 1)
    assert made.venue.vault.total == USD


def test_nobody_leaves_before_a_loss_that_can_be_seen() -> None:
    made = funded("ada", "bob", "cyd")
    join(made, "c", "cyd", 100)
    applied(made, trade("t", "ada", "bob", 5_000, forward(PERPETUAL)))
    fall = {PERPETUAL: forward(PERPETUAL) * 85 // 100}
    applied(made, line("prices", "p1", time_ms=MARKET.time_ms, forward_ticks=fall))
    leaving = line("vault_withdrawal", "w", account="cyd", shares=100 * USD)
    assert refused(made, leaving) == "clears_first"
    applied(made, line("prices", "p2", time_ms=MARKET.time_ms, forward_ticks={PERPETUAL: forward(PERPETUAL)}))
    applied(made, leaving)


def test_an_amount_below_a_share_buys_none_and_a_restart_knows_the_shares() -> None:
    made = funded("ada", "bob")
    join(made, "a", "ada", 1)
    endow(made, 10**9)
    assert refused(made, line("vault_deposit", "b", account="bob", ticks=5)) == "insufficient"
    made.commit()
    made.keep_state()
    again = Engine.open(made.log)
    assert again.venue.vault == made.venue.vault
    assert Engine.open(made.log, from_the_beginning=True).digest() == made.digest()
