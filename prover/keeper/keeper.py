"""The keeper's steps: from a breach to a flag that is up, as a function of journal, engine and chain alone.

    breach → proved → submitted → confirmed
       ╲        ╲          ╲→ proved or breach again, where the registry does not take the proof now
        ╲        ╲→ cured, already_flagged, refused

Nothing is kept in memory from one round to the next but what can be read again, so a keeper that is killed and begun
anew goes on where the journal stands. Three rules make that safe:

- A transaction is in the journal before it is sent.
- A breach's transactions have one nonce, so that the chain takes at most one of them. Another nonce is used only when a
  block deep enough has used the first for something else. (The registry takes a proof once, whatever is sent.)
- One transaction waits to be mined at a time, and one that others came to wait behind is not given up. So no nonce is a
  gap that holds others up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from prover.keeper.breaches import Standing
from prover.keeper.fees import offered_fees
from prover.keeper.journal import Journal
from prover.keeper.types import (
    FLAG_UP,
    OPEN,
    AccountEntry,
    Breach,
    EpochEntry,
    Evidence,
    Fees,
    Head,
    Mined,
    Revert,
    State,
    Transaction,
    VenueEntry,
)
from rtnet_core.errors import InputError, Refusal

#: Proofs that are made ahead of the one that is being submitted.
_AHEAD: Final = 2
#: A snapshot this close to the age limit would be stale by the time the transaction is mined; a tenth of a short limit.
_MARGIN_MS: Final = 120_000
#: Errors of the registry that time, a newer epoch or the governor may lift; the others are for good.
_PASSING: Final = frozenset(
    {"EpochNotProven", "NotNewer", "Stale", "FromTheFuture", "OraclesNotInForce", "ParamsNotInForce"}
)
#: The context of the account's statement: its challenge names a turn that has passed.
_OTHER_TURN: Final = Revert("StatementMismatch", (5,))

CLEARS: Final = "clears in the registry's newest epoch: waiting for the next"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the keeper may do.

    Attributes
    ----------
    confirmations
        Blocks from the one that holds a transaction to the newest, both counted, after which it is final.
    max_fee_wei
        The most that is offered for a unit of gas.
    bump_after
        Blocks after which a transaction that waits is offered more.
    dry_run
        Stop before anything is signed.
    """

    confirmations: int
    max_fee_wei: int
    bump_after: int
    dry_run: bool = False


class Watch(Protocol):
    """Tells who is below."""

    def look(self) -> Standing: ...  # noqa: D102 - said in the class's line


class Prover(Protocol):
    """Makes the proof of an account in an epoch; None where the account clears there."""

    def prove(self, breach: Breach, epoch: EpochEntry, turn: int) -> Evidence | None: ...  # noqa: D102

    def commitment(self, handle: bytes) -> bytes: ...  # noqa: D102


class Registry(Protocol):
    """The registry and its chain; see `prover.keeper.node.RegistryNode`."""

    def venue(self) -> VenueEntry: ...  # noqa: D102
    def account(self, commitment: bytes) -> AccountEntry: ...  # noqa: D102
    def epoch(self, number: int) -> EpochEntry: ...  # noqa: D102
    def refusal(self, breach: Breach, evidence: Evidence, block: int | None = None) -> Revert | None: ...  # noqa: D102
    def head(self) -> Head: ...  # noqa: D102
    def priority_wei(self) -> int: ...  # noqa: D102
    def nonce(self, block: int | None = None, *, pending: bool = False) -> int: ...  # noqa: D102
    def mined(self, transaction_hash: str) -> Mined | None: ...  # noqa: D102
    def is_known(self, transaction_hash: str) -> bool: ...  # noqa: D102
    def sign(  # noqa: D102
        self, breach: Breach, evidence: Evidence, nonce: int, fees: Fees, block: int
    ) -> Transaction: ...
    def broadcast(self, transaction: Transaction) -> str: ...  # noqa: D102


