"""An audit with the book at hand: an honest epoch, and every way in which book, store and epoch can fall apart."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.audit import audit
from cli.errors import ReportingGroup
from prover.audit import BookAudit, PublishedProof, audit_book
from prover.epoch_jobs import BatchPayload
from prover.store import Store
from rtnet_core.account import Account
from rtnet_core.book_sample import sample_book
from rtnet_core.book_source import open_book_source
from rtnet_core.errors import InputError
from rtnet_core.margin_exact import account_vector
from rtnet_core.params import default_params
from rtnet_core.record import RecordBody, sign_record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.totals import unhaircut_nlv
from tests.support.epochs import House, house, record_of
from verifier.epoch_files import EpochFolder

app = typer.Typer(cls=ReportingGroup)
app.command("audit")(audit)
app.callback()(lambda: None)


@dataclass(frozen=True)
class Proven:
    """A proven epoch of six accounts, from a book of nine rows."""

    venue: House
    book: Path
    accounts: list[Account]

    @property
    def epoch(self) -> Path:
        """Its public folder."""
        return self.venue.epochs / "1"

    def copy(self, folder: Path) -> Path:
        """Return another folder with a copy of epochs and store, to be tampered with."""
        shutil.copytree(self.venue.folder, folder, dirs_exist_ok=True)
        return folder


def rows_of(accounts: list[Account], folder: Path, *others: bytes) -> Path:
    """Write a book of lines: the accounts, and then what is none."""
    path = folder / "book.jsonl"
    path.write_bytes(b"".join(account.to_line() for account in accounts) + b"".join(others))
    return path


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    venue = house(tmp_path_factory.mktemp("venue"))
    accounts = list(sample_book(venue.snapshot, default_params(venue.snapshot), 6, 5))
    risk = build_risk_array(venue.snapshot, default_params(venue.snapshot))
    worth = unhaircut_nlv(account_vector(accounts[2], venue.snapshot), risk)
    accounts[2] = accounts[2].model_copy(update={"cash_ticks": accounts[2].cash_ticks - worth - 10**6})
    unlisted = Account.from_json({"id": "unlisted", "cash_ticks": 0, "positions": {"DOGE-PERPETUAL": 1}})
    book = rows_of(accounts, venue.folder, unlisted.to_line(), accounts[1].to_line(), b'{"id":"half"}\n')
    venue.prove(book, source=open_book_source(str(book)), count_refused=True)
    return Proven(venue, book, accounts)


def audited(folder: Path, book: Path, **changes: Any) -> BookAudit:
    """Return what an audit of the epoch in `folder` finds."""
    opened = EpochFolder(folder / "epochs" / "1")
    levels: list[list[PublishedProof]] = []
    for line in opened.proofs():
        if line.number == 0:
            levels.append([])
        levels[-1].append(PublishedProof(line.batch_root, line.totals))
    given = {"record": opened.record, "published": levels} | changes
    with Store.open(f"sqlite:///{folder / 'epochs.private' / 'store.sqlite'}") as store:
        return audit_book(
            open_book_source(str(book)),
            store,
            given["record"],
            opened.snapshot,
            opened.params,
            given["published"],
            lambda _done, _of: None,
        )


def subjects(found: BookAudit) -> set[str]:
    """Return what differs."""
    return {difference.subject for difference in found.differences}


def run(proven: Proven, *words: object) -> Result:
    """Return what the command does."""
    given = ["audit", proven.epoch, "--book", proven.book, *words]
    return CliRunner().invoke(app, [str(word) for word in given])


def test_an_honest_epoch_is_found_as_published(proven: Proven) -> None:
    found = audited(proven.venue.folder, proven.book)
    assert found.differences == []
    assert (found.rows, found.accounts, found.batches, found.merges) == (9, 6, 2, 1)
    assert [row for row, _ in found.refused] == [7, 8, 9]
    published = record_of(proven.epoch).require_proven().totals.totals(proven.venue.snapshot)
    assert found.totals == published
    assert found.below_ids == found.deficit_ids == ["acct-000002"]
    assert (published.below_threshold, published.deficit_accounts) == (1, 1)
    differential = found.account_differential
    assert (differential.accounts, differential.beyond, differential.other_verdicts) == (6, 0, 0)
    assert max(differential.nlv_share, differential.maintenance_share) < 1
    assert all(0 < column.share <= 1 for column in found.row_differential)


def _richer(accounts: list[Account]) -> list[Account]:
    return [accounts[0].model_copy(update={"cash_ticks": accounts[0].cash_ticks + 1}), *accounts[1:]]


@pytest.mark.parametrize(
    ("change", "text", "ids"),
    [
        (_richer, "with other numbers in the book than in the epoch: 1", ("acct-000000",)),
        (lambda accounts: accounts[:-1], "that are not in the book: 1", ("acct-000005",)),
        (
            lambda accounts: [*accounts, accounts[0].model_copy(update={"id": "left-out"})],
            "in no proof: 1",
            (),
        ),
    ],
    ids=["changed", "missing", "left out"],
)
def test_a_book_that_is_not_the_epochs_is_told_apart(
    proven: Proven,
    tmp_path: Path,
    change: Callable[[list[Account]], list[Account]],
    text: str,
    ids: tuple[str, ...],
) -> None:
    found = audited(proven.venue.folder, rows_of(change(proven.accounts), tmp_path))
    (difference,) = [entry for entry in found.differences if entry.subject == "book"]
    assert text in difference.text
    assert difference.ids == ids
    assert not subjects(found) & {"book root", "totals", "batch roots", "batch totals", "margins"}


def test_the_order_of_a_book_is_no_difference(proven: Proven, tmp_path: Path) -> None:
    found = audited(proven.venue.folder, rows_of(proven.accounts[::-1], tmp_path))
    assert subjects(found) == {"rows refused"}


def test_a_copy_of_the_book_under_another_name_is_the_same_book(proven: Proven, tmp_path: Path) -> None:
    copied = tmp_path / "handed-over.jsonl"
    copied.write_bytes(proven.book.read_bytes())
    assert audited(proven.venue.folder, copied).differences == []


def test_rows_refused_must_be_those_that_break_a_rule(proven: Proven, tmp_path: Path) -> None:
    folder = proven.copy(tmp_path)
    with sqlite3.connect(folder / "epochs.private" / "store.sqlite") as store:
        store.execute("UPDATE zkm2m_refusals SET reason = 'too rich' WHERE row = 7")
        store.execute("UPDATE zkm2m_refusals SET row = 1 WHERE row = 8")
        store.execute("DELETE FROM zkm2m_refusals WHERE row = 9")
    store.close()
    texts = {entry.text for entry in audited(folder, proven.book).differences if entry.subject == "rows refused"}
    assert texts == {
        "rows refused by the venue, that break no rule: 1, the first is row 1",
        "rows not refused by the venue, that break a rule: 2, the first is row 8",
        "rows that break another rule than the venue noted: 1, the first is row 7",
        "the record states 3, the store lists 2",
    }


def _payload_changed(payload: BatchPayload, what: str) -> BatchPayload:
    first = payload.accounts[0]
    if what == "cash":
        richer = first.model_copy(update={"cash_ticks": first.cash_ticks + 1})
        return BatchPayload((richer, *payload.accounts[1:]), payload.salts, payload.blinding)
    if what == "salt":
        return BatchPayload(payload.accounts, (payload.salts[0] ^ 1, *payload.salts[1:]), payload.blinding)
    if what == "twice":
        return BatchPayload((payload.accounts[1], *payload.accounts[1:]), payload.salts, payload.blinding)
    return BatchPayload(payload.accounts, payload.salts, payload.blinding ^ 1)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("cash", {"book", "book root", "batch roots", "batch totals", "merges", "store", "totals"}),
        ("salt", {"book root", "batch roots", "store"}),
        ("blinding", {"batch totals"}),
        ("twice", {"book", "book root", "batch roots", "batch totals", "merges", "store", "totals"}),
    ],
)
def test_a_store_that_is_not_the_epochs_is_told_apart(
    proven: Proven, tmp_path: Path, what: str, expected: set[str]
) -> None:
    folder = proven.copy(tmp_path)
    with sqlite3.connect(folder / "epochs.private" / "store.sqlite") as store:
        ((data,),) = store.execute("SELECT payload FROM zkm2m_batch_contents WHERE batch = 0").fetchall()
        changed = _payload_changed(BatchPayload.from_bytes(bytes(data)), what)
        store.execute("UPDATE zkm2m_batch_contents SET payload = ? WHERE batch = 0", (changed.to_bytes(),))
    store.close()
    assert subjects(audited(folder, proven.book)) == expected


def test_a_store_with_other_accounts_than_the_record_counts_is_bad_input(proven: Proven, tmp_path: Path) -> None:
    folder = proven.copy(tmp_path)
    with sqlite3.connect(folder / "epochs.private" / "store.sqlite") as store:
        store.execute(
            "UPDATE zkm2m_batch_contents SET payload = ? WHERE batch = 0", (BatchPayload((), (), 1).to_bytes(),)
        )
    store.close()
    with pytest.raises(InputError, match="must hold 4 accounts in batch 0"):
        audited(folder, proven.book)


def test_published_claims_and_totals_are_held_to_the_book(proven: Proven) -> None:
    record = record_of(proven.epoch)
    content = record.model_dump(exclude={"signature"})
    content["proven"]["totals"]["cash_ticks"] = "5"
    key = proven.venue.venue().key
    assert "totals" in subjects(
        audited(proven.venue.folder, proven.book, record=sign_record(RecordBody.model_validate(content), key))
    )
    wrong = [[PublishedProof(1, 1), PublishedProof(1, 1)], [PublishedProof(None, 1)]]
    found = audited(proven.venue.folder, proven.book, published=wrong)
    assert subjects(found) == {"batch roots", "batch totals", "merges"}
    assert audited(proven.venue.folder, proven.book, published=None).differences == []


def test_an_epoch_that_the_store_does_not_hold_is_bad_input(proven: Proven, tmp_path: Path) -> None:
    with (
        Store.open(f"sqlite:///{tmp_path / 'store.sqlite'}") as empty,
        pytest.raises(InputError, match="must hold epoch 1"),
    ):
        opened = EpochFolder(proven.epoch)
        source = open_book_source(str(proven.book))
        audit_book(source, empty, opened.record, opened.snapshot, opened.params, None, lambda _done, _of: None)


def test_the_command_writes_one_page_without_secrets(proven: Proven, tmp_path: Path) -> None:
    ids = [account.id for account in proven.accounts]
    for name in ("report.md", "report.html"):
        result = run(proven, "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
        text = (tmp_path / name).read_text()
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
        for words in ("Audit of Test Venue, epoch 1", "rests on", "recomputed", "proven", "stated", "Rows refused"):
            assert words in text, words
        for secret in [*ids, *(str(abs(account.cash_ticks)) for account in proven.accounts)]:
            assert secret not in text
            assert secret not in result.stdout


def test_ids_are_shown_where_they_are_asked_for(proven: Proven) -> None:
    shown = json.loads(run(proven, "--show-ids", "--json").stdout)
    (table,) = [entry for entry in shown["tables"] if entry["title"] == "Accounts (secret)"]
    assert table["rows"] == [["below the threshold", "acct-000002"], ["owes more than it has", "acct-000002"]]


def test_what_is_critical_ends_with_exit_code_1(proven: Proven, tmp_path: Path) -> None:
    book = rows_of(_richer(proven.accounts), tmp_path)
    result = CliRunner().invoke(app, ["audit", str(proven.epoch), "--book", str(book), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["summary"]["critical"] > 0
    assert "acct-000000" not in result.stdout


def test_an_epoch_that_is_refused_is_a_finding_and_the_book_is_audited_all_the_same(
    proven: Proven, tmp_path: Path
) -> None:
    folder = proven.copy(tmp_path)
    path = folder / "epochs" / "1" / "proofs.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    words = ["audit", str(folder / "epochs" / "1"), "--book", str(proven.book), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert [entry["text"].split(":")[0] for entry in shown["findings"] if entry["severity"] == "critical"] == [
        "refused, wrong_proofs"
    ]
    assert {"name": "leaves and margins made again", "value": "6", "assurance": "recomputed"} in shown["figures"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--out", "report.pdf"), "must end in .md or .html"),
        (("--store", "sqlite:///nowhere.sqlite"), "store: is missing"),
        (("--query", "SELECT 1"), "query"),
        (("--venue-key", "xy"), "64 lower-case"),
    ],
)
def test_bad_input_has_exit_code_2(proven: Proven, words: tuple[str, str], text: str) -> None:
    result = run(proven, *words)
    assert result.exit_code == 2
    assert text in result.stderr
