"""The engine: reads events, keeps the venue current, and acknowledges what is on disk.

    engine = Engine.create(SqlLog.open("venue.sqlite", create=True), snapshot, params)
    receipts = [engine.apply(line) for line in lines]
    engine.commit()                # from here on the receipts may be shown

After a crash, `Engine.open` is in the state of the last group that was committed. What was acknowledged is in it; an
event whose receipt was lost on the way is sent again, and answered as repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, Self

from rtnet_core.account import Account, amounts, quantities
from rtnet_core.engine.events import NAME_PATTERN, Event, event_line, parse_event
from rtnet_core.engine.ledger import EXTERNAL, BalanceError
from rtnet_core.engine.live import Levels
from rtnet_core.engine.log import CHAIN_START, EventLog, Group, KeptState, chained
from rtnet_core.engine.reports import Report
from rtnet_core.engine.settle import Venue
from rtnet_core.engine.state import decode_state, encode_state, state_digest
from rtnet_core.errors import InputError, Refusal, ToolError
from rtnet_core.params import Params
from rtnet_core.snapshot import Snapshot

#: Events after which the state is kept beside the log: a restart applies at most that many again.
STATE_EVERY: Final = 200_000

Status = Literal["applied", "repeated", "refused"]


class Receipt(NamedTuple):
    """What became of an event.

    Attributes
    ----------
    id
        The event's; empty where the line is no event.
    status
        ``applied``; ``repeated``: it was applied before; ``refused``: it changed nothing, and may be sent again.
    sequence
        Its number in the log; None where it is refused.
    reason, message
        Of a refusal: the code, and the same for a person.
    report
        Of an event that tells what it did and was applied just now: a ``clear``, a ``delivery``, a ``tune``.
    """

    id: str
    status: Status
    sequence: int | None = None
    reason: str = ""
    message: str = ""
    report: Report | None = None


class Engine:
    """A venue and its log. Make one with `create`, or `open` one again.

    Attributes
    ----------
    venue
        Ledger and live margins; to be read, and changed by `apply` only.
    sequence
        Number of the last event applied.
    chain
        The log's chain after the last event committed.
    reports
        Of an engine opened from the beginning: what each such event of the log did, by its number.
    """

    def __init__(self, log: EventLog, venue: Venue, sequence: int, chain: bytes) -> None:
        self.log = log
        self.venue = venue
        self.sequence = sequence
        self.chain = chain
        self._kept_at = sequence
        self._seen: dict[str, int] = {}
        self._ids: list[str] = []
        self._lines: list[bytes] = []
        self._digests: dict[int, bytes] = {}
        self._group: Group | None = None
        self.reports: dict[int, Report] = {}

    @classmethod
    def create(
        cls,
        log: EventLog,
        snapshot: Snapshot,
        params: Params,
        levels: Levels | None = None,
        accounts: Iterable[Account] = (),
    ) -> Self:
        """Return an engine with a new log, which begins with the state of `accounts`.

        Accounts are opened as unified and owned by themselves; what they have counts as paid in.

        Raises
        ------
        InputError
            The log is in use; an account breaks a rule; positions do not sum to zero.
        Refusal
            The accounts' cash is below zero in total.
        """
        if log.state() is not None:
            raise InputError("log", "must be empty: it holds the log of an engine")
        venue = Venue.empty(snapshot, params, levels or Levels())
        _open_accounts(venue, accounts)
        state = encode_state(venue, 0)
        log.keep_state(KeptState(0, state_digest(state), CHAIN_START, state))
        return cls(log, venue, 0, CHAIN_START)

    @classmethod
    def open(cls, log: EventLog, *, from_the_beginning: bool = False) -> Self:
        """Return the engine whose log this is, in the state of the last event committed.

        Parameters
        ----------
        log
            As an engine left it, however it ended.
        from_the_beginning
            Apply every event again, rather than those after the newest state kept, and see that the states kept on the
            way follow from them.

        Raises
        ------
        InputError
            The log holds no engine's state.
        ToolError
            The log is broken: a digest or the chain does not fit, or an event is refused that was applied.
        """
        kept = log.state(first=from_the_beginning)
        if kept is None:
            raise InputError("log", "holds no state: no engine has been created in it")
        if state_digest(kept.state) != kept.digest:
            raise ToolError(f"log: the state at event {kept.sequence} does not have its digest")
        venue, sequence = decode_state(kept.state)
        engine = cls(log, venue, sequence, kept.chain)
        engine._digests = log.digests() if from_the_beginning else {}
        for first, ids in log.ids(sequence):
            engine._seen.update(zip(ids, range(first, first + len(ids)), strict=True))
        engine.catch_up()
        return engine

    # --- events

    def apply(self, line: bytes) -> Receipt:
        """Apply an event and return its receipt, which holds once `commit` has returned.

        Parameters
        ----------
        line
            One event as JSON in UTF-8.

        Raises
        ------
        BalanceError
            The books do not balance: a defect; nothing of the event was booked.
        """
        try:
            event = parse_event(line)
        except InputError as error:
            return Receipt("", "refused", None, "bad_event", str(error))
        known = self._seen.get(event.id)
        if known is not None:
            return self._repeated(event, known)
        try:
            self.venue.settle(event)
        except Refusal as refusal:
            return Receipt(event.id, "refused", None, refusal.code, refusal.message)
        except InputError as error:
            return Receipt(event.id, "refused", None, "bad_market", str(error))
        self._note(event.id)
        # The log keeps one event a line, as it came unless it was spread over several.
        self._lines.append(event_line(event) if b"\n" in line else line)
        self._ids.append(event.id)
        return Receipt(event.id, "applied", self.sequence, report=self.venue.report)

    def commit(self) -> None:
        """Put what was applied on disk; every receipt given out before holds from here on.

        Raises
        ------
        ToolError
            The log could not be written. The engine is ahead of it then and must not be used further.
        """
        if self._lines:
            chain = chained(self.chain, self._lines)
            self.log.append(self.sequence - len(self._lines) + 1, self._ids, self._lines, chain)
            self.chain = chain
            self._ids, self._lines = [], []
        if self.sequence - self._kept_at >= STATE_EVERY:
            self.keep_state()

    def keep_state(self) -> None:
        """Keep the state beside the log, after summing the whole book up once more."""
        if self._lines:
            raise ToolError("log: the state is kept after a commit only")
        if self.sequence == self._kept_at:
            return
        self.venue.ledger.audit()
        state = encode_state(self.venue, self.sequence)
        self.log.keep_state(KeptState(self.sequence, state_digest(state), self.chain, state))
        self._kept_at = self.sequence

    def catch_up(self) -> int:
        """Apply what another process has committed since, and return how many events that were: a replica's part.

        Raises
        ------
        ToolError
            The log is broken.
        """
        before = self.sequence
        for group in self.log.groups(self.sequence):
            self._replay(group)
        return self.sequence - before

    def digest(self) -> bytes:
        """Return SHA-256 of the state: equal for two engines exactly where their states are."""
        return state_digest(encode_state(self.venue, self.sequence))

    def _note(self, event_id: str) -> None:
        self.sequence += 1
        self._seen[event_id] = self.sequence

    def _repeated(self, event: Event, number: int) -> Receipt:
        """Acknowledge an event again, unless its id was another event's."""
        first_pending = self.sequence - len(self._lines) + 1
        if number >= first_pending:
            line = self._lines[number - first_pending]
        else:
            group = self._group
            # Whoever sends a stream again sends it in order: mostly it is the group of the time before.
            if group is None or not group.first <= number < group.first + len(group.lines):
                group = self._group = self.log.group_of(number)
            line = group.lines[number - group.first]
        if parse_event(line) != event:
            return Receipt(event.id, "refused", None, "id_reused", "another event has this id")
        return Receipt(event.id, "repeated", number)

    def _replay(self, group: Group) -> None:
        chain = chained(self.chain, group.lines)
        if group.first != self.sequence + 1 or chain != group.chain:
            raise ToolError(f"log: the chain breaks in the group of event {group.first}")
        for line in group.lines:
            try:
                event = parse_event(line)
                self.venue.settle(event)
            except (InputError, Refusal, BalanceError) as error:
                raise ToolError(f"log: event {self.sequence + 1} cannot be applied again: {error}") from None
            self._note(event.id)
            if self._digests and self.venue.report is not None:
                self.reports[self.sequence] = self.venue.report
        self.chain = chain
        if self.sequence in self._digests and self._digests[self.sequence] != self.digest():
            raise ToolError(f"log: the state kept at event {self.sequence} does not follow from its events")


def _open_accounts(venue: Venue, accounts: Iterable[Account]) -> None:
    ledger, snapshot = venue.ledger, venue.live.rates.snapshot
    for account in accounts:
        if not re.fullmatch(NAME_PATTERN, account.id):
            raise InputError("account: id", "must be 1 to 64 printable ASCII characters without spaces")
        row = ledger.open(account.id, account.id, "unified", None)
        ledger.cash[row] = account.cash_ticks
        ledger.collateral[row] = amounts(account, snapshot)
        ledger.lots[row] = quantities(account, snapshot)
        ledger.pool_cash[-EXTERNAL - 1] -= account.cash_ticks
        external = ledger.pool_units[-EXTERNAL - 1]
        for number, amount in enumerate(ledger.collateral[row].tolist()):
            external[number] -= amount
    if ledger.pool_cash[-EXTERNAL - 1] > 0:
        raise Refusal("insufficient", "the accounts' cash must not be below zero in total")
    try:
        ledger.audit()
    except BalanceError:
        raise InputError("accounts", "must have positions that sum to zero in every instrument") from None
    venue.live.refresh()
