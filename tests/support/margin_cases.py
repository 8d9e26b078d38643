"""Margin cases for the circuits: risk array, parameters, account and threshold, seeded, ordinary or extreme.

Ordinary numbers are uniform over their range; extreme ones are its ends, zero, and powers of two and their neighbours,
where carries, borrows and signs go wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from prover.batch_inputs import BatchAccount, batch_inputs, batch_statement, batch_totals, merge_inputs, merge_statement
from prover.inputs import BookPlace, account_inputs, account_statement
from prover.witness import InputValue
from rtnet_core.commitments import BookTree, leaf
from rtnet_core.epoch import BatchStatement, MergeStatement
from rtnet_core.limits import (
    AMOUNT_BITS,
    AMOUNT_TOTAL_BITS,
    CASH_BITS,
    CASH_TOTAL_BITS,
    COUNT_BITS,
    DEFICIT_TOTAL_BITS,
    ENVELOPE_KINKS,
    GREEK_RATE_BITS,
    NET_TOTAL_BITS,
    PRICE_BITS,
    PROFILES,
    QUANTITY_BITS,
    RATE_BITS,
    ROW_BITS,
    SHORTFALL_BITS,
    SIZE_BITS,
    THRESHOLD_BITS,
)
from rtnet_core.margin_exact import AccountMargin, AccountVector, account_margin
from rtnet_core.params_root import MarginParams
from rtnet_core.risk_array import RiskArray
from rtnet_core.statement import Statement
from rtnet_core.totals import Totals, sum_totals

CONTEXT = 0x5EED << 200


class Numbers:
    """Random numbers of a given width, uniform or extreme.

    Parameters
    ----------
    seed
        Same seed, same numbers.
    extreme
        Whether to draw from the edges of the range only.
    """

    def __init__(self, seed: object, *, extreme: bool = False) -> None:
        self.random = Random(repr(seed))
        self._extreme = extreme

    def unsigned(self, bits: int) -> int:
        """Return a number in [0, 2^bits)."""
        if not self._extreme:
            return self.random.randrange(1 << bits)
        power = 1 << self.random.randrange(bits)
        return self.random.choice((0, 1, power - 1, power, min(power + 1, (1 << bits) - 1), (1 << bits) - 1))

    def signed(self, bits: int) -> int:
        """Return a number in [-2^bits, 2^bits)."""
        if not self._extreme:
            return self.random.randrange(-(1 << bits), 1 << bits)
        number = self.unsigned(bits)
        return self.random.choice((number, -number, -(1 << bits)))

    def unsigneds(self, count: int, bits: int) -> tuple[int, ...]:
        """Return `count` numbers in [0, 2^bits)."""
        return tuple(self.unsigned(bits) for _ in range(count))

    def signeds(self, count: int, bits: int) -> tuple[int, ...]:
        """Return `count` numbers in [-2^bits, 2^bits)."""
        return tuple(self.signed(bits) for _ in range(count))


@dataclass(frozen=True)
class Case:
    """Everything that the margin rule reads."""

    risk: RiskArray
    params: MarginParams
    account: AccountVector
    threshold_bps: int

    @property
    def margin(self) -> AccountMargin:
        """The margin by the exact engine."""
        return account_margin(self.account, self.risk, self.params)


def random_risk(profile: str, numbers: Numbers) -> RiskArray:
    """Return a risk array over the whole range of every number."""
    sizes = PROFILES[profile]
    return RiskArray(
        profile=profile,
        snapshot_hash=numbers.random.getrandbits(250),
        rows=tuple(numbers.signeds(sizes.scenarios, ROW_BITS) for _ in range(sizes.instruments)),
        marks=numbers.unsigneds(sizes.instruments, ROW_BITS),
        deltas=numbers.signeds(sizes.instruments, ROW_BITS),
        gammas=numbers.signeds(sizes.instruments, ROW_BITS),
        is_option=numbers.unsigneds(sizes.instruments, 1),
        index_ticks=numbers.unsigneds(sizes.underlyings, ROW_BITS),
        price_ticks=numbers.unsigneds(sizes.assets, PRICE_BITS),
    )


def random_params(profile: str, numbers: Numbers) -> MarginParams:
    """Return parameters over the whole range of every number, also such as no venue would publish."""
    assets, underlyings = PROFILES[profile].assets, PROFILES[profile].underlyings

    def pairs(count: int, bits: int) -> tuple[tuple[int, ...], ...]:
        return tuple(numbers.unsigneds(ENVELOPE_KINKS, bits) for _ in range(count))

    return MarginParams(
        rate_bps=numbers.unsigneds(assets, RATE_BITS),
        kinks=pairs(assets, AMOUNT_BITS),
        drops_bps=pairs(assets, RATE_BITS),
        size_kinks=pairs(underlyings, SIZE_BITS),
        size_rises_bps=pairs(underlyings, RATE_BITS),
        short_option_bps=numbers.unsigneds(underlyings, RATE_BITS),
        delta_rate_bps=numbers.unsigneds(underlyings, GREEK_RATE_BITS),
        gamma_rate_bps=numbers.unsigneds(underlyings, GREEK_RATE_BITS),
        scenarios_hash=numbers.random.getrandbits(250),
    )


def random_account(profile: str, numbers: Numbers) -> AccountVector:
    """Return an account over the whole range of every number."""
    sizes = PROFILES[profile]
    return AccountVector(
        numbers.signed(CASH_BITS),
        numbers.unsigneds(sizes.assets, AMOUNT_BITS),
        numbers.signeds(sizes.instruments, QUANTITY_BITS),
    )


def random_case(profile: str, seed: object, *, extreme: bool = False) -> Case:
    """Return a case of a profile."""
    numbers = Numbers(seed, extreme=extreme)
    return Case(
        random_risk(profile, numbers),
        random_params(profile, numbers),
        random_account(profile, numbers),
        max(1, numbers.unsigned(THRESHOLD_BITS)),
    )


def plain_case(**changes: Any) -> Case:
    """Return a small, solvent case of profile ``small`` with all numbers zero but cash, one position and its risk.

    Slot 0 is a future, long 3 lots, with row[s] = 10 * (s - 8): the worst scenario is 0 and scan risk is 240 ticks.
    Maintenance is 240 ticks, cash 500.
    """
    sizes = PROFILES["small"]
    zeros = (0,) * sizes.instruments
    rows = [tuple(10 * (s - 8) for s in range(sizes.scenarios)), *[(0,) * sizes.scenarios] * (sizes.instruments - 1)]
    risk = RiskArray(
        profile="small",
        snapshot_hash=11,
        rows=tuple(rows),
        marks=zeros,
        deltas=zeros,
        gammas=zeros,
        is_option=zeros,
        index_ticks=(0,) * sizes.underlyings,
        price_ticks=(0,) * sizes.assets,
    )
    flat = (0,) * sizes.assets
    rates = (0,) * sizes.underlyings
    params = MarginParams(
        rate_bps=flat,
        kinks=((0,) * ENVELOPE_KINKS,) * sizes.assets,
        drops_bps=((0,) * ENVELOPE_KINKS,) * sizes.assets,
        size_kinks=((0,) * ENVELOPE_KINKS,) * sizes.underlyings,
        size_rises_bps=((0,) * ENVELOPE_KINKS,) * sizes.underlyings,
        short_option_bps=rates,
        delta_rate_bps=rates,
        gamma_rate_bps=rates,
        scenarios_hash=12,
    )
    account = AccountVector(500, flat, (3, *zeros[1:]))
    return replace(Case(risk, params, account, 10_000), **changes)


def extreme_case(position: int, row: int, cash: int, amount: int, drop: int) -> Case:
    """Return a case of profile ``small`` with every number at an end of its range."""
    sizes = PROFILES["small"]
    rate, greek_rate = (1 << RATE_BITS) - 1, (1 << GREEK_RATE_BITS) - 1
    unsigned = (1 << ROW_BITS) - 1
    slots = range(sizes.instruments)
    risk = RiskArray(
        profile="small",
        snapshot_hash=1,
        rows=((row,) * sizes.scenarios,) * sizes.instruments,
        marks=(unsigned,) * sizes.instruments,
        deltas=(row,) * sizes.instruments,
        gammas=(row,) * sizes.instruments,
        is_option=tuple(1 for _ in slots),
        index_ticks=(unsigned,) * sizes.underlyings,
        price_ticks=((1 << PRICE_BITS) - 1,) * sizes.assets,
    )
    params = MarginParams(
        rate_bps=(rate,) * sizes.assets,
        kinks=((0, 0),) * sizes.assets,
        drops_bps=((drop, drop),) * sizes.assets,
        size_kinks=((0, 0),) * sizes.underlyings,
        size_rises_bps=((rate, rate),) * sizes.underlyings,
        short_option_bps=(rate,) * sizes.underlyings,
        delta_rate_bps=(greek_rate,) * sizes.underlyings,
        gamma_rate_bps=(greek_rate,) * sizes.underlyings,
        scenarios_hash=2,
    )
    account = AccountVector(cash, (amount,) * sizes.assets, (position,) * sizes.instruments)
    return Case(risk, params, account, (1 << THRESHOLD_BITS) - 1)


@dataclass(frozen=True)
class BookCase:
    """A case whose account stands in a book with others.

    Attributes
    ----------
    accounts, identities
        All accounts of the book, and the user id and salt of each.
    index
        Of the account that is proven.
    """

    case: Case
    accounts: tuple[AccountVector, ...]
    identities: tuple[tuple[int, int], ...]
    index: int

    @property
    def tree(self) -> BookTree:
        """The book."""
        leaves = [
            leaf(user, salt, account) for (user, salt), account in zip(self.identities, self.accounts, strict=True)
        ]
        return BookTree(leaves, self.case.risk.sizes.depth)

    @property
    def place(self) -> BookPlace:
        """Where the proven account stands."""
        tree = self.tree
        user, salt = self.identities[self.index]
        return BookPlace(user, salt, self.index, tuple(tree.path(self.index)), tree.account_count)

    @property
    def statement(self) -> Statement:
        """What an honest prover states."""
        case = self.case
        return account_statement(case.account, self.place, case.risk, case.params, case.threshold_bps, CONTEXT)

    @property
    def inputs(self) -> dict[str, InputValue]:
        """The inputs of the account circuit."""
        case = self.case
        return dict(account_inputs(case.account, self.place, case.risk, case.params, self.statement))


def book_case(case: Case, *, index: int = 2, others: int = 4, seed: object = 0) -> BookCase:
    """Return the case's account at `index` among `others` random accounts."""
    numbers = Numbers(("book", seed))
    accounts = [random_account(case.risk.profile, numbers) for _ in range(others)]
    accounts.insert(index, case.account)
    identities = tuple((numbers.random.getrandbits(248), numbers.random.getrandbits(248)) for _ in accounts)
    return BookCase(case, tuple(accounts), identities, index)


