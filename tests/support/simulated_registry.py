"""A chain with one registry, simulated: a pool, blocks that can be replaced, a node that fails, and no cryptography."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from prover.keeper.types import (
    AccountEntry,
    Breach,
    EpochEntry,
    Evidence,
    Fees,
    Head,
    Mined,
    NodeFailure,
    Revert,
    Transaction,
    VenueEntry,
)

VENUE = b"\x07" * 32
MAX_AGE_MS = 3_600_000
SECOND_MS = 1_000
BLOCK_MS = 12 * SECOND_MS


@dataclass
class State:
    """The chain's state after a block."""

    accounts: dict[bytes, AccountEntry] = field(default_factory=dict)
    epochs: dict[int, EpochEntry] = field(default_factory=dict)
    nonce: int = 0
    raised: list[tuple[bytes, int]] = field(default_factory=list)
    in_force: bool = True
    #: Transactions of the keeper that the registry reverted, and those that it took while the flag was up.
    reverted: int = 0
    needless: int = 0


@dataclass
class Block:
    """A block with the state behind it; `results` holds whether a transaction succeeded, by hash."""

    number: int
    time_ms: int
    state: State
    results: dict[str, bool]
    pooled: dict[str, dict[str, Any]]


class SimulatedRegistry:
    """The registry as a keeper sees it, with what a test does to the chain behind it."""

    def __init__(self, time_ms: int = 1_700_000_000_000) -> None:
        self.blocks = [Block(0, time_ms, State(), {}, {})]
        self.pool: dict[str, dict[str, Any]] = {}
        self.base_fee_wei = 10
        self.sent: list[str] = []
        #: Called before a request with its name; raises what the node fails with.
        self.before: Callable[[str], None] = lambda _name: None
        #: Called after one, when it has had its effect.
        self.after: Callable[[str], None] = lambda _name: None

    # --- what a test does

    @property
    def state(self) -> State:
        """The state behind the newest block."""
        return self.blocks[-1].state

    def mine(self, count: int = 1) -> None:
        """Add blocks; the first takes what waits in the pool and pays the base fee, by nonces without a gap."""
        for _ in range(count):
            state, results, taken = deepcopy(self.state), {}, {}
            for name, content in sorted(self.pool.items(), key=lambda item: item[1]["nonce"]):
                if content["nonce"] == state.nonce and content["max_wei"] >= self.base_fee_wei:
                    results[name], taken[name] = self._execute(state, content), content
            self.pool = {n: c for n, c in self.pool.items() if c["nonce"] >= state.nonce}
            last = self.blocks[-1]
            self.blocks.append(Block(last.number + 1, last.time_ms + BLOCK_MS, state, results, taken))

    def reorganise(self, depth: int, *, keep: bool = True) -> None:
        """Replace the newest blocks by as many empty ones; their transactions go back to the pool.

        Unless `keep` is set, those of the keeper are lost. Those of other programs never are: they send them again.
        """
        depth = min(depth, len(self.blocks) - 1)
        gone, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        returned = {name: content for block in gone for name, content in block.pooled.items()}
        pool = {name: content for name, content in returned.items() if keep or "commitment" not in content}
        pool, self.pool = {**pool, **self.pool}, {}
        self.mine(depth)
        self.pool = pool

    def drop(self) -> None:
        """Let the pool forget the keeper's transactions."""
        self.pool = {name: content for name, content in self.pool.items() if "commitment" not in content}

    def publish(self, number: int) -> None:
        """Enter an epoch that is proven as of now."""
        self._change(lambda state: state.epochs.__setitem__(number, _epoch(number, self.blocks[-1].time_ms)))

    def list_account(self, commitment: bytes, threshold_bps: int = 10_000) -> None:
        """List an account."""
        entry = AccountEntry(VENUE, threshold_bps, 0, 0, flagged=False)
        self._change(lambda state: state.accounts.__setitem__(commitment, entry))

    def prove_elsewhere(self, commitment: bytes, epoch: int, *, clears: bool) -> None:
        """Let the holder submit a proof."""

        def submit(state: State) -> None:
            entry = state.accounts[commitment]
            if epoch > entry.epoch:
                if not clears and not entry.flagged:
                    state.raised.append((commitment, epoch))
                state.accounts[commitment] = replace(entry, epoch=epoch, turn=entry.turn + 1, flagged=not clears)

        self._change(submit)

    def use_nonce(self) -> None:
        """Let another program that has the same key send a transaction, mined at once."""
        used = {f"foreign-{self.state.nonce}": {"nonce": self.state.nonce, "max_wei": 10**9, "priority_wei": 10**9}}
        self._change(lambda state: setattr(state, "nonce", state.nonce + 1))
        self.blocks[-1].pooled.update(used)
        self.pool = {name: content for name, content in self.pool.items() if content["nonce"] >= self.state.nonce}

    def set_in_force(self, in_force: bool) -> None:
        """Let the governor take back the roots, or enter them again."""
        self._change(lambda state: setattr(state, "in_force", in_force))

    # --- what a keeper asks

    def venue(self) -> VenueEntry:
        """Return the venue's entry."""
        self._asked("venue")
        return VenueEntry("0x0", MAX_AGE_MS, max(self.state.epochs, default=0))

    def account(self, commitment: bytes) -> AccountEntry:
        """Return an account's entry."""
        self._asked("account")
        return self.state.accounts.get(commitment, AccountEntry(bytes(32), 0, 0, 0, flagged=False))

    def epoch(self, number: int) -> EpochEntry:
        """Return an epoch's entry."""
        self._asked("epoch")
        return self.state.epochs.get(number, EpochEntry(number, bytes(32), 0))

    def refusal(self, breach: Breach, evidence: Evidence, block: int | None = None) -> Revert | None:
        """Return how a proof would be refused."""
        self._asked("refusal")
        at = self.blocks[-1 if block is None else block]
        return _refusal(at.state, at.time_ms, breach.commitment, evidence.epoch, evidence.turn)

    def head(self) -> Head:
        """Return the newest block."""
        self._asked("head")
        return Head(self.blocks[-1].number, self.blocks[-1].time_ms, self.base_fee_wei)

    def priority_wei(self) -> int:
        """Return the node's suggestion."""
        self._asked("priority_wei")
        return 2

    def nonce(self, block: int | None = None, *, pending: bool = False) -> int:
        """Return the sender's next nonce."""
        self._asked("nonce")
        count = self.blocks[-1 if block is None else block].state.nonce
        if pending:
            waiting = {content["nonce"] for content in self.pool.values()}
            while count in waiting:
                count += 1
        return count

    def mined(self, transaction_hash: str) -> Mined | None:
        """Return where a transaction was mined."""
        self._asked("mined")
        for block in self.blocks:
            if transaction_hash in block.results:
                return Mined(block.number, block.results[transaction_hash])
        return None

    def is_known(self, transaction_hash: str) -> bool:
        """Return whether the node has a transaction."""
        self._asked("is_known")
        return transaction_hash in self.pool or any(transaction_hash in block.results for block in self.blocks)

    def sign(self, breach: Breach, evidence: Evidence, nonce: int, fees: Fees, block: int) -> Transaction:
        """Return a transaction whose bytes say what it does."""
        content = {
            "commitment": breach.commitment.hex(),
            "epoch": evidence.epoch,
            "turn": evidence.turn,
            "nonce": nonce,
            "max_wei": fees.max_wei,
            "priority_wei": fees.priority_wei,
        }
        raw = json.dumps(content, sort_keys=True).encode()
        return Transaction(f"0x{hashlib.sha256(raw).hexdigest()}", breach.id, nonce, fees, block, raw)

    def broadcast(self, transaction: Transaction) -> str:
        """Take a transaction into the pool."""
        self.before("broadcast")
        self.sent.append(transaction.hash)
        answer = self._take(transaction)
        self.after("broadcast")
        return answer

    # --- private

    def _asked(self, name: str) -> None:
        self.before(name)
        self.after(name)

    def _take(self, transaction: Transaction) -> str:
        content = json.loads(transaction.raw)
        if transaction.hash in self.pool or self.mined(transaction.hash):
            return "already known"
        if content["nonce"] < self.state.nonce:
            return "nonce too low"
        rival = next((name for name, other in self.pool.items() if other["nonce"] == content["nonce"]), None)
        if rival is not None:
            other = self.pool[rival]
            if any(10 * content[fee] < 11 * other[fee] for fee in ("max_wei", "priority_wei")):
                return "replacement transaction underpriced"
            del self.pool[rival]
        self.pool[transaction.hash] = content
        return ""

    def _execute(self, state: State, content: dict[str, Any]) -> bool:
        state.nonce += 1
        if "commitment" not in content:
            return True
        commitment = bytes.fromhex(content["commitment"])
        time_ms = self.blocks[-1].time_ms + BLOCK_MS
        if _refusal(state, time_ms, commitment, content["epoch"], content["turn"]) is not None:
            state.reverted += 1
            return False
        entry = state.accounts[commitment]
        state.needless += entry.flagged
        state.raised.append((commitment, content["epoch"]))
        state.accounts[commitment] = replace(entry, epoch=content["epoch"], turn=entry.turn + 1, flagged=True)
        return True

    def _change(self, change: Callable[[State], None]) -> None:
        """Add a block that holds someone else's transaction."""
        state = deepcopy(self.state)
        change(state)
        last = self.blocks[-1]
        self.blocks.append(Block(last.number + 1, last.time_ms + SECOND_MS, state, {}, {}))


def _epoch(number: int, as_of_ms: int) -> EpochEntry:
    return EpochEntry(number, hashlib.sha256(b"epoch %d" % number).digest(), as_of_ms)


def _refusal(state: State, time_ms: int, commitment: bytes, epoch: int, turn: int) -> Revert | None:
    """Return what `submitAccountProof` reverts with, in its order."""
    entry = state.accounts.get(commitment)
    if entry is None:
        return Revert("UnknownAccount")
    if epoch not in state.epochs:
        return Revert("EpochNotProven")
    if epoch <= entry.epoch:
        return Revert("NotNewer")
    age_ms = time_ms - state.epochs[epoch].as_of_ms
    if age_ms > MAX_AGE_MS:
        return Revert("Stale", (age_ms,))
    if not state.in_force:
        return Revert("ParamsNotInForce", (1,))
    return None if turn == entry.turn else Revert("StatementMismatch", (5,))


def failing(*names: str, times: int = 1) -> Callable[[str], None]:
    """Return a hook that fails the first requests of these names."""
    left = [times]

    def fail(name: str) -> None:
        if name in names and left[0]:
            left[0] -= 1
            raise NodeFailure("node: ReadTimeout")

    return fail
