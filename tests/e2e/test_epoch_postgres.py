"""An epoch whose book and store are both on a real PostgreSQL server, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

from prover.keys import development_keys
from rtnet_core.book_sample import sample_book
from rtnet_core.params import default_params
from tests.support.command_line import zkm2m_process
from tests.support.epochs import house
from tests.support.postgres import postgres_database


def test_a52_an_epoch_from_a_database_into_a_database(tmp_path: Path) -> None:
    for circuit in ("batch-small", "merge-small"):
        development_keys(circuit)
    venue = house(tmp_path)
    (tmp_path / "market.json").write_bytes(venue.snapshot.to_json_bytes())
    books, store = postgres_database(), postgres_database()
    books.execute(
        "CREATE TABLE accounts (id text, cash_ticks bigint, collateral jsonb, positions jsonb)",
        *(
            (
                "INSERT INTO accounts VALUES (?, ?, ?, ?)",
                (account.id, account.cash_ticks, json.dumps(account.collateral), json.dumps(account.positions)),
            )
            for account in sample_book(venue.snapshot, default_params(venue.snapshot), 9, 5)
        ),
    )
    words = ("--market", "market.json", "--out", "epochs", "--store", store.url, "--json")
    proven = zkm2m_process("prove", "epoch", "--book", books.url, *words, folder=tmp_path)
    assert proven.returncode == 0, proven.stderr
    assert json.loads(proven.stdout.splitlines()[-1])["account_count"] == 9
    assert json.loads(proven.stdout.splitlines()[0])["event"] == "warning"  # no --venue
    assert not (tmp_path / "epochs.private" / "store.sqlite").exists()

    def run(*more: object) -> dict[str, object]:
        ended = zkm2m_process(*more, "--json", folder=tmp_path)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)  # type: ignore[no-any-return]

    status = run("epoch", "status", "epochs/1", "--store", store.url)
    assert (status["state"], status["batches_done"], status["merges_done"]) == ("published", 3, 1)
    assert run("verify", "epoch", "epochs/1")["accepted"] is True
    exported = ("inclusion", "export", "--epoch", "epochs/1", "--account", "acct-000008", "--out", "mine.json")
    assert run(*exported, "--store", store.url)["files"] == 1
    assert (tmp_path / "mine.json").stat().st_mode & 0o077 == 0
    assert run("verify", "inclusion", "mine.json", "--epoch", "epochs/1")["accepted"] is True
