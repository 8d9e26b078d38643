"""An audit by someone who may see the book: every leaf, margin and sum of an epoch made again from book and store.

What is shown to the world is counts and sums; ids of accounts are kept apart, for a reader who may see them. Nothing is
taken from the epoch's run but salts, blindings, and which rows it refused: all else is computed again here, and
compared.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from prover.differential import AccountDifferential, RowDifferential, compare_rows
from prover.epoch_jobs import BatchPayload, OpenTotals
from prover.epoch_load import batch_levels, id_digest
from prover.poseidon import hash_many, subtree_levels
from prover.store_reader import StoreReader
from prover.store_types import DuplicateAccount
from rtnet_core.account import Account
from rtnet_core.book_source import BookRow, BookSource
from rtnet_core.commitments import EMPTY_LEAF, leaf_elements, user_id_field
from rtnet_core.epoch import UpperTree, batch_sizes, level_sizes
from rtnet_core.errors import InputError, ToolError
from rtnet_core.hashing import Tag
from rtnet_core.margin_exact import AccountMargin, AccountVector, account_margin, account_vector
from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash_hex
from rtnet_core.totals import Totals, account_totals, no_totals, sum_totals

#: Told (accounts done, accounts).
AuditProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PublishedProof:
    """What a line of ``proofs.jsonl`` claims beside its proof; `batch_root` of a batch only."""

    batch_root: int | None
    totals: int


@dataclass(slots=True)
class Difference:
    """Something that is not as it was published; `ids` are secret.

    Attributes
    ----------
    subject, text
        For any reader of the report.
    ids
        Of the accounts that it is about, where there are such.
    """

    subject: str
    text: str
    ids: tuple[str, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class BookAudit:
    """What an audit found.

    Attributes
    ----------
    account_differential, row_differential
        The fast engine against the exact one.
    rows
        Rows of the book.
    accounts
        Of the epoch, all leaves and margins of which were made again.
    refused
        Number of each row of the book that breaks a rule, and that rule.
    totals
        Of the whole book, added up again.
    below_ids, deficit_ids
        Secret.
    differences
        Empty where all is as published.
    """

    account_differential: AccountDifferential
    row_differential: tuple[RowDifferential, ...]
    rows: int = 0
    accounts: int = 0
    batches: int = 0
    merges: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    totals: Totals | None = field(default=None, repr=False)
    below_ids: list[str] = field(default_factory=list, repr=False)
    deficit_ids: list[str] = field(default_factory=list, repr=False)
    differences: list[Difference] = field(default_factory=list)


def audit_book(
    source: BookSource,
    store: StoreReader,
    record: Record,
    snapshot: Snapshot,
    params: Params,
    published: Sequence[Sequence[PublishedProof]] | None,
    progress: AuditProgress,
) -> BookAudit:
    """Return what the book and the store come to, compared with what the epoch published.

    Parameters
    ----------
    source
        The book, as the venue shows it to the auditor.
    store
        The venue's.
    record, snapshot, params
        Of the epoch's folder.
    published
        The claims of ``proofs.jsonl``, level by level; None where they could not be read.
    progress
        Told (accounts done, accounts).

    Raises
    ------
    InputError
        The book cannot be read, the store does not hold the epoch or not as many accounts, or the record is not of a
        proven epoch.
    ToolError
        The store fails.

    Notes
    -----
    Of every row of the book a digest is held in memory, some 300 bytes an account.
    """
    return _Audit(source, store, record, snapshot, params, published).run(progress)


class _Audit:
    def __init__(
        self,
        source: BookSource,
        store: StoreReader,
        record: Record,
        snapshot: Snapshot,
        params: Params,
        published: Sequence[Sequence[PublishedProof]] | None,
    ) -> None:
        self._source, self._store, self._record, self._snapshot = source, store, record, snapshot
        self._published = published
        if record.proven is None:
            raise InputError("record", "must be of a proven epoch")
        self._proven = record.proven
        self._risk = build_risk_array(snapshot, params)
        self._rules = margin_params(params, snapshot)
        self._found = BookAudit(
            AccountDifferential(self._risk, snapshot, params, record.proven.threshold_bps),
            compare_rows(self._risk, snapshot, params),
        )
        #: Accounts of the book by the digests of their ids: those not yet found in the epoch.
        self._unmatched: dict[bytes, bytes] = {}
        self._matched: set[bytes] = set()
        self._mismatched: dict[str, list[str]] = {}

    def run(self, progress: AuditProgress) -> BookAudit:
        """Return what was found."""
        found = self._found
        self._require_store()
        self._read_book()
        if any(column.beyond for column in found.row_differential):
            self._differs("risk array", "the fast engine prices it otherwise, beyond the bound")
        totals = self._batches(progress)
        found.totals = sum_totals(totals, self._snapshot.sizes)
        if self._unmatched:
            count = len(self._unmatched)
            self._differs("book", f"accounts of the book that break no rule and are in no proof: {count:,}")
        if self._published is not None:
            self._merges(totals)
        if found.totals != self._proven.totals.totals(self._snapshot):
            self._differs("totals", "the sums over all accounts are not the published totals")
        if found.account_differential.beyond:
            count = found.account_differential.beyond
            self._differs(
                "margins", f"accounts in which the fast engine differs from the exact one beyond its bound: {count:,}"
            )
        return found

    def _require_store(self) -> None:
        number = self._record.number
        signed = self._store.record(number)
        if signed is None:
            raise InputError("store", f"must hold epoch {number} as it was published")
        if signed[0] != self._record.digest():
            self._differs("store", f"it holds another record of epoch {number} than the one published here")

    # --- the book

    def _read_book(self) -> None:
        """Read every row: accounts are kept by their digests, the others with the rule that they break."""
        if self._source.market not in (None, snapshot_hash_hex(self._snapshot)):
            self._differs("book", "its header names another market than the epoch's")
        for row in self._source.rows():
            self._found.rows = row.number
            reason = self._reason(row)
            if reason is not None:
                self._found.refused.append((row.number, rule_of(row.number, reason)))
        theirs = self._store.refusals(self._record.number)
        self._compare_refused({row: rule_of(row, reason) for row, reason in theirs})

    def _compare_refused(self, theirs: dict[int, str]) -> None:
        """Compare the rows that break a rule here with those that the venue left out."""
        ours = dict(self._found.refused)
        for rows, text in (
            (theirs.keys() - ours.keys(), "refused by the venue, that break no rule"),
            (ours.keys() - theirs.keys(), "not refused by the venue, that break a rule"),
            (
                {row for row in ours.keys() & theirs.keys() if ours[row] != theirs[row]},
                "that break another rule than the venue noted",
            ),
        ):
            if rows:
                self._differs("rows refused", f"rows {text}: {len(rows):,}, the first is row {min(rows)}")
        if len(theirs) != self._proven.refused_rows:
            text = f"the record states {self._proven.refused_rows:,}, the store lists {len(theirs):,}"
            self._differs("rows refused", text)

    def _reason(self, row: BookRow) -> str | None:
        """Return the rule that a row breaks, None for an account, which is then expected in the epoch."""
        if row.account is None:
            return row.reason or "is no account"
        try:
            account_vector(row.account, self._snapshot)
        except InputError as error:  # names field and rule, no value
            return str(error)
        digest = id_digest(row.account.id)
        if digest in self._unmatched:
            return str(DuplicateAccount(0))
        self._unmatched[digest] = _content_digest(row.account)
        return None

    # --- the epoch

    def _batches(self, progress: AuditProgress) -> list[Totals]:
        """Return the totals of every batch, all made again."""
        number, sizes = self._record.number, self._snapshot.sizes
        totals: list[Totals] = []
        roots: list[int] = []
        for batch, expected in enumerate(batch_sizes(self._record.account_count, sizes)):
            payload = BatchPayload.from_bytes(self._store.payload(number, batch))
            if len(payload.accounts) != expected:
                raise InputError("store", f"must hold {expected} accounts in batch {batch} of epoch {number}")
            for account in payload.accounts:
                self._match(account)
            vectors = [account_vector(account, self._snapshot) for account in payload.accounts]
            roots.append(self._tree(batch, payload, vectors))
            totals.append(self._margins(batch, payload, vectors))
            self._found.accounts += len(vectors)
            progress(self._found.accounts, self._record.account_count)
        self._found.batches = len(roots)
        if str(UpperTree(roots, self._record.account_count, sizes).book_root) != self._record.book_root:
            self._differs("book root", "the leaves made again do not lead to the published book root")
        for text, ids in self._mismatched.items():
            self._differs("book", f"{text}: {len(ids):,}", ids)
        return totals

    def _match(self, account: Account) -> None:
        """Look an account of the epoch up in the book."""
        digest = id_digest(account.id)
        shown = self._unmatched.pop(digest, None)
        if digest in self._matched:
            text = "accounts that stand in the epoch more than once"
        elif shown is None:
            text = "accounts of the epoch that are not in the book"
        elif shown != _content_digest(account):
            text = "accounts with other numbers in the book than in the epoch"
        else:
            text = ""
        self._matched.add(digest)
        if text:
            self._mismatched.setdefault(text, []).append(account.id)

    def _tree(self, batch: int, payload: BatchPayload, vectors: Sequence[AccountVector]) -> int:
        """Return the root of a batch, from leaves made again under the store's salts."""
        sizes = self._snapshot.sizes
        lists = [
            leaf_elements(user_id_field(account.id), salt, vector)
            for account, salt, vector in zip(payload.accounts, payload.salts, vectors, strict=True)
        ]
        leaves = hash_many(Tag.LEAF, lists) + [EMPTY_LEAF] * (sizes.batch - len(vectors))
        levels = [leaves, *subtree_levels(leaves, sizes.batch_depth)]
        root = levels[-1][0]
        if batch_levels(self._store.nodes(self._record.number, batch)) != levels:
            self._differs("store", f"the nodes of batch {batch} are not those of its accounts")
        claim = self._claim(0, batch)
        if claim is not None and claim.batch_root != root:
            self._differs("batch roots", f"batch {batch}: the leaves made again do not make the published root")
        return root

    def _margins(self, batch: int, payload: BatchPayload, vectors: Sequence[AccountVector]) -> Totals:
        """Return the totals of a batch, from margins by the exact engine."""
        threshold_bps = self._proven.threshold_bps
        margins: list[AccountMargin] = [account_margin(vector, self._risk, self._rules) for vector in vectors]
        self._found.account_differential.add(payload.accounts, vectors, margins)
        total = no_totals(self._snapshot.sizes)
        for account, vector in zip(payload.accounts, vectors, strict=True):
            part = account_totals(vector, self._risk, self._rules, threshold_bps)
            if part.below_threshold:
                self._found.below_ids.append(account.id)
            if part.deficit_accounts:
                self._found.deficit_ids.append(account.id)
            total += part
        claim = self._claim(0, batch)
        if claim is not None and total.commitment(payload.blinding) != claim.totals:
            self._differs("batch totals", f"batch {batch}: the sums made again do not open the published commitment")
        return total

    def _merges(self, below: list[Totals]) -> None:
        """Check that every merge commits to the sum of its children, up to the published totals."""
        number, sizes = self._record.number, self._snapshot.sizes
        for level, count in enumerate(level_sizes(len(below), sizes)[1:], start=1):
            here = [sum_totals(below[sizes.merge * i : sizes.merge * (i + 1)], sizes) for i in range(count)]
            for index, total in enumerate(here):
                name = f"merge {index} of level {level}"
                try:
                    opening = OpenTotals.from_bytes(self._store.proof(number, level, index).secret)
                except ToolError:
                    self._differs("store", f"{name} is not recorded")
                    continue
                claim = self._claim(level, index)
                if claim is None or total.commitment(opening.blinding) != claim.totals:
                    self._differs("merges", f"{name}: the sums made again do not open the published commitment")
                self._found.merges += 1
            below = here

    def _claim(self, level: int, index: int) -> PublishedProof | None:
        return None if self._published is None else self._published[level][index]

    def _differs(self, subject: str, text: str, ids: Sequence[str] = ()) -> None:
        self._found.differences.append(Difference(subject, text, tuple(ids)))


def rule_of(row: int, reason: str) -> str:
    """Return the rule in a reason, without the name of the file and the row, which a copy of the book need not share.

    Examples
    --------
    >>> rule_of(9, "book.jsonl line 9: cash_ticks: is missing")
    'cash_ticks: is missing'
    """
    return re.sub(f"^.*? (?:line|row) {row}: ", "", reason, count=1)


def row_ranges(rows: Sequence[int]) -> str:
    """Return ascending row numbers as a person writes them.

    Examples
    --------
    >>> row_ranges([1, 2, 3, 7, 9, 10])
    '1-3, 7, 9-10'
    """
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in _runs(rows))


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for row in rows:
        if last is not None and row == last + 1:
            last = row
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = row
    if first is not None and last is not None:
        yield first, last


def _content_digest(account: Account) -> bytes:
    return hashlib.sha256(account.to_line()).digest()
