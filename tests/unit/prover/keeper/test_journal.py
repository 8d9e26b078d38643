"""The journal: what is written is there, in one step, for one contract and one keeper."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from prover.keeper.journal import Binding, Journal, sole_keeper
from prover.keeper.types import Breach, Evidence, Fees, State, Transaction
from rtnet_core.errors import InputError, ToolError

BINDING = Binding(1, f"0x{'ab' * 20}", "07" * 32, f"0x{'cd' * 20}")
EVIDENCE = Evidence(3, 1, (0, 2**253, 3, 4, 10_000, 6), tuple(range(2**254, 2**254 + 8)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path, BINDING) as opened:
        yield opened


def noted(journal: Journal, account: str = "ada") -> Breach:
    return journal.note(account, bytes(32), 10_000, 5)


def signed(breach: Breach, nonce: int, name: str) -> Transaction:
    return Transaction(name, breach.id, nonce, Fees(2**70, 1), 9, b"raw")


def test_a_breach_and_its_proof_are_read_as_they_were_written(journal: Journal, path: Path) -> None:
    breach = noted(journal)
    assert (breach.state, breach.reason, breach.evidence, breach.epoch) == (State.BREACH, "", None, 0)
    assert journal.move(breach, State.PROVED, "in epoch 3", epoch=3, evidence=EVIDENCE)
    with Journal.open(path) as other:
        (found,) = other.in_state(State.PROVED)
    assert found == replace(breach, state=State.PROVED, reason="in epoch 3", epoch=3, evidence=EVIDENCE)
    assert journal.last_of("ada") == found
    assert journal.last_of("bob") is None


def test_history_has_what_is_new_alone(journal: Journal) -> None:
    breach = noted(journal)
    journal.move(breach, State.BREACH, "waiting")
    (waiting,) = journal.breaches()
    assert not journal.move(waiting, State.BREACH, "waiting", epoch=7)
    assert journal.breaches()[0].epoch == 7
    journal.move(waiting, State.CURED, "clears")
    steps = journal.history(breach.id)
    assert [(step.state, step.reason) for step in steps] == [
        (State.BREACH, ""),
        (State.BREACH, "waiting"),
        (State.CURED, "clears"),
    ]


def test_transactions_come_by_nonce_then_in_the_order_of_signing(journal: Journal) -> None:
    ada, bob = noted(journal), noted(journal, "bob")
    for breach, nonce, name in ((ada, 4, "0x1"), (bob, 2, "0x2"), (ada, 4, "0x0")):
        journal.add_transaction(breach, signed(breach, nonce, name), name)
    assert [sent.hash for sent in journal.transactions()] == ["0x2", "0x1", "0x0"]
    assert [sent.hash for sent in journal.transactions(from_nonce=3)] == ["0x1", "0x0"]
    (found, _) = journal.transactions(breach=ada.id)
    assert found == signed(ada, 4, "0x1")
    assert {breach.state for breach in journal.breaches()} == {State.SUBMITTED}


def test_a_transaction_twice_leaves_nothing_behind(journal: Journal) -> None:
    breach = noted(journal)
    journal.add_transaction(breach, signed(breach, 4, "0x1"), "first")
    with pytest.raises(ToolError):
        journal.add_transaction(breach, signed(breach, 5, "0x1"), "second")
    assert (len(journal.transactions()), journal.breaches()[0].reason) == (1, "first")


def test_an_account_has_one_open_breach(journal: Journal) -> None:
    breach = noted(journal)
    with pytest.raises(ToolError, match="open breach already"):
        noted(journal)
    journal.move(breach, State.CURED, "clears")
    assert noted(journal).id != breach.id


@pytest.mark.parametrize("field", ["chain_id", "contract", "venue", "sender"])
def test_a_journal_is_about_one_thing(journal: Journal, path: Path, field: str) -> None:
    other = 2 if field == "chain_id" else "0x00"
    with pytest.raises(InputError, match=f"must be of {field}"):
        Journal.open(path, replace(BINDING, **{field: other}))
    assert journal.binding() == BINDING


def test_the_file_is_its_owners_and_must_be_a_journal_to_be_looked_at(journal: Journal, path: Path) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600  # noqa: PTH116 - the file's own mode, not through a link
    with pytest.raises(InputError, match="is missing"):
        Journal.open(path.with_name("none"))
    (path.with_name("empty")).touch()
    with pytest.raises(InputError, match="is no journal"):
        Journal.open(path.with_name("empty"))


def test_one_keeper_at_a_time(path: Path) -> None:
    with sole_keeper(path), pytest.raises(InputError, match="in use by another keeper"), sole_keeper(path):
        pass
    with sole_keeper(path):
        pass