@dataclass(frozen=True)
class BatchCase:
    """A case with the accounts of one batch; the case's own account is not among them unless it was put there."""

    case: Case
    accounts: tuple[BatchAccount, ...]
    blinding: int

    @property
    def totals(self) -> Totals:
        """What the accounts add up to, by the exact engine."""
        return batch_totals(self.accounts, self.case.risk, self.case.params, self.case.threshold_bps)

    @property
    def statement(self) -> BatchStatement:
        """What an honest prover states."""
        case = self.case
        return batch_statement(self.accounts, self.blinding, case.risk, case.params, case.threshold_bps, CONTEXT)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs of the batch circuit."""
        return dict(batch_inputs(self.accounts, self.blinding, self.case.risk, self.case.params, self.statement))


def batch_case(case: Case, vectors: Sequence[AccountVector], *, seed: object = 0) -> BatchCase:
    """Return a batch of the given accounts, with random ids, salts and blinding."""
    random = Numbers(("batch", seed)).random
    accounts = tuple(BatchAccount(random.getrandbits(248), random.getrandbits(248), vector) for vector in vectors)
    return BatchCase(case, accounts, random.getrandbits(248))


def random_batch(profile: str, seed: object, count: int, *, extreme: bool = False) -> BatchCase:
    """Return a batch of `count` random accounts."""
    numbers = Numbers(("accounts", seed), extreme=extreme)
    vectors = [random_account(profile, numbers) for _ in range(count)]
    return batch_case(random_case(profile, seed, extreme=extreme), vectors, seed=seed)


@dataclass(frozen=True)
class MergeCase:
    """The children of one merge with their blindings, and the blinding of their sum."""

    profile: str
    children: tuple[tuple[Totals, int], ...]
    blinding: int

    @property
    def totals(self) -> Totals:
        """The sum."""
        return sum_totals([totals for totals, _ in self.children], PROFILES[self.profile])

    @property
    def statement(self) -> MergeStatement:
        """What an honest prover states."""
        return merge_statement(self.children, self.blinding, PROFILES[self.profile], CONTEXT)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs of the merge circuit."""
        return dict(merge_inputs(self.children, self.blinding, PROFILES[self.profile], self.statement))


def random_totals(profile: str, numbers: Numbers) -> Totals:
    """Return totals over the whole range of every number, less what a merge of M children adds."""
    sizes = PROFILES[profile]
    spare = sizes.merge.bit_length() - 1
    return Totals(
        below_threshold=numbers.unsigned(COUNT_BITS - spare),
        shortfall_e8=numbers.unsigned(SHORTFALL_BITS - spare),
        deficit_accounts=numbers.unsigned(COUNT_BITS - spare),
        deficit_ticks=numbers.unsigned(DEFICIT_TOTAL_BITS - spare),
        cash_ticks=numbers.signed(CASH_TOTAL_BITS - spare),
        amounts=numbers.unsigneds(sizes.assets, AMOUNT_TOTAL_BITS - spare),
        net_lots=numbers.signeds(sizes.instruments, NET_TOTAL_BITS - spare),
    )


def random_merge(profile: str, seed: object, count: int, *, extreme: bool = False) -> MergeCase:
    """Return a merge of `count` random children."""
    numbers = Numbers(("merge", seed), extreme=extreme)
    children = tuple((random_totals(profile, numbers), numbers.random.getrandbits(248)) for _ in range(count))
    return MergeCase(profile, children, numbers.random.getrandbits(248))