class Keeper:
    """Takes breaches to a registry.

    Parameters
    ----------
    journal
        What is known of them; no other keeper writes it.
    watch, prover, registry
        The engine, the proofs and the chain.
    terms
        What may be done.
    observe
        Told of every breach that comes to stand elsewhere, and of what a node had to say.
    """

    def __init__(
        self,
        journal: Journal,
        watch: Watch,
        prover: Prover,
        registry: Registry,
        terms: Terms,
        observe: Callable[[Breach, State, str], None],
    ) -> None:
        self._journal, self._watch, self._prover, self._registry = journal, watch, prover, registry
        self._terms, self._observe = terms, observe

    def round(self) -> bool:
        """Take the breaches as far as they go now; return whether anything came of it, so that more may.

        Raises
        ------
        NodeFailure
            The node did not answer. Everything done so far is in the journal.
        ToolError
            The engine's log or the journal is broken, or a proof could not be made.
        """
        moved = self._note_breaches(self._watch.look())
        if not self._terms.dry_run:
            for breach in self._journal.in_state(State.SUBMITTED):
                moved = self._settle(breach) or moved
        moved = self._prove_next() or moved
        return self._submit_next() or moved

    # --- the engine

    def _note_breaches(self, standing: Standing) -> bool:
        """Note who is below and was not, and close the breaches of those who are not any more."""
        moved = False
        below = {entry.id: entry for entry in standing.below}
        opened = {breach.account: breach for breach in self._journal.in_state(*OPEN)}
        for account, breach in opened.items():
            if account not in below and breach.state is not State.SUBMITTED:
                moved = self._move(breach, State.CURED, "the account clears again") or moved
        for entry in standing.below:
            commitment = self._prover.commitment(bytes.fromhex(entry.handle))
            if entry.id not in opened and self._is_new(entry.id, commitment):
                made = self._journal.note(entry.id, commitment, entry.threshold_bps, standing.sequence)
                self._observe(made, made.state, made.reason)
                moved = True
        return moved

    def _is_new(self, account: str, commitment: bytes) -> bool:
        """Return whether an account that is below, and has no open breach, is in breach anew."""
        last = self._journal.last_of(account)
        if last is None or last.state is State.CURED:
            return True
        if last.state in FLAG_UP:
            # It has been below ever since, or again; what counts is whether the flag still says so.
            return not self._registry.account(commitment).flagged
        return self._registry.venue().last_epoch > last.epoch

    # --- what was submitted

    def _settle(self, breach: Breach) -> bool:
        """See what became of a breach's transactions, and do what is due: send again, offer more, or end it."""
        newest = self._journal.transactions(breach=breach.id)[-1]
        # What had a lower nonce came to its end before: it was reverted, or can never be mined.
        nonce = newest.nonce
        sent = self._journal.transactions(breach=breach.id, from_nonce=nonce)
        head = self._registry.head()
        found = self._mined(sent)
        if found is not None:
            transaction, mined = found
            return self._settle_mined(breach, transaction, mined, head, is_newest=transaction == newest)
        if self._registry.nonce(self._final(head)) > nonce:
            return self._move(breach, State.PROVED, f"nonce {nonce} was used for another transaction")
        next_nonce = self._registry.nonce()
        if next_nonce > nonce:
            return False  # by a block that may yet be replaced
        if self._journal.transactions(from_nonce=next_nonce)[0].nonce > next_nonce:
            self._move(breach, State.SUBMITTED, f"{_sent(newest)}, behind nonce {next_nonce} of another program")
        evidence = _evidence_of(breach)
        revert = self._registry.refusal(breach, evidence)
        if revert is not None and not self._holds_up_others(nonce):
            # It may have been mined since it was looked for, and is refused for that.
            return self._mined(sent) is None and self._refused(breach, evidence, revert)
        if head.number - newest.block >= self._terms.bump_after:
            fees = offered_fees(head.base_fee_wei, self._registry.priority_wei(), self._terms.max_fee_wei, newest.fees)
            if fees is not None:
                self._send(breach, self._registry.sign(breach, evidence, nonce, fees, head.number))
                return True
        if not self._registry.is_known(newest.hash):
            self._broadcast(breach, newest)
        return False

    def _settle_mined(self, breach: Breach, sent: Transaction, mined: Mined, head: Head, *, is_newest: bool) -> bool:
        if head.number - mined.block + 1 < self._terms.confirmations:
            return False
        if mined.succeeded:
            return self._move(breach, State.CONFIRMED, f"block {mined.block}, {sent.hash}")
        evidence = _evidence_of(breach)
        # The state after the block before is what the transaction met, but for others in its block.
        revert = self._registry.refusal(breach, evidence, mined.block - 1)
        if revert is None and not is_newest:
            # One with an outdated proof was mined before the proof that took its place: that has lost its nonce only.
            return self._move(breach, State.PROVED, f"{sent.hash} was reverted, with an outdated proof")
        return self._refused(breach, evidence, revert or Revert("reverted"))

    def _holds_up_others(self, nonce: int) -> bool:
        """Return whether others wait behind a nonce: after a reorganisation, for blocks that held them are gone."""
        later = self._journal.transactions(from_nonce=nonce + 1)
        waiting = {breach.id for breach in self._journal.in_state(State.SUBMITTED)}
        return any(transaction.breach in waiting for transaction in later)

    def _mined(self, sent: list[Transaction]) -> tuple[Transaction, Mined] | None:
        for transaction in sent:
            mined = self._registry.mined(transaction.hash)
            if mined is not None:
                return transaction, mined
        return None

    def _final(self, head: Head) -> int:
        """Return the newest block that is not replaced any more."""
        return max(0, head.number - self._terms.confirmations + 1)

    # --- proofs

    def _prove_next(self) -> bool:
        """Make one proof, of the breach that waits longest and can be proven now."""
        waiting = self._journal.in_state(State.BREACH)
        if not waiting or len(self._journal.in_state(State.PROVED)) >= _AHEAD:
            return False
        venue, head = self._registry.venue(), self._registry.head()
        if not venue.last_epoch:
            moved = [self._move(breach, State.BREACH, "the registry has no epoch yet") for breach in waiting]
            return any(moved)
        epoch = self._registry.epoch(venue.last_epoch)
        moved = []
        for breach in waiting:
            account = self._registry.account(breach.commitment)
            state, reason = _standing_of(breach, account, epoch, venue, head)
            if state is not State.BREACH or reason:
                moved.append(self._move(breach, state, reason, epoch.number))
                continue
            if breach.epoch == epoch.number and breach.reason == CLEARS:
                continue
            try:
                evidence = self._prover.prove(breach, epoch, account.turn)
            except (InputError, Refusal) as error:
                # What the venue keeps of the epoch is missing here, or is not what the registry has.
                moved.append(self._move(breach, State.BREACH, f"epoch {epoch.number}: {error}"))
                continue
            if evidence is not None:
                return self._move(breach, State.PROVED, f"in epoch {epoch.number}", epoch.number, evidence)
            moved.append(self._move(breach, State.BREACH, CLEARS, epoch.number))
        return any(moved)

    # --- transactions

    def _submit_next(self) -> bool:
        """Sign and send the oldest proof, if no transaction waits and the proof still holds."""
        proven = self._journal.in_state(State.PROVED)
        if not proven:
            return False
        breach, next_nonce = proven[0], self._registry.nonce()
        free = self._journal.transactions(from_nonce=next_nonce)
        submitted = {breach.id for breach in self._journal.in_state(State.SUBMITTED)}
        used = [sent.nonce for sent in self._journal.transactions(breach=breach.id) if sent.nonce < next_nonce]
        if any(sent.breach in submitted for sent in free) or (
            # Its nonce was used for something else, by a block that may yet be replaced.
            used and max(used) >= self._registry.nonce(self._final(self._registry.head()))
        ):
            return False
        evidence, venue, head = _evidence_of(breach), self._registry.venue(), self._registry.head()
        account, epoch = self._registry.account(breach.commitment), self._registry.epoch(venue.last_epoch)
        state, reason = _standing_of(breach, account, epoch, venue, head)
        if state is not State.BREACH or reason:
            return self._move(breach, state, reason, epoch.number)
        if (evidence.epoch, evidence.turn) != (epoch.number, account.turn):
            return self._move(breach, State.BREACH, "the proof is outdated: made anew")
        revert = self._registry.refusal(breach, evidence)
        if revert is not None:
            return self._refused(breach, evidence, revert)
        if breach.account not in {entry.id for entry in self._watch.look().below}:
            return self._move(breach, State.CURED, "the account clears again")
        if self._terms.dry_run:
            self._move(breach, State.PROVED, "would be submitted now")
            return False
        return self._sign_and_send(breach, evidence, head, free)

    def _sign_and_send(self, breach: Breach, evidence: Evidence, head: Head, free: list[Transaction]) -> bool:
        # A nonce that was given up and is free still goes first: what was signed for it can then never be mined. With
        # none, the node's pool counts: the same key may be at work elsewhere.
        nonce = free[0].nonce if free else self._registry.nonce(pending=True)
        before = [transaction.fees for transaction in free if transaction.nonce == nonce]
        fees = offered_fees(
            head.base_fee_wei, self._registry.priority_wei(), self._terms.max_fee_wei, before[-1] if before else None
        )
        if fees is None:
            self._move(breach, State.PROVED, "gas is dearer than the ceiling: waiting")
            return False
        self._send(breach, self._registry.sign(breach, evidence, nonce, fees, head.number))
        return True

    def _send(self, breach: Breach, signed: Transaction) -> None:
        reason = _sent(signed)
        self._journal.add_transaction(breach, signed, reason)
        self._observe(breach, State.SUBMITTED, reason)
        self._broadcast(breach, signed)

    def _broadcast(self, breach: Breach, signed: Transaction) -> None:
        answer = self._registry.broadcast(signed)
        if answer:
            self._observe(breach, State.SUBMITTED, f"the node says: {answer}")

    def _refused(self, breach: Breach, evidence: Evidence, revert: Revert) -> bool:
        """Note that the registry refuses a proof: the flag is up already, it passes, another is needed, or for good."""
        if self._registry.account(breach.commitment).flagged:
            return self._move(breach, State.ALREADY_FLAGGED, f"by another proof ({revert.name})")
        if revert.name in _PASSING:
            return self._move(breach, State.PROVED, f"the registry does not take it now: {revert.name}")
        if revert == _OTHER_TURN:
            return self._move(breach, State.BREACH, "the account's turn has passed: proven anew")
        return self._move(breach, State.REFUSED, str(revert), evidence.epoch)

    def _move(
        self, breach: Breach, state: State, reason: str, epoch: int | None = None, evidence: Evidence | None = None
    ) -> bool:
        is_new = self._journal.move(breach, state, reason, epoch=epoch, evidence=evidence)
        if is_new:
            self._observe(breach, state, reason)
        return is_new


def _standing_of(
    breach: Breach, account: AccountEntry, epoch: EpochEntry, venue: VenueEntry, head: Head
) -> tuple[State, str]:
    """Return where a breach stands by what the registry says; `State.BREACH` without a reason: a proof may be made."""
    if not any(account.venue):
        return State.REFUSED, "UnknownAccount: the registry does not list it"
    if account.flagged:
        return State.ALREADY_FLAGGED, f"by the proof of epoch {account.epoch}"
    if account.threshold_bps != breach.threshold_bps:
        return State.REFUSED, f"it is listed with {account.threshold_bps} basis points"
    if account.epoch >= epoch.number:
        return State.BREACH, f"cleared by the proof of epoch {account.epoch}: waiting for the next"
    if head.time_ms - epoch.as_of_ms + min(_MARGIN_MS, venue.max_age_ms // 10) > venue.max_age_ms:
        return State.BREACH, f"epoch {epoch.number} is stale: waiting for the next"
    return State.BREACH, ""


def _sent(transaction: Transaction) -> str:
    return f"nonce {transaction.nonce}, {transaction.hash}"


def _evidence_of(breach: Breach) -> Evidence:
    if breach.evidence is None:
        raise ValueError("a breach that was proven has its proof")
    return breach.evidence
