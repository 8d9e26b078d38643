"""A keeper on a simulated chain: accounts that fall and recover, and a process that is killed at any of its calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from prover.keeper.breaches import Listing, Standing
from prover.keeper.journal import Binding, Journal
from prover.keeper.keeper import Keeper, Terms
from prover.keeper.types import OPEN, Breach, EpochEntry, Evidence, NodeFailure, State
from tests.support.simulated_registry import SimulatedRegistry

BINDING = Binding(31_337, f"0x{'ab' * 20}", "07" * 32, f"0x{'cd' * 20}")
CONFIRMATIONS = 3
TERMS = Terms(confirmations=CONFIRMATIONS, max_fee_wei=1_000, bump_after=4)


class Killed(BaseException):
    """The process is gone."""


class Calls:
    """Counts the calls of a process to the world outside it, and ends the process at one of them."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.count, self._kill_at = 0, kill_at

    def wrap(self, target: Any) -> Any:
        """Return `target` with every method counted, once as it is called and once as it has done its work."""
        return _Wrapped(target, self)

    def passed(self) -> None:
        """Count, and kill."""
        self.count += 1
        if self.count == self._kill_at:
            raise Killed


class _Wrapped:
    def __init__(self, target: Any, calls: Calls) -> None:
        self._target, self._calls = target, calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._target, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._calls.passed()
            result = method(*arguments, **options)
            self._calls.passed()
            return result

        return call


class Venue:
    """What engine and prover tell the keeper: who is below now, and who was in each epoch.

    Parameters
    ----------
    folder
        Gets the journal.
    names
        The accounts that are listed.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self.chain = SimulatedRegistry()
        self.journal_path = folder / "journal.sqlite"
        self.listings = {name: Listing(id=name, handle=hashlib.sha256(name.encode()).hexdigest()) for name in names}
        self.below: set[str] = set()
        self.below_in: dict[int, set[str]] = {}
        self.sequence = 0
        self.proofs = 0
        self.told: list[tuple[str, State, str]] = []
        for name in names:
            self.chain.list_account(self.commitment_of(name))
        self.chain.mine(CONFIRMATIONS)  # so that no reorganisation takes the listing back

    def commitment_of(self, name: str) -> bytes:
        """Return an account's commitment."""
        return self.commitment(bytes.fromhex(self.listings[name].handle))

    def publish(self, *below: str) -> None:
        """Prove an epoch in which these are below, and no others."""
        number = max(self.below_in, default=0) + 1
        self.below_in[number] = set(below)
        self.chain.publish(number)

    def fall(self, *names: str) -> None:
        """Let accounts fall below their thresholds."""
        self.sequence += 1
        self.below |= set(names)

    def recover(self, *names: str) -> None:
        """Let them clear again."""
        self.sequence += 1
        self.below -= set(names)

    # --- as the keeper asks

    def look(self) -> Standing:
        """Return who is below."""
        return Standing(self.sequence, tuple(self.listings[name] for name in sorted(self.below)), 0)

    def commitment(self, handle: bytes) -> bytes:
        """Return the commitment to a handle."""
        return hashlib.sha256(b"\x07" * 32 + handle).digest()

    def prove(self, breach: Breach, epoch: EpochEntry, turn: int) -> Evidence | None:
        """Return what stands for a proof."""
        self.proofs += 1
        if breach.account not in self.below_in[epoch.number]:
            return None
        return Evidence(epoch.number, turn, (0, 1, 2, 3, breach.threshold_bps, 5), tuple(range(8)))

    # --- running it

    def run(self, rounds: int = 1, *, terms: Terms = TERMS) -> None:
        """Begin a keeper, let it go round, and end it; a node that fails ends a round."""
        with Journal.open(self.journal_path, BINDING) as journal:
            keeper = self._keeper(journal, terms, Calls())
            for _ in range(rounds):
                with suppress(NodeFailure):
                    keeper.round()

    def run_until_settled(self, *, calls: Calls | None = None) -> None:
        """Let rounds and blocks follow one another until nothing is open, or sixty blocks have passed.

        A keeper that is killed is begun again, with the journal as it was left.
        """
        counted, blocks = calls or Calls(), 0
        while blocks < 60:
            with suppress(Killed), Journal.open(self.journal_path, BINDING) as journal:
                keeper = self._keeper(journal, TERMS, counted)
                while blocks < 60:
                    moved = keeper.round()
                    if not moved and not journal.in_state(*OPEN):
                        return
                    self.chain.mine()
                    blocks += 1
            counted = Calls()

    def _keeper(self, journal: Journal, terms: Terms, calls: Calls) -> Keeper:
        wrapped = [calls.wrap(target) for target in (journal, self, self, self.chain)]
        return Keeper(*wrapped, terms, self._tell)

    def breaches(self) -> list[Breach]:
        """Return what the journal has."""
        with Journal.open(self.journal_path, BINDING) as journal:
            return journal.breaches()

    def states(self) -> dict[str, State]:
        """Return the state of each account's newest breach."""
        return {breach.account: breach.state for breach in self.breaches()}

    def reason(self, name: str) -> str:
        """Return why an account's newest breach stands where it does."""
        return next(breach.reason for breach in reversed(self.breaches()) if breach.account == name)

    def raised(self, name: str) -> int:
        """Return how often the flag of an account went up on the chain."""
        return sum(commitment == self.commitment_of(name) for commitment, _ in self.chain.state.raised)

    def _tell(self, breach: Breach, state: State, reason: str) -> None:
        self.told.append((breach.account, state, reason))
